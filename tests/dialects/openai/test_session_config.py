"""`session.update` and `Config`, field by field (OPENAI-REALTIME.md 4; TRANSLATION.md 3)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.dialects import openai
from realtime_switch.dialects.mending import write_any
from realtime_switch.dialects.openai.session_config import config_of, merged, session_of
from realtime_switch.dialects.openai.session_rules import mistake_in
from realtime_switch.dialects.sound import AudioFormat
from realtime_switch.dialects.wishes import Config, Extra, Tool, Transcription, Turns

FUNCTION = {
    "type": "function",
    "name": "seat",
    "description": "Find a seat.",
    "parameters": {"type": "object"},
}


def came(**members):
    return {"audio": {"input": members}}


def went(**members):
    return {"audio": {"output": members}}


FIELDS = [
    ({}, Config()),
    ({"instructions": "Be kind."}, Config(instructions="Be kind.")),
    ({"output_modalities": ["text"]}, Config(text_only=True)),
    (
        {"tools": [FUNCTION]},
        Config(tools=(Tool(name="seat", description="Find a seat.", parameters={"type": "object"}),)),
    ),
    ({"tool_choice": "required"}, Config(tool_choice="required")),
    ({"tool_choice": {"type": "function", "name": "seat"}}, Config(tool_choice="seat")),
    ({"parallel_tool_calls": False}, Config(parallel_tools=False)),
    ({"max_output_tokens": 900}, Config(max_output_tokens=900)),
    ({"temperature": 0.7}, Config(temperature=0.7)),
    ({"reasoning": {"effort": "low"}}, Config(thinking="low")),
    ({"truncation": "auto"}, Config(context="slide")),
    ({"truncation": "disabled"}, Config(context="off")),
    (
        {"truncation": {"type": "retention_ratio", "retention_ratio": 0.8}},
        Config(context="slide", context_kept=0.8),
    ),
    (came(format={"type": "audio/pcmu"}), Config(input=AudioFormat("pcmu", 8_000))),
    (came(turn_detection=None), Config(manual_turns=True)),
    (
        came(
            turn_detection={
                "type": "server_vad",
                "threshold": 0.6,
                "silence_duration_ms": 500,
                "prefix_padding_ms": 200,
                "idle_timeout_ms": 6000,
                "create_response": False,
                "interrupt_response": False,
            }
        ),
        Config(
            turns=Turns(
                threshold=0.6, silence_ms=500, padding_ms=200, idle_ms=6000, replies=False, interrupts=False
            )
        ),
    ),
    (
        came(
            turn_detection={
                "type": "semantic_vad",
                "eagerness": "high",
                "create_response": True,
                "interrupt_response": True,
            }
        ),
        Config(turns=Turns(eagerness="high")),
    ),
    (
        came(
            transcription={"model": "whisper-1", "language": "de", "keywords": ["Oslo"], "prompt": "Trams."}
        ),
        Config(
            transcription=Transcription(
                model="whisper-1", languages=("de",), vocabulary=("Oslo",), prompt="Trams."
            )
        ),
    ),
    (
        came(transcription={"languages": ["de", "no"]}),
        Config(transcription=Transcription(languages=("de", "no"))),
    ),
    (went(voice="cedar"), Config(voice="cedar")),
    (went(format={"type": "audio/pcma"}), Config(output=AudioFormat("pcma", 8_000))),
]


@pytest.mark.parametrize(("session", "config"), FIELDS)
def test_a_field_is_read_and_written(session, config):
    assert mistake_in({"type": "realtime", **session}) is None
    assert config_of(session) == config
    assert session_of(config) == {"type": "realtime", **session}
    assert openai.read_config(openai.write_config(config)) == config


READ_ONLY = [
    ({"max_output_tokens": "inf"}, Config()),
    ({"tool_choice": "auto", "tools": [], "parallel_tool_calls": True, "instructions": ""}, Config()),
    (
        {"tools": [{"type": "function", "name": "seat", "parameters": None}]},
        Config(tools=(Tool(name="seat"),)),
    ),
    (came(turn_detection={"type": "server_vad"}), Config()),
    (came(turn_detection={"type": "semantic_vad"}), Config(turns=Turns(eagerness="auto"))),
    (came(transcription=None, noise_reduction=None), Config()),
    (came(format={"type": "audio/pcm", "rate": 24000}), Config()),
    (went(speed=1.0, format={"type": "audio/pcm"}), Config()),
    ({"tracing": None, "prompt": None, "include": None}, Config()),
    # What no other dialect has:
    (went(speed=1.1), Config(extras=(Extra("session.audio.output.speed"),))),
    (went(voice={"id": "voice_1"}), Config(extras=(Extra("session.audio.output.voice"),))),
    (
        {
            "tools": [FUNCTION, {"type": "mcp", "server_label": "x"}],
            "tool_choice": {"type": "mcp", "server_label": "x"},
        },
        Config(
            tools=(Tool(name="seat", description="Find a seat.", parameters={"type": "object"}),),
            extras=(Extra("session.tools[1]"), Extra("session.tool_choice")),
        ),
    ),
    ({"prompt": {"id": "p"}}, Config(extras=(Extra("session.prompt"),))),
    (
        came(noise_reduction={"type": "near_field"}),
        Config(extras=(Extra("session.audio.input.noise_reduction", True),)),
    ),
    (
        came(transcription={"delay": "low"}),
        Config(
            transcription=Transcription(), extras=(Extra("session.audio.input.transcription.delay", True),)
        ),
    ),
    ({"tracing": "auto"}, Config(extras=(Extra("session.tracing", True),))),
    (
        {"include": ["item.input_audio_transcription.logprobs"]},
        Config(extras=(Extra("session.include", True),)),
    ),
    (
        {
            "truncation": {
                "type": "retention_ratio",
                "retention_ratio": 1,
                "token_limits": {"post_instructions": 9},
            }
        },
        Config(context="slide", context_kept=1, extras=(Extra("session.truncation.token_limits", True),)),
    ),
]


@pytest.mark.parametrize(("session", "config"), READ_ONLY)
def test_what_is_written_otherwise_or_not_at_all(session, config):
    assert mistake_in({"type": "realtime", **session}) is None
    assert config_of(session) == config


def test_at_what_length_a_conversation_is_shortened_is_kept_in_openais_words():
    kept = openai.write_config(Config(context="slide", context_tokens=8_000))
    limits = {"token_limits": {"post_instructions": 8_000}}
    truncation = {"type": "retention_ratio", "retention_ratio": 0.5, **limits}
    assert msgspec.json.decode(kept)["session"]["truncation"] == truncation


def test_a_language_of_replies_is_kept_where_openai_has_a_place_for_it():
    kept = openai.write_config(Config(instructions="Be kind.", language="de-DE"))
    told = "Be kind.\n\nSpeak de-DE, and answer in that language."
    assert openai.read_config(kept) == Config(instructions=told)


MISTAKES = [
    ({}, "missing_required_parameter", "session.type"),
    ({"type": "transcription"}, "invalid_value", "session.type"),
    ({"type": "translation"}, "invalid_value", "session.type"),
    ({"modalities": ["audio"]}, "unknown_parameter", "session.modalities"),
    ({"instructions": 7}, "invalid_type", "session.instructions"),
    ({"output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
    ({"max_output_tokens": 0}, "integer_below_min_value", "session.max_output_tokens"),
    ({"max_output_tokens": 4097}, "integer_above_max_value", "session.max_output_tokens"),
    ({"max_output_tokens": "lots"}, "invalid_value", "session.max_output_tokens"),
    ({"max_output_tokens": True}, "invalid_value", "session.max_output_tokens"),
    ({"tool_choice": "never"}, "invalid_value", "session.tool_choice"),
    ({"tool_choice": {"type": "function"}}, "missing_required_parameter", "session.tool_choice.name"),
    ({"tools": {}}, "invalid_type", "session.tools"),
    ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
    ({"tools": [FUNCTION, {"type": "web"}]}, "invalid_value", "session.tools[1].type"),
    ({"tools": [{"function": {"name": "x"}}]}, "missing_required_parameter", "session.tools[0].type"),
    ({"truncation": "some"}, "invalid_value", "session.truncation"),
    (
        {"truncation": {"type": "retention_ratio", "retention_ratio": 2}},
        "decimal_above_max_value",
        "session.truncation.retention_ratio",
    ),
    ({"audio": []}, "invalid_type", "session.audio"),
    (came(format="pcm16"), "invalid_type", "session.audio.input.format"),
    (came(format={"type": "audio/opus"}), "invalid_value", "session.audio.input.format.type"),
    (
        came(format={"type": "audio/pcm", "rate": 16000}),
        "integer_below_min_value",
        "session.audio.input.format.rate",
    ),
    (came(turn_detection={"type": "vad"}), "invalid_value", "session.audio.input.turn_detection.type"),
    (
        came(turn_detection={"type": "server_vad", "threshold": 1.5}),
        "decimal_above_max_value",
        "session.audio.input.turn_detection.threshold",
    ),
    (
        came(turn_detection={"type": "semantic_vad", "threshold": 0.5}),
        "unknown_parameter",
        "session.audio.input.turn_detection.threshold",
    ),
    (went(speed=2), "decimal_above_max_value", "session.audio.output.speed"),
    (went(voice=7), "invalid_type", "session.audio.output.voice"),
]


@pytest.mark.parametrize(("session", "code", "param"), MISTAKES)
def test_a_mistake_is_named_as_openai_names_it(session, code, param):
    mistake = mistake_in(
        session if code == "missing_required_parameter" and not session else {"type": "realtime", **session}
    )
    assert mistake is not None
    assert (mistake.code, mistake.param) == (code, param)


def test_not_to_think_is_to_think_as_little_as_there_is():
    assert config_of({"reasoning": {"effort": "none"}}) == Config(thinking="minimal")


def test_updates_are_merged_field_by_field():
    asked = merged(
        {}, {"type": "realtime", "model": "x", "instructions": "A", **came(format={"type": "audio/pcmu"})}
    )
    asked = merged(asked, {"instructions": None, "tools": [], **came(turn_detection=None, transcription={})})
    asked = merged(asked, {"prompt": None, **went(voice="cedar", speed=None), **came(transcription=None)})
    assert asked == {
        "instructions": "A",
        "tools": [],
        "prompt": None,
        "audio": {
            "input": {"format": {"type": "audio/pcmu"}, "turn_detection": None, "transcription": None},
        },
    }


# -- As text -----------------------------------------------------------------------------------------------


def saved(**session):
    return msgspec.json.encode(
        {"type": "session.update", "session": {"type": "realtime", **session}}
    ).decode()


def test_what_was_saved_of_a_relay_is_read_but_for_what_is_not_openais():
    text = saved(
        instructions="A",
        colour="red",
        audio={"input": {"turn_detection": {"type": "own"}}, "output": {"voice": "eve", "pitch": 2}, "x": 1},
        tools=[{"type": "own"}],
    )
    assert openai.read_config(text) == Config(instructions="A", voice="eve")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"setup":{}}',
        '{"type":"session.update"}',
        '{"type":"session.update","session":[]}',
        "\ud83d",
    ],
)
def test_what_is_no_configuration_is_none(text):
    assert openai.read_config(text) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_NAMES = st.sampled_from(
    [
        "type",
        "instructions",
        "audio",
        "tools",
        "tool_choice",
        "truncation",
        "reasoning",
        "input",
        "output",
        "voice",
        "format",
        "turn_detection",
        "transcription",
        "realtime",
        "function",
        "name",
    ]
)
_SESSIONS = st.recursive(
    _JSON | _NAMES,
    lambda inner: st.dictionaries(_NAMES, inner, max_size=4) | st.lists(inner, max_size=2),
    max_leaves=12,
)


@given(_SESSIONS)
def test_any_session_at_all_is_read_or_is_a_mistake(session):
    if mistake_in(session) is None:
        config_of(merged({}, session))
    openai.read_config(
        write_any({"type": "session.update", "session": {"type": "realtime", "audio": session}}).decode()
    )
