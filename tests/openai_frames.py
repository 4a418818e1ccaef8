"""OpenAI's own types as judges, and one real-looking example of every server event to try things with."""

from typing import Annotated, Any, Union, get_args

import msgspec
from openai.types.beta.realtime import RealtimeServerEvent as BetaServerEvent
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import Field, TypeAdapter


def _judge(union: Any) -> TypeAdapter[Any]:
    while hasattr(union, "__metadata__"):
        union = union.__origin__
    return TypeAdapter(Annotated[Union[get_args(union)], Field(discriminator="type")])  # noqa: UP007


_SERVER, _CLIENT, _BETA = _judge(RealtimeServerEvent), _judge(RealtimeClientEvent), _judge(BetaServerEvent)


def is_for_client(frame: bytes, beta: bool = False) -> bool:
    """Strictly: raises and says what is wrong. The SDK itself would swallow it."""
    (_BETA if beta else _SERVER).validate_python(msgspec.json.decode(frame), strict=True)
    return True


def is_for_provider(frame: bytes) -> bool:
    _CLIENT.validate_python(msgspec.json.decode(frame), strict=True)
    return True


def frame(type: str, **members: Any) -> bytes:
    return msgspec.json.encode({"type": type, **members})


AUDIO_OUT = {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"}

SESSION = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_1",
    "model": "gpt-realtime",
    "output_modalities": ["audio"],
    "instructions": "Be kind.",
    "tools": [],
    "tool_choice": "auto",
    "max_output_tokens": "inf",
    "tracing": None,
    "truncation": "auto",
    "prompt": None,
    "expires_at": 1795233600,
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "noise_reduction": None,
            "turn_detection": {"type": "server_vad", "threshold": 0.5, "interrupt_response": True},
        },
        "output": {**AUDIO_OUT, "speed": 1.0},
    },
    "include": None,
}

USAGE = {
    "total_tokens": 214,
    "input_tokens": 171,
    "output_tokens": 43,
    "input_token_details": {
        "text_tokens": 148,
        "audio_tokens": 20,
        "image_tokens": 3,
        "cached_tokens": 128,
        "cached_tokens_details": {"text_tokens": 120, "audio_tokens": 6, "image_tokens": 2},
    },
    "output_token_details": {"text_tokens": 11, "audio_tokens": 32},
}


def response(status: str, **members: Any) -> dict[str, Any]:
    return {
        "object": "realtime.response",
        "id": "resp_1",
        "status": status,
        "status_details": None,
        "output": [],
        "conversation_id": "conv_1",
        "output_modalities": ["audio"],
        "max_output_tokens": "inf",
        "audio": {"output": AUDIO_OUT},
        "usage": None,
        "metadata": None,
        **members,
    }


def message(item_id: str, role: str, *content: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    return {"id": item_id, "type": "message", "status": status, "role": role, "content": list(content)}


PLACE = {"response_id": "resp_1", "item_id": "item_a", "output_index": 0, "content_index": 0}

SESSION_CREATED = frame("session.created", event_id="e1", session=SESSION)
SESSION_UPDATED = frame("session.updated", event_id="e2", session=SESSION)
COMMITTED = frame("input_audio_buffer.committed", event_id="e3", previous_item_id=None, item_id="item_u")
TRANSCRIBED = frame(
    "conversation.item.input_audio_transcription.completed",
    event_id="e4",
    item_id="item_u",
    content_index=0,
    transcript="Is row four free?",
    usage={
        "type": "tokens",
        "total_tokens": 22,
        "input_tokens": 17,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 17},
        "output_tokens": 5,
    },
)
RESPONSE_CREATED = frame("response.created", event_id="e5", response=response("in_progress"))
ITEM_ADDED = frame(
    "response.output_item.added",
    event_id="e6",
    response_id="resp_1",
    output_index=0,
    item=message("item_a", "assistant", status="in_progress"),
)
AUDIO = frame(
    "response.output_audio.delta", event_id="e7", **PLACE, delta="AAAA" * 1600
)  # 4800 bytes, 100 ms
AUDIO_MS = 100


def transcript_delta(text: str) -> bytes:
    return frame("response.output_audio_transcript.delta", event_id="e8", **PLACE, delta=text)


ITEM_DONE = frame(
    "response.output_item.done",
    event_id="e9",
    response_id="resp_1",
    output_index=0,
    item=message("item_a", "assistant", {"type": "output_audio", "transcript": "It is."}),
)
RESPONSE_DONE = frame("response.done", event_id="e10", response=response("completed", usage=USAGE))
TRUNCATED = frame(
    "conversation.item.truncated", event_id="e11", item_id="item_a", content_index=0, audio_end_ms=50
)
ERROR = frame(
    "error",
    event_id="e12",
    error={
        "type": "invalid_request_error",
        "code": "invalid_value",
        "message": "no",
        "param": None,
        "event_id": "c1",
    },
)
