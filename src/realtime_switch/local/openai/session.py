"""The session object: its defaults, what an update makes of it, and what one reply is made under.

An update is all or nothing, and what is told back is always the whole session in effect (OPENAI-REALTIME.md
4.2). The wire's own dictionaries are kept, because they are echoed; typed accessors read what the
conversation needs.
"""

import copy
from typing import Any, Literal

import msgspec

from realtime_switch.local.audio import Coding, Format
from realtime_switch.local.listening import Detection
from realtime_switch.local.openai.session_shape import SESSION, TRANSCRIPTION_SESSION
from realtime_switch.local.openai.shape import Refused, missing, wrong_type
from realtime_switch.local.thought import Tool
from realtime_switch.local.vad import Sensitivity

Json = dict[str, Any]
Kind = Literal["realtime", "transcription"]

INSTRUCTIONS = (
    "You are a friendly voice assistant. Answer briefly and kindly, in the language you are spoken to."
)
_CODINGS: dict[str, Coding] = {"audio/pcm": "pcm16", "audio/pcmu": "ulaw", "audio/pcma": "alaw"}
_ANSWERING: Json = {"create_response": True, "interrupt_response": True}
_SERVER_VAD: Json = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 200,  # as live session.created has it (4.4)
    "idle_timeout_ms": None,
    **_ANSWERING,
}
_SEMANTIC_VAD: Json = {"type": "semantic_vad", "eagerness": "auto", **_ANSWERING}
# The model behind semantic_vad hears whether a sentence is over; we only hear silence, so each eagerness is
# a patience, much shorter than the longest waits of 4.4, which a finished sentence never meets.
_SEMANTIC_SILENCE_MS = {"low": 1200, "medium": 700, "auto": 700, "high": 400}
_SEMANTIC_PREFIX_MS = 300


class TurnDetection(Detection, frozen=True):
    idle_timeout_ms: int | None
    create_response: bool
    interrupt_response: bool


class Terms(msgspec.Struct, frozen=True):
    """What one reply is made under: the session, and over it what its response.create said."""

    modality: Literal["text", "audio"]
    instructions: str
    tools: tuple[Json, ...]
    tool_choice: str | Json
    max_output_tokens: int | Literal["inf"]
    output_format: Json
    voice: str | Json
    speed: float
    truncation: str | Json
    metadata: dict[str, str] | None
    in_conversation: bool

    @property
    def format(self) -> Format:
        return format_of(self.output_format)

    @property
    def voice_name(self) -> str:
        return self.voice if isinstance(self.voice, str) else str(self.voice["id"])

    @property
    def must_call(self) -> bool:
        return self.tool_choice == "required" or isinstance(self.tool_choice, dict)

    def callable_tools(self) -> tuple[Tool, ...]:
        """Only functions: a remote MCP server is never called from here."""
        if self.tool_choice == "none":
            return ()
        named = self.tool_choice.get("name") if isinstance(self.tool_choice, dict) else None
        return tuple(
            Tool(tool["name"], tool.get("description") or "", tool.get("parameters") or {})
            for tool in self.tools
            if tool["type"] == "function" and named in (None, tool["name"])
        )


def format_of(wire: Json) -> Format:
    coding = _CODINGS[wire["type"]]
    return Format(coding, 24000 if coding == "pcm16" else 8000)


class Session:
    def __init__(self, kind: Kind, session_id: str, model: str, expires_at_s: int) -> None:
        self.kind = kind
        if kind == "transcription":
            self._wire = _default_transcription(session_id, expires_at_s)
        else:
            self._wire = _default_realtime(session_id, model, expires_at_s)

    def wire(self) -> Json:
        """The whole session in effect, safe to keep: later updates do not reach into it."""
        return copy.deepcopy(self._wire)

    def update(self, changes: object, *, voice_is_fixed: bool) -> None:
        if not isinstance(changes, dict):
            raise wrong_type("an object", changes, "session")
        if "type" not in changes:
            raise missing("session.type")
        if changes["type"] != self.kind and changes["type"] in ("realtime", "transcription"):
            message = (
                f"Passing a {changes['type']} session update event to a {self.kind} session is not allowed."
            )
            raise Refused(None, message)
        (SESSION if self.kind == "realtime" else TRANSCRIPTION_SESSION)(changes, "session")
        merged = _merged(self._wire, changes)
        if voice_is_fixed and merged["audio"]["output"]["voice"] != self._wire["audio"]["output"]["voice"]:
            message = "Cannot update a conversation's voice if assistant audio is present."
            raise Refused("cannot_update_voice", message)
        self._wire = merged

    @property
    def input_format(self) -> Format:
        return format_of(self._wire["audio"]["input"]["format"])

    @property
    def transcription(self) -> Json | None:
        wanted: Json | None = self._wire["audio"]["input"]["transcription"]
        return wanted

    @property
    def turn_detection(self) -> TurnDetection | None:
        wire = self._wire["audio"]["input"]["turn_detection"]
        if wire is None:
            return None
        semantic = wire["type"] == "semantic_vad"
        silence_ms = _SEMANTIC_SILENCE_MS[wire["eagerness"]] if semantic else wire["silence_duration_ms"]
        return TurnDetection(
            sensitivity=Sensitivity(0.5 if semantic else wire["threshold"], silence_ms),
            prefix_ms=_SEMANTIC_PREFIX_MS if semantic else wire["prefix_padding_ms"],
            idle_timeout_ms=wire.get("idle_timeout_ms"),
            # A transcription session has no replies, and so neither of these.
            create_response=wire.get("create_response", False),
            interrupt_response=wire.get("interrupt_response", False),
        )

    def terms(self, overrides: Json) -> Terms:
        """`overrides` is the `response` of a response.create; a null there is no override (6.1)."""
        own = {name: value for name, value in overrides.items() if value is not None}
        output = {**self._wire["audio"]["output"], **own.get("audio", {}).get("output", {})}

        def either(name: str) -> Any:
            return own.get(name, self._wire[name])

        return Terms(
            modality=either("output_modalities")[0],
            instructions=either("instructions"),
            tools=tuple(either("tools")),
            tool_choice=either("tool_choice"),
            max_output_tokens=either("max_output_tokens"),
            output_format=_full_format(output["format"]),
            voice=output["voice"],
            speed=output["speed"],
            truncation=self._wire["truncation"],
            metadata=own.get("metadata"),
            in_conversation=own.get("conversation", "auto") == "auto",
        )


def _default_realtime(session_id: str, model: str, expires_at_s: int) -> Json:
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": session_id,
        "model": model,
        "output_modalities": ["audio"],
        "instructions": INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "expires_at": expires_at_s,
        "audio": {
            "input": _default_input(),
            "output": {"format": _full_format({"type": "audio/pcm"}), "voice": "marin", "speed": 1.0},
        },
        "include": None,
    }


def _default_transcription(session_id: str, expires_at_s: int) -> Json:
    hearing = _default_input()
    hearing["turn_detection"] = _full_turn_detection(_SERVER_VAD, "transcription")
    return {
        "type": "transcription",
        "object": "realtime.transcription_session",
        "id": session_id,
        "expires_at": expires_at_s,
        "audio": {"input": hearing},
        "include": None,
    }


def _default_input() -> Json:
    return {
        "format": _full_format({"type": "audio/pcm"}),
        "transcription": None,
        "noise_reduction": None,
        "turn_detection": dict(_SERVER_VAD),
    }


def _merged(session: Json, changes: Json) -> Json:
    """`audio` and what is directly in it merges by field; anything deeper is replaced as a whole (4.2)."""
    merged = copy.deepcopy(session)
    for name, value in changes.items():
        if name == "audio":
            for side, fields in value.items():
                merged["audio"][side].update(copy.deepcopy(fields))
        elif name != "model":  # 4.1: clients send it, even another one; it never applies
            merged[name] = copy.deepcopy(value)
    for side in merged["audio"].values():
        side["format"] = _full_format(side["format"])
    hearing = merged["audio"]["input"]
    if hearing["turn_detection"] is not None:
        hearing["turn_detection"] = _full_turn_detection(hearing["turn_detection"], merged["type"])
    return merged


def _full_format(wire: Json) -> Json:
    return {"type": "audio/pcm", "rate": 24000} if wire["type"] == "audio/pcm" else wire


def _full_turn_detection(wire: Json, kind: Kind) -> Json:
    full = {**(_SERVER_VAD if wire["type"] == "server_vad" else _SEMANTIC_VAD), **wire}
    if kind == "transcription":
        return {name: value for name, value in full.items() if name not in (*_ANSWERING, "idle_timeout_ms")}
    return full
