"""What a client's JSON may look like: small checks that compose, and refuse in OpenAI's words (OPENAI-
REALTIME.md 10).

A check takes a value and the dotted path it was found at and raises Refused; it changes nothing. A path is
what OpenAI puts into `error.param`.
"""

from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any, str], None]


class Refused(Exception):
    """The client's mistake, as the error event will say it. Caught in one place: Conversation.receive."""

    def __init__(self, code: str | None, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


def supported(value: object, values: tuple[str, ...], path: str) -> Refused:
    quoted = [f"'{one}'" for one in values]
    listed = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])}, and {quoted[-1]}"
    return Refused("invalid_value", f"Invalid value: '{value}'. Supported values are: {listed}.", path)


def missing(path: str) -> Refused:
    return Refused("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def wrong_type(expected: str, value: object, path: str) -> Refused:
    message = f"Invalid type for '{path}': expected {expected}, but got {_kind(value)} instead."
    return Refused("invalid_type", message, path)


def anything(value: Any, path: str) -> None:
    pass


def text(length_max: int | None = None) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, str):
            raise wrong_type("a string", value, path)
        if length_max is not None and len(value) > length_max:
            raise Refused(
                "string_above_max_length",
                f"Invalid '{path}': string too long. Expected a string with maximum length {length_max}, "
                f"but got a string with length {len(value)} instead.",
                path,
            )

    return check


def boolean(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise wrong_type("a boolean", value, path)


def number(low: float, high: float, *, whole: bool = False) -> Check:
    kinds, expected = ((int,), "an integer") if whole else ((int, float), "a number")

    def check(value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise wrong_type(expected, value, path)
        if not low <= value <= high:
            message = f"Invalid '{path}': expected a value between {low} and {high}, but got {value} instead."
            raise Refused("invalid_value", message, path)

    return check


def choice(*values: str) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, str):
            raise wrong_type(f"one of {', '.join(repr(one) for one in values)}", value, path)
        if value not in values:
            raise supported(value, values, path)

    return check


def list_of(element: Check, length_min: int = 0) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise wrong_type("an array", value, path)
        if len(value) < length_min:
            raise Refused(
                "invalid_value", f"Invalid '{path}': expected at least {length_min} elements.", path
            )
        for index, one in enumerate(value):
            element(one, f"{path}[{index}]")

    return check


def map_of(element: Check, *, pairs_max: int | None = None, key_length_max: int | None = None) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type("an object", value, path)
        if pairs_max is not None and len(value) > pairs_max:
            raise Refused(
                "invalid_value", f"Invalid '{path}': too many properties, at most {pairs_max}.", path
            )
        for key, one in value.items():
            text(key_length_max)(key, path)
            element(one, f"{path}.{key}")

    return check


def record(fields: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type("an object", value, path)
        prefix = f"{path}." if path else ""
        for name in required:
            if name not in value:
                raise missing(prefix + name)
        for name, one in value.items():
            if name not in fields:
                raise Refused("unknown_parameter", f"Unknown parameter: '{prefix}{name}'.", prefix + name)
            fields[name](one, prefix + name)

    return check


def by_type(shapes: Mapping[str, Check], field: str = "type") -> Check:
    """An object whose `type` says which shape it has."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong_type("an object", value, path)
        if field not in value:
            raise missing(f"{path}.{field}")
        choice(*shapes)(value[field], f"{path}.{field}")
        shapes[value[field]](value, path)

    return check


def nullable(inner: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if value is not None:
            inner(value, path)

    return check


def either(is_first: Callable[[Any], bool], first: Check, second: Check) -> Check:
    def check(value: Any, path: str) -> None:
        (first if is_first(value) else second)(value, path)

    return check


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_list(value: Any) -> bool:
    return isinstance(value, list)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
