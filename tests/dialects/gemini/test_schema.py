"""JSON Schema as Gemini's Schema: tables of both; and Google's own type takes whatever comes of anything."""

import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_switch.dialects.gemini import frames
from realtime_switch.dialects.gemini.schema import declaration, gemini_schema, good_name
from realtime_switch.dialects.profile import Profile
from realtime_switch.dialects.wishes import Tool

NESTED = {"$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}}}

SCHEMAS = {
    "types are in upper case, and a property called type is data": (
        {"type": "object", "properties": {"type": {"const": "night"}, "n": {"type": "integer"}}},
        {
            "type": "OBJECT",
            "properties": {"type": {"type": "STRING", "enum": ["night"]}, "n": {"type": "INTEGER"}},
        },
    ),
    "null among types is nullable": ({"type": ["integer", "null"]}, {"type": "INTEGER", "nullable": True}),
    "several types are any of them": (
        {"type": ["string", "integer"], "description": "x"},
        {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}], "description": "x"},
    ),
    "null among choices is nullable": (
        {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}], "title": "t"},
        {"type": "STRING", "maxLength": 3, "title": "t", "nullable": True},
    ),
    "one of is any of": (
        {"oneOf": [{"type": "string"}, {"type": "number"}]},
        {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]},
    ),
    "all of is merged": (
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"properties": {"b": {"type": "boolean"}}, "required": ["b"]},
            ]
        },
        {
            "type": "OBJECT",
            "properties": {"b": {"type": "BOOLEAN"}, "a": {"type": "STRING"}},
            "required": ["a", "b"],
        },
    ),
    "a reference is put in its place, with what stands beside it": (
        {
            "type": "object",
            "properties": {"at": {"$ref": "#/$defs/Stop", "description": "where"}},
            "$defs": {"Stop": {"type": "string", "enum": ["Zoo"]}},
        },
        {
            "type": "OBJECT",
            "properties": {"at": {"type": "STRING", "description": "where", "enum": ["Zoo"]}},
        },
    ),
    "a reference that goes round ends as a bare object": (
        {"$ref": "#/$defs/Node", **NESTED},
        {"type": "OBJECT", "properties": {"next": {"type": "OBJECT"}}},
    ),
    "a reference that leads nowhere is a bare object": ({"$ref": "https://x/y"}, {"type": "OBJECT"}),
    "values that are no strings are described": (
        {"enum": [1, 2, 3], "description": "How many."},
        {"type": "INTEGER", "description": "How many. One of: 1, 2, 3."},
    ),
    "null among values is nullable": (
        {"type": "string", "enum": ["a", None]},
        {"type": "STRING", "enum": ["a"], "nullable": True},
    ),
    "exclusive bounds": (
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
        {"type": "INTEGER", "minimum": 1, "maximum": 9},
    ),
    "exclusive bounds of numbers": (
        {"type": "number", "exclusiveMinimum": 0.5, "maximum": 2},
        {"type": "NUMBER", "minimum": 0.5, "maximum": 2},
    ),
    "an array says of what": ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
    "a tuple is an array of its first": (
        {"type": "array", "items": [{"type": "number"}], "minItems": 1},
        {"type": "ARRAY", "items": {"type": "NUMBER"}, "minItems": 1},
    ),
    "a format that is known": (
        {"type": "string", "format": "date-time"},
        {"type": "STRING", "format": "date-time"},
    ),
    "a format that is not": ({"type": "string", "format": "uri"}, {"type": "STRING"}),
    "what only JSON Schema has is left out": (
        {
            "$schema": "x",
            "$id": "y",
            "type": "object",
            "additionalProperties": False,
            "patternProperties": {},
            "unevaluatedProperties": False,
            "if": {},
            "then": {},
            "not": {},
            "strict": True,
            "properties": {"a": {"type": "string", "pattern": "x", "default": "x"}},
            "required": ["a", "gone"],
        },
        {
            "type": "OBJECT",
            "properties": {"a": {"type": "STRING", "pattern": "x", "default": "x"}},
            "required": ["a"],
        },
    ),
    "no type is guessed": (
        {"properties": {"a": {"items": {}}, "b": True}},
        {
            "type": "OBJECT",
            "properties": {"a": {"type": "ARRAY", "items": {"type": "STRING"}}, "b": {"type": "STRING"}},
        },
    ),
    "members of the wrong kind count as absent": (
        {"type": "string", "description": 5, "maxLength": "x", "minLength": True, "enum": "a", "title": None},
        {"type": "STRING"},
    ),
}


@pytest.mark.parametrize(("given", "told"), SCHEMAS.values(), ids=SCHEMAS.keys())
def test_a_schema(given, told):
    assert gemini_schema(given) == told
    types.Schema.model_validate(told)


FIND_TRAM = Tool(name="find_tram", parameters={"type": "object", "properties": {"stop": {"type": "string"}}})
DECLARED = {"type": "OBJECT", "properties": {"stop": {"type": "STRING"}}}


@pytest.mark.parametrize(
    ("tool", "profile", "told"),
    [
        (
            FIND_TRAM,
            Profile(),
            {"name": "find_tram", "description": "", "behavior": "BLOCKING", "parameters": DECLARED},
        ),
        (FIND_TRAM, Profile(tools=""), {"name": "find_tram", "description": "", "parameters": DECLARED}),
        (
            Tool(name="f", description="x", waits="non_blocking"),
            Profile(),
            {"name": "f", "description": "x", "behavior": "NON_BLOCKING"},
        ),
        (Tool(name="f", parameters={"type": "object"}), Profile(tools=""), {"name": "f", "description": ""}),
        (
            FIND_TRAM,
            Profile(tools="", json_schema=True),
            {"name": "find_tram", "description": "", "parametersJsonSchema": FIND_TRAM.parameters},
        ),
    ],
)
def test_a_tool(tool, profile, told):
    assert declaration(tool, profile) == told
    types.FunctionDeclaration.model_validate(told)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("find_tram", True),
        ("a.b:c-d", True),
        ("_", True),
        ("1a", False),
        ("é", False),
        ("", False),
        ("a" * 129, False),
        ("a b", False),
    ],
)
def test_a_name(name, good):
    assert good_name(name) is good


names = st.sampled_from(
    [
        *("type", "properties", "items", "anyOf", "oneOf", "allOf", "enum", "const", "$ref", "$defs"),
        *("required", "format", "description", "minimum", "exclusiveMinimum", "maxLength", "nullable"),
        *("default", "a"),
    ]
)
scalars = st.sampled_from(
    [None, True, 0, 1.5, -1, 2**70, float("inf"), "object", "string", "null", "#/$defs/a", "#", "#/a", "x"]
) | st.text(max_size=3)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300)
@given(st.dictionaries(names, anything, max_size=5))
def test_of_anything_comes_a_schema_that_google_takes(given):
    told = gemini_schema(given)

    types.Schema.model_validate(told)
    assert frames.write(told)


def test_a_schema_that_doubles_with_each_level_is_bounded():
    defs = {
        f"d{n}": {"properties": {"a": {"$ref": f"#/$defs/d{n + 1}"}, "b": {"$ref": f"#/$defs/d{n + 1}"}}}
        for n in range(40)
    }

    assert len(frames.write(gemini_schema({"$ref": "#/$defs/d0", "$defs": defs}))) < 200_000
