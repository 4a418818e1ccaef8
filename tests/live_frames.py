"""GPT-Live's frames for tests: the examples of the protocol notes, and the SDK's own types as judges."""

from pathlib import Path
from typing import Annotated, Any, Union, get_args

import msgspec
from openai.types.live import ClientEvent, ServerEvent
from pydantic import Field, TypeAdapter

EXAMPLES = msgspec.json.decode((Path(__file__).parent / "gpt_live_examples.json").read_bytes())
TARGET_MODEL = "gpt-live-1"


def _judge(union: Any) -> TypeAdapter[Any]:
    while hasattr(union, "__metadata__"):
        union = union.__origin__
    return TypeAdapter(Annotated[Union[get_args(union)], Field(discriminator="type")])  # noqa: UP007


_SERVER, _CLIENT = _judge(ServerEvent), _judge(ClientEvent)


def is_for_client(frame: bytes | str) -> bool:
    """Raises and says what is wrong. The SDK itself would take it for session.started."""
    _SERVER.validate_python(msgspec.json.decode(frame), strict=True)
    return True


def is_for_provider(frame: bytes | str) -> bool:
    _CLIENT.validate_python(msgspec.json.decode(frame), strict=True)
    return True


def frame(kind: str, **members: Any) -> bytes:
    return msgspec.json.encode({"type": kind, **members})


def example(name: str) -> bytes:
    """Of the server's or a client's events, by its beginning."""
    found = [event for side in EXAMPLES.values() for told, event in side.items() if told.startswith(name)]
    return msgspec.json.encode(found[0])


START = frame("session.start", session={"model": "gpt-live-1", "instructions": "Be kind."})
SESSION = {
    "id": "live_u1_abc",
    "expires_at": 1795260000,
    "model": "gpt-live-1",
    "status": "active",
    "instructions": "Be kind.",
    "audio": {"output": {"voice": "marin"}},
    "delegation": {"type": "client"},
    "input": [],
}
STARTED = frame("session.started", event_id="event_1", session=SESSION)
SECOND_OF_AUDIO = "AAAA" * 16_000  # 48,000 bytes at 24 kHz


def said(audio: str = "AAAA") -> bytes:
    """As openai-python prints it."""
    return b'{"type": "session.input_audio.append", "audio": "' + audio.encode() + b'"}'


def spoken(audio: str = "AAAA") -> bytes:
    return b'{"type":"session.output_audio.delta","delta":"' + audio.encode() + b'"}'


def words(who: str, text: str, start_ms: int, end_ms: int) -> bytes:
    kind = "session.input_transcript.delta" if who == "user" else "session.output_transcript.delta"
    return frame(kind, event_id="event_w", delta=text, start_ms=start_ms, end_ms=end_ms)


def usage(seconds: float) -> bytes:
    return frame("session.usage.updated", event_id="event_u", usage={"seconds": seconds})


def closed(seconds: float, reason: str = "close_requested") -> bytes:
    return frame(
        "session.closed", event_id="event_c", reason=reason, usage={"seconds": seconds}, session=SESSION
    )
