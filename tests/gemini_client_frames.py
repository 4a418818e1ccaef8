"""Google's own types as judges of what a Gemini client is told, and pieces of such conversations."""

from typing import Any

import msgspec
from google.genai import types
from google.genai._live_converters import _LiveServerMessage_from_mldev

FRAME_BYTES_MAX = 1 << 20  # websockets' default in the Python SDK (GEMINI-LIVE.md 2)


def is_for_client(frame: bytes) -> bool:
    """Strictly, as the SDK reads it: raises and says what is wrong."""
    message = msgspec.json.decode(frame)
    assert len(frame) < FRAME_BYTES_MAX
    assert message
    assert "error" not in message
    read = _LiveServerMessage_from_mldev(message)
    assert set(read) == {_snake(name) for name in message}, "the SDK drops what it does not know"
    types.LiveServerMessage.model_validate(read)
    return True


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


def frame(**members: Any) -> bytes:
    return msgspec.json.encode(members)


def setup(**members: Any) -> bytes:
    return frame(setup={"model": "models/gpt-realtime", **members})
