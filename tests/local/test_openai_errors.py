"""What is refused, in OpenAI's words (OPENAI-REALTIME.md 10)."""

from typing import Any

import pytest

from local_talk import PureCall, error, kinds, only

AUDIO_ITEM = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_audio", "audio": "AAAA"}],
}


def message(**fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}], **fields}


# One client event each, and code and param of what it is answered with.
REFUSED: list[tuple[dict[str, Any], str | None, str | None]] = [
    ({"type": "session.upgrade"}, "invalid_value", "type"),
    ({"type": "session.update"}, "missing_required_parameter", "session"),
    ({"type": "session.update", "session": {}}, "missing_required_parameter", "session.type"),
    ({"type": "session.update", "session": []}, "invalid_type", "session"),
    (
        {"type": "session.update", "session": {"type": "realtime", "modalities": ["text"]}},
        "unknown_parameter",
        "session.modalities",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "temperature": 0.8}},
        "unknown_parameter",
        "session.temperature",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"speed": 2}}}},
        "invalid_value",
        "session.audio.output.speed",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "output_modalities": ["text", "audio"]}},
        "invalid_value",
        "session.output_modalities",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function"}]}},
        "missing_required_parameter",
        "session.tools[0].name",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "max_output_tokens": "many"}},
        "invalid_value",
        "session.max_output_tokens",
    ),
    ({"type": "session.update", "session": {"type": "transcription"}}, None, None),
    ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
    ({"type": "input_audio_buffer.append", "audio": 5}, "invalid_type", "audio"),
    ({"type": "input_audio_buffer.append", "audio": "AA*="}, "invalid_value", "audio"),
    ({"type": "input_audio_buffer.commit"}, "input_audio_buffer_commit_empty", None),
    ({"type": "output_audio_buffer.clear"}, "invalid_value", "type"),
    ({"type": "conversation.item.create", "item": AUDIO_ITEM}, "invalid_value", "item.content[0].type"),
    (
        {"type": "conversation.item.create", "item": message(), "previous_item_id": "item_zz"},
        "item_create_invalid_previous_item_id",
        None,
    ),
    (
        {"type": "conversation.item.create", "item": message(id="x" * 33)},
        "string_above_max_length",
        "item.id",
    ),
    ({"type": "conversation.item.create", "item": message(role="judge")}, "invalid_value", "item.role"),
    ({"type": "conversation.item.delete", "item_id": "item_zz"}, "item_delete_invalid_item_id", None),
    ({"type": "conversation.item.retrieve", "item_id": "item_zz"}, "item_retrieve_invalid_item_id", None),
    (
        {
            "type": "conversation.item.truncate",
            "item_id": "item_zz",
            "content_index": 0,
            "audio_end_ms": 1,
        },
        "item_truncate_invalid_item_id",
        None,
    ),
    ({"type": "response.cancel"}, "response_cancel_not_active", None),
    (
        {"type": "response.create", "response": {"metadata": {str(n): "x" for n in range(17)}}},
        "invalid_value",
        "response.metadata",
    ),
    (
        {"type": "response.create", "response": {"temperature": 0.8}},
        "unknown_parameter",
        "response.temperature",
    ),
    ({"type": "response.create", "event_id": "x" * 513}, "string_above_max_length", "event_id"),
]


@pytest.mark.parametrize(("event", "code", "param"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_mistake_is_named_and_changes_nothing(event: dict[str, Any], code: str, param: str) -> None:
    call = PureCall()
    session = call.events[0]["session"]
    said = error(
        call.send(
            **{"kind": event["type"], "event_id": "c_1", **{k: v for k, v in event.items() if k != "type"}}
        )
    )
    assert (said["type"], said["code"], said["param"]) == ("invalid_request_error", code, param)
    assert said["event_id"] == event.get("event_id", "c_1")
    again = only(call.send("session.update", session={"type": "realtime"}), "session.updated")
    assert again["session"] == session


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"{}", b'{"type":5}', b"\xff\xfe", b"[" * 5000, b'"\\ud800"']
)
def test_what_is_no_event_is_told_so(raw: bytes) -> None:
    assert error(PureCall().send_raw(raw))["code"] == "invalid_event"


def test_the_texts_clients_match_on() -> None:
    call = PureCall()
    unknown = error(call.send("session.upgrade"))
    assert unknown["message"].startswith(
        "Invalid value: 'session.upgrade'. Supported values are: 'session.update', "
    )
    extra = error(call.send("session.update", session={"type": "realtime", "modalities": []}))
    assert extra["message"] == "Unknown parameter: 'session.modalities'."
    missing = error(call.send("session.update", session={}))
    assert missing["message"] == "Missing required parameter: 'session.type'."
    deleted = error(call.send("conversation.item.delete", item_id="item_zz"))
    assert deleted["message"] == "Error deleting item: the item with id 'item_zz' does not exist."


def test_an_id_is_used_once() -> None:
    call = PureCall()
    call.send("conversation.item.create", item=message(id="mine"))
    twice = error(call.send("conversation.item.create", item=message(id="mine")))
    assert (twice["code"], twice["message"]) == (
        "item_create_duplicate_item_id",
        "Error adding item: an item with id 'mine' already exists.",
    )


def test_truncation_knows_how_much_there_is() -> None:
    call = PureCall()
    call.say("Say: one two")  # 400 ms
    reply = only(call.events, "response.output_item.added")["item"]["id"]

    def truncate(item_id: str, ms: int) -> list[dict[str, Any]]:
        return call.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=ms)

    assert error(truncate(reply, 402))["message"] == "Audio content of 400ms is already shorter than 402ms"
    assert kinds(truncate(reply, 401)) == ["conversation.item.truncated"]
    assert kinds(truncate(reply, 100)) == ["conversation.item.truncated"]
    assert error(truncate(reply, 300))["message"] == "Audio content of 100ms is already shorter than 300ms"
    call.send("conversation.item.create", item=message(id="text"))
    assert error(truncate("text", 0)) == {
        "type": "invalid_request_error",
        "code": "unsupported_content_type",
        "message": "Only model output audio messages can be truncated",
        "param": None,
        "event_id": None,
    }


def test_a_voice_stays_once_it_was_heard() -> None:
    call = PureCall()

    def choose(voice: str) -> list[dict[str, Any]]:
        return call.send(
            "session.update", session={"type": "realtime", "audio": {"output": {"voice": voice}}}
        )

    assert kinds(choose("cedar")) == ["session.updated"]
    call.say("hello")
    assert error(choose("marin"))["code"] == "cannot_update_voice"
    assert kinds(choose("cedar")) == ["session.updated"]


def test_what_shipped_clients_send_is_accepted() -> None:
    call = PureCall()
    # livekit and the agents SDKs (CLIENTS-OPENAI.md 5 and 6)
    session = {
        "type": "realtime",
        "model": "another-model",
        "tracing": None,
        "max_output_tokens": "inf",
        "tool_choice": "auto",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "noise_reduction": None,
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "turn_detection": {
                    "type": "semantic_vad",
                    "eagerness": "medium",
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "speed": 1.0, "voice": "marin"},
        },
    }
    updated = only(call.send("session.update", session=session), "session.updated")["session"]
    assert updated["model"] == "gpt-realtime"
    assert updated["audio"]["input"]["transcription"] == {"model": "gpt-4o-mini-transcribe"}
    assert updated["audio"]["input"]["turn_detection"] == session["audio"]["input"]["turn_detection"]
    created = call.send(
        "response.create", response={"instructions": None, "metadata": {"client_event_id": "c_1"}}
    )
    assert only(created, "response.created")["response"]["metadata"] == {"client_event_id": "c_1"}


def test_an_update_merges_by_field_and_nulls_switch_off() -> None:
    call = PureCall()
    before = call.events[0]["session"]
    call.send("session.update", session={"type": "realtime", "audio": {"output": {"speed": 1.25}}})
    call.send(
        "session.update",
        session={"type": "realtime", "instructions": "", "audio": {"input": {"turn_detection": None}}},
    )
    expected = {
        **before,
        "instructions": "",
        "audio": {
            "input": {**before["audio"]["input"], "turn_detection": None},
            "output": {**before["audio"]["output"], "speed": 1.25},
        },
    }
    assert call.events[-1]["session"] == expected
    detection = {"type": "server_vad", "threshold": 0.7}
    call.send(
        "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": detection}}}
    )
    assert call.events[-1]["session"]["audio"]["input"]["turn_detection"] == {
        **before["audio"]["input"]["turn_detection"],
        "threshold": 0.7,
    }
