"""A configuration as it is kept for a later call (A8), and back: a setup of this dialect."""

from typing import Any

from ..unambiguous import read_object
from ..wishes import Config, Tool, Transcription
from . import setup_in
from .setup_in import config_of
from .shape import read_message


def read_config(saved: str) -> Config | None:
    read = read_object(saved.encode("utf-8", "replace"))
    message = read if isinstance(read, str) else read_message(read)
    if isinstance(message, str) or message[0] != "setup":
        return None
    return config_of(message[1])


def write_config(config: Config) -> str:
    functions = [_function(tool) for tool in config.tools]
    members = {
        "generationConfig": _generation(config),
        "systemInstruction": {"parts": [{"text": config.instructions}]} if config.instructions else None,
        "tools": [{"functionDeclarations": functions}] if functions else None,
        "realtimeInputConfig": _realtime(config),
        "inputAudioTranscription": _transcription(config.transcription),
        "outputAudioTranscription": {} if config.agent_words else None,
        "contextWindowCompression": _compression(config),
    }
    return setup_in.saved(_present(members))


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _generation(config: Config) -> dict[str, Any]:
    speech: dict[str, Any] = {"languageCode": config.language} if config.language else {}
    if config.voice:
        speech["voiceConfig"] = {"prebuiltVoiceConfig": {"voiceName": config.voice}}
    return _present(
        {
            "responseModalities": ["TEXT" if config.text_only else "AUDIO"],
            "maxOutputTokens": config.max_output_tokens,
            "temperature": config.temperature,
            "speechConfig": speech or None,
            "thinkingConfig": {"thinkingLevel": config.thinking.upper()} if config.thinking else None,
        }
    )


_BEHAVIORS = {"blocking": "BLOCKING", "non_blocking": "NON_BLOCKING"}


def _function(tool: Tool) -> dict[str, Any]:
    return _present(
        {
            "name": tool.name,
            "description": tool.description,
            "parametersJsonSchema": tool.parameters,
            "behavior": _BEHAVIORS.get(tool.waits),
        }
    )


def _realtime(config: Config) -> dict[str, Any]:
    """A threshold is the service's word for it, as near as there is one."""
    threshold = config.turns.threshold
    start = None
    if threshold is not None and not 0.4 < threshold < 0.6:
        start = "START_SENSITIVITY_LOW" if threshold >= 0.6 else "START_SENSITIVITY_HIGH"
    timing = {"startOfSpeechSensitivity": start, "silenceDurationMs": config.turns.silence_ms}
    detection = {"disabled": True} if config.manual_turns else _present(timing)
    handling = None if config.turns.interrupts else "NO_INTERRUPTION"
    return _present({"automaticActivityDetection": detection, "activityHandling": handling})


def _transcription(asked: Transcription | None) -> dict[str, Any] | None:
    if asked is None:
        return None
    lists = {"languageCodes": list(asked.languages), "customVocabulary": list(asked.vocabulary)}
    return {name: value for name, value in lists.items() if value}


def _compression(config: Config) -> dict[str, Any] | None:
    if config.context != "slide":
        return None
    window = {}
    if config.context_kept is not None:
        kept = round((config.context_tokens or setup_in.TRIGGER_TOKENS) * config.context_kept)
        window["targetTokens"] = max(1, kept)
    trigger = {"triggerTokens": config.context_tokens} if config.context_tokens else {}
    return {**trigger, "slidingWindow": window}
