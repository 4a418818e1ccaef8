"""What an OpenAI client says in a translated call (OPENAI-REALTIME.md 6; TRANSLATION.md 2)."""

import msgspec
import pytest

from openai_client import OpenAIClient
from realtime_switch.dialects import acts as a
from realtime_switch.dialects import wishes as w
from realtime_switch.dialects.dialect import AskSwitch
from realtime_switch.dialects.sound import PCM_24K, AudioFormat, silence

QUIET = silence(PCM_24K, 100)
MU_LAW = AudioFormat("pcmu", 8_000)
PNG = "iVBORw0KGgo="
FUNCTION = {"type": "function", "name": "seat_lookup"}


def update(**session):
    return {"type": "session.update", "session": {"type": "realtime", **session}}


def audio_in(**members):
    return update(audio={"input": members})


def audio_out(**members):
    return update(audio={"output": members})


MANUAL = audio_in(turn_detection=None)


def append(audio=QUIET):
    return {"type": "input_audio_buffer.append", "audio": audio}


def create(item, **members):
    return {"type": "conversation.item.create", "event_id": "c", "item": item, **members}


def message(role, *content, **members):
    return {"type": "message", "role": role, "content": list(content), **members}


def typed(text="Hi.", **members):
    return message("user", {"type": "input_text", "text": text}, **members)


def respond(**response):
    return {"type": "response.create", "event_id": "c", "response": response}


SPOKEN = [
    a.UserTurn("item_u"),
    a.ReplyBegun("resp_1"),
    a.ReplyItem("resp_1", "item_a"),
    a.ReplyAudio("item_a", QUIET),
    a.ReplyTranscript("item_a", 0, "Row four."),
]
OVER = [a.ReplyItemDone("item_a"), a.ReplyDone("resp_1")]
CALLED = [
    a.ReplyBegun("resp_1"),
    a.ReplyItem("resp_1", "item_f", 0, "function_call", "call_9", "seat_lookup"),
    a.ToolCall("call_9", "seat_lookup", '{"row":4}', "item_f", "resp_1"),
    a.ReplyItemDone("item_f"),
    a.ReplyDone("resp_1"),
]


def client_after(*before, beta=False):
    client = OpenAIClient(beta)
    client.greeted()
    for one in before:
        client.told(one) if isinstance(one, a.Act) else client.says(one)
    return client


# -- Wishes ------------------------------------------------------------------------------------------------

WISHES = {
    "audio": ([], append(), [w.UserAudio(QUIET, PCM_24K)]),
    "audio, URL-safe and unpadded": ([], append("-_8"), [w.UserAudio("+/8=", PCM_24K)]),
    "audio, as PHP escapes it": (
        [],
        rb'{"type":"input_audio_buffer.append","audio":"AA\/A"}',
        [w.UserAudio("AA/A", PCM_24K)],
    ),
    "audio with its type last": (
        [],
        b'{"audio": "AAAA", "type": "input_audio_buffer.append"}',
        [w.UserAudio("AAAA", PCM_24K)],
    ),
    "audio with an event_id": (
        [],
        b'{"event_id": "e", "type": "input_audio_buffer.append", "audio": "AAAA"}',
        [w.UserAudio("AAAA", PCM_24K)],
    ),
    "audio in another format": (
        [audio_in(format={"type": "audio/pcmu"})],
        append(),
        [w.UserAudio(QUIET, MU_LAW)],
    ),
    "no audio": ([], append(""), []),
    "a commit": ([MANUAL, append()], {"type": "input_audio_buffer.commit"}, [w.CommitAudio()]),
    "a commit while turns are found": ([], {"type": "input_audio_buffer.commit"}, [w.CommitAudio()]),
    "a clear": ([], {"type": "input_audio_buffer.clear", "event_id": "c"}, [w.ClearAudio("c")]),
    "a text": (
        [],
        create(typed("Hi.", id="mine")),
        [w.Say(item_id="mine", role="user", text="Hi.", request_id="c")],
    ),
    "texts and a picture": (
        [],
        create(
            message(
                "user",
                {"type": "input_text", "text": "What"},
                {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
                {"type": "input_text", "text": "is it?"},
            )
        ),
        [
            w.Say(
                item_id="item_1",
                role="user",
                text="What\nis it?",
                pictures=(w.Picture(PNG, "image/png"),),
                request_id="c",
            )
        ],
    ),
    "a line of the system": (
        [],
        create(message("system", {"type": "input_text", "text": "Rhyme."})),
        [w.Say(item_id="item_1", role="system", text="Rhyme.", request_id="c")],
    ),
    "sound and a word": (
        [],
        create(message("user", {"type": "input_text", "text": "x"}, {"type": "input_audio", "audio": QUIET})),
        [
            w.Say(
                item_id="item_1",
                role="user",
                text="x",
                spoken=(w.Spoken(w.UserAudio(QUIET, PCM_24K), "item.content[1].type"),),
                request_id="c",
            )
        ],
    ),
    "a line of the agent": (
        [],
        create(message("assistant", {"type": "output_text", "text": "Yes."})),
        [w.Say(item_id="item_1", role="agent", text="Yes.", request_id="c")],
    ),
    "a call of the past": (
        [],
        create({"type": "function_call", "call_id": "k", "name": "seat", "arguments": "{}"}),
        [w.SayCall(item_id="item_1", call_id="k", name="seat", arguments="{}", request_id="c")],
    ),
    "a tool's answer": (
        CALLED,
        create({"type": "function_call_output", "call_id": "call_9", "output": "no"}),
        [w.AnswerTool(item_id="item_1", call_id="call_9", output="no", request_id="c")],
    ),
    "a tool's answer in the middle": (
        [*CALLED, create(typed())],
        create(
            {"type": "function_call_output", "call_id": "call_9", "output": "no"}, previous_item_id="item_f"
        ),
        [w.AnswerTool(item_id="item_2", call_id="call_9", output="no", request_id="c")],
    ),
    "an answer to a call of the past": (
        [
            create({"type": "function_call", "call_id": "k", "name": "s", "arguments": "{}", "id": "i"}),
            a.ItemTaken("i"),
        ],
        create({"type": "function_call_output", "call_id": "k", "output": "no"}),
        [w.AnswerTool(item_id="item_1", call_id="k", output="no", request_id="c")],
    ),
    "an item at the root of nothing": (
        [],
        create(typed(), previous_item_id="root"),
        [w.Say(item_id="item_1", role="user", text="Hi.", request_id="c")],
    ),
    "an item after the last": (
        [*SPOKEN, *OVER],
        create(typed(), previous_item_id="item_a"),
        [w.Say(item_id="item_1", role="user", text="Hi.", request_id="c")],
    ),
    "an item after one that waits": (
        [create(typed(id="first"))],
        create(typed(), previous_item_id="first"),
        [w.Say(item_id="item_1", role="user", text="Hi.", request_id="c")],
    ),
    "a delete": (
        [*SPOKEN, *OVER],
        {"type": "conversation.item.delete", "event_id": "c", "item_id": "item_u"},
        [w.Delete("item_u", "c")],
    ),
    "a truncate": (
        [*SPOKEN, *OVER],
        {
            "type": "conversation.item.truncate",
            "event_id": "c",
            "item_id": "item_a",
            "content_index": 0,
            "audio_end_ms": 80,
        },
        [w.Truncate("item_a", 80, "c")],
    ),
    "a truncate a hair beyond the end": (
        [*SPOKEN, *OVER],
        {
            "type": "conversation.item.truncate",
            "event_id": "c",
            "item_id": "item_a",
            "content_index": 0,
            "audio_end_ms": 101,
        },
        [w.Truncate("item_a", 100, "c")],
    ),
    "a reply": ([], {"type": "response.create"}, [w.AskReply()]),
    "a reply with nothing said of it": (
        [],
        respond(instructions=None, metadata={"client_event_id": "x"}),
        [w.AskReply(metadata={"client_event_id": "x"}, request_id="c")],
    ),
    "a reply with instructions": (
        [],
        respond(instructions="One word."),
        [w.AskReply(instructions="One word.", request_id="c")],
    ),
    "a reply as the session has it anyway": (
        [update(tools=[FUNCTION], tool_choice="auto", max_output_tokens=900)],
        respond(
            conversation="auto",
            output_modalities=["audio"],
            tools=[FUNCTION],
            tool_choice="auto",
            max_output_tokens=900,
            parallel_tool_calls=True,
            audio={"output": {"voice": "alloy", "format": {"type": "audio/pcm", "rate": 24000}}},
        ),
        [w.AskReply(request_id="c")],
    ),
    "a reply unlike the session": (
        [],
        respond(
            conversation="none",
            input=[],
            prompt={"id": "p"},
            output_modalities=["text"],
            tools=[FUNCTION],
            tool_choice="required",
            max_output_tokens=50,
            reasoning={"effort": "low"},
            parallel_tool_calls=False,
            audio={"output": {"voice": "cedar", "format": {"type": "audio/pcmu"}}},
        ),
        [
            w.AskReply(
                extras=tuple(
                    w.Extra(f"response.{name}")
                    for name in (
                        "conversation",
                        "input",
                        "prompt",
                        "output_modalities",
                        "tools",
                        "tool_choice",
                        "max_output_tokens",
                        "reasoning",
                        "parallel_tool_calls",
                        "audio.output.format",
                        "audio.output.voice",
                    )
                ),
                request_id="c",
            )
        ],
    ),
    "a reply while the last one is only played": (
        [*SPOKEN, a.ReplyMade("resp_1")],
        respond(),
        [w.AskReply(request_id="c")],
    ),
    "a cancel": ([*SPOKEN], {"type": "response.cancel", "event_id": "c"}, [w.StopReply("resp_1", "c")]),
    "a cancel by name": (
        [*SPOKEN],
        {"type": "response.cancel", "response_id": "resp_1"},
        [w.StopReply("resp_1", "")],
    ),
}


@pytest.mark.parametrize("name", WISHES)
def test_it_is_a_wish(name):
    before, said, wishes = WISHES[name]
    assert client_after(*before).says(said) == wishes


# -- Errors ------------------------------------------------------------------------------------------------

ERRORS = {
    "no JSON": ([], b"{", "invalid_event", None),
    "no object": ([], b"[]", "invalid_event", None),
    "no text": ([], b"\xff\xfe", "invalid_event", None),
    "two types": ([], b'{"type":"response.create","type":"x"}', "invalid_event", None),
    "no type": ([], {"session": {}}, "missing_required_parameter", "type"),
    "an event of ours that nobody knows": (
        [],
        {"type": "realtime_switch.stay"},
        "invalid_value",
        "type",
    ),
    "a switch to what is no name": (
        [],
        {"type": "realtime_switch.switch", "target": 5},
        "invalid_type",
        "target",
    ),
    "an unknown type": ([], {"type": "session.upgrade"}, "invalid_value", "type"),
    "a type of ours": ([], {"type": "realtime_switch.x"}, "invalid_value", "type"),
    "no session": ([], {"type": "session.update"}, "missing_required_parameter", "session"),
    "no audio": ([], {"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
    "audio of another kind": ([], append(7), "invalid_type", "audio"),
    "audio that is none": ([], append("é!"), "invalid_value", "audio"),
    "audio that breaks out": (
        [],
        b'{"type":"input_audio_buffer.append","audio":"AAA\\"}',
        "invalid_event",
        None,
    ),
    "an empty commit": (
        [MANUAL],
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        None,
    ),
    "a commit of too little": (
        [MANUAL, append(silence(PCM_24K, 99))],
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        None,
    ),
    "a commit after a clear": (
        [MANUAL, append(), {"type": "input_audio_buffer.clear"}],
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        None,
    ),
    "a second commit": (
        [MANUAL, append(), {"type": "input_audio_buffer.commit"}, a.UserTurn("item_u")],
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        None,
    ),
    "a player's clear": ([], {"type": "output_audio_buffer.clear"}, "unsupported_by_backend", "type"),
    "no item": ([], {"type": "conversation.item.create"}, "missing_required_parameter", "item"),
    "an item of no kind": ([], create({"type": "poem"}), "invalid_value", "item.type"),
    "a reference": ([], create({"type": "item_reference", "id": "x"}), "invalid_value", "item.type"),
    "an item of MCP": (
        [],
        create({"type": "mcp_approval_response", "approval_request_id": "x", "approve": True}),
        "unsupported_by_backend",
        "item.type",
    ),
    "an item without content": (
        [],
        create({"type": "message", "role": "user"}),
        "missing_required_parameter",
        "item.content",
    ),
    "a role that is none": ([], create(message("tool")), "invalid_value", "item.role"),
    "audio of the agent": (
        [],
        create(message("assistant", {"type": "output_audio", "transcript": "x"})),
        "invalid_value",
        "item.content[0].type",
    ),
    "an item with audio that is none": (
        [],
        create(message("user", {"type": "input_text", "text": "x"}, {"type": "input_audio", "audio": '"'})),
        "invalid_value",
        "item.content[1].audio",
    ),
    "a picture elsewhere": (
        [],
        create(message("user", {"type": "input_image", "image_url": "https://example.net/x.png"})),
        "unsupported_by_backend",
        "item.content[0].image_url",
    ),
    "a picture by file": (
        [],
        create(message("user", {"type": "input_image", "file_id": "file_1"})),
        "unsupported_by_backend",
        "item.content[0].file_id",
    ),
    "an id too long": ([], create(typed(id="x" * 33)), "string_above_max_length", "item.id"),
    "an id again": (SPOKEN, create(typed(id="item_u")), "item_create_duplicate_item_id", "item.id"),
    "an id that waits": (
        [create(typed(id="x"))],
        create(typed(id="x")),
        "item_create_duplicate_item_id",
        "item.id",
    ),
    "a predecessor that is none": (
        [],
        create(typed(), previous_item_id="nobody"),
        "item_create_invalid_previous_item_id",
        "previous_item_id",
    ),
    "a predecessor in the middle": (
        [*SPOKEN, *OVER],
        create(typed(), previous_item_id="item_u"),
        "unsupported_by_backend",
        "previous_item_id",
    ),
    "the root of a conversation": (
        SPOKEN,
        create(typed(), previous_item_id="root"),
        "unsupported_by_backend",
        "previous_item_id",
    ),
    "an answer to no call": (
        [],
        create({"type": "function_call_output", "call_id": "k", "output": "no"}),
        "invalid_tool_call_id",
        "item.call_id",
    ),
    "a retrieve of nothing": (
        [],
        {"type": "conversation.item.retrieve", "item_id": "x"},
        "item_retrieve_invalid_item_id",
        "item_id",
    ),
    "a delete of nothing": (
        [],
        {"type": "conversation.item.delete", "item_id": "x"},
        "item_delete_invalid_item_id",
        "item_id",
    ),
    "a delete of what is deleted": (
        [*SPOKEN, a.ItemDeleted("item_u")],
        {"type": "conversation.item.delete", "item_id": "item_u"},
        "item_delete_invalid_item_id",
        "item_id",
    ),
    "a truncate of nothing": (
        [],
        {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0, "audio_end_ms": 1},
        "item_truncate_invalid_item_id",
        "item_id",
    ),
    "a truncate of the user": (
        SPOKEN,
        {"type": "conversation.item.truncate", "item_id": "item_u", "content_index": 0, "audio_end_ms": 1},
        "unsupported_content_type",
        None,
    ),
    "a truncate beyond the end": (
        SPOKEN,
        {"type": "conversation.item.truncate", "item_id": "item_a", "content_index": 0, "audio_end_ms": 999},
        "invalid_value",
        "audio_end_ms",
    ),
    "a second reply": (SPOKEN, respond(), "conversation_already_has_active_response", None),
    "a reply with an unknown wish": ([], respond(colour="red"), "unknown_parameter", "response.colour"),
    "too much metadata": (
        [],
        respond(metadata={str(n): "" for n in range(17)}),
        "object_above_max_properties",
        "response.metadata",
    ),
    "metadata of another kind": ([], respond(metadata={"n": 1}), "invalid_type", "response.metadata"),
    "a cancel of nothing": ([], {"type": "response.cancel"}, "response_cancel_not_active", None),
    "a cancel of another": (
        SPOKEN,
        {"type": "response.cancel", "response_id": "resp_0"},
        "response_cancel_not_active",
        None,
    ),
    "a cancel of what is over": (
        [*SPOKEN, *OVER],
        {"type": "response.cancel"},
        "response_cancel_not_active",
        None,
    ),
    "another voice after audio": (
        SPOKEN,
        audio_out(voice="cedar"),
        "cannot_update_voice",
        "session.audio.output.voice",
    ),
    "a temperature": ([], update(temperature=0.7), "unknown_parameter", "session.temperature"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_it_is_an_error(name):
    before, said, code, param = ERRORS[name]
    if isinstance(said, dict):
        said = {**said, "event_id": "c_7"}
    (event,) = client_after(*before).says(said)
    assert event["type"] == "error"
    error = event["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert error["message"]
    assert error["event_id"] == ("c_7" if isinstance(said, dict) else None)


def test_errors_speak_openais_words():
    (event,) = client_after(MANUAL, append("AAAA" * 160)).says(
        {"type": "input_audio_buffer.commit", "event_id": "c9"}
    )
    assert event["error"] == {
        "type": "invalid_request_error",
        "code": "input_audio_buffer_commit_empty",
        "message": "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        "but buffer only has 10.00ms of audio.",
        "param": None,
        "event_id": "c9",
    }


def test_a_beta_clients_errors_name_what_it_wrote():
    client = client_after(beta=True)
    (event,) = client.says({"type": "session.update", "session": {"turn_detection": {"type": "x"}}})
    assert event["error"]["param"] == "session.turn_detection.type"
    (event,) = client.says({"type": "session.update", "session": {"input_audio_format": "mp3"}})
    assert event["error"]["param"] == "session.input_audio_format"
    assert "'session.input_audio_format'" in event["error"]["message"]


# -- Items as they can be had again ------------------------------------------------------------------------


def retrieved(client, item_id):
    (event,) = client.says({"type": "conversation.item.retrieve", "item_id": item_id})
    assert event["type"] == "conversation.item.retrieved"
    return event["item"]


def test_items_can_be_had_again():
    client = client_after(
        audio_in(transcription={"model": "whisper-1"}),
        create(typed("Look.", id="mine")),
        a.ItemTaken("mine"),
        a.UserTranscript("item_u", "Is row"),
        *SPOKEN,
        a.UserTranscript("item_u", "Is row four free?", final=True),
        *OVER,
    )
    assert retrieved(client, "mine")["content"] == [{"type": "input_text", "text": "Look."}]
    assert retrieved(client, "item_u")["content"] == [
        {"type": "input_audio", "transcript": "Is row four free?"}
    ]
    assert retrieved(client, "item_a") == {
        "id": "item_a",
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_audio", "transcript": "Row four."}],
    }


def test_of_what_was_truncated_no_words_stay():
    client = client_after(*SPOKEN, *OVER)
    client.says(
        {"type": "conversation.item.truncate", "item_id": "item_a", "content_index": 0, "audio_end_ms": 50}
    )
    client.told(a.ReplyTruncated("item_a", 50))
    assert retrieved(client, "item_a")["content"] == [{"type": "output_audio", "transcript": ""}]


def test_the_answer_to_a_call_that_was_cancelled_goes_nowhere():
    client = client_after(*CALLED, a.ToolCallsCancelled(("call_9", "call_0")))
    said = client.says(
        create({"type": "function_call_output", "call_id": "call_9", "output": "no", "id": "o"})
    )
    assert [event["type"] for event in said] == ["conversation.item.added", "conversation.item.done"]
    assert retrieved(client, "o")["output"] == "no"


# -- Configurations ----------------------------------------------------------------------------------------


def test_an_update_asks_for_the_whole_and_names_what_is_new():
    client = client_after(update(instructions="Be kind."))
    assert client.says({**audio_out(voice="cedar"), "event_id": "c_1"}) == [
        w.Configure(
            config=w.Config(instructions="Be kind.", voice="cedar"),
            changed=frozenset({"voice"}),
            request_id="c_1",
        )
    ]
    (again,) = client.says(audio_out(voice="cedar"))
    assert again.changed == frozenset()


def test_an_update_with_a_mistake_is_void_as_a_whole():
    client = client_after()
    bad = update(instructions="Be kind.", audio={"output": {"voice": "cedar", "pitch": 2}})
    (event,) = client.says(bad)
    assert event["error"]["param"] == "session.audio.output.pitch"
    assert client.side.config == w.Config(voice="alloy")


def test_an_update_that_is_refused_is_void_and_those_after_it_stand():
    client = client_after(update(instructions="One."), a.Ready(b"", 48))
    client.says(
        {**update(tools=[FUNCTION], instructions="Two."), "event_id": "c_2"}, audio_out(voice="cedar")
    )
    (error,) = client.told(a.Refused("tools", "No tools here.", "c_2"))
    assert (error["error"]["param"], error["error"]["event_id"]) == ("session.tools", "c_2")
    assert client.side.config == w.Config(instructions="One.", voice="cedar")
    (updated,) = client.told(a.Configured(b"", 48))
    assert updated["session"]["instructions"] == "One."
    assert updated["session"]["audio"]["output"]["voice"] == "cedar"


def test_updates_that_are_refused_one_after_the_other_leave_nothing():
    client = client_after(update(instructions="One."), a.Ready(b"", 48))
    client.says({**update(instructions="Two."), "event_id": "c_2"})
    client.says({**update(max_output_tokens=9), "event_id": "c_3"})
    client.told(a.Refused("instructions", "No.", "c_2"), a.Refused("max_output_tokens", "No.", "c_3"))
    assert client.side.config == w.Config(instructions="One.", voice="alloy")
    assert client.told(a.Configured(b"", 48)) == []


def test_what_the_client_gave_no_name_is_found_all_the_same():
    client = client_after()
    (asked,) = client.says(update(tools=[FUNCTION]))
    (error,) = client.told(a.Refused("tools", "No tools here.", asked.request_id))
    assert error["error"]["event_id"] is None
    assert client.side.config == w.Config(voice="alloy")
    (said,) = client.says({"type": "conversation.item.create", "item": typed(id="x")})
    client.told(a.Refused("item", "No.", said.request_id))
    assert client.told(a.ItemTaken("x")) == []
    assert client.says(create(typed(id="x")))[0] == w.Say(
        item_id="x", role="user", text="Hi.", request_id="c"
    )


def test_everything_a_client_says_is_read_after_other_bytes_too():
    client = client_after()
    spaced = msgspec.json.format(msgspec.json.encode(respond()), indent=4)
    assert client.says(spaced) == [w.AskReply(request_id="c")]


# -- The gateway itself ------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [False, True])
@pytest.mark.parametrize(
    ("named", "target"), [({"target": "b/m"}, "b/m"), ({"target": None}, ""), ({"target": ""}, ""), ({}, "")]
)
def test_a_client_may_ask_to_be_elsewhere(beta, named, target):
    client = OpenAIClient(beta)
    asked = {"type": "realtime_switch.switch", "event_id": "c", **named}
    assert client.says(asked) == [AskSwitch(target, "c")]
