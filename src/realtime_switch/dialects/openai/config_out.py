"""How a call is to be held, as a `session.update` says it (OPENAI-REALTIME.md 4.1; TRANSLATION.md 3, 9)."""

from collections.abc import Callable, Mapping
from typing import Any

from ..acts import Refused
from ..terms import Target, Terms
from ..wishes import Config, Tool, Transcription
from .formats import as_told, written
from .session_config import instructions_written, truncation_written, turns_written
from .session_rules import OUTPUT_TOKENS_MAX

TRANSCRIBES = "gpt-4o-mini-transcribe"  # where neither the client nor the route names a model
NOT_SUPPORTED = "Not supported by the OpenAI backend of this gateway."
SILENCE_MS = 200  # how much ends a turn where nobody says

# A voice of the other dialect by the one of ours that is like it (TRANSLATION.md 3). A route's own map
# (`Terms.voices`) goes before.
VOICES = {
    "Kore": "alloy",
    "Orus": "ash",
    "Iapetus": "ballad",
    "Charon": "cedar",
    "Leda": "coral",
    "Puck": "echo",
    "Aoede": "marin",
    "Vindemiatrix": "sage",
    "Zephyr": "shimmer",
    "Fenrir": "verse",
}
OTHER_VOICE = "alloy"

_Members = dict[str, Any]
_DEFAULT = Config()


def session_members(
    config: Config, target: Target, terms: Terms, only: frozenset[str] | None = None
) -> _Members:
    """`only`: the fields of Config that are to be told anew. None: for a fresh connection, which is told what
    the client has asked for and what must not be left to the provider's taste."""
    if only is None:
        only = _ALWAYS | {name for name in _WRITERS if getattr(config, name) != getattr(_DEFAULT, name)}
    session: _Members = {"type": "realtime"}
    for name, write in _WRITERS.items():
        if name in only:
            _merge(session, write(config, target, terms))
    return session


def refusals(
    config: Config, target: Target, terms: Terms, only: frozenset[str] | None = None
) -> list[Refused]:
    """What OpenAI cannot do, in the order in which it was asked for. Lenient routes go on without what the
    call is much the same without."""
    refused = [
        Refused(extra.path, f"{extra.path} is not supported by the OpenAI backend of this gateway.")
        for extra in config.extras
        if (terms.strict or not extra.ignorable) and (only is None or "extras" in only)
    ]
    if terms.strict:
        for name, wrong in _STRICTLY.items():
            if (only is None or name in only) and wrong(config, target, terms):
                refused.append(Refused(name, NOT_SUPPORTED))
    return refused


def _is_strange(voice: str, target: Target, terms: Terms) -> bool:
    """No voice of OpenAI's is like it."""
    known = voice in terms.voices or voice in VOICES or voice in VOICES.values()
    return bool(voice) and target.is_like_openai and not known


def _approximates(asked: Transcription | None) -> bool:
    """Words that are expected are named in a prompt, and of several languages none is told."""
    return asked is not None and (bool(asked.vocabulary) or len(asked.languages) > 1)


# What a strict route refuses and a lenient one leaves out or approximates. GA has no temperature, and no
# more than so many tokens a reply.
_STRICTLY: Mapping[str, Callable[[Config, Target, Terms], bool]] = {
    "voice": lambda config, target, terms: _is_strange(config.voice, target, terms),
    "language": lambda config, target, terms: bool(config.language),
    "transcription": lambda config, target, terms: _approximates(config.transcription),
    "temperature": lambda config, target, terms: config.temperature is not None and not target.beta,
    "max_output_tokens": lambda config, target, terms: (config.max_output_tokens or 0) > OUTPUT_TOKENS_MAX,
    "thinking": lambda config, target, terms: bool(config.thinking) and not target.profile.thinking_level,
}


def _merge(into: _Members, members: _Members) -> None:
    for name, value in members.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


# -- One field each --------------------------------------------------------------------------------------


def _instructions(config: Config, target: Target, terms: Terms) -> _Members:
    return {"instructions": instructions_written(config)}


def _modalities(config: Config, target: Target, terms: Terms) -> _Members:
    return {"output_modalities": ["text" if config.text_only else "audio"]}


def _voice(config: Config, target: Target, terms: Terms) -> _Members:
    asked = config.voice
    named = terms.voices.get(asked)
    if named is None and not target.is_like_openai:
        # It has voices of its own: what an app names is one of them, what the other dialect names is none.
        return {} if asked in VOICES else {"audio": {"output": {"voice": asked}}}
    own = asked if asked in VOICES.values() else OTHER_VOICE
    return {"audio": {"output": {"voice": named or VOICES.get(asked) or own}}}


def _tools(config: Config, target: Target, terms: Terms) -> _Members:
    tools = [_tool(tool, target.nested_tools) for tool in config.tools]
    return {"tools": tools, **_tool_choice(config, target, terms)}


def _tool(tool: Tool, nested: bool) -> _Members:
    parameters = tool.parameters if tool.parameters is not None else {"type": "object", "properties": {}}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function} if nested else {"type": "function", **function}


def _tool_choice(config: Config, target: Target, terms: Terms) -> _Members:
    choice = config.tool_choice
    plain = choice in ("auto", "none", "required")
    return {"tool_choice": choice if plain else {"type": "function", "name": choice}}


def _parallel_tools(config: Config, target: Target, terms: Terms) -> _Members:
    return {"parallel_tool_calls": config.parallel_tools}


def _turns(config: Config, target: Target, terms: Terms) -> _Members:
    detection = None if config.manual_turns else turns_written(config.turns)
    return {"audio": {"input": {"turn_detection": detection}}}


def _input(config: Config, target: Target, terms: Terms) -> _Members:
    return {"audio": {"input": {"format": written(target.input)}}}


def _output(config: Config, target: Target, terms: Terms) -> _Members:
    told = as_told(config.output) if target.is_like_openai else target.output
    return {"audio": {"output": {"format": written(told)}}}


def _transcription(config: Config, target: Target, terms: Terms) -> _Members:
    asked = config.transcription
    if asked is None and terms.transcribe_with is not None:
        asked = Transcription()  # for memory's sake (B2a)
    return {"audio": {"input": {"transcription": asked and _transcribed(asked, terms)}}}


def _transcribed(asked: Transcription, terms: Terms) -> _Members:
    transcription = {"model": asked.model or terms.transcribe_with or TRANSCRIBES}
    if len(asked.languages) == 1:  # only some models take several
        transcription["language"] = asked.languages[0].partition("-")[0].lower()
    words = ", ".join(asked.vocabulary)
    prompt = asked.prompt or (f"Expect words such as: {words}." if words else "")
    if prompt:
        transcription["prompt"] = prompt
    return transcription


def _max_output_tokens(config: Config, target: Target, terms: Terms) -> _Members:
    asked = config.max_output_tokens
    return {"max_output_tokens": "inf" if asked is None else min(max(asked, 1), OUTPUT_TOKENS_MAX)}


def _temperature(config: Config, target: Target, terms: Terms) -> _Members:
    """GA has none, and refuses the message that names it (4.5)."""
    asked = config.temperature
    return {} if asked is None or not target.beta else {"temperature": min(max(asked, 0.6), 1.2)}


def _thinking(config: Config, target: Target, terms: Terms) -> _Members:
    told = config.thinking and target.profile.thinking_level
    return {"reasoning": {"effort": config.thinking}} if told else {}


def _context(config: Config, target: Target, terms: Terms) -> _Members:
    return {"truncation": truncation_written(config) or "auto"}


# By the field of Config whose change they tell of.
_WRITERS: dict[str, Callable[[Config, Target, Terms], _Members]] = {
    "instructions": _instructions,
    "language": _instructions,
    "text_only": _modalities,
    "voice": _voice,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "parallel_tools": _parallel_tools,
    "manual_turns": _turns,
    "turns": _turns,
    "input": _input,
    "output": _output,
    "transcription": _transcription,
    "max_output_tokens": _max_output_tokens,
    "temperature": _temperature,
    "thinking": _thinking,
    "context": _context,
    "context_kept": _context,
    "context_tokens": _context,
}
_ALWAYS = frozenset({"text_only", "turns", "input", "output", "transcription"})
