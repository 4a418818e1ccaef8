"""Every event a client may send, and every field in it, as checks (OPENAI-REALTIME.md 5 and 6)."""

from realtime_switch.local.openai.session_shape import ANSWER_FIELDS, FORMAT, VOICE
from realtime_switch.local.openai.shape import (
    Check,
    Refused,
    anything,
    boolean,
    by_type,
    choice,
    list_of,
    map_of,
    nullable,
    number,
    record,
    supported,
    text,
)

# 11: ids of items and calls at most 32 characters, event ids 512, an append 15 MiB.
_ID = text(32)
_EVENT_ID = nullable(text(512))
_AUDIO = text(15 * 1024 * 1024)

_ITEM_FIELDS: dict[str, Check] = {
    "id": nullable(_ID),
    "object": nullable(choice("realtime.item")),
    "type": anything,
    "status": nullable(choice("completed", "incomplete", "in_progress")),
}
_INPUT_TEXT = record({"type": anything, "text": text()}, ("text",))


def _message(role_content: dict[str, Check]) -> Check:
    return record(
        {**_ITEM_FIELDS, "role": anything, "content": list_of(by_type(role_content))}, ("role", "content")
    )


_MESSAGE = by_type(
    {
        "system": _message({"input_text": _INPUT_TEXT}),
        "user": _message(
            {
                "input_text": _INPUT_TEXT,
                "input_audio": record(
                    {"type": anything, "audio": _AUDIO, "transcript": nullable(text())}, ("audio",)
                ),
                "input_image": record(
                    {
                        "type": anything,
                        "image_url": text(),
                        "detail": nullable(choice("auto", "low", "high")),
                    },
                    ("image_url",),
                ),
            }
        ),
        # 5: a client cannot create assistant audio.
        "assistant": _message({"output_text": _INPUT_TEXT}),
    },
    field="role",
)
_CALLED = {"call_id": _ID, "name": text(), "arguments": text()}
_MCP_CALLED = {"server_label": text(), "name": text(), "arguments": text()}
_MCP_TOOL = record(
    {"name": text(), "description": nullable(text()), "input_schema": anything, "annotations": anything},
    ("name", "input_schema"),
)
_MCP_ERROR = by_type(
    {
        "protocol_error": record(
            {"type": anything, "code": number(-99999, 99999, whole=True), "message": text()},
            ("code", "message"),
        ),
        "tool_execution_error": record({"type": anything, "message": text()}, ("message",)),
        "http_error": record(
            {"type": anything, "code": number(0, 999, whole=True), "message": text()}, ("code", "message")
        ),
    }
)
_ITEM_TYPES: dict[str, Check] = {
    "message": _MESSAGE,
    "function_call": record({**_ITEM_FIELDS, **_CALLED}, ("name", "arguments")),
    "function_call_output": record({**_ITEM_FIELDS, "call_id": _ID, "output": text()}, ("call_id", "output")),
    "mcp_list_tools": record(
        {"id": _ID, "type": anything, "server_label": text(), "tools": list_of(_MCP_TOOL)},
        ("server_label", "tools"),
    ),
    "mcp_call": record(
        {
            "id": _ID,
            "type": anything,
            **_MCP_CALLED,
            "approval_request_id": nullable(text()),
            "output": nullable(text()),
            "error": nullable(_MCP_ERROR),
        },
        ("server_label", "name", "arguments"),
    ),
    "mcp_approval_request": record(
        {"id": _ID, "type": anything, **_MCP_CALLED}, ("server_label", "name", "arguments")
    ),
    "mcp_approval_response": record(
        {
            "id": _ID,
            "type": anything,
            "approval_request_id": text(),
            "approve": boolean,
            "reason": nullable(text()),
        },
        ("approval_request_id", "approve"),
    ),
}
_REFERENCE = record({"type": anything, "id": _ID}, ("id",))
_RESPONSE = record(
    {
        **{name: nullable(check) for name, check in ANSWER_FIELDS.items()},
        # livekit sends null where it means nothing (6.1).
        "instructions": nullable(text()),
        "conversation": nullable(choice("auto", "none")),
        "metadata": nullable(map_of(text(512), pairs_max=16, key_length_max=64)),
        "audio": nullable(record({"output": record({"format": FORMAT, "voice": VOICE})})),
        "input": nullable(
            list_of(
                by_type({**_ITEM_TYPES, "item_reference": record({"type": anything, "id": _ID}, ("id",))})
            )
        ),
    }
)


def _event(fields: dict[str, Check] | None = None, required: tuple[str, ...] = ()) -> Check:
    return record({"type": anything, "event_id": _EVENT_ID, **(fields or {})}, required)


_ONE_ITEM = _event({"item_id": text()}, ("item_id",))
EVENTS: dict[str, Check] = {
    # Which shape the session must have depends on the kind of session: Settings.update looks.
    "session.update": _event({"session": anything}, ("session",)),
    "input_audio_buffer.append": _event({"audio": _AUDIO}, ("audio",)),
    "input_audio_buffer.commit": _event(),
    "input_audio_buffer.clear": _event(),
    "conversation.item.create": _event(
        {"item": by_type(_ITEM_TYPES), "previous_item_id": nullable(text())}, ("item",)
    ),
    "conversation.item.truncate": _event(
        {
            "item_id": text(),
            "content_index": number(0, 1_000, whole=True),
            "audio_end_ms": number(0, 86_400_000, whole=True),
        },
        ("item_id", "content_index", "audio_end_ms"),
    ),
    "conversation.item.delete": _ONE_ITEM,
    "conversation.item.retrieve": _ONE_ITEM,
    "response.create": _event({"response": nullable(_RESPONSE)}),
    "response.cancel": _event({"response_id": nullable(text())}),
}


def check_event(event: dict[str, object]) -> str:
    """The type of an event that may be obeyed."""
    kind = event.get("type")
    if not isinstance(kind, str):
        raise Refused("invalid_event", "The event has no 'type'.", "type")
    if kind not in EVENTS:
        raise supported(kind, tuple(EVENTS), "type")
    EVENTS[kind](event, "")
    return kind
