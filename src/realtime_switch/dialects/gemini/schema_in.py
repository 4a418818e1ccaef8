"""A function's parameters: Gemini's Schema as JSON Schema (GEMINI-LIVE.md 6; TRANSLATION.md 6). Total."""

from collections.abc import Callable
from typing import Any

_Schema = dict[str, Any]

_TYPES = ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
_DEFS = "defs/"


def json_schema(schema: Any) -> _Schema:
    """Of a whole parameter list, which is an object."""
    written = _schema(schema) if isinstance(schema, dict) else {}
    return written if "type" in written or "anyOf" in written else {"type": "object", **written}


def _schema(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return {}
    written = {}
    for name, value in schema.items():
        if name in _MEMBERS and value is not None:
            renamed, write = _MEMBERS[name]
            written[renamed] = write(value)
    if "type" in written and not written["type"]:
        del written["type"]
    return _nullable(written) if schema.get("nullable") is True else written


def _nullable(schema: _Schema) -> _Schema:
    if "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    if "anyOf" in schema:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema


def _type(value: Any) -> str:
    if isinstance(value, str):
        return "" if value == _TYPES[0] else value.lower()
    return _TYPES[value].lower() if type(value) is int and 0 < value < len(_TYPES) else ""


def _count(value: Any) -> Any:
    """proto3 prints int64 as a string."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _named(value: Any) -> Any:
    return {name: _schema(one) for name, one in value.items()} if isinstance(value, dict) else {}


def _each(value: Any) -> Any:
    return [_schema(one) for one in value] if isinstance(value, list) else []


def _list(value: Any) -> Any:
    return value if isinstance(value, list) else []


def _ref(value: Any) -> Any:
    if not isinstance(value, str):
        return ""
    name = value.removeprefix("#/").removeprefix("$").removeprefix(_DEFS)
    return f"#/${_DEFS}{name}" if name else "#"


def _either(value: Any) -> Any:
    return _schema(value) if isinstance(value, dict) else value


def _as_it_is(value: Any) -> Any:
    return value


# propertyOrdering and example have no counterpart, and say nothing that a model must obey.
_MEMBERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "type": ("type", _type),
    "title": ("title", _as_it_is),
    "description": ("description", _as_it_is),
    "format": ("format", _as_it_is),
    "pattern": ("pattern", _as_it_is),
    "default": ("default", _as_it_is),
    "enum": ("enum", _list),
    "required": ("required", _list),
    "items": ("items", _schema),
    "properties": ("properties", _named),
    "anyOf": ("anyOf", _each),
    "additionalProperties": ("additionalProperties", _either),
    "defs": ("$defs", _named),
    "ref": ("$ref", _ref),
    "minimum": ("minimum", _as_it_is),
    "maximum": ("maximum", _as_it_is),
    "minItems": ("minItems", _count),
    "maxItems": ("maxItems", _count),
    "minLength": ("minLength", _count),
    "maxLength": ("maxLength", _count),
    "minProperties": ("minProperties", _count),
    "maxProperties": ("maxProperties", _count),
}
