"""What a client's JSON may look like, read as Google reads it: proto3's JSON (GEMINI-LIVE.md 2).

A Reader takes a value and its path and answers with the value as we want it: keys in camelCase whichever
casing they came in, null left out, numbers out of their strings, enums by name, base64 of either alphabet as
bytes. What does not fit raises Refused with the close that says so; its path is in the service's own
snake_case.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from realtime_switch.local.gemini import closes
from realtime_switch.local.orders import End

Json = dict[str, Any]
Reader = Callable[[Any, str], Any]

_URL_SAFE = str.maketrans("-_", "+/")


class Refused(Exception):
    """The call ends with this."""

    def __init__(self, end: End) -> None:
        super().__init__(end.reason)
        self.end = end


def invalid() -> Refused:
    return Refused(closes.INVALID_ARGUMENT)


def camel(name: str) -> str:
    return re.sub(r"_+([a-z0-9])", lambda found: found[1].upper(), name)


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda found: "_" + found[0].lower(), name)


def anything(value: Any, path: str) -> Any:
    """A free-form value: nothing in it is ours to name or to read."""
    return value


def text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong(value, path, "TYPE_STRING")
    return value


def boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(value, path, "TYPE_BOOL")
    return value


def whole(low: int = -(2**31), high: int = 2**31 - 1) -> Reader:
    def read(value: Any, path: str) -> int:
        number = _number(value, path, "TYPE_INT32")
        if number != int(number):
            raise _wrong(value, path, "TYPE_INT32")
        if not low <= number <= high:
            raise invalid()
        return int(number)

    return read


def number(low: float = -1e308, high: float = 1e308) -> Reader:
    def read(value: Any, path: str) -> float:
        found = _number(value, path, "TYPE_FLOAT")
        if not low <= found <= high:
            raise invalid()
        return found

    return read


def choice(kind: str, *names: str) -> Reader:
    """An enum: its first name is its zero, which means that nothing was chosen."""

    def read(value: Any, path: str) -> str:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(names):
            return names[value]
        if value not in names:
            raise _wrong(value, path, f"type.googleapis.com/google.ai.generativelanguage.{kind}")
        return str(value)

    return read


def data(value: Any, path: str) -> bytes:
    if not isinstance(value, str):
        raise _wrong(value, path, "TYPE_BYTES")
    # The Python SDK sends the URL-safe alphabet, and padding is nobody's duty.
    standard = value.translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(closes.invalid_value(path, "TYPE_BYTES", "Base64 decoding failed")) from None


def list_of(element: Reader) -> Reader:
    def read(value: Any, path: str) -> list[Any]:
        # proto3's JSON takes one value for a list of one.
        values = value if isinstance(value, list) else [value]
        return [element(one, f"{path}[{index}]") for index, one in enumerate(values)]

    return read


def map_of(element: Reader) -> Reader:
    """An object whose keys are the client's own."""

    def read(value: Any, path: str) -> Json:
        if not isinstance(value, dict):
            raise _wrong(value, path, "MESSAGE")
        return {key: element(one, f"{path}.{key}") for key, one in value.items()}

    return read


def message(fields: Mapping[str, Reader]) -> Reader:
    def read(value: Any, path: str) -> Json:
        if not isinstance(value, dict):
            raise _wrong(value, path, "MESSAGE")
        found: Json = {}
        for name, one in value.items():
            reader = fields.get(camel(name))
            if reader is None:
                raise Refused(closes.unknown_name(name, path))
            if one is not None:
                inner = snake(camel(name))
                found[camel(name)] = reader(one, f"{path}.{inner}" if path else inner)
        return found

    return read


def later(reader: Callable[[], Reader]) -> Reader:
    """A message that may hold itself."""

    def read(value: Any, path: str) -> Any:
        return reader()(value, path)

    return read


def closed(end: End) -> Reader:
    """A field that is known and may not be used here."""

    def read(value: Any, path: str) -> Any:
        raise Refused(end)

    return read


def _number(value: Any, path: str, kind: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(value, path, kind)
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise _wrong(value, path, kind) from None
    if not abs(found) < float("inf"):
        raise _wrong(value, path, kind)
    return found


def _wrong(value: Any, path: str, kind: str) -> Refused:
    shown = msgspec.json.encode(value if isinstance(value, str | int | float | bool) else str(type(value)))
    return Refused(closes.invalid_value(path, kind, shown.decode()))
