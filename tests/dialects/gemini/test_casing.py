"""Names in either casing, durations as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.dialects.gemini.casing import (
    camel,
    camel_keys,
    duration,
    duration_ms,
)

# What is sent, and what it means.
SPELLINGS = [
    ({"client_content": {"turnComplete": True}}, {"clientContent": {"turnComplete": True}}),
    (
        {"realtime_input": {"audio": {"mime_type": "audio/pcm;rate=16000", "data": "a_b-"}}},
        {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=16000", "data": "a_b-"}}},
    ),
    (
        {"setup": {"generation_config": {"speech_config": {"voice_config": {"voice": 1}}}}},
        {"setup": {"generationConfig": {"speechConfig": {"voiceConfig": {"voice": 1}}}}},
    ),
    # What a tool is called with and what it answers is the application's own.
    (
        {"tool_response": {"function_responses": [{"id": "1", "response": {"user_id": {"a_b": 1}}}]}},
        {"toolResponse": {"functionResponses": [{"id": "1", "response": {"user_id": {"a_b": 1}}}]}},
    ),
    (
        {"toolCall": {"function_calls": [{"name": "find_tram", "args": {"stop_name": "Zoo"}}]}},
        {"toolCall": {"functionCalls": [{"name": "find_tram", "args": {"stop_name": "Zoo"}}]}},
    ),
    (
        {"parts": [{"function_response": {"response": {"a_b": 1}}}, {"function_call": {"args": {"c_d": 1}}}]},
        {"parts": [{"functionResponse": {"response": {"a_b": 1}}}, {"functionCall": {"args": {"c_d": 1}}}]},
    ),
    # In a declaration `response` is a Schema, and so is what its properties hold; their names are not.
    (
        {
            "function_declarations": [
                {
                    "response": {"any_of": [{"max_items": 1}]},
                    "parameters": {"properties": {"my_args": {"min_length": 1, "default": {"a_b": 1}}}},
                    "parameters_json_schema": {"$defs": {"a_b": {"any_of": []}}},
                }
            ]
        },
        {
            "functionDeclarations": [
                {
                    "response": {"anyOf": [{"maxItems": 1}]},
                    "parameters": {"properties": {"my_args": {"minLength": 1, "default": {"a_b": 1}}}},
                    "parametersJsonSchema": {"$defs": {"a_b": {"any_of": []}}},
                }
            ]
        },
    ),
    ({"setup": {"labels": {"cost_center": "x"}}}, {"setup": {"labels": {"cost_center": "x"}}}),
]


@pytest.mark.parametrize(("sent", "meant"), SPELLINGS)
def test_names_of_the_protocol_are_in_camel_case_and_nobody_elses_are(sent, meant):
    assert camel_keys(sent) == meant
    assert camel_keys(meant) == meant


def test_a_member_in_both_casings_is_told():
    twice: list[str] = []

    assert camel_keys({"setup": {"mime_type": 1, "mimeType": 2}}, twice) == {"setup": {"mimeType": 2}}
    assert twice == ["mimeType"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("a", "a"),
        ("turn_complete", "turnComplete"),
        ("turnComplete", "turnComplete"),
        ("top_k", "topK"),
        ("_setup", "_setup"),
        ("setup_", "setup_"),
        ("", ""),
        ("__", "__"),
    ],
)
def test_a_name(name, meant):
    assert camel(name) == meant


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("50s", 50_000),
        ("0.440s", 440),
        ("0.44s", 440),
        ("1.880500s", 1880),
        ("0s", 0),
        ("-1s", 0),
        ("1", 0),
        ("s", 0),
        ("1" * 50 + "s", 0),
        (None, 0),
        (5, 0),
    ],
)
def test_a_duration_is_read(text, ms):
    assert duration_ms(text) == ms


@given(st.integers(0, 10**9))
def test_a_duration_is_read_as_it_was_written(ms):
    assert duration_ms(duration(ms)) == ms


def test_durations_are_written_as_the_service_writes_them():
    assert [duration(ms) for ms in (440, 1880, 5000, 0, -1)] == ["0.440s", "1.880s", "5s", "0s", "0s"]
