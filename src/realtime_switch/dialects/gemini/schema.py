"""Tools as Gemini is told them: JSON Schema as its own Schema (GEMINI-LIVE.md 6, TRANSLATION.md 6).

Its Schema is a part of OpenAPI's. What it cannot say is left out or described in words, so that a tool can be
offered at all; which arguments the model sends is checked by the tool in any case. Only places where a schema
stands are walked: a property that happens to be called `type` is data.
"""

import re
from typing import Any

from msgspec import Struct

from ..members import list_of, object_of, text_of
from ..profile import Profile
from ..wishes import Tool
from .frames import compact

_NAME = re.compile(r"[A-Za-z_][\w.:-]{0,127}", re.ASCII)
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_FORMATS = frozenset({"date-time", "enum", "int32", "int64", "float", "double"})
_COUNTS = ("minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength")
# References may double with each level. The largest real schemas have some hundred places.
_PLACES_MAX = 2_000
_DEPTH_MAX = 32


def good_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def declaration(tool: Tool, profile: Profile) -> dict[str, Any]:
    told: dict[str, Any] = {"name": tool.name, "description": tool.description}
    if behavior := tool.waits.upper() or profile.tools:
        told["behavior"] = behavior
    if profile.json_schema:
        if tool.parameters:
            told["parametersJsonSchema"] = tool.parameters
    elif (parameters := gemini_schema(tool.parameters or {})).get("properties"):
        told["parameters"] = parameters  # of an object without properties nothing is said
    return told


def gemini_schema(schema: dict[str, Any]) -> dict[str, Any]:
    return _Walk(schema).schema(schema, ())


class _Walk(Struct):
    root: dict[str, Any]
    places: int = 0

    def schema(self, given: Any, within: tuple[str, ...]) -> dict[str, Any]:
        """`within`: the references that led here, to end where they go round."""
        self.places += 1
        if self.places > _PLACES_MAX or len(within) > _DEPTH_MAX:
            return {"type": "OBJECT"}
        given, within = self._resolved(object_of(given), within)
        if given is None:
            return {"type": "OBJECT"}
        given = self._merged(given, within)
        told: dict[str, Any] = {}
        types, nullable = _types(given)
        choices = [object_of(one) for name in ("anyOf", "oneOf") for one in list_of(given.get(name))]
        some = [one for one in choices if one.get("type") != "null" and one != {"const": None}]
        nullable = nullable or len(some) < len(choices)
        for name in ("title", "description", "pattern"):
            if isinstance(given.get(name), str):
                told[name] = given[name]
        if len(some) == 1 and not types:
            told = {**self.schema(some[0], (*within, "")), **told}
        elif some and not types:
            told["anyOf"] = [self.schema(one, (*within, "")) for one in some]
        elif len(types) > 1:
            told["anyOf"] = [self._of_type(kind, given, within) for kind in types]
        else:
            told |= self._of_type(types[0] if types else _guessed(given), given, within)
        _tell_values(told, given)
        if nullable:
            told["nullable"] = True
        if "default" in given:
            told["default"] = given["default"]
        return told

    def _of_type(self, kind: str, given: dict[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
        told: dict[str, Any] = {"type": kind.upper()}
        if text_of(given.get("format")) in _FORMATS:
            told["format"] = given["format"]
        for name in _COUNTS:
            if _is_number(given.get(name)) and given[name] >= 0 and given[name] < 2**31:
                told[name] = int(given[name])
        if kind in ("number", "integer"):
            told |= _bounds(kind, given)
        if kind == "array":
            items = given.get("items", {})
            items = items[0] if isinstance(items, list) and items else items
            told["items"] = self.schema(items, (*within, ""))
        if kind == "object" and (properties := object_of(given.get("properties"))):
            told["properties"] = {name: self.schema(one, (*within, "")) for name, one in properties.items()}
            required = [
                name for name in map(text_of, list_of(given.get("required"))) if name in told["properties"]
            ]
            if required:
                told["required"] = required
        return told

    def _resolved(
        self, given: dict[str, Any], within: tuple[str, ...]
    ) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        """With what a `$ref` leads to in its place; None where it leads nowhere, or round."""
        while isinstance(reference := given.get("$ref"), str):
            if reference in within or len(within) > _DEPTH_MAX:
                return None, within
            within = (*within, reference)
            found: Any = self.root
            for name in reference.removeprefix("#").split("/")[1:]:
                found = object_of(found).get(name.replace("~1", "/").replace("~0", "~"))
            if not isinstance(found, dict) or not reference.startswith("#"):
                return None, within
            given = {**found, **{name: one for name, one in given.items() if name != "$ref"}}
        return given, within

    def _merged(self, given: dict[str, Any], within: tuple[str, ...]) -> dict[str, Any]:
        """All of `allOf` as one: the members of each, and the properties of all."""
        merged = {name: one for name, one in given.items() if name != "allOf"}
        for one in list_of(given.get("allOf")):
            self.places += 1
            if self.places > _PLACES_MAX or len(within) > _DEPTH_MAX:
                break
            part, inside = self._resolved(object_of(one), (*within, ""))
            part = self._merged(part, inside) if part is not None else {}
            properties = {**object_of(part.get("properties")), **object_of(merged.get("properties"))}
            required = [*list_of(merged.get("required")), *list_of(part.get("required"))]
            merged = {**part, **merged}
            if properties:
                merged["properties"] = properties
            if required:
                merged["required"] = required
        return merged


def _types(given: dict[str, Any]) -> tuple[list[str], bool]:
    kind = given.get("type")
    named = [text_of(one).lower() for one in (kind if isinstance(kind, list) else [kind])]
    known = [one for one in dict.fromkeys(named) if one in _TYPES]
    some = [one for one in known if one != "null"]
    if known and not some:
        return ["null"], False
    return some, "null" in known or given.get("nullable") is True


def _guessed(given: dict[str, Any]) -> str:
    """Of a schema that names no type."""
    if "properties" in given:
        return "object"
    if "items" in given:
        return "array"
    values = _values(given)
    for kinds, name in (((bool,), "boolean"), ((int,), "integer"), ((int, float), "number")):
        if values and all(isinstance(one, kinds) for one in values):
            return name
    return "string"


def _values(given: dict[str, Any]) -> list[Any]:
    values = [given["const"]] if "const" in given else list_of(given.get("enum"))
    return [one for one in values if one is not None]


def _tell_values(told: dict[str, Any], given: dict[str, Any]) -> None:
    """Only strings can be listed; other values are described, so that they keep their type."""
    values = _values(given)
    if None in list_of(given.get("enum")):
        told["nullable"] = True
    if not values or "anyOf" in told:
        return
    if told.get("type") == "STRING" and all(isinstance(one, str) for one in values):
        told["enum"] = list(values)
    else:
        listed = ", ".join(compact(one) for one in values[:50])
        told["description"] = f"{told.get('description', '')} One of: {listed}.".strip()


def _bounds(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for bound, exclusive, step in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
        if _is_number(given.get(bound)):
            told[bound] = given[bound]
        elif _is_number(given.get(exclusive)):
            told[bound] = given[exclusive] + (step if kind == "integer" else 0)
    return told


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
