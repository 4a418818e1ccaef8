import msgspec
import pytest

import openai_frames as openai
from realtime_switch.dialects.acts import Refused
from realtime_switch.dialects.openai.config_out import refusals, session_members
from realtime_switch.dialects.profile import Profile
from realtime_switch.dialects.sound import PCM_16K, AudioFormat
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.dialects.wishes import Config, Extra, Tool, Transcription, Turns

TARGET = Target(provider="openai", model="gpt-realtime")
PCM = {"type": "audio/pcm", "rate": 24000}
DETECTION = {"type": "server_vad", "create_response": True, "interrupt_response": True}
PLAIN = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "audio": {
        "input": {"format": PCM, "turn_detection": DETECTION, "transcription": None},
        "output": {"format": PCM},
    },
}


def session(config, target=TARGET, only=None, **terms):
    members = session_members(config, target, Terms(**terms), only)
    assert openai.is_for_provider(openai.frame("session.update", session=members))
    return members


def changed(path, value):
    """The plain session with one thing else."""
    whole = msgspec.json.decode(msgspec.json.encode(PLAIN))
    *holders, name = path.split(".")
    held = whole
    for holder in holders:
        held = held[holder]
    held[name] = value
    return whole


def test_what_nobody_asked_for_is_left_to_the_provider():
    assert session(Config()) == PLAIN


INPUT, OUTPUT = "audio.input", "audio.output"
THINKS = Target(provider="openai", model="gpt-realtime-2", profile=Profile(thinking_level=True))


@pytest.mark.parametrize(
    ("config", "path", "value"),
    [
        (Config(instructions="Be kind."), "instructions", "Be kind."),
        (
            Config(instructions="Be kind.", language="de-DE"),
            "instructions",
            "Be kind.\n\nSpeak de-DE, and answer in that language.",
        ),
        (Config(language="fr"), "instructions", "Speak fr, and answer in that language."),
        (Config(text_only=True), "output_modalities", ["text"]),
        (Config(voice="Puck"), f"{OUTPUT}.voice", "echo"),
        (Config(voice="marin"), f"{OUTPUT}.voice", "marin"),
        (Config(voice="Sulafat"), f"{OUTPUT}.voice", "alloy"),
        (Config(parallel_tools=False), "parallel_tool_calls", False),
        (Config(manual_turns=True), f"{INPUT}.turn_detection", None),
        (Config(manual_turns=True, turns=Turns(threshold=0.4)), f"{INPUT}.turn_detection", None),
        (
            Config(
                turns=Turns(
                    threshold=0.4,
                    silence_ms=700,
                    padding_ms=10,
                    idle_ms=6000,
                    interrupts=False,
                    replies=False,
                )
            ),
            f"{INPUT}.turn_detection",
            {
                "type": "server_vad",
                "threshold": 0.4,
                "silence_duration_ms": 700,
                "prefix_padding_ms": 10,
                "idle_timeout_ms": 6000,
                "create_response": False,
                "interrupt_response": False,
            },
        ),
        (
            Config(turns=Turns(eagerness="low")),
            f"{INPUT}.turn_detection",
            {**DETECTION, "type": "semantic_vad", "eagerness": "low"},
        ),
        (Config(input=PCM_16K), f"{INPUT}.format", PCM),  # it takes no other rate
        (Config(output=PCM_16K), f"{OUTPUT}.format", PCM),
        (Config(output=AudioFormat("pcma", 8000)), f"{OUTPUT}.format", {"type": "audio/pcma"}),
        (
            Config(transcription=Transcription()),
            f"{INPUT}.transcription",
            {"model": "gpt-4o-mini-transcribe"},
        ),
        (
            Config(
                transcription=Transcription(
                    model="whisper-1", languages=("de-DE",), vocabulary=("Mia", "Zoo")
                )
            ),
            f"{INPUT}.transcription",
            {"model": "whisper-1", "language": "de", "prompt": "Expect words such as: Mia, Zoo."},
        ),
        (
            Config(transcription=Transcription(languages=("de", "en"), prompt="Names.")),
            f"{INPUT}.transcription",
            {"model": "gpt-4o-mini-transcribe", "prompt": "Names."},
        ),
        (Config(max_output_tokens=500), "max_output_tokens", 500),
        (Config(max_output_tokens=8192), "max_output_tokens", 4096),
        (Config(context="slide"), "truncation", "auto"),
        (Config(context="off"), "truncation", "disabled"),
        (
            Config(context="slide", context_kept=0.5),
            "truncation",
            {"type": "retention_ratio", "retention_ratio": 0.5},
        ),
        (
            Config(context="slide", context_kept=0.8, context_tokens=8_000),
            "truncation",
            {
                "type": "retention_ratio",
                "retention_ratio": 0.8,
                "token_limits": {"post_instructions": 8_000},
            },
        ),
        (
            Config(context="slide", context_tokens=28_672),
            "truncation",
            {
                "type": "retention_ratio",
                "retention_ratio": 0.5,
                "token_limits": {"post_instructions": 28_672},
            },
        ),
        (Config(context="slide", context_tokens=28_673), "truncation", "auto"),
    ],
)
def test_what_a_client_asked_for_is_told(config, path, value):
    assert session(config) == changed(path, value)


def test_tools_are_told_with_how_they_are_chosen():
    schema = {"type": "object", "properties": {"stop": {"type": "string"}}}
    tools = (Tool(name="f", description="d", parameters=schema), Tool(name="g", waits="blocking"))
    told = session(Config(tools=tools, tool_choice="f"))
    assert told["tools"] == [
        {"type": "function", "name": "f", "description": "d", "parameters": schema},
        {
            "type": "function",
            "name": "g",
            "description": "",
            "parameters": {"type": "object", "properties": {}},
        },
    ]
    assert told["tool_choice"] == {"type": "function", "name": "f"}


def test_what_has_no_say_in_openai_is_not_told():
    assert session(Config(temperature=0.5, thinking="low", agent_words=False)) == PLAIN
    assert session(Config(thinking="low"), THINKS)["reasoning"] == {"effort": "low"}


def test_a_route_may_name_voices_and_write_down_for_memory():
    assert session(Config(voice="Puck"), voices={"Puck": "verse"})["audio"]["output"]["voice"] == "verse"
    told = session(Config(), transcribe_with="gpt-transcribe")
    assert told["audio"]["input"]["transcription"] == {"model": "gpt-transcribe"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"instructions"}, {"instructions": ""}),
        ({"tools"}, {"tools": [], "tool_choice": "auto"}),
        ({"voice", "extras", "agent_words"}, {"audio": {"output": {"voice": "alloy"}}}),
        ({"max_output_tokens"}, {"max_output_tokens": "inf"}),
        (set(), {}),
    ],
)
def test_a_change_tells_only_what_is_new(fields, expected):
    assert session(Config(), only=frozenset(fields)) == {"type": "realtime", **expected}


NO = "Not supported by the OpenAI backend of this gateway."


@pytest.mark.parametrize(
    ("config", "lenient", "strict"),
    [
        (Config(), [], []),
        (Config(extras=(Extra("a"), Extra("b", ignorable=True))), ["a"], ["a", "b"]),
        (Config(voice="Sulafat"), [], ["voice"]),
        (Config(voice="Puck"), [], []),
        (Config(voice="marin"), [], []),
        (Config(language="de"), [], ["language"]),
        (Config(transcription=Transcription(languages=("de",))), [], []),
        (Config(transcription=Transcription(languages=("de", "en"))), [], ["transcription"]),
        (Config(transcription=Transcription(vocabulary=("Mia",))), [], ["transcription"]),
        (Config(temperature=0.5), [], ["temperature"]),
        (Config(max_output_tokens=8192), [], ["max_output_tokens"]),
        (Config(thinking="low"), [], ["thinking"]),
    ],
)
def test_what_openai_cannot_do_is_refused_by_name(config, lenient, strict):
    assert [refused.field for refused in refusals(config, TARGET, Terms())] == lenient
    assert [refused.field for refused in refusals(config, TARGET, Terms(strict=True))] == strict
    assert refusals(config, TARGET, Terms(strict=True), frozenset({"tools"})) == []


def test_a_voice_that_a_route_names_or_a_look_alike_has_is_none_to_refuse():
    sulafat, strict = Config(voice="Sulafat"), Terms(strict=True)
    assert refusals(sulafat, TARGET, Terms(strict=True, voices={"Sulafat": "cedar"})) == []
    assert refusals(sulafat, Target(provider="qwen", model="q", input=PCM_16K), strict) == []


def test_what_is_refused_says_why():
    assert refusals(Config(temperature=1.0), TARGET, Terms(strict=True)) == [Refused("temperature", NO)]
