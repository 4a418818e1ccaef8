"""Frames as they are read from Gemini and written to it."""

from typing import Any

import msgspec
from msgspec import Struct

from ..mending import UNREADABLE, read_any, read_mended, write_any
from ..sound import AudioFormat
from .casing import camel_keys

# -- Reading -----------------------------------------------------------------------------------------------


class Message(Struct, gc=False):
    """The members that are read. Several may stand in one message (GEMINI-LIVE.md 2)."""

    setupComplete: Any = None
    serverContent: Any = None
    toolCall: Any = None
    toolCallCancellation: Any = None
    usageMetadata: Any = None
    goAway: Any = None
    sessionResumptionUpdate: Any = None
    voiceActivity: Any = None


_decode = msgspec.json.Decoder(Message).decode


def read(payload: bytes) -> Message | None:
    """None: it is no message. Servers print camelCase; what may be snake_case is looked through."""
    try:
        if b"_" not in payload:
            return read_mended(payload, _decode)
        message = camel_keys(read_any(payload))
    except UNREADABLE:
        return None
    if not isinstance(message, dict):
        return None
    return Message(**{name: message.get(name) for name in Message.__struct_fields__})


# -- Writing -----------------------------------------------------------------------------------------------


def write(message: dict[str, Any]) -> bytes:
    return write_any(message)


def compact(value: Any) -> str:
    return write_any(value).decode()


_AUDIO = b'{"realtimeInput":{"audio":{"mimeType":"audio/pcm;rate=%d","data":"'
_AUDIO_HEADS = {rate_hz: _AUDIO % rate_hz for rate_hz in (8_000, 16_000, 24_000, 48_000)}
AUDIO_END = b'"}}}'


def audio_head(audio_format: AudioFormat) -> bytes:
    return _AUDIO_HEADS.get(audio_format.rate_hz) or _AUDIO % audio_format.rate_hz


def audio(base64: str, audio_format: AudioFormat) -> bytes:
    """Nearly every frame of a call: put together, not printed. What is no base64 is printed after all, so
    that it stays within its quotes."""
    if '"' in base64 or "\\" in base64 or not base64.isascii():
        blob = {"mimeType": f"audio/pcm;rate={audio_format.rate_hz}", "data": base64}
        return write({"realtimeInput": {"audio": blob}})
    return audio_head(audio_format) + base64.encode("ascii") + AUDIO_END


ACTIVITY_START = b'{"realtimeInput":{"activityStart":{}}}'
ACTIVITY_END = b'{"realtimeInput":{"activityEnd":{}}}'
AUDIO_STREAM_END = b'{"realtimeInput":{"audioStreamEnd":true}}'
GO_ON = b'{"clientContent":{"turnComplete":true}}'


def video(base64: str, mime_type: str) -> bytes:
    return write({"realtimeInput": {"video": {"mimeType": mime_type, "data": base64}}})


def text(said: str) -> bytes:
    return write({"realtimeInput": {"text": said}})


def content(turns: list[dict[str, Any]], complete: bool) -> bytes:
    return write({"clientContent": {"turns": turns, "turnComplete": complete}})


def tool_response(answers: list[dict[str, Any]]) -> bytes:
    return write({"toolResponse": {"functionResponses": answers}})
