"""A setup that was read (messages.py), as what the call needs of it; what may not be together is refused
here (GEMINI-LIVE.md 3.1, 8).
"""

import re
from typing import Any

import msgspec

from realtime_switch.local.gemini import closes
from realtime_switch.local.gemini.habits import Habits
from realtime_switch.local.gemini.messages import said_in
from realtime_switch.local.gemini.proto import Json, Refused, invalid
from realtime_switch.local.gemini.voices import NAMES
from realtime_switch.local.listening import Detection
from realtime_switch.local.thought import Tool
from realtime_switch.local.vad import Sensitivity

VOICE = "Puck"
_FUNCTION_NAME = re.compile(r"[A-Za-z_][\w.:-]{0,127}", re.ASCII)
# How loud speech must be, and how long a silence ends it where the client does not say: no numbers of the
# service are known, these understand a phrase with its breath.
_THRESHOLDS = {"START_SENSITIVITY_LOW": 0.65}
_SILENCES_MS = {"END_SENSITIVITY_LOW": 800}
_THRESHOLD, _SILENCE_MS = 0.5, 500
# What is kept from before a start, so that the first sound is not cut off. prefixPaddingMs is something else:
# how long it must be loud (3.1).
_BEFORE_MS = 100


class Function(msgspec.Struct, frozen=True):
    tool: Tool
    blocking: bool


class Offer(msgspec.Struct, frozen=True):
    """What contextUpdate may change: what the model was told, and its tools."""

    instructions: str = ""
    functions: tuple[Function, ...] = ()

    def blocking(self, name: str) -> bool:
        return any(one.blocking for one in self.functions if one.tool.name == name)


class Setup(msgspec.Struct, frozen=True):
    model: str
    offer: Offer
    voice: str
    max_output_tokens: int | None
    thoughts: bool
    # None where the client brackets its speech itself.
    detection: Detection | None
    interrupts: bool
    video_outside_activity: bool
    # Whether what was heard, and what is said, is told in words.
    hears: bool
    tells: bool
    marks: bool
    resumes: bool
    handle: str | None
    # History comes first, and is not answered (historyConfig).
    seeds: bool


def read_setup(wire: Json, habits: Habits) -> Setup:
    model = bare_model(wire.get("model", ""))
    if not model:
        raise invalid()
    generation = wire.get("generationConfig", {})
    _check_modalities(generation.get("responseModalities", []))
    _check_for_model(generation, wire.get("proactivity", {}), habits)
    listening = wire.get("realtimeInputConfig", {})
    resumption = wire.get("sessionResumption")
    coverage = listening.get("turnCoverage", "TURN_COVERAGE_UNSPECIFIED")
    return Setup(
        model=model,
        offer=Offer(said_in(wire.get("systemInstruction", {})), functions(wire.get("tools", []), habits)),
        voice=_voice(generation.get("speechConfig", {}).get("voiceConfig", {})),
        max_output_tokens=generation.get("maxOutputTokens"),
        thoughts=habits.thoughts or generation.get("thinkingConfig", {}).get("includeThoughts", False),
        detection=_detection(listening.get("automaticActivityDetection", {}), habits),
        interrupts=listening.get("activityHandling") != "NO_INTERRUPTION",
        video_outside_activity=habits.video_outside_activity
        if coverage == "TURN_COVERAGE_UNSPECIFIED"
        else coverage != "TURN_INCLUDES_ONLY_ACTIVITY",
        hears="inputAudioTranscription" in wire,
        tells="outputAudioTranscription" in wire,
        marks=habits.voice_activity or wire.get("explicitVadSignal", False),
        resumes=habits.handles_unasked or resumption is not None,
        # An empty handle is what SDKs send for none.
        handle=(resumption or {}).get("handle") or None,
        seeds=wire.get("historyConfig", {}).get("initialHistoryInClientContent", False),
    )


def updated(offer: Offer, wire: Json, habits: Habits) -> Offer:
    """3.5: only what is there changes, and an empty list clears."""
    if "systemInstruction" in wire:
        offer = msgspec.structs.replace(offer, instructions=said_in(wire["systemInstruction"]))
    if "tools" in wire:
        offer = msgspec.structs.replace(offer, functions=functions(wire["tools"].get("tools", []), habits))
    return offer


def bare_model(model: str) -> str:
    """models/NAME, publishers/google/models/NAME, projects/P/locations/L/endpoints/E, or NAME as it is."""
    return model.rpartition("/")[2]


def functions(tools: list[Json], habits: Habits) -> tuple[Function, ...]:
    declared = [one for tool in tools for one in tool.get("functionDeclarations", [])]
    names = [one.get("name", "") for one in declared]
    if len(set(names)) < len(names) or not all(map(_FUNCTION_NAME.fullmatch, names)):
        raise invalid()
    return tuple(_function(one, habits) for one in declared)


def _function(wire: Json, habits: Habits) -> Function:
    if "parameters" in wire and "parametersJsonSchema" in wire:
        raise invalid()
    schema = wire.get("parametersJsonSchema") or plain_schema(wire.get("parameters", {}))
    behavior = wire.get("behavior", "UNSPECIFIED")
    blocking = habits.blocking if behavior == "UNSPECIFIED" else behavior == "BLOCKING"
    parameters = schema if isinstance(schema, dict) else {}
    return Function(Tool(wire["name"], wire.get("description", ""), parameters), blocking)


def plain_schema(schema: Any) -> Any:
    """Google's Schema as JSON Schema: its types are written in capitals."""
    if not isinstance(schema, dict):
        return schema
    plain = dict(schema)
    if "type" in plain:
        plain["type"] = str(plain["type"]).lower()
    if "items" in plain:
        plain["items"] = plain_schema(plain["items"])
    for name in ("properties", "defs"):
        if name in plain:
            plain[name] = {key: plain_schema(one) for key, one in plain[name].items()}
    if "anyOf" in plain:
        plain["anyOf"] = [plain_schema(one) for one in plain["anyOf"]]
    return plain


def _check_modalities(wanted: list[str]) -> None:
    match wanted:
        case [] | ["AUDIO"]:
            pass
        case ["TEXT"]:
            raise Refused(closes.TEXT_WITH_VOICES)
        case ["VIDEO"]:
            raise Refused(closes.NOT_SUPPORTED)
        case _:
            raise invalid()


def _check_for_model(generation: Json, proactivity: Json, habits: Habits) -> None:
    if "thinkingLevel" in generation.get("thinkingConfig", {}):
        raise invalid()  # 3.1 has it, and 3.8's extended thinking; these shapes are neither
    newest = not habits.blocking
    if newest and (generation.get("enableAffectiveDialog") or proactivity.get("proactiveAudio") is False):
        raise invalid()


def _voice(wire: Json) -> str:
    if "replicatedVoiceConfig" in wire:
        return VOICE
    named = wire.get("prebuiltVoiceConfig", {}).get("voiceName") or wire.get("voice") or VOICE
    if named not in NAMES:
        raise invalid()
    return str(named)


def _detection(wire: Json, habits: Habits) -> Detection | None:
    if wire.get("disabled", False):
        if len(wire) > 1 and not habits.vertex:
            raise invalid()
        return None
    sensitivity = Sensitivity(
        threshold=_THRESHOLDS.get(wire.get("startOfSpeechSensitivity", ""), _THRESHOLD),
        silence_ms=wire.get("silenceDurationMs", 0)
        or _SILENCES_MS.get(wire.get("endOfSpeechSensitivity", ""), _SILENCE_MS),
    )
    if wire.get("prefixPaddingMs"):
        sensitivity = msgspec.structs.replace(sensitivity, loud_ms=wire["prefixPaddingMs"])
    return Detection(sensitivity, _BEFORE_MS + sensitivity.loud_ms)
