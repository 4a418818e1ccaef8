"""What a client asks for in `session.update`, as OpenAI writes it and as `Config` has it, both ways.

Kept is what the client asked for and nothing else: OpenAI's defaults are told to it but not to a provider
that has its own (TRANSLATION.md 3).
"""

from collections.abc import Iterator
from typing import Any

from ..members import object_of
from ..sound import G711_RATE_HZ, PCM_24K, AudioFormat
from ..wishes import Config, Extra, Tool, Transcription, Turns
from .formats import as_told, written
from .resume import SERVER_MADE
from .session_rules import OUTPUT_TOKENS_MAX

_Members = dict[str, Any]

DEFAULT_VOICE = "alloy"
# Of the smallest window, 32,768, what replies leave; to ask for more is a mistake that voids the update.
CONTEXT_TOKENS_MAX = 32_768 - OUTPUT_TOKENS_MAX
KEPT = 0.5  # what Gemini keeps where nobody says (GEMINI-LIVE.md 3.1)
# The model may not be named again and may not be changed; here it is the route's to choose. The others are
# what a client sends back that was told it.
_NOT_APPLIED = frozenset({"type", "audio", *SERVER_MADE})
_OFF_BY_NULL = frozenset(
    {"turn_detection", "transcription", "noise_reduction", "prompt", "tracing", "include"}
)


def merged(asked: _Members, update: _Members) -> _Members:
    """Absent is unchanged; the two sides of the audio are merged field by field, all else is replaced."""
    session = {**asked, **_set(update)}
    audio = dict(object_of(asked.get("audio")))
    for side, members_of in object_of(update.get("audio")).items():
        audio[side] = {**object_of(audio.get(side)), **_set(object_of(members_of))}
    return {**session, "audio": audio} if audio else session


def _set(update: _Members) -> _Members:
    return {
        name: value
        for name, value in update.items()
        if name not in _NOT_APPLIED and (value is not None or name in _OFF_BY_NULL)
    }


# -- As Config has it --------------------------------------------------------------------------------------


def config_of(asked: _Members, voice: str = "") -> Config:
    """Of a session without mistakes. `voice` is taken where none was asked for."""
    came, went = sides(asked)
    turns = came.get("turn_detection")
    effort = object_of(asked.get("reasoning")).get("effort")
    tokens = asked.get("max_output_tokens")
    asked_voice = went.get("voice")
    context, kept = _context(asked.get("truncation"))
    return Config(
        instructions=asked.get("instructions") or "",
        text_only=asked.get("output_modalities") == ["text"],
        voice=asked_voice if isinstance(asked_voice, str) else voice,
        tools=tuple(_tool(tool) for tool in asked.get("tools") or () if tool["type"] == "function"),
        tool_choice=_tool_choice(asked.get("tool_choice")),
        parallel_tools=asked.get("parallel_tool_calls") is not False,
        manual_turns="turn_detection" in came and turns is None,
        turns=_turns(turns) if turns else Turns(),
        input=audio_format(came.get("format")),
        output=audio_format(went.get("format")),
        transcription=_transcription(came.get("transcription")),
        max_output_tokens=tokens if isinstance(tokens, int) else None,
        temperature=asked.get("temperature"),
        thinking="minimal" if effort == "none" else effort or "",
        context=context,
        context_kept=kept,
        extras=tuple(_extras(asked)),
    )


def sides(asked: _Members) -> tuple[_Members, _Members]:
    audio = object_of(asked.get("audio"))
    return object_of(audio.get("input")), object_of(audio.get("output"))


def audio_format(written: Any) -> AudioFormat:
    kind = object_of(written).get("type")
    if kind == "audio/pcmu":
        return AudioFormat("pcmu", G711_RATE_HZ)
    return AudioFormat("pcma", G711_RATE_HZ) if kind == "audio/pcma" else PCM_24K


def _tool(written: _Members) -> Tool:
    return Tool(
        name=written["name"],
        description=written.get("description") or "",
        parameters=written.get("parameters"),
    )


def _tool_choice(written: Any) -> str:
    name = object_of(written).get("name")
    if isinstance(name, str) and written["type"] == "function":
        return name
    return written if isinstance(written, str) else "auto"


def _turns(written: _Members) -> Turns:
    semantic = written["type"] == "semantic_vad"
    return Turns(
        threshold=written.get("threshold"),
        silence_ms=written.get("silence_duration_ms"),
        padding_ms=written.get("prefix_padding_ms"),
        eagerness=written.get("eagerness") or "auto" if semantic else "",
        replies=written.get("create_response") is not False,
        interrupts=written.get("interrupt_response") is not False,
        idle_ms=written.get("idle_timeout_ms"),
    )


def _transcription(written: Any) -> Transcription | None:
    if written is None:
        return None
    languages = written.get("languages") or [written.get("language") or ""]
    return Transcription(
        model=written.get("model") or "",
        languages=tuple(filter(None, languages)),
        vocabulary=tuple(written.get("keywords") or ()),
        prompt=written.get("prompt") or "",
    )


def _context(written: Any) -> tuple[Any, float | None]:
    if isinstance(written, dict):
        return "slide", written["retention_ratio"]
    return {"auto": "slide", "disabled": "off"}.get(written or "", ""), None


def _extras(asked: _Members) -> Iterator[Extra]:
    """TRANSLATION.md 10. What only helps OpenAI's own service (tracing, log probabilities), or is a matter
    of taste (noise), may be ignored: SDKs ask for it without being told to (CLIENTS-OPENAI.md 4, 5)."""
    came, went = sides(asked)
    for place, tool in enumerate(asked.get("tools") or ()):
        if tool["type"] == "mcp":
            yield Extra(f"session.tools[{place}]")
    if object_of(asked.get("tool_choice")).get("type") == "mcp":
        yield Extra("session.tool_choice")
    if asked.get("prompt") is not None:
        yield Extra("session.prompt")
    if isinstance(went.get("voice"), dict):
        yield Extra("session.audio.output.voice")
    if went.get("speed") not in (None, 1):
        yield Extra("session.audio.output.speed")
    if came.get("noise_reduction") is not None:
        yield Extra("session.audio.input.noise_reduction", ignorable=True)
    if object_of(came.get("transcription")).get("delay") is not None:
        yield Extra("session.audio.input.transcription.delay", ignorable=True)
    if asked.get("tracing") is not None:
        yield Extra("session.tracing", ignorable=True)
    if asked.get("include"):
        yield Extra("session.include", ignorable=True)
    # Gemini's trigger counts the instructions too, and those may be longer by themselves.
    if object_of(asked.get("truncation")).get("token_limits") is not None:
        yield Extra("session.truncation.token_limits", ignorable=True)


# -- As OpenAI writes it -----------------------------------------------------------------------------------


def session_of(config: Config) -> _Members:
    """The other way round: what is at its default is left out."""
    session: _Members = {"type": "realtime"}
    session |= _given(
        output_modalities=["text"] if config.text_only else None,
        instructions=instructions_written(config) or None,
        tools=[_tool_written(tool) for tool in config.tools] or None,
        tool_choice=_tool_choice_written(config.tool_choice),
        parallel_tool_calls=None if config.parallel_tools else False,
        max_output_tokens=config.max_output_tokens,
        temperature=config.temperature,
        reasoning={"effort": config.thinking} if config.thinking else None,
        truncation=truncation_written(config),
    )
    came = _given(
        format=written(as_told(config.input)) if config.input != PCM_24K else None,
        transcription=_transcription_written(config.transcription),
        turn_detection=turns_written(config.turns) if config.turns != Turns() else None,
    )
    if config.manual_turns:
        came["turn_detection"] = None
    went = _given(
        format=written(as_told(config.output)) if config.output != PCM_24K else None,
        voice=config.voice or None,
    )
    if audio := _given(input=came or None, output=went or None):
        session["audio"] = audio
    return session


def instructions_written(config: Config) -> str:
    """OpenAI's only place for the language of replies."""
    language = f"Speak {config.language}, and answer in that language." if config.language else ""
    return "\n\n".join(filter(None, (config.instructions, language)))


def _tool_written(tool: Tool) -> _Members:
    written: _Members = {"type": "function", "name": tool.name, "description": tool.description}
    return written if tool.parameters is None else {**written, "parameters": tool.parameters}


def _tool_choice_written(choice: str) -> Any:
    if choice in ("none", "required"):
        return choice
    return None if choice == "auto" else {"type": "function", "name": choice}


def truncation_written(config: Config) -> Any:
    kept, tokens = config.context_kept, config.context_tokens
    if tokens is not None and tokens > CONTEXT_TOKENS_MAX:
        tokens = None  # the model shortens it earlier by itself
    if config.context == "off" or (kept is None and tokens is None):
        return {"slide": "auto", "off": "disabled"}.get(config.context)
    share = KEPT if kept is None else min(max(kept, 0.0), 1.0)
    limits = {} if tokens is None else {"token_limits": {"post_instructions": tokens}}
    return {"type": "retention_ratio", "retention_ratio": share, **limits}


def _transcription_written(transcription: Transcription | None) -> _Members | None:
    if transcription is None:
        return None
    languages = list(transcription.languages)
    return _given(
        model=transcription.model or None,
        language=languages[0] if len(languages) == 1 else None,
        languages=languages if len(languages) > 1 else None,
        keywords=list(transcription.vocabulary) or None,
        prompt=transcription.prompt or None,
    )


def turns_written(turns: Turns) -> _Members:
    actions = {"create_response": turns.replies, "interrupt_response": turns.interrupts}
    if turns.eagerness:
        return {"type": "semantic_vad", "eagerness": turns.eagerness, **actions}
    timing = _given(
        threshold=turns.threshold,
        prefix_padding_ms=turns.padding_ms,
        silence_duration_ms=turns.silence_ms,
        idle_timeout_ms=turns.idle_ms,
    )
    return {"type": "server_vad", **timing, **actions}


def _given(**members_of: Any) -> _Members:
    return {name: value for name, value in members_of.items() if value is not None}
