"""Every field of a session, as checks (OPENAI-REALTIME.md 4).

Strict on purpose: what OpenAI refuses as unknown is refused here, or a test against us would prove nothing.
What shipped clients send although it has no effect (`model`, nulls from livekit) is allowed.
"""

from realtime_switch.local.openai.shape import (
    Check,
    anything,
    boolean,
    by_type,
    choice,
    either,
    is_text,
    list_of,
    map_of,
    nullable,
    number,
    record,
    supported,
    text,
)

FORMAT = by_type(
    {
        "audio/pcm": record({"type": anything, "rate": number(24000, 24000, whole=True)}),
        "audio/pcmu": record({"type": anything}),
        "audio/pcma": record({"type": anything}),
    }
)
VOICE = either(is_text, text(), record({"id": text()}, ("id",)))
_ANSWERING = {"create_response": boolean, "interrupt_response": boolean}
_TURN_DETECTION = by_type(
    {
        "server_vad": record(
            {
                "type": anything,
                "threshold": number(0, 1),
                "prefix_padding_ms": number(0, 10_000, whole=True),
                "silence_duration_ms": number(0, 60_000, whole=True),
                "idle_timeout_ms": nullable(number(5_000, 30_000, whole=True)),
                **_ANSWERING,
            }
        ),
        "semantic_vad": record(
            {"type": anything, "eagerness": choice("low", "medium", "high", "auto"), **_ANSWERING}
        ),
    }
)
_TRANSCRIPTION = record(
    {
        "model": text(),
        "language": nullable(text()),
        "languages": nullable(list_of(text())),
        "prompt": nullable(text()),
        "keywords": nullable(list_of(text())),
        "delay": nullable(choice("minimal", "low", "medium", "high", "xhigh")),
    }
)
_AUDIO_INPUT = record(
    {
        "format": FORMAT,
        "transcription": nullable(_TRANSCRIPTION),
        "noise_reduction": nullable(
            record({"type": choice("near_field", "far_field"), "strength": nullable(number(0, 1))}, ("type",))
        ),
        "turn_detection": nullable(_TURN_DETECTION),
    }
)
_MCP_FILTER = record({"tool_names": list_of(text()), "read_only": boolean})
_TOOL = by_type(
    {
        "function": record(
            {
                "type": anything,
                "name": text(),
                "description": nullable(text()),
                "parameters": nullable(map_of(anything)),
            },
            ("name",),
        ),
        "mcp": record(
            {
                "type": anything,
                "server_label": text(),
                "server_url": nullable(text()),
                "connector_id": nullable(text()),
                "tunnel_id": nullable(text()),
                "server_description": nullable(text()),
                "authorization": nullable(text()),
                "headers": nullable(map_of(text())),
                "allowed_tools": nullable(
                    either(lambda value: isinstance(value, list), list_of(text()), _MCP_FILTER)
                ),
                "allowed_callers": nullable(list_of(choice("direct", "programmatic"))),
                "require_approval": nullable(
                    either(
                        is_text,
                        choice("always", "never"),
                        record({"always": _MCP_FILTER, "never": _MCP_FILTER}),
                    )
                ),
                "defer_loading": nullable(boolean),
            },
            ("server_label",),
        ),
    }
)
_TOOL_CHOICE = either(
    is_text,
    choice("none", "auto", "required"),
    by_type(
        {
            "function": record({"type": anything, "name": text()}, ("name",)),
            "mcp": record(
                {"type": anything, "server_label": text(), "name": nullable(text())}, ("server_label",)
            ),
        }
    ),
)
_OUTPUT_TOKENS = either(is_text, choice("inf"), number(1, 4096, whole=True))
_PROMPT = nullable(
    record({"id": text(), "version": nullable(text()), "variables": nullable(map_of(anything))}, ("id",))
)
_REASONING = nullable(record({"effort": nullable(choice("minimal", "low", "medium", "high", "xhigh"))}))
_INCLUDE = nullable(list_of(choice("item.input_audio_transcription.logprobs")))


def _modalities(value: object, path: str) -> None:
    list_of(choice("text", "audio"), length_min=1)(value, path)
    if value not in (["text"], ["audio"]):  # 4.1: not both at once
        raise supported(value, ("['text']", "['audio']"), path)


ANSWER_FIELDS: dict[str, Check] = {
    "output_modalities": _modalities,
    "tools": list_of(_TOOL),
    "tool_choice": _TOOL_CHOICE,
    "max_output_tokens": _OUTPUT_TOKENS,
    "prompt": _PROMPT,
    "reasoning": _REASONING,
    "parallel_tool_calls": nullable(boolean),
}
SESSION = record(
    {
        **ANSWER_FIELDS,
        "type": choice("realtime"),
        "model": text(),
        "instructions": text(),
        "audio": record(
            {
                "input": _AUDIO_INPUT,
                "output": record({"format": FORMAT, "voice": VOICE, "speed": number(0.25, 1.5)}),
            }
        ),
        "tracing": nullable(
            either(
                is_text,
                choice("auto"),
                record({"workflow_name": text(), "group_id": text(), "metadata": map_of(anything)}),
            )
        ),
        "truncation": either(
            is_text,
            choice("auto", "disabled"),
            by_type(
                {
                    "retention_ratio": record(
                        {
                            "type": anything,
                            "retention_ratio": number(0, 1),
                            "token_limits": nullable(
                                record({"post_instructions": number(0, 1_000_000, whole=True)})
                            ),
                        },
                        ("retention_ratio",),
                    )
                }
            ),
        ),
        "include": _INCLUDE,
    },
    ("type",),
)
TRANSCRIPTION_SESSION = record(
    {
        "type": choice("transcription"),
        "audio": record({"input": _AUDIO_INPUT}),
        "include": _INCLUDE,
    },
    ("type",),
)
