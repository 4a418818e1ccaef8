"""What a Gemini client is told, act by act, and that its turns end."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gemini_client_frames as gemini
from realtime_switch.dialects import acts
from realtime_switch.dialects.acts import (
    Configured,
    GoingAway,
    Interrupted,
    Ready,
    Refused,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyText,
    ReplyTranscript,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    ToolCallsCancelled,
    Trouble,
    Usage,
    UserTranscript,
    UserTranscriptFailed,
    UserTurn,
)
from realtime_switch.dialects.dialect import Hangup
from realtime_switch.dialects.gemini import ClientSide
from realtime_switch.dialects.sound import AudioFormat, Converter

WORDS = {"inputAudioTranscription": {}, "outputAudioTranscription": {}}


def side(**setup) -> ClientSide:
    client_side = ClientSide(lambda kind: f"{kind}_1")
    client_side.first_word(gemini.setup(**setup))
    client_side.tell(Configured(b"", 48))
    return client_side


def told(client_side, *said):
    """Frames as messages, closes as they are."""
    answers = [answer for act in said for answer in client_side.tell(act)]
    for answer in answers:
        assert isinstance(answer, Hangup) or gemini.is_for_client(answer)
    return [a if isinstance(a, Hangup) else msgspec.json.decode(a) for a in answers]


def content(**members):
    return {"serverContent": members}


DONE = content(generationComplete=True)
COMPLETE = content(turnComplete=True)
CUT = content(interrupted=True)


def spoken(data):
    return content(
        modelTurn={
            "role": "model",
            "parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}],
        }
    )


# -- The beginning -------------------------------------------------------------------------------------------


def test_the_setup_is_confirmed_once_and_before_anything_else():
    client_side = ClientSide(lambda kind: kind)
    client_side.first_word(gemini.setup())
    assert told(client_side, Ready(b"", 48)) == []
    assert told(client_side, SpeechStarted("u", 20))[0] == {"setupComplete": {}}
    assert told(client_side, Configured(b"", 48), Ready(b"", 48), Configured(b"", 48)) == []


def test_a_client_that_asked_for_handles_gets_ours_at_the_start_and_after_each_turn():
    client_side = ClientSide(lambda kind: kind)
    client_side.session_id = "s-7"
    client_side.first_word(gemini.setup(sessionResumption={}))
    handle = {"sessionResumptionUpdate": {"newHandle": "rs.s-7", "resumable": True}}
    assert told(client_side, Configured(b"", 48)) == [{"setupComplete": {}}, handle]
    assert told(client_side, ReplyBegun("r"), ReplyDone("r")) == [DONE, COMPLETE, handle]
    fresh = ClientSide(lambda kind: kind).first_word(gemini.setup(sessionResumption={"handle": "rs.s-7"}))
    assert fresh.session_id == "s-7"


def test_a_handle_of_another_service_leads_nowhere_here():
    client_side = ClientSide(lambda kind: kind)
    client_side.first_word(gemini.setup(sessionResumption={"handle": "h-77"}))
    assert told(client_side, Configured(b"", 48)) == [Hangup(1008, "BidiGenerateContent session not found")]


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (
            Refused("setup.avatarConfig", "setup.avatarConfig is not supported."),
            "setup.avatarConfig is not supported.",
        ),
        (Refused("temperature", "No."), "setup.generationConfig.temperature: No."),
        (
            Refused("threshold", "No."),
            "setup.realtimeInputConfig.automaticActivityDetection.startOfSpeechSensitivity: No.",
        ),
        (Refused("", "No."), "No."),
        (Refused("x" * 200, "No."), "x" * 123),
    ],
)
def test_what_was_refused_is_named_in_the_close(act, reason):
    assert told(side(), act) == [Hangup(1007, reason)]


def test_a_providers_no_ends_the_call_only_where_the_client_waits_for_it():
    assert told(side(), Trouble("rate_limit", "Slow down.")) == []
    assert told(side(), Trouble("rate_limit", "Slow down.", "e1")) == [Hangup(1011, "rate_limit: Slow down.")]


def test_what_is_kept_is_the_setup_without_a_handle_and_with_what_changed():
    client_side = ClientSide(lambda kind: kind)
    assert client_side.config_to_save(Configured(b"", 48)) is None
    client_side.first_word(gemini.setup(sessionResumption={"handle": "h"}))
    kept = {"model": "models/gpt-realtime", "sessionResumption": {}}
    assert client_side.config_to_save(Ready(b"{}", 48)) == gemini.frame(setup=kept).decode()
    client_side.hear(gemini.frame(contextUpdate={"tools": {"tools": []}}))
    assert (
        client_side.config_to_save(Configured(b"", 48)) == gemini.frame(setup={**kept, "tools": []}).decode()
    )
    client_side.tell(Ready(b"", 48))
    assert client_side.config_to_save(Ready(b"", 48)) is None  # in a translation that is but the greeting


# -- A turn --------------------------------------------------------------------------------------------------

BILL = Usage(input=10, output=4, input_text=3, input_audio=7, cached_text=2, output_audio=4)
BILLED = {
    "promptTokenCount": 10,
    "cachedContentTokenCount": 2,
    "responseTokenCount": 4,
    "totalTokenCount": 14,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}, {"modality": "AUDIO", "tokenCount": 7}],
    "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 2}],
    "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 4}],
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([UserTurn("u")], []),
        ([SpeechStarted("u", 320)], [{"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.320s"}}]),
        ([SpeechStopped("u", 2000)], [{"voiceActivity": {"type": "ACTIVITY_END", "audioOffset": "2s"}}]),
        ([GoingAway(50_000)], [{"goAway": {"timeLeft": "50s"}}]),
        (
            [
                UserTranscript("u", "Line"),
                UserTranscript("u", " 4?"),
                UserTranscript("u", "Line 4?", final=True),
            ],
            [
                content(inputTranscription={"text": "Line"}),
                content(inputTranscription={"text": " 4?"}),
                content(inputTranscription={"finished": True}),
            ],
        ),
        (
            [UserTranscript("u", "Line 4?", final=True)],
            [content(inputTranscription={"text": "Line 4?", "finished": True})],
        ),
        ([UserTranscript("u", ""), UserTranscriptFailed("u")], []),
        (
            [ReplyTranscript("a", 0, "Four"), ReplyTranscript("a", 0, "Four", final=True)],
            [content(outputTranscription={"text": "Four"})],
        ),
        ([ReplyTranscript("a", 0, "Four", final=True)], [content(outputTranscription={"text": "Four"})]),
        ([ReplyText("a", 0, "Four")], [content(modelTurn={"role": "model", "parts": [{"text": "Four"}]})]),
        ([ReplyAudio("a", "AAAA")], [spoken("AAAA")]),
        ([ReplyBegun("r"), ReplyDone("r")], [DONE, COMPLETE]),
        ([ReplyBegun("r"), BILL, ReplyDone("r")], [DONE, {**COMPLETE, "usageMetadata": BILLED}]),
        ([ReplyBegun("r"), ReplyDone("r", "cancelled", "turn_detected")], [CUT, COMPLETE]),
        ([ReplyBegun("r"), Interrupted(), ReplyDone("r", "cancelled")], [CUT, COMPLETE]),
        ([ReplyBegun("r"), Interrupted(), ReplyDone("r")], [CUT, COMPLETE]),
        ([ReplyBegun("r"), Interrupted(), Interrupted(), ReplyAudio("a", "AAAA")], [CUT]),
        ([Interrupted()], [CUT]),  # what was made is still being played
        ([ReplyBegun("r"), ReplyDone("r", "incomplete", "max_output_tokens")], [DONE, COMPLETE]),
        (
            [ReplyBegun("r"), ReplyDone("r", "incomplete", "content_filter")],
            [content(turnComplete=True, turnCompleteReason="GENERATED_CONTENT_SAFETY")],
        ),
        (
            [ReplyBegun("r"), ReplyDone("r", "failed", "internal")],
            [content(turnComplete=True, turnCompleteReason="GENERATED_OTHER")],
        ),
        ([ReplyDone("r")], []),
        ([ReplyBegun("x", aside=True), ReplyDone("x")], []),
        ([ReplyBegun("r"), ReplyDone("x"), ReplyDone("r")], [DONE, COMPLETE]),
    ],
)
def test_what_happens_is_told(said, expected):
    assert told(side(**WORDS), *said) == expected


def test_words_are_told_to_who_asked_for_them():
    said = [UserTranscript("u", "a"), UserTranscript("u", "a", final=True), ReplyTranscript("r", 0, "b")]
    assert told(side(), *said) == []


def test_calls_are_told_together_and_the_turn_goes_on_with_what_comes_of_them():
    client_side = side()
    calls = [ToolCall("a", "f", '{"my_key":1}'), ToolCall("b", "g", ""), ToolCall("c", "h", "[1]")]
    functions = [
        {"id": "a", "name": "f", "args": {"my_key": 1}},
        {"id": "b", "name": "g", "args": {}},
        {"id": "c", "name": "h", "args": {"_raw": "[1]"}},
    ]
    assert told(client_side, ReplyBegun("r1"), *calls, BILL, ReplyDone("r1")) == [
        {"toolCall": {"functionCalls": functions}}
    ]
    assert not client_side.reply_open  # nobody speaks meanwhile
    (made, complete) = told(client_side, ReplyBegun("r2"), BILL, ReplyDone("r2"))
    assert (made, complete["usageMetadata"]["totalTokenCount"]) == (DONE, 28)
    assert not client_side.reply_open


def test_calls_of_a_reply_that_was_cut_short_are_not_told():
    assert told(side(), ReplyBegun("r"), ToolCall("a", "f", "{}"), ReplyDone("r", "cancelled")) == [
        CUT,
        COMPLETE,
    ]


def test_calls_that_are_called_off_are_told_so_if_they_were_told():
    client_side = side()
    told(client_side, ReplyBegun("r"), ToolCall("a", "f", "{}"), ReplyDone("r"))
    assert told(client_side, ToolCallsCancelled(("a", "b"))) == [{"toolCallCancellation": {"ids": ["a"]}}]


def test_a_turn_that_waits_for_tools_ends_where_the_user_cuts_in():
    client_side = side()
    told(client_side, ReplyBegun("r"), ReplyAudio("i", "AAAA"), ToolCall("a", "f", "{}"), ReplyDone("r"))
    assert told(client_side, Interrupted()) == [CUT, COMPLETE]
    assert told(client_side, ReplyBegun("r2"), ReplyAudio("i2", "AAAA")) == [spoken("AAAA")]


def test_what_a_turn_has_cost_that_waits_for_tools_is_told_when_its_provider_goes():
    client_side = side()
    told(client_side, ReplyBegun("r"), ToolCall("a", "f", "{}"), BILL, ReplyDone("r"))
    assert [msgspec.json.decode(frame) for frame in client_side.close_replies()] == [
        {"usageMetadata": BILLED}
    ]
    assert client_side.close_replies() == []
    assert told(client_side, ReplyBegun("r2"), BILL, ReplyDone("r2")) == [
        DONE,
        {**COMPLETE, "usageMetadata": BILLED},
    ]


def test_a_reply_that_breaks_off_is_closed_as_interrupted():
    client_side = side()
    assert client_side.close_replies() == []
    told(client_side, ReplyBegun("r"))
    assert client_side.close_replies() == []  # the client has seen nothing of it
    told(client_side, ReplyBegun("r"), ReplyAudio("i", "AAAA"))
    assert [msgspec.json.decode(frame) for frame in client_side.close_replies()] == [CUT, COMPLETE]
    assert told(client_side, ReplyDone("r")) == []
    assert told(client_side, ReplyBegun("r2"), ReplyDone("r2")) == [DONE, COMPLETE]


def test_what_comes_of_calls_is_told_though_the_reply_that_made_them_was_cut_short():
    client_side = side()
    told(client_side, ReplyBegun("r"), Interrupted(), ToolCall("a", "f", "{}"), ReplyDone("r"))
    assert told(client_side, ReplyBegun("r2"), ReplyAudio("i", "AAAA")) == [spoken("AAAA")]


def test_in_a_relay_the_turn_is_followed():
    client_side = ClientSide(lambda kind: kind)
    client_side.follow(ReplyBegun("r"))
    assert client_side.reply_open
    client_side.follow(ReplyDone("r"))
    assert not client_side.reply_open


def test_long_sound_and_long_words_are_cut_into_frames_that_fit():
    data, words = "AQID" * 400_000, "\x00é" * 300_000
    frames = told(side(**WORDS), ReplyAudio("a", data), ReplyTranscript("a", 0, words))
    said = [frame["serverContent"] for frame in frames]
    parts = [one["modelTurn"]["parts"][0]["inlineData"]["data"] for one in said if "modelTurn" in one]
    assert "".join(parts) == data
    assert all(len(part) % 8 == 0 for part in parts)  # no sample is cut in two
    assert (
        "".join(one["outputTranscription"]["text"] for one in said if "outputTranscription" in one) == words
    )


def test_sound_of_another_format_is_converted_and_its_end_is_told():
    source = AudioFormat("pcmu", 8000)
    data = "/38A" * 400
    frames = told(side(), ReplyBegun("r"), ReplyAudio("a", data, source), ReplyDone("r"))
    converter = Converter(source, AudioFormat("pcm", 24_000))
    assert frames == [spoken(converter.convert(data)), spoken(converter.flush()), DONE, COMPLETE]


# -- Turns end, whatever happens -----------------------------------------------------------------------------

_REPLY = st.sampled_from(["r1", "r2"])
_ACT = st.one_of(
    st.builds(ReplyBegun, _REPLY, aside=st.booleans()),
    st.builds(
        ReplyDone,
        _REPLY,
        st.sampled_from(["completed", "cancelled", "incomplete", "failed"]),
        st.sampled_from(["", "max_output_tokens", "content_filter"]),
    ),
    st.builds(ReplyAudio, st.just("a"), st.sampled_from(["", "AAAA"])),
    st.builds(ReplyTranscript, st.just("a"), st.just(0), st.text(max_size=3), st.booleans()),
    st.builds(ReplyText, st.just("a"), st.just(0), st.text(max_size=3), st.booleans()),
    st.builds(ToolCall, st.sampled_from(["c1", "c2"]), st.just("f"), st.text(max_size=3)),
    st.builds(ToolCallsCancelled, st.just(("c1",))),
    st.builds(UserTranscript, st.just("u"), st.text(max_size=3), st.booleans()),
    st.builds(Usage, st.integers(0, 9), st.integers(0, 9)),
    st.sampled_from([Interrupted(), SpeechStarted("u"), UserTurn("u"), acts.Garbled(), Trouble("x", "y")]),
)
_BEGINS = ("modelTurn", "outputTranscription", "generationComplete")


@given(st.lists(_ACT, max_size=30))
def test_each_turn_that_begins_ends_once_whatever_happens(said):
    client_side = side(**WORDS)
    shown, begun, ended = False, 0, 0  # a turn is open before the client's eyes
    for act in said:
        turn = client_side._teller
        was_open = turn.open
        frames = told(client_side, act)
        ends = sum("turnComplete" in frame.get("serverContent", {}) for frame in frames)
        assert ends == (was_open and not turn.open)
        begun += turn.open and not was_open
        ended += ends
        for frame in frames:
            server = frame.get("serverContent", {})
            shown |= "toolCall" in frame or any(name in server for name in _BEGINS)
            shown &= "turnComplete" not in server
        assert not shown or turn.open
    ended += sum(b"turnComplete" in frame for frame in client_side.close_replies())
    # One that waits for tools, or of which nothing was seen, goes on with whoever is next.
    assert ended + (client_side._teller.waits or not shown) >= begun


@pytest.mark.parametrize(
    "act", [a for a in vars(acts).values() if isinstance(a, type) and issubclass(a, acts.Act)]
)
def test_every_act_is_taken(act):
    required = [f for f in msgspec.structs.fields(act) if f.required]
    values = {
        f.name: b"" if f.name == "raw" else () if f.name == "call_ids" else 0 if f.type is int else ""
        for f in required
    }
    told(side(), act(**values))
