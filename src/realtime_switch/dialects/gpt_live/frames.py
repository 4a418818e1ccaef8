"""Events as they are read and written."""

from typing import Any

import msgspec
from msgspec import Struct

from ..dialect import NewId
from ..mending import UNREADABLE, read_mended, write_any


class Event(Struct, gc=False):
    """The members of a provider's event that are read."""

    type: Any = None
    session: Any = None
    usage: Any = None
    reason: Any = None
    error: Any = None
    delta: Any = None
    start_ms: Any = None
    end_ms: Any = None
    delegation: Any = None
    delegation_id: Any = None
    event: Any = None
    client_event_id: Any = None


_decode = msgspec.json.Decoder(Event).decode


def read(payload: bytes) -> Event | None:
    """None: it is no event."""
    try:
        event = read_mended(payload, _decode)
    except UNREADABLE:
        return None
    return event if isinstance(event.type, str) else None


def write(kind: str, **members: Any) -> bytes:
    return write_any({"type": kind, **members})


def error(new_id: NewId, kind: str, code: str, message: str, param: str = "", request_id: str = "") -> bytes:
    """GPT-LIVE.md 5.1. The SDK's type wants `code` to be there; `client_event_id` is left out where there is
    none."""
    said = {"type": kind, "code": code, "message": message, "param": param or None}
    if request_id:
        said["client_event_id"] = request_id
    return write("error", event_id=new_id("event"), error=said)


UNSUPPORTED = "unsupported_by_backend"


class Mistake(Exception):
    """A client's, as it is told by `error`."""

    def __init__(self, code: str, message: str, param: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


CLOSE = b'{"type":"session.close"}'

AUDIO_HEAD, AUDIO_TAIL = b'{"type":"session.input_audio.append","audio":"', b'"}'


def audio(base64: str) -> bytes:
    return AUDIO_HEAD + base64.encode() + AUDIO_TAIL
