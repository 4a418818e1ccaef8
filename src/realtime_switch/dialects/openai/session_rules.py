"""What a client may write into `session.update` (OPENAI-REALTIME.md 4)."""

from typing import Any

from .requests import Mistake
from .resume import SERVER_MADE
from .rules import (
    Rule,
    a_map,
    anything,
    by_type,
    each,
    either,
    exactly,
    flag,
    members,
    number,
    one_of,
    text,
    wrong_value,
)

OUTPUT_TOKENS_MAX = 4096
AUDIO_FORMAT: Rule = by_type(
    {
        "audio/pcm": members({"type": anything, "rate": number(24_000, 24_000, whole=True)}),
        "audio/pcmu": members({"type": anything}),
        "audio/pcma": members({"type": anything}),
    }
)
_TURN_ACTIONS: dict[str, Rule] = {"type": anything, "create_response": flag, "interrupt_response": flag}
_TURN_DETECTION = by_type(
    {
        "server_vad": members(
            {
                **_TURN_ACTIONS,
                "threshold": number(0, 1),
                "prefix_padding_ms": number(0, 60_000, whole=True),
                "silence_duration_ms": number(0, 60_000, whole=True),
                "idle_timeout_ms": number(5_000, 30_000, whole=True),
            }
        ),
        "semantic_vad": members({**_TURN_ACTIONS, "eagerness": one_of("low", "medium", "high", "auto")}),
    }
)
_TRANSCRIPTION = members(
    {
        "model": text(),
        "language": text(),
        "languages": each(text()),
        "prompt": text(),
        "keywords": each(text()),
        "delay": one_of("minimal", "low", "medium", "high", "xhigh"),
    }
)
VOICE: Rule = either((str, text(256)), (dict, members({"id": text(256)}, needed=("id",))))
OUTPUT_MODALITIES: Rule = exactly(["audio"], ["text"])
MAX_OUTPUT_TOKENS: Rule = either((str, one_of("inf")), (int, number(1, OUTPUT_TOKENS_MAX, whole=True)))
TOOLS: Rule = each(
    by_type(
        {
            "function": members(
                {
                    "type": anything,
                    "name": text(128),
                    "description": text(),
                    "parameters": a_map,
                    "strict": flag,
                },
                needed=("name",),
            ),
            "mcp": a_map,
        }
    )
)
TOOL_CHOICE: Rule = either(
    (str, one_of("auto", "none", "required")),
    (
        dict,
        by_type(
            {
                "function": members({"type": anything, "name": text(128)}, needed=("name",)),
                "mcp": a_map,
            }
        ),
    ),
)
REASONING: Rule = members({"effort": one_of("none", "minimal", "low", "medium", "high", "xhigh")})

_SESSION = members(
    {
        **dict.fromkeys(SERVER_MADE, anything),
        "type": anything,
        "instructions": text(),
        "output_modalities": OUTPUT_MODALITIES,
        "audio": members(
            {
                "input": members(
                    {
                        "format": AUDIO_FORMAT,
                        "transcription": _TRANSCRIPTION,
                        "noise_reduction": members(
                            {"type": one_of("near_field", "far_field"), "strength": anything}
                        ),
                        "turn_detection": _TURN_DETECTION,
                    }
                ),
                "output": members({"format": AUDIO_FORMAT, "voice": VOICE, "speed": number(0.25, 1.5)}),
            }
        ),
        "tools": TOOLS,
        "tool_choice": TOOL_CHOICE,
        "parallel_tool_calls": flag,
        "max_output_tokens": MAX_OUTPUT_TOKENS,
        "temperature": number(0, 2),
        "reasoning": REASONING,
        "truncation": either(
            (str, one_of("auto", "disabled")),
            (
                dict,
                members(
                    {
                        "type": one_of("retention_ratio"),
                        "retention_ratio": number(0, 1),
                        "token_limits": members({"post_instructions": number(0, 1_000_000, whole=True)}),
                    },
                    needed=("type", "retention_ratio"),
                ),
            ),
        ),
        "tracing": either((str, one_of("auto")), (dict, a_map)),
        "prompt": a_map,
        "include": each(text()),
    },
    needed=("type",),
)


def mistake_in(session: Any) -> Mistake | None:
    """Any mistake makes the whole of an update void (OPENAI-REALTIME.md 4.2)."""
    if (mistake := _SESSION(session, "session")) is not None:
        return mistake
    if session["type"] == "transcription":
        words = "Passing a transcription session update event to a realtime session is not allowed."
        return Mistake("invalid_value", words, "session.type")
    if session["type"] != "realtime":
        return wrong_value(session["type"], "session.type", ("realtime",))
    return None
