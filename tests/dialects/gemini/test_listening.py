"""What a Gemini client says in mid-call, message by message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gemini_client_frames as gemini
from realtime_switch.dialects.acts import ReplyBegun, ReplyDone, ToolCall, ToolCallsCancelled
from realtime_switch.dialects.dialect import Hangup
from realtime_switch.dialects.gemini import ClientSide
from realtime_switch.dialects.sound import AudioFormat
from realtime_switch.dialects.wishes import (
    AnswerTool,
    AskReply,
    AudioPauses,
    Configure,
    Picture,
    Say,
    SayCall,
    SpeechBegins,
    SpeechEnds,
    StopReply,
    UserAudio,
    UserImage,
    Wish,
)

INVALID = Hangup(1007, "Request contains an invalid argument.")
ASK = AskReply(interrupts=True)
MANUAL = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
PCM_16K, PCM_24K = AudioFormat("pcm", 16_000), AudioFormat("pcm", 24_000)


def side(**setup) -> ClientSide:
    client_side = ClientSide(lambda kind: f"{kind}_1")
    client_side.first_word(gemini.setup(**setup))
    return client_side


def heard(client_side=None, **message):
    return (client_side or side()).hear(gemini.frame(**message))


def said(text, role="user", **members):
    return Say(item_id="", role=role, text=text, **members)


def audio(mime_type, data="AAAA"):
    return {"audio": {"mimeType": mime_type, "data": data}}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (audio("audio/pcm;rate=16000"), [UserAudio("AAAA", PCM_16K)]),
        (audio("audio/pcm;rate=24000"), [UserAudio("AAAA", PCM_24K)]),
        (audio("audio/pcm"), [UserAudio("AAAA", PCM_16K)]),
        (audio("Audio/PCM; channels=1; rate=8000"), [UserAudio("AAAA", AudioFormat("pcm", 8000))]),
        (audio("audio/pcm;rate=16000", "-_8"), [UserAudio("+/8=", PCM_16K)]),
        (
            {"audio": {"mime_type": "audio/pcm", "data": "AAAA", "displayName": "x"}},
            [UserAudio("AAAA", PCM_16K)],
        ),
        (audio("audio/pcm;rate=9999999"), [INVALID]),
        (audio("audio/pcm;rate=10"), [INVALID]),
        (audio("audio/opus"), [INVALID]),
        (audio(""), [INVALID]),
        (
            {"mediaChunks": [{"mimeType": "audio/pcm", "data": "AA=="}, {"data": "BB"}]},
            [UserAudio("AA==", PCM_16K)],
        ),
        ({"media_chunks": [{"mime_type": "image/jpeg", "data": "_w"}]}, [UserImage("/w==", "image/jpeg")]),
        ({"mediaChunks": []}, []),
        ({"video": {"mimeType": "image/jpeg", "data": "AAAA"}}, [UserImage("AAAA", "image/jpeg")]),
        ({"text": "hi"}, [StopReply(), said("hi"), ASK]),
        ({"text": " "}, [StopReply(), ASK]),
        ({"audioStreamEnd": True}, [AudioPauses()]),
        ({"audioStreamEnd": False}, []),
        ({"activityStart": {}}, [INVALID]),
        ({"activityEnd": {}}, [INVALID]),
        ({"text": None}, []),
        ({"text": 5}, [Hangup(1007, "Invalid value at 'realtime_input.text'.")]),
        ({"audio": {"data": 5}}, [Hangup(1007, "Invalid value at 'realtime_input.audio.data'.")]),
    ],
)
@pytest.mark.parametrize("name", ["realtimeInput", "realtime_input"])
def test_input_as_it_streams(name, message, expected):
    assert heard(**{name: message}) == expected


def test_a_client_marks_its_own_turns():
    client_side = side(**MANUAL)
    spoken = audio("audio/pcm")
    assert heard(client_side, realtimeInput=spoken) == []  # outside of an activity it is ignored
    assert heard(client_side, realtimeInput={"activityEnd": {}}) == []
    assert heard(client_side, realtimeInput={"activityStart": {}}) == [SpeechBegins()]
    assert heard(client_side, realtimeInput={"activityStart": {}}) == []
    assert heard(client_side, realtimeInput=spoken) == [UserAudio("AAAA", PCM_16K)]
    assert heard(client_side, realtimeInput={"audioStreamEnd": True}) == []
    assert heard(client_side, realtimeInput={"activityEnd": {}}) == [SpeechEnds()]
    heard(client_side, realtimeInput={"activityStart": {}})
    empty = heard(client_side, realtimeInput={"activityEnd": {}})
    assert empty == [Hangup(1007, "Precondition check failed.")]


def content(role, *parts):
    return {"role": role, "parts": list(parts)}


CALL = {"functionCall": {"id": "c", "name": "f", "args": {"my_key": 1}}}
ANSWER = {"functionResponse": {"id": "c", "name": "f", "response": {"output": "x"}}}
JPEG = {"inlineData": {"mimeType": "image/jpeg", "data": "AAAA"}}


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([], []),
        ([content("user", {"text": "a"}, {"text": "b"})], [said("a\nb")]),
        ([{"parts": [{"text": "a"}]}], [said("a")]),
        ([content("model", {"text": "a"})], [said("a", "agent")]),
        ([content("model", {"text": "hm", "thought": True}, {"text": ""})], []),
        ([content("user", {"text": "see"}, JPEG)], [said("see", pictures=(Picture("AAAA", "image/jpeg"),))]),
        (
            [content("model", {"text": "a"}, CALL), content("user", ANSWER)],
            [
                said("a", "agent"),
                SayCall(item_id="", call_id="c", name="f", arguments='{"my_key":1}'),
                AnswerTool(item_id="", call_id="c", output="x", name="f", scheduling="silent"),
            ],
        ),
        (
            [content("model", {"functionCall": {"name": "f"}})],
            [SayCall(item_id="", call_id="call_1", name="f", arguments="{}")],
        ),
    ],
)
def test_turns_are_put_in_one_by_one(turns, expected):
    assert heard(clientContent={"turns": turns}) == [StopReply(), *expected]
    assert heard(client_content={"turns": turns, "turn_complete": True}) == [StopReply(), *expected, ASK]


@pytest.mark.parametrize(
    ("turn", "reason"),
    [
        (
            content("user", {"fileData": {}}),
            "client_content.turns[0].parts[0].fileData is not supported by this backend.",
        ),
        (
            content("user", {"inlineData": {"mimeType": "audio/pcm", "data": ""}}),
            "client_content.turns[0].parts[0].inlineData is not supported by this backend.",
        ),
        (
            content("boss", {"text": "a"}),
            "client_content.turns[0].role: Please use a valid role: user, model.",
        ),
    ],
)
def test_what_cannot_be_put_in_is_named(turn, reason):
    assert heard(clientContent={"turns": [turn]}) == [Hangup(1007, reason)]


def test_what_the_system_says_replaces_the_instructions():
    client_side = side(systemInstruction={"parts": [{"text": "old"}]})
    stop, configure = heard(client_side, clientContent={"turns": [content("system", {"text": "new"})]})
    assert (stop, configure.changed) == (StopReply(), {"instructions"})
    assert client_side.config.instructions == "new"


def test_history_that_is_put_in_first_is_not_answered():
    client_side = side(historyConfig={"initialHistoryInClientContent": True})
    turns = {"turns": [content("user", {"text": "I am Mia."})]}
    assert heard(client_side, clientContent=turns) == [said("I am Mia.")]
    assert heard(client_side, clientContent={**turns, "turnComplete": True}) == [said("I am Mia.")]
    assert heard(client_side, realtimeInput={"text": " "}) == [StopReply(), ASK]
    assert heard(client_side, clientContent={"turnComplete": True}) == [StopReply(), ASK]


# -- Tools ---------------------------------------------------------------------------------------------------


def called(*call_ids) -> ClientSide:
    client_side = side()
    client_side.tell(ReplyBegun("r"))
    for call_id in call_ids:
        client_side.tell(ToolCall(call_id, f"f_{call_id}", "{}"))
    client_side.tell(ReplyDone("r"))
    return client_side


def answered(call_id, output, scheduling=""):
    return AnswerTool(item_id="", call_id=call_id, output=output, name=f"f_{call_id}", scheduling=scheduling)


@pytest.mark.parametrize(
    ("response", "output"),
    [
        ({"output": "sunny"}, "sunny"),
        ({"output": {"minutes": 4}}, '{"output":{"minutes":4}}'),
        ({"output": "a", "more": 1}, '{"output":"a","more":1}'),
        ({"error": "no"}, '{"error":"no"}'),
        ({"my_key": 1}, '{"my_key":1}'),
        ({}, "{}"),
        (None, "{}"),
        ("text", "{}"),
    ],
)
def test_an_answer_is_text_or_json(response, output):
    client_side = called("a")
    answers = {"functionResponses": [{"id": "a", "name": "x", "response": response}]}
    assert heard(client_side, toolResponse=answers) == [answered("a", output)]


def test_several_calls_are_answered_in_any_order_and_each_once():
    client_side = called("a", "b")
    responses = [
        {"id": "b", "response": {}, "scheduling": "INTERRUPT"},
        {"id": "zz"},
        {"id": "b"},
        {"name": "f_a"},
    ]
    assert heard(client_side, tool_response={"function_responses": responses}) == [
        answered("b", "{}", "interrupt"),
        answered("a", "{}"),
    ]


def piece(n, scheduling=None, more=True):
    response = {"id": "a", "response": {"n": n} if n else {}, "willContinue": more}
    return {"functionResponses": [{**response, **({"scheduling": scheduling} if scheduling else {})}]}


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ([piece(1), piece(2, more=False)], answered("a", '{"n":1}\n{"n":2}')),
        # Google's own way to say that there is no more.
        ([piece(1), piece(0, "SILENT", more=False)], answered("a", '{"n":1}')),
        ([piece(1, "SILENT"), piece(0, "SILENT", more=False)], answered("a", '{"n":1}', "silent")),
        (
            [piece(1, "INTERRUPT"), piece(2, "WHEN_IDLE"), piece(0, more=False)],
            answered("a", '{"n":1}\n{"n":2}', "interrupt"),
        ),
        ([piece(0), piece(0, more=False)], answered("a", "{}")),
    ],
)
def test_an_answer_in_pieces_is_told_whole_when_the_last_is_here(said, whole):
    client_side = called("a")
    for one in said[:-1]:
        (told,) = heard(client_side, toolResponse=one)
        assert isinstance(told, AnswerTool)
        assert told.more
    assert heard(client_side, toolResponse=said[-1])[0] == whole


def test_pieces_without_end_are_bounded():
    client_side = called("a")
    for n in range(1, 5):
        answer = {"id": "a", "response": {"output": str(n) * 400_000}, "willContinue": True}
        heard(client_side, toolResponse={"functionResponses": [answer]})
    (whole,) = heard(client_side, toolResponse=piece(0, more=False))
    assert whole == answered("a", "\n".join(str(n) * 400_000 for n in (3, 4)))


def test_pieces_of_a_call_that_was_taken_back_are_forgotten():
    client_side = called("a")
    heard(client_side, toolResponse=piece(1))
    client_side.tell(ToolCallsCancelled(("a",)))
    assert heard(client_side, toolResponse=piece(2)) == []
    client_side.hears_again([ToolCall("a", "f_a", "{}")])
    assert heard(client_side, toolResponse=piece(3, more=False)) == [answered("a", '{"n":3}')]


def test_a_turn_that_is_answered_silently_ends():
    client_side = called("a")
    response = {"id": "a", "response": {}, "scheduling": "SILENT"}
    assert heard(client_side, toolResponse={"functionResponses": [response]}) == [
        answered("a", "{}", "silent"),
        gemini.frame(serverContent={"generationComplete": True}),
        gemini.frame(serverContent={"turnComplete": True}),
    ]


def test_pictures_of_a_tool_are_refused_by_name():
    response = {"id": "a", "response": {}, "parts": [{"inlineData": {}}]}
    reason = "tool_response.function_responses[0].parts is not supported by this backend."
    assert heard(called("a"), toolResponse={"functionResponses": [response]}) == [Hangup(1007, reason)]


# -- In mid-call ---------------------------------------------------------------------------------------------


def test_a_context_update_changes_only_what_it_names():
    client_side = side(
        systemInstruction={"parts": [{"text": "old"}]}, tools=[{"functionDeclarations": [{"name": "f"}]}]
    )
    update = {"system_instruction": {"parts": [{"text": "new"}]}}
    (wish,) = heard(client_side, context_update=update)
    assert wish == Configure(config=client_side.config, changed=frozenset({"instructions"}))
    assert (wish.config.instructions, [tool.name for tool in wish.config.tools]) == ("new", ["f"])
    (wish,) = heard(client_side, contextUpdate={"tools": {"tools": []}})
    assert (wish.changed, wish.config.instructions, wish.config.tools) == ({"tools"}, "new", ())
    (wish,) = heard(client_side, contextUpdate={"tools": {"tools": [{"googleSearch": {}}]}})
    assert wish.changed == {"tools", "extras"}
    assert heard(client_side, contextUpdate={}) == []


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"setup": {"model": "x"}}, INVALID),
        ({"setup": {}, "clientContent": {}}, INVALID),
        ({}, INVALID),
        (
            {"bogus": 1},
            Hangup(1007, 'Invalid JSON payload received. Unknown name "bogus": Cannot find field.'),
        ),
        (
            {"clientContent": {"turns": [{"parts": [{"txt": 1}]}]}},
            Hangup(
                1007,
                'Invalid JSON payload received. Unknown name "txt" at '
                "'client_content.turns[0].parts[0]': Cannot find field.",
            ),
        ),
    ],
)
def test_what_no_message_may_be_ends_the_call(message, expected):
    assert heard(**message) == [expected]


_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "setup",
                    "clientContent",
                    "client_content",
                    "realtimeInput",
                    "toolResponse",
                    "contextUpdate",
                    "turns",
                    "role",
                    "parts",
                    "text",
                    "inlineData",
                    "mimeType",
                    "data",
                    "functionCall",
                    "functionResponse",
                    "functionResponses",
                    "id",
                    "name",
                    "args",
                    "response",
                    "audio",
                    "video",
                    "mediaChunks",
                    "activityStart",
                    "activityEnd",
                    "audioStreamEnd",
                    "turnComplete",
                    "systemInstruction",
                    "tools",
                    "functionDeclarations",
                    "parameters",
                    "generationConfig",
                    "responseModalities",
                    "speechConfig",
                    "sessionResumption",
                    "handle",
                    "contextWindowCompression",
                    "triggerTokens",
                    "slidingWindow",
                    "targetTokens",
                    "inputAudioTranscription",
                    "languageHints",
                    "scheduling",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_MESSAGE = st.one_of(
    st.binary(max_size=60),
    _ANY.map(lambda value: gemini.frame(**value) if isinstance(value, dict) else gemini.frame(x=value)),
    st.sampled_from(["setup", "clientContent", "realtimeInput", "toolResponse", "contextUpdate"]).flatmap(
        lambda name: _ANY.map(lambda value: gemini.frame(**{name: value}))
    ),
)


@given(st.booleans(), st.lists(_MESSAGE, max_size=4))
def test_anything_is_answered(manual, payloads):
    fresh = ClientSide(lambda kind: kind)
    client_side = side(**(MANUAL if manual else {}))
    for payload in payloads:
        fresh.first_word(payload)
        fresh.restore(payload.decode("utf-8", "replace"))
        for answer in client_side.hear(payload):
            assert isinstance(answer, bytes | Wish | Hangup)
            assert not isinstance(answer, Hangup) or (
                answer.code == 1007 and len(answer.reason.encode()) <= 123
            )
