"""A client's setup (GEMINI-LIVE.md 3.1), read as wishes.Config (TRANSLATION.md 9, 10).

Sensitivities are the service's words for what the other dialect has as numbers. What has no counterpart
becomes an Extra, by its path in the client's words.
"""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import Struct

from ..members import list_of, object_of, text_of
from ..sound import PCM_16K, PCM_24K
from ..wishes import THINKING, Config, Extra, Tool, Transcription, Turns
from .schema_in import json_schema
from .shape import BUILT_IN_TOOLS

TRIGGER_TOKENS = 131_072 * 8 // 10  # where nobody says: of the service's window (GEMINI-LIVE.md 3.1)

OUR_HANDLE = "rs."  # what a handle of ours begins with; the session id follows

_Members = dict[str, Any]

_THRESHOLDS = {"START_SENSITIVITY_HIGH": 0.4, "START_SENSITIVITY_LOW": 0.7}
_SILENCES_MS = {"END_SENSITIVITY_HIGH": 300, "END_SENSITIVITY_LOW": 1200}


class Setup(Struct, frozen=True):
    members: _Members  # as the client said it, canonically spelt, without a handle
    model: str
    session_id: str  # of ours, where the handle is
    handle: str  # somebody else's
    wants_handles: bool
    seeds_history: bool
    config: Config


def read_setup(members: _Members) -> Setup:
    resumption = members.get("sessionResumption")
    handle = text_of(object_of(resumption).get("handle"))
    ours = handle.startswith(OUR_HANDLE)
    kept = dict(members)
    if isinstance(resumption, dict):
        kept["sessionResumption"] = {k: v for k, v in resumption.items() if k != "handle"}
    return Setup(
        members=kept,
        model=model_name(text_of(members.get("model"))),
        session_id=handle.removeprefix(OUR_HANDLE) if ours else "",
        handle="" if ours else handle,
        wants_handles=resumption is not None,
        seeds_history=object_of(members.get("historyConfig")).get("initialHistoryInClientContent") is True,
        config=config_of(members),
    )


def model_name(model: str) -> str:
    """Without `models/`, and without where Vertex keeps it (GEMINI-LIVE.md 1)."""
    return model.rpartition("models/")[2] if "models/" in model else model


def updated(members: _Members, update: _Members) -> _Members:
    """A setup after a contextUpdate: only what is set there changes (GEMINI-LIVE.md 3.5)."""
    changed = dict(members)
    if "systemInstruction" in update:
        changed["systemInstruction"] = update["systemInstruction"]
    if "tools" in update:
        changed["tools"] = list_of(object_of(update["tools"]).get("tools"))
    return changed


def config_of(members: _Members) -> Config:
    generation = object_of(members.get("generationConfig"))
    speech = object_of(generation.get("speechConfig"))
    voices = object_of(speech.get("voiceConfig"))
    realtime = object_of(members.get("realtimeInputConfig"))
    detection = object_of(realtime.get("automaticActivityDetection"))
    compression = members.get("contextWindowCompression")
    voice = text_of(object_of(voices.get("prebuiltVoiceConfig")).get("voiceName"))
    return Config(
        instructions=instructions_of(members.get("systemInstruction")),
        text_only=generation.get("responseModalities") == ["TEXT"],
        voice=voice or text_of(voices.get("voice")),
        language=text_of(speech.get("languageCode")),
        tools=tools_of(members.get("tools")),
        manual_turns=detection.get("disabled") is True,
        turns=_turns(detection, realtime),
        input=PCM_16K,
        output=PCM_24K,
        transcription=_transcription(members.get("inputAudioTranscription")),
        agent_words="outputAudioTranscription" in members,
        max_output_tokens=generation.get("maxOutputTokens"),
        temperature=generation.get("temperature"),
        thinking=_thinking(object_of(generation.get("thinkingConfig"))),
        context="slide" if compression is not None else "",
        context_kept=_kept(object_of(compression)),
        context_tokens=object_of(compression).get("triggerTokens") or None,
        extras=tuple(_extras(members)),
    )


def instructions_of(content: Any) -> str:
    """Each part is a paragraph of its own."""
    parts = (text_of(part.get("text")) for part in list_of(object_of(content).get("parts")))
    return "\n\n".join(filter(None, parts))


def _thinking(asked: _Members) -> str:
    level = text_of(asked.get("thinkingLevel")).lower()
    return level if level in THINKING else ""


_WAITS: dict[str, Literal["", "blocking", "non_blocking"]] = {
    "BLOCKING": "blocking",
    "NON_BLOCKING": "non_blocking",
}


def tools_of(tools: Any) -> tuple[Tool, ...]:
    functions = (one for tool in list_of(tools) for one in list_of(tool.get("functionDeclarations")))
    return tuple(
        Tool(
            name=text_of(function.get("name")),
            description=text_of(function.get("description")),
            parameters=_parameters(function),
            waits=_WAITS.get(text_of(function.get("behavior")), ""),
        )
        for function in functions
    )


def _parameters(function: _Members) -> _Members | None:
    plain = function.get("parametersJsonSchema")
    if isinstance(plain, dict):
        return plain
    schema = function.get("parameters")
    return json_schema(schema) if isinstance(schema, dict) else None


def _turns(detection: _Members, realtime: _Members) -> Turns:
    silence_ms = detection.get("silenceDurationMs")
    if silence_ms is None:
        silence_ms = _SILENCES_MS.get(text_of(detection.get("endOfSpeechSensitivity")))
    return Turns(
        threshold=_THRESHOLDS.get(text_of(detection.get("startOfSpeechSensitivity"))),
        silence_ms=silence_ms,
        interrupts=realtime.get("activityHandling") != "NO_INTERRUPTION",
    )


def _transcription(asked: Any) -> Transcription | None:
    if asked is None:
        return None
    hints = object_of(asked.get("languageHints"))
    languages = list_of(asked.get("languageCodes")) or list_of(hints.get("languageCodes"))
    return Transcription(
        languages=tuple(filter(None, map(text_of, languages))),
        vocabulary=tuple(list_of(asked.get("customVocabulary"))),
    )


def _kept(compression: _Members) -> float | None:
    target = object_of(compression.get("slidingWindow")).get("targetTokens")
    trigger = compression.get("triggerTokens") or TRIGGER_TOKENS
    return target / trigger if target and 0 < target <= trigger else None


# -- What has no counterpart ---------------------------------------------------------------------------------


def _present(value: Any) -> bool:
    return True


def _said_yes(value: Any) -> bool:
    return value is True


def _any_yes(value: Any) -> bool:
    return any(one is True for one in object_of(value).values())


def _several(value: Any) -> bool:
    return isinstance(value, int) and value > 1


def _not_spoken_or_written(value: Any) -> bool:
    return value not in ([], ["AUDIO"], ["TEXT"])


def _more_than_speech(value: Any) -> bool:
    return text_of(value) != "TURN_INCLUDES_ONLY_ACTIVITY"


# Path, whether the call is much the same without it, and which values ask for anything at all. The first
# that is refused is the one that the client is told of.
_EXTRAS: tuple[tuple[str, bool, Callable[[Any], bool]], ...] = (
    ("avatarConfig", False, _present),
    ("generationConfig.responseModalities", False, _not_spoken_or_written),
    ("generationConfig.enableAffectiveDialog", False, _said_yes),
    ("generationConfig.translationConfig", False, _present),
    ("generationConfig.speechConfig.multiSpeakerVoiceConfig", False, _present),
    ("generationConfig.speechConfig.voiceConfig.replicatedVoiceConfig", False, _present),
    ("generationConfig.responseSchema", False, _present),
    ("generationConfig.responseJsonSchema", False, _present),
    ("generationConfig.responseMimeType", False, _present),
    ("generationConfig.responseFormat", False, _present),
    ("generationConfig.stopSequences", False, _present),
    ("generationConfig.logprobs", False, _present),
    ("generationConfig.responseLogprobs", False, _said_yes),
    ("proactivity", False, _any_yes),
    ("generationConfig.topP", True, _present),
    ("generationConfig.topK", True, _present),
    ("generationConfig.candidateCount", True, _several),
    ("generationConfig.presencePenalty", True, _present),
    ("generationConfig.frequencyPenalty", True, _present),
    ("generationConfig.seed", True, _present),
    ("generationConfig.mediaResolution", True, _present),
    ("generationConfig.thinkingConfig.includeThoughts", True, _said_yes),
    ("generationConfig.thinkingConfig.thinkingBudget", True, _present),
    ("generationConfig.routingConfig", True, _present),
    ("generationConfig.audioTimestamp", True, _said_yes),
    ("generationConfig.modelSelectionConfig", True, _present),
    ("generationConfig.enableEnhancedCivicAnswers", True, _said_yes),
    ("generationConfig.audioTranscriptionConfig", True, _present),
    ("realtimeInputConfig.automaticActivityDetection.prefixPaddingMs", True, _present),
    ("realtimeInputConfig.turnCoverage", True, _more_than_speech),
    ("realtimeInputConfig.interimTranscriptTimestampEnabled", True, _said_yes),
    ("sessionResumption.transparent", True, _said_yes),
    ("inputAudioTranscription.languageAuto", True, _present),
    ("inputAudioTranscription.adaptationPhrases", True, _present),
    ("inputAudioTranscription.wordTimestamp", True, _said_yes),
    ("inputAudioTranscription.diarization", True, _said_yes),
    ("inputAudioTranscription.mode", True, _present),
    ("inputAudioTranscription.sourceText", True, _present),
    ("safetySettings", True, _present),
    ("labels", True, _present),
)


def _extras(members: _Members) -> list[Extra]:
    extras = []
    for path, ignorable, asks in _EXTRAS:
        value: Any = members
        for name in path.split("."):
            value = object_of(value).get(name)
        if value is not None and asks(value):
            extras.append(Extra(f"setup.{path}", ignorable))
    return extras + extra_tools(members.get("tools"), "setup.tools")


def extra_tools(tools: Any, path: str) -> list[Extra]:
    """Those of the service's own; a client that asks for one counts on it."""
    asked = [name for tool in list_of(tools) for name in tool if name in BUILT_IN_TOOLS]
    return [Extra(f"{path}[].{name}") for name in dict.fromkeys(asked)]


# -- As text ---------------------------------------------------------------------------------------------


def saved(members: _Members) -> str:
    return msgspec.json.encode({"setup": members}).decode()
