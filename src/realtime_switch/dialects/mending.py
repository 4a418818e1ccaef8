"""JSON that others accept and msgspec 0.22 does not: halves of surrogate pairs, and bytes that are no UTF-8.

JSON allows an escaped half of a pair (RFC 8259 8.2) and JavaScript sends them,
when a text is cut in the middle of an emoji. A bill must not be lost for that.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

Read = TypeVar("Read")

# What msgspec raises for what it cannot read: the second for bytes that are no UTF-8, the third where
# brackets nest too deep.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_HALVES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)
_ESCAPED_BACKSLASH = b"\\\\"
_STAND_IN = b"\0"  # never in valid JSON


def read_mended(payload: bytes, read: Callable[[bytes], Read]) -> Read:
    """Read; where that fails, mend and read again. Raises one of UNREADABLE when it is no use."""
    try:
        return read(payload)
    except UNREADABLE:
        return read(mend(payload))


def read_any(payload: bytes) -> Any:
    return read_mended(payload, msgspec.json.decode)


def write_any(value: Any) -> bytes:
    """The other way round: Python has texts that are no UTF-8 (PEP 383)."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return msgspec.json.encode(_writable(value))


def _writable(value: Any) -> Any:
    if isinstance(value, dict):
        return {_writable(name): _writable(held) for name, held in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(held) for held in value]
    return encodable(value) if isinstance(value, str) else value


def encodable(text: str) -> str:
    """Halves of surrogate pairs have no UTF-8: two that meet become their character, one alone U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mend(payload: bytes) -> bytes:
    """The same JSON with U+FFFD in place of what msgspec would refuse.

    Escaped backslashes are put out of the way first, so that every backslash left begins an escape; and all
    of it runs over the bytes as a whole, because a client may send 16 MiB of backslashes.
    """
    text = payload.decode("utf-8", "replace").encode()
    if _STAND_IN in text:
        return text
    marked = text.replace(_ESCAPED_BACKSLASH, _STAND_IN)
    return _HALVES.sub(rb"\\ufffd", marked).replace(_STAND_IN, _ESCAPED_BACKSLASH)
