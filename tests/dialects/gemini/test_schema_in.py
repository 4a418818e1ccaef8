import pytest

from realtime_switch.dialects.gemini.schema_in import json_schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "OBJECT"}, {"type": "object"}),
        (
            {"type": 6, "properties": {"n": {"type": 3}}},
            {"type": "object", "properties": {"n": {"type": "integer"}}},
        ),
        ({}, {"type": "object"}),
        ("no schema", {"type": "object"}),
        ({"properties": {"x": {"type": "TYPE_UNSPECIFIED"}}}, {"type": "object", "properties": {"x": {}}}),
        (
            {"type": "STRING", "enum": ["a"], "nullable": True},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}], "nullable": True},
            {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]},
        ),
        (
            {"type": "ARRAY", "items": {"type": "STRING"}, "minItems": "1", "maxItems": 3, "example": ["x"]},
            {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
        ),
        (
            # A property may be called what it likes.
            {
                "type": "OBJECT",
                "properties": {"type": {"type": "STRING"}, "my_key": {"format": "date-time"}},
                "required": ["type"],
                "propertyOrdering": ["my_key", "type"],
            },
            {
                "type": "object",
                "properties": {"type": {"type": "string"}, "my_key": {"format": "date-time"}},
                "required": ["type"],
            },
        ),
        (
            {"type": "OBJECT", "defs": {"A": {"type": "STRING"}}, "properties": {"a": {"ref": "#/defs/A"}}},
            {
                "type": "object",
                "$defs": {"A": {"type": "string"}},
                "properties": {"a": {"$ref": "#/$defs/A"}},
            },
        ),
        (
            {"type": "OBJECT", "additionalProperties": False},
            {"type": "object", "additionalProperties": False},
        ),
        (
            {"type": None, "items": 5, "properties": [], "anyOf": {}},
            {"items": {}, "properties": {}, "anyOf": []},
        ),
    ],
)
def test_a_schema_becomes_json_schema(schema, expected):
    assert json_schema(schema) == expected
