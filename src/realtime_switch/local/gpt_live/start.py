"""`session.start`, as strictly as the service reads it: what it does not know is refused by name
(GPT-LIVE.md 3)."""

from collections.abc import Iterable
from typing import Any

import msgspec

from realtime_switch.local.audio import Coding, Format
from realtime_switch.local.billing import text_tokens
from realtime_switch.local.thought import Said, Tool, Turn

_Json = dict[str, Any]

FORMATS: dict[tuple[str, int], Coding] = {
    ("audio/pcm", 24_000): "pcm16",
    ("audio/pcm", 16_000): "pcm16",
    ("audio/pcmu", 8_000): "ulaw",
    ("audio/pcma", 8_000): "alaw",
}
_KNOWN = {
    "session": frozenset(
        {
            "model",
            "instructions",
            "audio",
            "input",
            "delegation",
            "triggers",
            "store",
            "safety_identifier",
            "client",
        }
    ),
    "session.audio": frozenset({"format", "output"}),
    "session.audio.format": frozenset({"type", "rate"}),
    "session.audio.output": frozenset({"voice"}),
    "session.delegation": frozenset({"type", "acknowledgement_delay_ms", "responses", "decisions"}),
    "session.delegation.responses": frozenset(
        {
            "model",
            "instructions",
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "max_output_tokens",
            "reasoning",
            "text",
            "service_tier",
        }
    ),
}
_INSTRUCTIONS_TOKENS_MAX, _INPUT_TOKENS_MAX, _MESSAGES_MAX = 16_384, 8_192, 128
_WHO = {"user": "user", "assistant": "agent", "developer": "system"}


class Mistake(Exception):
    def __init__(self, code: str, message: str, param: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


class Held(msgspec.Struct):
    """How a session is held."""

    session: _Json  # as it was asked for
    format: Format
    voice: str
    instructions: str
    past: list[Turn]
    delegation: str  # client, responses, or "" for none
    backend: _Json  # of responses

    @property
    def tools(self) -> tuple[Tool, ...]:
        declared = self.backend.get("tools") or ()
        return tuple(
            Tool(tool["name"], tool.get("description") or "", tool.get("parameters") or {})
            for tool in declared
            if tool.get("type") == "function"
        )


def read_start(session: Any, models: tuple[str, ...]) -> Held:
    if not isinstance(session, dict):
        raise _missing("session")
    _check_known(session, "session")
    model = session.get("model")
    if not isinstance(model, str) or not model:
        raise _missing("session.model")
    if models and model not in models:
        raise Mistake("invalid_model", f"The model '{model}' does not exist.", "session.model")
    instructions = _text(session, "instructions")
    if text_tokens(instructions) > _INSTRUCTIONS_TOKENS_MAX:
        raise Mistake("invalid_value", "The instructions are too long.", "session.instructions")
    for name in ("triggers",):
        if session.get(name):
            raise Mistake("invalid_value", "Decisions are not offered here.", f"session.{name}")
    audio = session.get("audio") or {}
    delegation = session.get("delegation", {"type": "client"})
    return Held(
        session=session,
        format=_format(audio.get("format")),
        voice=_voice((audio.get("output") or {}).get("voice")),
        instructions=instructions,
        past=list(_past(session.get("input") or [])),
        delegation=_kind(delegation),
        backend=backend_of(delegation),
    )


def _check_known(value: Any, path: str) -> None:
    known = _KNOWN.get(path)
    if known is None or value is None:
        return
    if not isinstance(value, dict):
        raise Mistake("invalid_value", f"Invalid type for '{path}': expected an object.", path)
    for name, inner in value.items():
        if name not in known:
            raise Mistake("unknown_parameter", f"Unknown parameter: '{path}.{name}'.", f"{path}.{name}")
        _check_known(inner, f"{path}.{name}")


def _format(wire: Any) -> Format:
    if wire is None:
        return Format("pcm16", 24_000)
    kind = wire.get("type")
    rate_hz = wire.get("rate", 24_000 if kind == "audio/pcm" else 8_000)
    coding = FORMATS.get((kind, rate_hz)) if isinstance(rate_hz, int) else None
    if coding is None:
        raise Mistake("invalid_value", "This audio format is not supported.", "session.audio.format")
    return Format(coding, rate_hz)


def _voice(wire: Any) -> str:
    voice = wire.get("id") if isinstance(wire, dict) else wire
    if voice == "forbidden":
        raise Mistake("forbidden", "The project may not use this voice.", "session.audio.output.voice")
    return voice if isinstance(voice, str) and voice else "marin"


def _kind(delegation: Any) -> str:
    if delegation is None:
        return ""
    kind = delegation.get("type")
    if kind not in ("client", "responses"):
        message = f"Delegation to '{kind}' is not offered here."
        raise Mistake("invalid_value", message, "session.delegation.type")
    return str(kind)


def backend_of(delegation: Any) -> _Json:
    if not isinstance(delegation, dict) or delegation.get("type") != "responses":
        return {}
    backend = delegation.get("responses") or {}
    if not isinstance(backend.get("model"), str):
        raise _missing("session.delegation.responses.model")
    for number, tool in enumerate(backend.get("tools") or ()):
        if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
            path = f"session.delegation.responses.tools[{number}]"
            raise Mistake("invalid_value", f"Invalid value for '{path}'.", path)
    return dict(backend)


def _past(messages: Any) -> Iterable[Turn]:
    if not isinstance(messages, list) or len(messages) > _MESSAGES_MAX:
        raise Mistake("invalid_value", f"At most {_MESSAGES_MAX} messages may be given.", "session.input")
    tokens = 0
    for number, message in enumerate(messages):
        path = f"session.input[{number}]"
        who = _WHO.get(str(message.get("role"))) if isinstance(message, dict) else None
        content = message.get("content") if isinstance(message, dict) else None
        if who is None or not isinstance(content, list) or len(content) != 1:
            raise Mistake("invalid_value", f"Invalid value for '{path}'.", path)
        text = _text(content[0], "text")
        tokens += text_tokens(text)
        yield Said(who, text)  # type: ignore[arg-type]
    if tokens > _INPUT_TOKENS_MAX:
        raise Mistake("invalid_value", f"More than {_INPUT_TOKENS_MAX} tokens of history.", "session.input")


def _text(holder: _Json, name: str) -> str:
    value = holder.get(name) or ""
    if not isinstance(value, str):
        raise Mistake("invalid_value", f"Invalid type for '{name}': expected a string.", f"session.{name}")
    return value


def _missing(path: str) -> Mistake:
    return Mistake("missing_required_parameter", f"Missing required parameter: '{path}'.", path)
