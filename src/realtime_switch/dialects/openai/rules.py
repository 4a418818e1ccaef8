"""What a client may write where, and OpenAI's words for what it may not (OPENAI-REALTIME.md 10).

A rule is given a value and its path, and answers with the mistake in it or None. `null` is no mistake
anywhere: clients send it for what they leave alone (OPENAI-REALTIME.md 6.1).
"""

from collections.abc import Callable, Mapping
from typing import Any

from .requests import Mistake

Rule = Callable[[Any, str], Mistake | None]

ID_CHARS_MAX = 32


def members(known: Mapping[str, Rule], *, needed: tuple[str, ...] = ()) -> Rule:
    """An object of these members and no others: an unknown one might change what the call does."""

    def rule(value: Any, path: str) -> Mistake | None:
        if not isinstance(value, dict):
            return _wrong_type(value, path, "an object")
        for name in needed:
            if value.get(name) is None:
                return missing(f"{path}.{name}")
        for name, member in value.items():
            place = f"{path}.{name}"
            if name not in known:
                return Mistake("unknown_parameter", f"Unknown parameter: {quoted(place)}.", place[:200])
            if member is not None and (mistake := known[name](member, place)) is not None:
                return mistake
        return None

    return rule


def by_type(kinds: Mapping[str, Rule]) -> Rule:
    """An object whose `type` says which members it has."""

    def rule(value: Any, path: str) -> Mistake | None:
        if not isinstance(value, dict):
            return _wrong_type(value, path, "an object")
        kind = value.get("type")
        if kind is None:
            return missing(f"{path}.type")
        if not isinstance(kind, str) or kind not in kinds:
            return wrong_value(kind, f"{path}.type", kinds)
        return kinds[kind](value, path)

    return rule


def each(item: Rule, most: int = 1_000) -> Rule:
    def rule(value: Any, path: str) -> Mistake | None:
        if not isinstance(value, list):
            return _wrong_type(value, path, "an array")
        if len(value) > most:
            text = f"Invalid '{path}': array too long. Expected at most {most} elements."
            return Mistake("array_above_max_length", text, path)
        for place, member in enumerate(value):
            if (mistake := item(member, f"{path}[{place}]")) is not None:
                return mistake
        return None

    return rule


def either(*choices: tuple[type, Rule]) -> Rule:
    """Written in one of several kinds of JSON."""

    def rule(value: Any, path: str) -> Mistake | None:
        for kind, choice in choices:
            if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
                return choice(value, path)
        return choices[0][1](value, path)

    return rule


def one_of(*words: str) -> Rule:
    def rule(value: Any, path: str) -> Mistake | None:
        return None if isinstance(value, str) and value in words else wrong_value(value, path, words)

    return rule


def exactly(*values: Any) -> Rule:
    def rule(value: Any, path: str) -> Mistake | None:
        if any(value == choice for choice in values):
            return None
        return Mistake("invalid_value", f"Invalid value for {quoted(path)}.", path)

    return rule


def number(least: float, most: float, whole: bool = False) -> Rule:
    kind = "integer" if whole else "decimal"

    def rule(value: Any, path: str) -> Mistake | None:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            return _wrong_type(value, path, "an integer" if whole else "a decimal")
        if not value >= least:
            text = f"Invalid '{path}': {kind} below minimum value. Expected a value >= {least}."
            return Mistake(f"{kind}_below_min_value", text, path)
        if not value <= most:
            text = f"Invalid '{path}': {kind} above maximum value. Expected a value <= {most}."
            return Mistake(f"{kind}_above_max_value", text, path)
        return None

    return rule


def text(chars_max: int = 1 << 24) -> Rule:
    def rule(value: Any, path: str) -> Mistake | None:
        if not isinstance(value, str):
            return _wrong_type(value, path, "a string")
        if len(value) > chars_max:
            message = (
                f"Invalid '{path}': string too long. Expected a string with maximum length {chars_max}, "
                f"but got a string with length {len(value)} instead."
            )
            return Mistake("string_above_max_length", message, path)
        return None

    return rule


def flag(value: Any, path: str) -> Mistake | None:
    return None if isinstance(value, bool) else _wrong_type(value, path, "a boolean")


def a_map(value: Any, path: str) -> Mistake | None:
    return None if isinstance(value, dict) else _wrong_type(value, path, "an object")


def anything(value: Any, path: str) -> Mistake | None:
    return None


# -- Words -------------------------------------------------------------------------------------------------


def missing(path: str) -> Mistake:
    return Mistake("missing_required_parameter", f"Missing required parameter: {quoted(path)}.", path)


def wrong_value(value: Any, path: str, supported: Any) -> Mistake:
    names = [f"'{name}'" for name in supported]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    said = quoted(value) if isinstance(value, str) else _KINDS.get(type(value), "null")
    return Mistake("invalid_value", f"Invalid value: {said}. Supported values are: {listed}.", path)


def quoted(words: str) -> str:
    """What a client wrote goes back to it, but not at any length."""
    return f"'{words[:80]}'"


_KINDS = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
}


def _wrong_type(value: Any, path: str, expected: str) -> Mistake:
    got = _KINDS.get(type(value), "null")
    message = f"Invalid type for {quoted(path)}: expected {expected}, but got {got} instead."
    return Mistake("invalid_type", message, path[:200])
