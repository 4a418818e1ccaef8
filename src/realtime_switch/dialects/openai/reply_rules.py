"""What a client may ask of one reply, and what of it no other provider can do (OPENAI-REALTIME.md 6.1)."""

from collections.abc import Iterator
from typing import Any

from .requests import Mistake
from .rules import Rule, a_map, anything, each, flag, members, number, one_of, text
from .session_rules import (
    AUDIO_FORMAT,
    MAX_OUTPUT_TOKENS,
    OUTPUT_MODALITIES,
    REASONING,
    TOOL_CHOICE,
    TOOLS,
    VOICE,
)

_Members = dict[str, Any]

METADATA_PAIRS_MAX, METADATA_KEY_CHARS_MAX, METADATA_VALUE_CHARS_MAX = 16, 64, 512


def _metadata(value: Any, path: str) -> Mistake | None:
    if (mistake := a_map(value, path)) is not None:
        return mistake
    if len(value) > METADATA_PAIRS_MAX:
        words = f"Invalid '{path}': too many properties. Expected at most {METADATA_PAIRS_MAX}."
        return Mistake("object_above_max_properties", words, path)
    for key, held in value.items():
        mistake = text(METADATA_KEY_CHARS_MAX)(key, path) or text(METADATA_VALUE_CHARS_MAX)(held, path)
        if mistake is not None:
            return mistake
    return None


_RESPONSE: Rule = members(
    {
        "conversation": one_of("auto", "none"),
        "input": each(anything),
        "instructions": text(),
        "metadata": _metadata,
        "output_modalities": OUTPUT_MODALITIES,
        "audio": members({"output": members({"format": AUDIO_FORMAT, "voice": VOICE})}),
        "tools": TOOLS,
        "tool_choice": TOOL_CHOICE,
        "max_output_tokens": MAX_OUTPUT_TOKENS,
        "prompt": a_map,
        "reasoning": REASONING,
        "parallel_tool_calls": flag,
        "temperature": number(0, 2),
    }
)


def mistake_in(response: Any) -> Mistake | None:
    return _RESPONSE(response, "response")


def differing(response: _Members, session: _Members) -> Iterator[str]:
    """The paths of what is asked for this reply only: other providers make every reply as the session
    says (TRANSLATION.md 10). To ask for the session's own again is no wish."""
    if response.get("conversation") == "none":
        yield "response.conversation"
    for name in ("input", "prompt"):
        if response.get(name) is not None:
            yield f"response.{name}"
    for name in _AS_IN_SESSION:
        if response.get(name) is not None and response[name] != session.get(name, _UNSAID.get(name)):
            yield f"response.{name}"
    output = _output(response)
    for name, held in _output(session).items():
        if output.get(name) is not None and output[name] != held:
            yield f"response.audio.output.{name}"


_AS_IN_SESSION = (
    "output_modalities",
    "tools",
    "tool_choice",
    "max_output_tokens",
    "reasoning",
    "parallel_tool_calls",
)
_UNSAID = {"parallel_tool_calls": True}


def _output(held: _Members) -> _Members:
    output: _Members = (held.get("audio") or {}).get("output") or {}
    return output
