"""`session.start`: how a call is to be held, said once and at the beginning (GPT-LIVE.md 3).

Read into a Config for whoever speaks another dialect, and kept as the client said it.
"""

from typing import Any

from ..members import list_of, object_of, text_of
from ..mending import UNREADABLE, read_any, write_any
from ..sound import G711_RATE_HZ, PCM_16K, PCM_24K, AudioFormat
from ..unambiguous import read_object
from ..wishes import THINKING, Config, Extra, Tool, Transcription

_Members = dict[str, Any]

# -- Formats -----------------------------------------------------------------------------------------------

FORMATS = (PCM_24K, PCM_16K, AudioFormat("pcmu", G711_RATE_HZ), AudioFormat("pcma", G711_RATE_HZ))
_RATES_HZ = (24_000, 16_000)


def audio_format(wire: Any) -> AudioFormat:
    """One for both directions. What is not one of the service's is its default; it says so itself."""
    named = object_of(wire)
    match named.get("type"):
        case "audio/pcmu":
            return AudioFormat("pcmu", G711_RATE_HZ)
        case "audio/pcma":
            return AudioFormat("pcma", G711_RATE_HZ)
    rate_hz = named.get("rate")
    return AudioFormat("pcm", rate_hz) if rate_hz in _RATES_HZ else PCM_24K


def written(spoken: AudioFormat) -> _Members:
    return {"type": f"audio/{spoken.coding}", "rate": spoken.rate_hz}


# -- Reading -----------------------------------------------------------------------------------------------


def session_of(config: str | None) -> _Members:
    """Of a `session.start` that was said or saved; empty where it is none."""
    try:
        message = read_any((config or "{}").encode("utf-8", "replace"))
    except UNREADABLE:
        return {}
    message = object_of(message)
    return dict(object_of(message.get("session"))) if message.get("type") == "session.start" else {}


def read_config(saved: str) -> Config | None:
    message = read_object(saved.encode("utf-8", "replace"))
    if isinstance(message, str) or message.get("type") != "session.start":
        return None
    return config_of(object_of(message.get("session")))


# What nothing but a GPT-Live provider has.
_ALONE = ("store", "triggers", "client")


def config_of(session: _Members) -> Config:
    audio = object_of(session.get("audio"))
    spoken = audio_format(audio.get("format"))
    backend = object_of(object_of(session.get("delegation")).get("responses"))
    voice = object_of(audio.get("output")).get("voice")
    effort = text_of(object_of(backend.get("reasoning")).get("effort"))
    told = filter(None, (text_of(session.get("instructions")), text_of(backend.get("instructions"))))
    tools = [object_of(tool) for tool in list_of(backend.get("tools"))]
    return Config(
        instructions="\n\n".join(told),
        voice=text_of(voice) or text_of(object_of(voice).get("id")),
        tools=tuple(map(_tool, (tool for tool in tools if tool.get("type") == "function"))),
        tool_choice=_choice(backend.get("tool_choice")),
        parallel_tools=backend.get("parallel_tool_calls") is not False,
        input=spoken,
        output=spoken,
        transcription=Transcription(),
        thinking=effort if effort in THINKING else "",
        extras=tuple(_extras(session, tools)),
    )


def _extras(session: _Members, tools: list[_Members]) -> list[Extra]:
    extras = [Extra(f"session.{name}") for name in _ALONE if session.get(name)]
    if object_of(session.get("delegation")).get("type") == "decisions":
        extras.append(Extra("session.delegation.decisions"))
    hosted = [text_of(tool.get("type")) for tool in tools if tool.get("type") != "function"]
    return extras + [Extra(f"session.delegation.responses.tools.{kind}") for kind in hosted]


def _tool(tool: _Members) -> Tool:
    parameters = tool.get("parameters")
    return Tool(
        name=text_of(tool.get("name")),
        description=text_of(tool.get("description")),
        parameters=parameters if isinstance(parameters, dict) else None,
    )


def _choice(choice: Any) -> str:
    if isinstance(choice, str):
        return choice if choice in ("auto", "none", "required") else "auto"
    return text_of(object_of(choice).get("name")) or "auto"


# -- Writing -----------------------------------------------------------------------------------------------


def start(session: _Members, event_id: Any = None) -> bytes:
    named = {"event_id": event_id} if event_id is not None else {}
    return write_any({"type": "session.start", **named, "session": session})


def saved(session: _Members) -> str:
    """Without what was said before: that is remembered, and told anew."""
    return start({name: value for name, value in session.items() if name != "input"}).decode()


def write_config(config: Config) -> str:
    """Without a model: whoever dials knows which. A backend is only asked for where there are tools, and its
    model as well is the route's to know."""
    session: _Members = {"audio": {"format": written(config.input)}}
    if config.instructions:
        session["instructions"] = config.instructions
    if config.voice:
        session["audio"]["output"] = {"voice": config.voice}
    if config.tools:
        session["delegation"] = {"type": "responses", "responses": backend(config)}
    return start(session).decode()


def backend(config: Config) -> _Members:
    asked: _Members = {"tools": [_declared(tool) for tool in config.tools]}
    if config.tool_choice != "auto":
        named = {"type": "function", "name": config.tool_choice}
        asked["tool_choice"] = config.tool_choice if config.tool_choice in ("none", "required") else named
    if not config.parallel_tools:
        asked["parallel_tool_calls"] = False
    if config.thinking:
        asked["reasoning"] = {"effort": config.thinking}
    return asked


def _declared(tool: Tool) -> _Members:
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
        "strict": False,
    }
