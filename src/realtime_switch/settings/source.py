"""Tables of plain values into checked Structs, and where each value came from, so that an error can point.

A complaint names the place, the setting and what it must be. It never repeats
the value: a key pasted in the wrong place must not end up in a log.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct, inspect

from ..accounts.errors import ConfigurationError, ErrorCode
from ..secret import Secret

S = TypeVar("S", bound=Struct)
SettingPath = tuple[str, ...]

_HEADER = re.compile(r"""\s*(?P<open>\[\[?)(?P<name>(?:"[^"]*"|'[^']*'|[^\]"'])+)\]""")
_NAME = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^."'\s]+))\s*(?:\.|$)""")
_KEY = re.compile(r"""\s*(?P<name>(?:"[^"]*"|'[^']*'|[A-Za-z0-9_\-. ])+?)\s*=""")


class Sources:
    """Says where a setting was set: a line of the file, an environment variable, a flag."""

    def __init__(self, file: Path | None, text: str) -> None:
        self._file = file
        self._text = text
        self._named: dict[SettingPath, str] = {}

    def name(self, path: SettingPath, source: str) -> None:
        self._named[path] = source

    def is_named(self, path: SettingPath) -> bool:
        return path in self._named

    def complaint(self, path: SettingPath, what: str) -> ConfigurationError:
        if path in self._named:
            where = self._named[path]
        else:
            line = line_of(self._text, path)
            where = f"{self._file}{f', line {line}' if line else ''}: {'.'.join(path)}"
        return ConfigurationError(ErrorCode.INTERNAL_CONFIG_INVALID, f"{where} {what}")


def line_of(text: str, path: SettingPath) -> int | None:
    """The line of a setting, or of the innermost table around it that can be found."""
    table: SettingPath = ()
    found, depth = None, 0
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _split(header["name"])
            if header["open"] == "[[":  # entries of a list go by their number
                seen[header["name"]] = seen.get(header["name"], -1) + 1
                table = (*table, str(seen[header["name"]]))
            here = table
        elif key := _KEY.match(line):
            here = (*table, *_split(key["name"]))
        else:
            continue
        if len(here) > depth and path[: len(here)] == here:
            found, depth = number, len(here)
    return found


def _split(dotted: str) -> SettingPath:
    """A name in quotes may hold dots."""
    return tuple("".join(match.groups("")) for match in _NAME.finditer(dotted))


def nearest(name: str, known: Iterable[str]) -> str:
    """How to go on after an unknown name: the one that was probably meant, or all there are."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known) or 'none'}."


def build(kind: type[S], table: object, path: SettingPath, sources: Sources, **given: Any) -> S:
    """A Struct of a table of the file. `given` are members that the table may not set."""
    if not isinstance(table, Mapping):
        raise sources.complaint(path, "must be a table.")
    fields = {field.name: field for field in msgspec.structs.fields(kind) if field.name not in given}
    values = dict(given)
    for name, value in table.items():
        if name not in fields:
            raise sources.complaint((*path, name), f"is not a setting. {nearest(name, fields)}")
        values[name] = convert(fields[name].type, value, (*path, name), sources)
    for name, field in fields.items():
        if field.required and name not in values:
            raise sources.complaint(path, f"needs {name}.")
    return kind(**values)


def convert(kind: Any, value: object, path: SettingPath, sources: Sources) -> Any:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return build(kind, value, path, sources)
    if (inner := _struct_of(kind)) is not None:
        if not isinstance(value, Mapping):
            raise sources.complaint(path, "must be a table.")
        return {name: build(inner, one, (*path, name), sources) for name, one in value.items()}
    try:
        # What comes from the environment or a flag is text, and may stand for a number.
        return msgspec.convert(value, kind, strict=not sources.is_named(path), dec_hook=_secret)
    except msgspec.ValidationError:
        raise sources.complaint(path, f"must be {_describe(inspect.type_info(kind))}.") from None


def _struct_of(kind: Any) -> type[Struct] | None:
    """What is in a table of tables: dict[str, Struct]."""
    inner = get_args(kind)[-1] if get_origin(kind) is dict else None
    return inner if isinstance(inner, type) and issubclass(inner, Struct) else None


def _secret(kind: type, value: object) -> Secret:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise msgspec.ValidationError("not text")


def _describe(kind: inspect.Type) -> str:
    match kind:
        case inspect.IntType(ge=low, le=high):
            bounds = [f"{word} {bound}" for word, bound in (("from", low), ("to", high)) if bound is not None]
            return " ".join(["a whole number", *bounds])
        case inspect.BoolType():
            return "true or false"
        case inspect.StrType(pattern=str()):
            return 'a decimal number in quotes, like "0.25"'
        case inspect.LiteralType(values=values):
            return f"one of: {', '.join(map(str, values))}"
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return f"a list, each {_describe(item)}"
        case inspect.DictType(value_type=value):
            return f"a table, each value {_describe(value)}"
        case inspect.UnionType(types=types):
            told = [_describe(t) for t in types if not isinstance(t, inspect.NoneType)]
            return " or ".join(dict.fromkeys(told))
    return "text"
