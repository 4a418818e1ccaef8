"""The examples of the translation reference (tests/translation_examples.json), seen from the OpenAI client's
half: which wishes its messages are, and which events it sees of the acts that the other half answers with.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from openai_client import OpenAIClient, agrees
from realtime_switch.dialects import acts as a
from realtime_switch.dialects import wishes as w
from realtime_switch.dialects.sound import PCM_24K, AudioFormat, silence

EXAMPLES = {
    example["id"]: example
    for example in msgspec.json.decode((Path(__file__).parents[2] / "translation_examples.json").read_bytes())
}

QUIET = "AAAAAAAAAAAAAAAA"  # 6 samples
READY, CONFIGURED = a.Ready(b"", 48), a.Configured(b"", 48)


class Case(Struct):
    """`before`: what was said and what happened until then (acts and messages). `says` answers each of the
    client's messages with wishes, `answers` each of the wishes with acts; `acts` happen at the end."""

    wishes: list[w.Wish] = []
    answers: dict[type[w.Wish], list[a.Act]] = {}
    acts: list[a.Act] = []
    before: list[Any] = []
    ids: dict[str, list[str]] = {}


def update(**session: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **session}}


MANUAL = update(audio={"input": {"turn_detection": None}})
TRANSCRIBED = update(audio={"input": {"transcription": {"model": "whisper-1"}}})
TOOL_PARAMETERS = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "stop": {"type": "string"},
        "line": {"type": ["integer", "null"]},
        "type": {"const": "night"},
    },
    "required": ["stop"],
}
FIND_TRAM = w.Tool(name="find_tram", description="Next tram from a stop.", parameters=TOOL_PARAMETERS)
ALLOY = w.Config(voice="alloy")
USER_1 = a.UserTurn("item_u1")
REPLY_1 = [a.ReplyBegun("resp_1"), a.ReplyItem("resp_1", "item_a1")]
CALLS = [
    a.ReplyItem("resp_1", "item_f1", 1, "function_call", "fc-1", "find_tram"),
    a.ToolCall("fc-1", "find_tram", '{"stop":"Zoo"}', "item_f1", "resp_1"),
    a.ReplyItemDone("item_f1"),
    a.ReplyItem("resp_1", "item_f2", 2, "function_call", "fc-2", "weather"),
    a.ToolCall("fc-2", "weather", "{}", "item_f2", "resp_1"),
    a.ReplyItemDone("item_f2"),
    a.ReplyDone("resp_1"),
]
ONE_CALL = [
    USER_1,
    a.ReplyBegun("resp_1"),
    a.ReplyItem("resp_1", "item_f1", 0, "function_call", "fc-1", "find_tram"),
    a.ToolCall("fc-1", "find_tram", "{}", "item_f1", "resp_1"),
    a.ReplyItemDone("item_f1"),
    a.ReplyDone("resp_1"),
]


def words(text: str) -> a.ReplyTranscript:
    return a.ReplyTranscript("item_a1", 0, text)


def refused(param: str, message: str, request_id: str) -> list[a.Act]:
    return [a.Refused(param, message, request_id)]


CASES: dict[str, Case] = {
    "A01": Case(),
    "A02": Case(
        wishes=[
            w.Configure(
                config=w.Config(
                    instructions="Answer briefly.",
                    voice="marin",
                    max_output_tokens=900,
                    tools=(FIND_TRAM,),
                    turns=w.Turns(threshold=0.5, padding_ms=300, silence_ms=600),
                    transcription=w.Transcription(model="gpt-4o-mini-transcribe", languages=("de",)),
                ),
                changed=frozenset(
                    {"instructions", "voice", "max_output_tokens", "tools", "turns", "transcription"}
                ),
                request_id="c1",
            )
        ],
        acts=[READY],
    ),
    "A03": Case(
        wishes=[
            w.Configure(
                config=w.Config(
                    instructions="Be kind.",
                    voice="alloy",
                    temperature=0.7,
                    turns=w.Turns(silence_ms=400, threshold=0.8),
                    output=AudioFormat("pcmu", 8_000),
                    transcription=w.Transcription(model="whisper-1"),
                ),
                changed=frozenset({"instructions", "temperature", "turns", "output", "transcription"}),
                request_id="unnamed_1",
            )
        ],
        acts=[READY],
    ),
    "A04": Case(
        wishes=[
            w.Configure(
                config=w.Config(voice="alloy", manual_turns=True),
                changed=frozenset({"manual_turns"}),
                request_id="unnamed_1",
            )
        ],
    ),
    "A05": Case(wishes=[w.UserAudio(QUIET, PCM_24K)]),
    "A07": Case(
        before=[MANUAL, {"type": "input_audio_buffer.append", "audio": silence(PCM_24K, 200)}],
        wishes=[w.CommitAudio("c7"), w.AskReply(request_id="c8")],
        answers={w.CommitAudio: [USER_1], w.AskReply: [a.ReplyBegun("resp_1")]},
    ),
    "A08": Case(before=[MANUAL]),
    "A09": Case(
        wishes=[
            w.Say(item_id="item_u1", role="user", text="When does line 4 leave?", request_id="c1"),
            w.AskReply(),
        ],
        answers={
            w.Say: [a.UserText("item_u1", "When does line 4 leave?"), a.ItemTaken("item_u1")],
            w.AskReply: [a.ReplyBegun("resp_1")],
        },
        ids={"item": ["item_u1"]},
    ),
    "A11": Case(
        wishes=[
            w.Say(item_id="item_1", role="user", text="I am Mia.", request_id="unnamed_1"),
            w.Say(item_id="item_2", role="agent", text="Hi Mia.", request_id="unnamed_2"),
            w.Say(item_id="item_3", role="user", text="What is my name?", request_id="unnamed_3"),
            w.AskReply(),
        ],
        answers={w.AskReply: [a.ReplyBegun("resp_1")]},
    ),
    "A13": Case(
        before=ONE_CALL,
        wishes=[
            w.AnswerTool(item_id="item_o1", call_id="fc-1", output='{"minutes":4}', request_id="unnamed_1"),
            w.AskReply(),
        ],
        answers={
            w.AnswerTool: [a.ToolAnswered("fc-1", '{"minutes":4}'), a.ItemTaken("item_o1")],
            w.AskReply: [a.ReplyBegun("resp_2")],
        },
        ids={"item": ["item_o1"]},
    ),
    "A15": Case(
        before=[update(instructions="Speak.", tools=[{"type": "function", "name": "find_tram"}]), READY],
        wishes=[
            w.Configure(
                config=w.Config(voice="alloy", instructions="Now speak French."),
                changed=frozenset({"instructions", "tools"}),
                request_id="unnamed_2",
            )
        ],
        answers={w.Configure: [CONFIGURED]},
    ),
    "A16": Case(
        wishes=[
            w.Configure(
                config=w.Config(voice="alloy", turns=w.Turns(eagerness="low")),
                changed=frozenset({"turns"}),
                request_id="c4",
            )
        ],
        answers={
            w.Configure: refused(
                "turns",
                "This backend fixes session.audio.input.turn_detection when the session starts; it cannot "
                "be changed now.",
                "c4",
            )
        },
    ),
    "A18": Case(
        before=[
            *REPLY_1,
            a.ReplyAudio("item_a1", silence(PCM_24K, 1_500)),
            a.ReplyDone("resp_1", "cancelled", "turn_detected"),
        ],
        wishes=[w.Truncate("item_a1", 1_480, "unnamed_1")],
        answers={w.Truncate: [a.ReplyTruncated("item_a1", 1_480)]},
    ),
    "A20": Case(
        wishes=[
            w.AskReply(
                instructions="Classify.",
                extras=(w.Extra("response.conversation"), w.Extra("response.output_modalities")),
                request_id="c7",
            )
        ],
        answers={
            w.AskReply: refused(
                "response.conversation",
                'response.conversation="none" is not available on this backend.',
                "c7",
            )
        },
    ),
    # The provider's side says no, where it is strict (tests/dialects/gemini/test_provider_side.py, a21).
    "A21": Case(
        wishes=[
            w.Say(
                item_id="item_1",
                role="user",
                text="",
                spoken=(w.Spoken(w.UserAudio("AAAAAAAAAAAAAAAA", PCM_24K), "item.content[0].type"),),
                request_id="c8",
            )
        ],
        acts=[
            a.Refused(
                "item.content[0].type",
                "This backend takes audio only through input_audio_buffer.append.",
                "c8",
            )
        ],
    ),
    "B01": Case(
        before=[TRANSCRIBED, READY],
        acts=[
            a.SpeechStarted("item_u1", 440),
            a.SpeechStopped("item_u1", 1_900),
            USER_1,
            a.UserTranscript("item_u1", "When does"),
            a.UserTranscript("item_u1", " line 4 leave?"),
            *REPLY_1,
            words("In four"),
            a.ReplyAudio("item_a1", QUIET),
            words(" minutes."),
            a.ReplyMade("resp_1"),
            a.UserTranscript("item_u1", "When does line 4 leave?", final=True, audio_ms=1_460),
            a.ReplyItemDone("item_a1"),
            a.Usage(
                input=548,
                output=161,
                input_text=326,
                input_audio=222,
                output_text=100,
                output_audio=61,
                reply_id="resp_1",
            ),
            a.ReplyDone("resp_1"),
        ],
    ),
    "B04": Case(
        before=[USER_1, *REPLY_1, words("One moment.")],
        acts=[a.ReplyItemDone("item_a1"), *CALLS],
    ),
    "B05": Case(
        before=[*ONE_CALL, a.ToolCallsCancelled(("fc-1",))],
        ids={"item": ["item_o1"]},
    ),
    "B07": Case(acts=[a.GoingAway(50_000), a.Handle("h-77"), READY]),
    "B10": Case(
        before=[USER_1, *REPLY_1, words("To do that")],
        acts=[a.ReplyDone("resp_1", "incomplete", "content_filter")],
    ),
    "B11": Case(
        before=[update(output_modalities=["text"]), READY, USER_1, a.ReplyBegun("resp_1")],
        acts=[
            a.ReplyItem("resp_1", "item_a1"),
            a.ReplyAudio("item_a1", QUIET),
            words("Hello."),
            a.ReplyMade("resp_1"),
            a.ReplyItemDone("item_a1"),
            a.ReplyDone("resp_1"),
        ],
    ),
    "B12": Case(
        before=[
            {"type": "session.update", "session": {"output_audio_format": "g711_ulaw"}},
            READY,
            *REPLY_1,
            words(""),
        ],
        # The filter waits for more of the stream; that there is no more is known when all of it was made.
        acts=[a.ReplyAudio("item_a1", QUIET), a.ReplyMade("resp_1"), words("Yes.")],
    ),
    "B14": Case(
        before=[TRANSCRIBED, READY, USER_1, *REPLY_1, words("In four minutes."), a.ReplyMade("resp_1")],
        acts=[
            a.SpeechStarted("item_u2", 7_400),
            a.ReplyItemDone("item_a1"),
            a.Usage(input=40, output=10, input_text=40, output_text=10, reply_id="resp_1"),
            a.ReplyDone("resp_1"),
            a.UserTranscript("item_u2", "Wait,"),
            a.UserTranscript("item_u2", " stop."),
        ],
    ),
}


def test_every_example_with_an_openai_client_is_here():
    ours = {name for name in EXAMPLES if name[0] in "AB"}
    assert ours - set(CASES) == {"B08"}  # how a call ends is the session's to say


def played(client: OpenAIClient, case: Case, messages: list[Any]) -> tuple[list[Any], list[Any]]:
    wishes: list[Any] = []
    events: list[Any] = []
    for said in client.says(*messages):
        if isinstance(said, w.Wish):
            wishes.append(said)
            events += client.told(*case.answers.get(type(said), []))
        else:
            events.append(said)
    return wishes, events + client.told(*case.acts)


@pytest.mark.parametrize("name", CASES)
def test_the_example(name):
    case, example = CASES[name], EXAMPLES[name]
    client = OpenAIClient(
        beta=example.get("openai_dialect") == "beta" or name == "B12",
        ids={"sess": ["sess_1"], "conv": ["conv_1"], **case.ids},
    )
    greeting = client.greeted()
    for one in case.before:
        client.told(one) if isinstance(one, a.Act) else client.says(one)
    messages = [one for one in example["input"] if isinstance(one.get("type"), str)]
    wishes, events = played(client, case, messages)
    assert wishes == case.wishes
    expected = example["to_client"]
    events = greeting if name == "A01" else events
    assert [event["type"] for event in events] == [event["type"] for event in expected]
    for event, like in zip(events, expected, strict=True):
        assert agrees(like, event), (like, event)
