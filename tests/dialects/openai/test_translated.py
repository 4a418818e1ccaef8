"""What an OpenAI provider is asked for a client of another dialect, wish by wish, and what is heard of it."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import openai_frames as openai
from calls import Clock, ids
from realtime_switch.dialects.acts import (
    Act,
    AudioCleared,
    Configured,
    Garbled,
    Interrupted,
    ItemDeleted,
    ItemTaken,
    PastTold,
    Ready,
    Refused,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItemDone,
    ReplyMade,
    ReplyTruncated,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Trouble,
    UserText,
    UserTurn,
)
from realtime_switch.dialects.dialect import Manner
from realtime_switch.dialects.openai import provider_side
from realtime_switch.dialects.openai.config_out import NOT_SUPPORTED
from realtime_switch.dialects.sound import PCM_16K, PCM_24K, AudioFormat, decoded, encoded, silence
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.dialects.wishes import (
    AnswerTool,
    AskReply,
    AudioPauses,
    ClearAudio,
    CommitAudio,
    Config,
    Configure,
    Delete,
    Extra,
    Picture,
    Say,
    SayCall,
    SpeechBegins,
    SpeechEnds,
    StopReply,
    Truncate,
    Turns,
    UserAudio,
    UserImage,
)
from two_dialects import audio, called, created, done

TARGET = Target(provider="openai", model="gpt-realtime")


PLAIN = Config()


class Side:
    """One that has been opened and has heard that it is as it should be."""

    def __init__(self, config: Config = PLAIN, history: str = "", ready: bool = True, **terms):
        self.clock = Clock()
        self.side = provider_side(TARGET, Terms(**terms), ids(), self.clock)
        self.opening = [self._judged(frame) for frame in self.side.opening(config, history)]
        if ready:
            self.hear(openai.SESSION_UPDATED)

    def tell(self, *said):
        return [self._judged(one) for wish in said for one in self.side.tell(wish)]

    def hear(self, *payloads):
        return [self._judged(one) for payload in payloads for one in self.side.hear(payload)]

    def wake(self, after_s):
        self.clock.go_on(after_s)
        return [self._judged(one) for one in self.side.woke()]

    def _judged(self, said):
        """A request as an object without our name for it, an act as it is."""
        if isinstance(said, Act):
            return said
        assert openai.is_for_provider(said)
        request = msgspec.json.decode(said)
        self.named = request.pop("event_id", "")
        return request


MANUAL = Config(manual_turns=True)
CREATE = {"type": "response.create"}
COMMIT = {"type": "input_audio_buffer.commit"}
CLEAR = {"type": "input_audio_buffer.clear"}
STARTED = openai.frame("input_audio_buffer.speech_started", audio_start_ms=40, item_id="u")
STOPPED = openai.frame("input_audio_buffer.speech_stopped", audio_end_ms=90, item_id="u")


def append(base64):
    return {"type": "input_audio_buffer.append", "audio": base64}


def item(**members):
    return {"type": "conversation.item.create", "item": members}


def text(role, kind, words):
    return item(type="message", role=role, content=[{"type": kind, "text": words}])


def cancel(reply_id="resp_1"):
    return {"type": "response.cancel", "response_id": reply_id}


def cut(item_id, heard_ms):
    return {
        "type": "conversation.item.truncate",
        "item_id": item_id,
        "content_index": 0,
        "audio_end_ms": heard_ms,
    }


def error(code, event_id=None):
    return openai.frame(
        "error", error={"type": "invalid_request_error", "code": code, "message": "no", "event_id": event_id}
    )


PICTURE = {"type": "input_image", "image_url": "data:image/jpeg;base64,AAAA"}
SEEN = item(type="message", role="user", content=[PICTURE])


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (UserAudio("AAAA", PCM_24K), [append("AAAA")]),
        (UserAudio("", PCM_24K), []),
        (UserImage("AAAA", "image/jpeg"), []),
        (AudioPauses(), []),
        (CommitAudio(), [COMMIT]),
        (ClearAudio(), [CLEAR]),
        (Say(item_id="", role="user", text="hi"), [text("user", "input_text", "hi")]),
        (Say(item_id="", role="agent", text="hi"), [text("assistant", "output_text", "hi")]),
        (Say(item_id="", role="system", text="hi"), [text("system", "input_text", "hi")]),
        (
            Say(item_id="i1", role="user", text="see", pictures=(Picture("AAAA", "image/jpeg"),)),
            [
                item(
                    id="i1",
                    type="message",
                    role="user",
                    content=[{"type": "input_text", "text": "see"}, PICTURE],
                )
            ],
        ),
        (
            SayCall(item_id="", call_id="c", name="f", arguments="{}"),
            [item(type="function_call", call_id="c", name="f", arguments="{}")],
        ),
        (AskReply(), [CREATE]),
        (
            AskReply(instructions="Shout.", metadata={"a": "b"}),
            [{**CREATE, "response": {"instructions": "Shout.", "metadata": {"a": "b"}}}],
        ),
        (AskReply(extras=(Extra("x", ignorable=True),)), [CREATE]),
        (
            AskReply(extras=(Extra("x"),), request_id="q"),
            [Refused("x", "Not supported by the OpenAI backend.", "q")],
        ),
        (StopReply(), []),
        (StopReply(request_id="q"), [Refused("", "No reply is running.", "q", "response_cancel_not_active")]),
        (Truncate("i", 50), [ReplyTruncated("i", 50)]),
        (Delete("i"), [{"type": "conversation.item.delete", "item_id": "i"}]),
        (SpeechEnds(), []),
    ],
)
def test_a_wish_becomes_a_request(wish, expected):
    assert Side().tell(wish) == expected


def test_a_client_cuts_what_this_provider_said_and_was_not_cut_before():
    side = Side()
    side.side.hear(
        openai.frame("response.output_audio.delta", **{**openai.PLACE, "item_id": "i"}, delta="AAAA" * 1600)
    )
    assert side.tell(Truncate("i", 100)) == [ReplyTruncated("i", 100)], "it was heard to its end"
    assert side.tell(Truncate("i", 50)) == [cut("i", 50)]


# -- The connection ------------------------------------------------------------------------------------------


def test_before_it_is_opened_it_hears_as_in_a_relay():
    side = provider_side(TARGET, Terms(), ids(), Clock())
    assert side.hear(openai.SESSION_CREATED) == [Ready(openai.SESSION_CREATED, 48, 1_795_233_600_000_000)]
    assert side.hear(STARTED) == [SpeechStarted("u", 40)]  # who has the floor is asked in a relay too


def test_what_is_confirmed_is_told_without_the_message():
    side = Side(ready=False)
    assert side.hear(openai.SESSION_UPDATED) == [Configured(b"", 48)]


def test_what_openai_cannot_do_is_refused_when_the_opening_is_answered():
    asked = Config(extras=(Extra("setup.x", ignorable=True), Extra("setup.y"), Extra("setup.z")))
    side = Side(asked, ready=False)
    assert side.hear(openai.SESSION_UPDATED) == [
        Refused("setup.y", "setup.y is not supported by the OpenAI backend of this gateway.")
    ]
    strict = Side(asked, ready=False, strict=True)
    (refused,) = strict.hear(openai.SESSION_UPDATED)
    assert refused.field == "setup.x"


def test_a_refused_opening_is_waited_for_by_the_client():
    side = Side(ready=False)
    opening = side.named
    assert side.hear(error("invalid_value", "other")) == [Trouble("invalid_value", "no")]
    assert side.hear(error("invalid_value", opening)) == [Trouble("invalid_value", "no", opening)]
    assert Side(ready=False).hear(error("invalid_value"))[0].request_id  # the first answer of all


@pytest.mark.parametrize("code", ["session_expired", "server_error"])
def test_a_provider_that_hangs_up_has_not_refused_the_opening(code):
    assert Side(ready=False).hear(error(code)) == [Trouble(code, "no")]


def test_an_answer_to_a_call_of_before_that_is_awaited_is_to_be_spoken_of():
    side = Side()
    call = SayCall(item_id="i", call_id="c", name="seats", arguments="{}", awaited=True)
    side.tell(call)
    told = side.tell(AnswerTool(item_id="a", call_id="c", name="seats", output="4"))
    assert [one["type"] for one in told] == ["conversation.item.create", "response.create"]


def test_a_provider_that_confirms_nothing_is_taken_to_have_agreed():
    clock = Clock()
    quiet = Target(provider="alike", model="m", greets=False)
    side = provider_side(quiet, Terms(), ids(), clock)
    assert (side.manner, side.due_us) == (Manner.LISTENS, None)
    side.opening(Config(), "")
    assert (side.due_us, side.woke()) == (clock.us + 1_000_000, [])
    clock.go_on(1)
    assert side.woke() == [Configured(b"", 48)]
    assert (side.due_us, side.woke()) == (None, [])
    assert side.hear(openai.SESSION_UPDATED) == [Configured(b"", 48)]


def test_the_past_is_told_in_the_instructions_and_again_with_new_ones():
    side = Side(Config(instructions="Be kind."), "user: hi")
    told = side.opening[0]["session"]["instructions"]
    assert (told[:8], told[-8:], len(side.opening)) == ("Be kind.", "user: hi", 1)
    (update,) = side.tell(
        Configure(config=Config(instructions="Shout."), changed=frozenset({"instructions"}))
    )
    assert update["session"]["instructions"] == told.replace("Be kind.", "Shout.")


def test_the_past_is_told_as_items_that_are_not_heard_again():
    side = Side(history="user: hi\nagent: hello", resume_by="items")
    assert [one["type"] for one in side.opening] == ["session.update", *["conversation.item.create"] * 2]
    for told in side.opening[1:]:
        assert (
            side.hear(openai.frame("conversation.item.added", item={**told["item"], "status": "completed"}))
            == []
        )


def test_a_later_change_is_confirmed_or_refused_by_name():
    side = Side()
    louder = Configure(config=Config(voice="Puck"), changed=frozenset({"voice"}), request_id="q")
    assert side.tell(louder) == [
        {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"voice": "echo"}}}}
    ]
    assert side.hear(error("cannot_update_voice", side.named)) == [
        Refused("voice", "no", "q", "cannot_update_voice")
    ]
    side.tell(louder)
    assert side.hear(openai.SESSION_UPDATED) == [Configured(b"", 48)]
    asked = Configure(config=Config(extras=(Extra("x"),)), changed=frozenset({"extras"}), request_id="q")
    assert side.tell(asked) == [
        Refused("x", "x is not supported by the OpenAI backend of this gateway.", "q")
    ]


# -- Sound ---------------------------------------------------------------------------------------------------


def test_what_the_provider_says_has_the_format_that_it_said():
    side = Side(Config(output=AudioFormat("pcmu", 8000)), ready=False)
    ulaw = {"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcmu"}}}}
    assert side.hear(openai.frame("session.updated", session=ulaw)) == [Configured(b"", 8)]
    assert side.hear(audio("AAAA", "a")) == [ReplyAudio("a", "AAAA", AudioFormat("pcmu", 8000))]


@given(
    st.binary(min_size=2, max_size=4000),
    st.lists(st.integers(0, 4000), max_size=5),
    st.sampled_from([8000, 16_000, 24_000, 48_000]),
)
def test_however_sound_is_cut_up_the_provider_gets_the_same_samples(data, cuts, rate_hz):
    """The last frame is that of the pause, which brings what the filter still held."""

    def sent(pieces):
        side = Side()
        told = side.tell(
            *(UserAudio(encoded(piece), AudioFormat("pcm", rate_hz)) for piece in pieces), AudioPauses()
        )
        return b"".join(decoded(request["audio"]) for request in told)

    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert sent([data[start:end] for start, end in pairwise(edges)]) == sent([data])


def test_sound_of_a_new_format_begins_where_the_old_one_ended():
    side = Side()
    side.tell(UserAudio("AAAAAAAA", PCM_16K))
    rest, fresh = side.tell(UserAudio("AQID", PCM_24K))
    assert (rest["type"], fresh) == ("input_audio_buffer.append", append("AQID"))


def test_a_pause_is_silence_where_somebody_speaks():
    side = Side(Config(turns=Turns(silence_ms=700)))
    assert side.hear(STARTED) == [SpeechStarted("u", 40)]
    assert side.tell(AudioPauses()) == [append(silence(PCM_24K, 800))]
    assert side.hear(STOPPED) == [SpeechStopped("u", 90)]
    assert side.tell(AudioPauses()) == []
    endless = Side(Config(turns=Turns(silence_ms=10**9)))
    endless.hear(STARTED)
    assert endless.tell(AudioPauses()) == [append(silence(PCM_24K, 10_000))]


def test_a_turn_that_the_client_marks_is_committed_and_answered():
    side = Side(MANUAL)
    assert side.tell(UserAudio("AAAA", PCM_24K)) == []  # outside of the marks
    spoken = "AAAA" * 1600  # 100 ms
    assert side.tell(SpeechBegins(), UserAudio(spoken, PCM_24K), SpeechEnds()) == [
        CLEAR,
        append(spoken),
        COMMIT,
        CREATE,
    ]


def test_a_turn_that_is_too_short_is_padded():
    side = Side(MANUAL)
    clear, heard, padding, commit, create = side.tell(
        SpeechBegins(), UserAudio("AAAA" * 160, PCM_24K), SpeechEnds()
    )
    assert (clear, heard, commit, create) == (CLEAR, append("AAAA" * 160), COMMIT, CREATE)
    assert padding == append(silence(PCM_24K, 91))  # with the 10 ms over what a commit must have


def test_speech_that_the_client_marks_stops_a_reply():
    side = Side(MANUAL)
    side.hear(created(), audio())
    assert side.tell(SpeechBegins()) == [cancel(), cut("item_a", 0), Interrupted(), CLEAR]
    side.tell(UserAudio("AAAA" * 1600, PCM_24K))
    assert side.tell(SpeechEnds()) == [COMMIT]  # the reply is asked for when the old one is over
    assert side.hear(done(status="cancelled")) == [ReplyDone("resp_1", "cancelled"), CREATE]
    calm = Side(Config(manual_turns=True, turns=Turns(interrupts=False)))
    calm.hear(created(), audio())
    assert calm.tell(SpeechBegins()) == [CLEAR]


# -- Pictures ------------------------------------------------------------------------------------------------


def test_of_a_stream_of_pictures_the_newest_is_shown_once_something_is_said():
    side = Side()
    newest = UserImage("AAAA", "image/jpeg")
    assert side.tell(UserImage("BBBB", "image/jpeg"), newest) == []
    assert side.hear(STARTED) == [SpeechStarted("u", 40), SEEN]
    assert side.tell(newest) == []  # one a second is looked at
    side.clock.go_on(1)
    assert side.tell(newest) == [SEEN]
    side.hear(openai.COMMITTED)
    side.clock.go_on(1)
    assert side.tell(newest) == []
    assert side.tell(AskReply()) == [SEEN, CREATE]


# -- Replies -------------------------------------------------------------------------------------------------


def test_one_reply_runs_at_a_time():
    side = Side()
    side.hear(created())
    assert side.tell(AskReply(request_id="q")) == [
        Refused("", "A reply is running already.", "q", "conversation_already_has_active_response")
    ]
    assert side.tell(AskReply(interrupts=True)) == [cancel(), Interrupted()]
    assert side.tell(AskReply(interrupts=True, instructions="Shout.")) == []  # it is stopping already
    ended, create = side.hear(done(status="cancelled", status_details={"reason": "client_cancelled"}))
    assert ended == ReplyDone("resp_1", "cancelled", "client_cancelled")
    assert create == {**CREATE, "response": {"instructions": "Shout."}}
    assert side.tell(StopReply()) == [
        {"type": "response.cancel"},
        Interrupted(),
    ]  # not begun, so without a name


def test_a_reply_that_waits_is_not_asked_for_where_something_newer_is_said():
    for newer in (lambda side: side.tell(StopReply()), lambda side: side.hear(STARTED)):
        side = Side()
        side.hear(created())
        side.tell(AskReply(interrupts=True))
        newer(side)
        assert side.hear(done(status="cancelled")) == [ReplyDone("resp_1", "cancelled")]
    side = Side(MANUAL)
    side.hear(created())
    side.tell(AskReply(interrupts=True), SpeechBegins())
    assert side.hear(done(status="cancelled")) == [ReplyDone("resp_1", "cancelled")]


def test_a_reply_that_the_provider_began_itself_is_waited_for():
    side = Side()
    side.tell(AskReply())
    asked = side.named
    side.hear(created("resp_vad"))
    assert side.hear(error("conversation_already_has_active_response", asked)) == [
        Trouble("conversation_already_has_active_response", "no")
    ]
    assert side.hear(done("resp_vad")) == [ReplyDone("resp_vad"), CREATE]


def test_a_reply_that_is_refused_is_waited_for_by_the_client():
    side = Side()
    side.tell(AskReply())
    asked = side.named
    assert side.hear(error("rate_limit_exceeded", asked)) == [Trouble("rate_limit_exceeded", "no", asked)]
    assert side.tell(AskReply()) == [CREATE]


def test_an_error_that_names_nothing_leaves_nobody_waiting():
    side = Side()
    side.tell(AskReply())
    assert side.hear(error("odd")) == [Trouble("odd", "no")]
    assert side.tell(AskReply()) == [CREATE]


def test_what_was_not_heard_is_taken_back_when_the_user_speaks():
    side = Side()
    side.hear(created(), audio("AAAA" * 16_000))  # a second of it
    side.clock.go_on(0.4)
    assert side.hear(STARTED) == [SpeechStarted("u", 40), cut("item_a", 400), Interrupted()]
    side.hear(audio())  # still on its way
    assert side.hear(STARTED) == [SpeechStarted("u", 40), Interrupted()]


def test_a_reply_that_is_over_is_cut_while_it_is_played():
    side = Side()
    side.hear(created(), audio("AAAA" * 16_000), done())
    side.clock.go_on(0.25)
    assert side.hear(STARTED) == [SpeechStarted("u", 40), cut("item_a", 250), Interrupted()]
    played = Side()
    played.hear(created(), audio(), done())
    played.clock.go_on(1)
    assert played.hear(STARTED) == [SpeechStarted("u", 40)]
    assert played.tell(StopReply()) == []


# -- A reply that is over when it has been heard -------------------------------------------------------------

SECOND = audio("AAAA" * 16_000)  # of sound


def heard_out(*events):
    side = Side(reply_ends="heard")
    assert side.hear(created(), SECOND, done())[-1] == ReplyMade("resp_1")
    side.clock.go_on(0.25)
    return side, side.hear(*events)


def test_a_reply_may_be_over_only_when_it_must_have_been_heard():
    side, said = heard_out()
    assert said == []
    assert side.side.due_us == side.clock() + 750_000
    assert side.wake(0.7) == []
    assert side.wake(0.05) == [ReplyDone("resp_1")]
    assert side.side.due_us is None


def test_who_interrupts_it_ends_it():
    side, said = heard_out(STARTED)
    assert said == [SpeechStarted("u", 40), cut("item_a", 250), Interrupted(), ReplyDone("resp_1")]
    side, _ = heard_out()
    assert side.tell(StopReply()) == [cut("item_a", 250), Interrupted(), ReplyDone("resp_1")]
    assert side.wake(2) == []


def test_the_next_reply_ends_it():
    _, said = heard_out(created("resp_2"))
    assert [type(one) for one in said] == [ReplyDone, ReplyBegun]


def test_who_waits_for_a_tool_or_was_cut_short_or_says_nothing_is_not_kept_waiting():
    side = Side(reply_ends="heard")
    assert side.hear(created(), SECOND, called("a"), done())[-1] == ReplyDone("resp_1")
    side = Side(reply_ends="heard")
    assert side.hear(created(), SECOND, done(status="cancelled"))[-1] == ReplyDone("resp_1", "cancelled")
    side = Side(reply_ends="heard")
    assert side.hear(created(), done())[-1] == ReplyDone("resp_1")


def test_where_speech_does_not_stop_a_reply_nothing_is_taken_back():
    side = Side(Config(turns=Turns(interrupts=False)))
    side.hear(created(), audio())
    assert side.hear(STARTED) == [SpeechStarted("u", 40)]


# -- Tools ---------------------------------------------------------------------------------------------------


def answer(call_id, scheduling=""):
    return AnswerTool(item_id="", call_id=call_id, output="x", scheduling=scheduling)


def answered(call_id):
    return item(type="function_call_output", call_id=call_id, output="x")


@pytest.mark.parametrize(
    ("first", "second", "then"),
    [
        ("", "", [CREATE]),
        ("silent", "", [CREATE]),
        ("", "silent", [CREATE]),
        ("silent", "silent", []),
        ("interrupt", "when_idle", [CREATE]),
    ],
)
def test_a_reply_is_asked_for_once_all_calls_are_answered(first, second, then):
    side = Side()
    side.hear(created(), called("a"), called("b"), done())
    assert side.tell(answer("a", first)) == [answered("a")]
    assert side.tell(answer("b", second)) == [answered("b"), *then]
    assert side.tell(answer("b")) == [answered("b")]  # once


def test_a_piece_of_an_answer_is_nothing_yet_and_a_strict_route_takes_none():
    piece = AnswerTool(item_id="", call_id="a", output="x", more=True)
    for strict, said in [
        (False, []),
        (True, [Refused("toolResponse.functionResponses[].willContinue", NOT_SUPPORTED)]),
    ]:
        side = Side(strict=strict)
        side.hear(created(), called("a"), done())
        assert side.tell(piece) == said
        assert side.tell(answer("a")) == [answered("a"), CREATE]  # the call is still open


def test_an_answer_waits_for_the_reply_that_runs_or_stops_it():
    for scheduling, stopped in [("when_idle", []), ("interrupt", [cancel("r2"), Interrupted()])]:
        side = Side()
        side.hear(created(), called("a"), done(), created("r2"))
        assert side.tell(answer("a", scheduling)) == [answered("a"), *stopped]
        assert side.hear(done("r2")) == [ReplyDone("r2"), CREATE]


def test_answers_of_the_past_are_not_spoken_of():
    side = Side()
    call = SayCall(item_id="", call_id="a", name="f", arguments="{}")
    told = item(type="function_call", call_id="a", name="f", arguments="{}")
    assert side.tell(call, answer("a", "silent")) == [told, answered("a")]


def test_an_answer_to_a_call_of_an_earlier_connection_is_told_with_the_call():
    late = AnswerTool(item_id="", call_id="a", output="x", name="f")
    told = item(type="function_call", call_id="a", name="f", arguments="{}")
    assert Side().tell(late) == [told, answered("a"), CREATE]


def test_calls_of_a_reply_that_was_cut_short_are_not_waited_for():
    side = Side()
    side.hear(
        created(),
        called("a"),
        done(status="cancelled"),
        created("r2"),
        called("b", reply_id="r2"),
        done("r2"),
    )
    assert side.tell(answer("b")) == [answered("b"), CREATE]


# -- What is heard -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "heard"),
    [
        (STARTED, [SpeechStarted("u", 40)]),
        (STOPPED, [SpeechStopped("u", 90)]),
        (openai.COMMITTED, [UserTurn("item_u")]),
        (openai.frame("input_audio_buffer.cleared"), [AudioCleared()]),
        (openai.frame("conversation.item.deleted", item_id="i"), [ItemDeleted("i")]),
        (
            openai.frame(
                "conversation.item.added",
                item=openai.message("i", "user", {"type": "input_text", "text": "a"}),
            ),
            [UserText("i", "a"), ItemTaken("i")],
        ),
        (
            openai.frame(
                "conversation.item.added",
                item=openai.message("i", "assistant", {"type": "output_text", "text": "a"}),
            ),
            [PastTold("i"), ItemTaken("i")],
        ),
        (openai.ITEM_ADDED.replace(b"response.output_item.added", b"conversation.item.added"), []),
        (created(), [ReplyBegun("resp_1", "conv_1")]),
        (audio("AAAA", "a"), [ReplyAudio("a", "AAAA")]),
        (called("c"), [ToolCall("c", "find_tram", "{}", "item_c", "resp_1"), ReplyItemDone("item_c")]),
        (
            done(status="failed", status_details={"error": {"code": "internal"}}),
            [ReplyDone("resp_1", "failed", "internal")],
        ),
        (done(status="incomplete", status_details="why"), [ReplyDone("resp_1", "incomplete", "why")]),
        (error("odd"), [Trouble("odd", "no")]),
        (b"\xff", [Garbled()]),
    ],
)
def test_what_a_provider_says(payload, heard):
    assert Side().hear(payload) == heard


_SAID = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            STARTED,
            STOPPED,
            created(),
            created("r2"),
            audio(),
            called("a"),
            done(),
            done("r2", "cancelled"),
            error("x"),
            openai.SESSION_UPDATED,
            openai.COMMITTED,
            b'{"type":"session.updated","session":5}',
            b'{"type":"response.done"}',
        ]
    ),
)
_WISH = st.sampled_from(
    [
        UserAudio("AAAA", PCM_16K),
        UserAudio("?", PCM_16K),
        UserImage("?", "x"),
        SpeechBegins(),
        SpeechEnds(),
        AudioPauses(),
        Say(item_id="", role="user", text="a"),
        answer("a"),
        answer("a", "interrupt"),
        AskReply(),
        AskReply(interrupts=True),
        StopReply(),
        Configure(config=Config(), changed=frozenset({"tools", "turns", "nonsense"})),
        Truncate("i", -1),
    ]
)


@given(st.booleans(), st.lists(_SAID | _WISH, max_size=25))
def test_anything_is_answered_and_replies_are_asked_for_one_at_a_time(manual, events):
    clock = Clock()
    side = provider_side(TARGET, Terms(), ids(), clock)
    side.opening(MANUAL if manual else Config(), "")
    running = asked = False
    for event in events:
        clock.go_on(0.02)
        for said in side.hear(event) if isinstance(event, bytes) else side.tell(event):
            assert isinstance(said, bytes | Act)
            if isinstance(said, bytes) and b'"response.create"' in said:
                assert not running
                assert not asked
                asked = True
            elif isinstance(said, ReplyBegun):
                running, asked = True, False
            elif isinstance(said, ReplyDone):
                running = False
            elif isinstance(said, Trouble):
                asked = False
