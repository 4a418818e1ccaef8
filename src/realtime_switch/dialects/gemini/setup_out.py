"""How a call is to be held, as Gemini is told it: the setup, what changes later, and what cannot be
(TRANSLATION.md 2, 3).

Only what a client asked for is told; a default of its dialect is not, but for the voice, which is fixed so
that it does not change with the model's default.
"""

from typing import Any

from .. import past
from ..profile import Profile
from ..terms import Target, Terms
from ..wishes import Config, Turns
from .past import contents
from .schema import declaration, good_name
from .setup_in import TRIGGER_TOKENS

# A voice of OpenAI's -> the one that comes closest (TRANSLATION.md 3).
_VOICES = {
    "alloy": "Kore",
    "ash": "Orus",
    "ballad": "Iapetus",
    "cedar": "Charon",
    "coral": "Leda",
    "echo": "Puck",
    "marin": "Aoede",
    "sage": "Vindemiatrix",
    "shimmer": "Zephyr",
    "verse": "Fenrir",
}
_DEFAULT_VOICE = "Kore"
# GEMINI-LIVE.md 8.
_OWN_VOICES = (
    "Zephyr",
    "Puck",
    "Charon",
    "Kore",
    "Fenrir",
    "Leda",
    "Orus",
    "Aoede",
    "Callirrhoe",
    "Autonoe",
    "Enceladus",
    "Iapetus",
    "Umbriel",
    "Algieba",
    "Despina",
    "Erinome",
    "Algenib",
    "Rasalgethi",
    "Laomedeia",
    "Achernar",
    "Alnilam",
    "Schedar",
    "Gacrux",
    "Pulcherrima",
    "Achird",
    "Zubenelgenubi",
    "Vindemiatrix",
    "Sadachbia",
    "Sadaltager",
    "Sulafat",
)
_OWN = {name.lower(): name for name in _OWN_VOICES}

# Louder or softer than usual, of OpenAI's 0 to 1 with 0.5 in the middle.
_LOUD, _SOFT = 0.6, 0.4
# A turn's end by its meaning: only approximated, by how long a silence ends it.
_EAGERNESS: dict[str, tuple[str, int]] = {
    "low": ("END_SENSITIVITY_LOW", 1200),
    "high": ("END_SENSITIVITY_HIGH", 300),
}

Setup = dict[str, Any]
_SAID_LATER = frozenset({"systemInstruction", "tools"})  # what a contextUpdate may change


# -- The setup -------------------------------------------------------------------------------------------


def setup(config: Config, target: Target, terms: Terms, history: str = "", handle: str | None = "") -> Setup:
    """What has no counterpart is approximated or left out; `unsupported` names it."""
    profile = target.profile
    model = target.model if "/" in target.model else f"models/{target.model}"
    told: Setup = {"model": model, "generationConfig": _generation(config, profile, terms)}
    opening, turns = contents(history) if profile.seeds_history else (past.told(history), [])
    told |= context(config, profile, opening)
    told |= _turns(config)
    if config.transcription is not None:
        told["inputAudioTranscription"] = _transcription(config)
    elif terms.transcribe_with is not None:  # B2a: for memory's sake
        told["inputAudioTranscription"] = {}
    told["outputAudioTranscription"] = {}  # what the agent says is remembered in any case
    if profile.resumes and handle is not None:
        told["sessionResumption"] = {"handle": handle} if handle else {}
    if config.context != "off":
        told["contextWindowCompression"] = _compression(config)
    if turns:
        told["historyConfig"] = {"initialHistoryInClientContent": True}
    return told


def _generation(config: Config, profile: Profile, terms: Terms) -> Setup:
    told: Setup = {"responseModalities": ["TEXT" if writes(config, profile) else "AUDIO"]}
    if config.max_output_tokens is not None:
        told["maxOutputTokens"] = config.max_output_tokens
    if config.temperature is not None:
        told["temperature"] = config.temperature
    if config.thinking and profile.thinking_level:
        told["thinkingConfig"] = {"thinkingLevel": config.thinking.upper()}
    if not writes(config, profile):
        name = voice(config.voice, terms) or _DEFAULT_VOICE
        told["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": name}}}
        if config.language and profile.language:
            told["speechConfig"]["languageCode"] = config.language
    return told


def writes(config: Config, profile: Profile) -> bool:
    """Text is asked for, and the model has it. Where it has not, its spoken words are taken for it."""
    return config.text_only and profile.text


def voice(name: str, terms: Terms) -> str | None:
    """None: there is no such voice."""
    if not name:
        return _DEFAULT_VOICE
    return terms.voices.get(name) or _VOICES.get(name) or _OWN.get(name.lower())


def context(config: Config, profile: Profile, *more: str) -> Setup:
    """What can also be said later: the instructions, with `more` behind them, and the tools."""
    told: Setup = {}
    parts = [text for text in (config.instructions, *more) if text]
    if parts:
        told["systemInstruction"] = {"parts": [{"text": text} for text in parts]}
    tools = [tool for tool in config.tools if good_name(tool.name)] if config.tool_choice != "none" else []
    if tools:
        told["tools"] = [{"functionDeclarations": [declaration(tool, profile) for tool in tools]}]
    return told


def _turns(config: Config) -> Setup:
    """`prefixPaddingMs` is another thing than OpenAI's padding: speech must last so long to count."""
    if config.manual_turns:  # nothing may stand beside it: 1007 (GEMINI-LIVE.md 3.1)
        return {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
    turns = config.turns
    if turns == Turns():
        return {}
    detection: Setup = {"disabled": False}
    sensitivity, silence_ms = _EAGERNESS.get(turns.eagerness, ("", None))
    silence_ms = turns.silence_ms if turns.silence_ms is not None else silence_ms
    if silence_ms is not None:
        detection["silenceDurationMs"] = silence_ms
    if sensitivity:
        detection["endOfSpeechSensitivity"] = sensitivity
    if turns.threshold is not None and turns.threshold > _LOUD:
        detection["startOfSpeechSensitivity"] = "START_SENSITIVITY_LOW"
    elif turns.threshold is not None and turns.threshold < _SOFT:
        detection["startOfSpeechSensitivity"] = "START_SENSITIVITY_HIGH"
    told: Setup = {"automaticActivityDetection": detection}
    if not turns.interrupts:
        told["activityHandling"] = "NO_INTERRUPTION"
    return {"realtimeInputConfig": told}


def _transcription(config: Config) -> Setup:
    wanted = config.transcription
    assert wanted is not None
    told: Setup = {}
    if wanted.languages:
        told["languageCodes"] = list(wanted.languages)
    if wanted.vocabulary:
        told["customVocabulary"] = list(wanted.vocabulary)
    return told


def _compression(config: Config) -> Setup:
    """Where a client says nothing the conversation slides, as OpenAI's does by itself."""
    if config.context_kept is None:
        return {"slidingWindow": {}}
    kept = min(max(config.context_kept, 0.0), 1.0)
    return {"triggerTokens": TRIGGER_TOKENS, "slidingWindow": {"targetTokens": int(kept * TRIGGER_TOKENS)}}


# -- What cannot be --------------------------------------------------------------------------------------


def unsupported(config: Config, target: Target, terms: Terms) -> list[tuple[str, str]]:
    """What the client asked for and this model cannot do: the field, and why. On a strict route that is also
    what `setup` only approximates."""
    profile, strict = target.profile, terms.strict
    bad: list[tuple[str, str]] = []
    if voice(config.voice, terms) is None:
        bad.append(("voice", f"This backend has no voice {config.voice!r}."))
    if any(not good_name(tool.name) for tool in config.tools):
        bad.append(("tools", "This backend takes tool names of letters, digits and _ . : - only."))
    if config.tool_choice not in ("auto", "none"):
        bad.append(("tool_choice", "On this backend the model chooses its tools by itself."))
    if not config.parallel_tools:
        bad.append(("parallel_tools", "This backend cannot keep the model from calling tools in parallel."))
    if not config.turns.replies:
        bad.append(("replies", "This backend answers each turn that it finds by itself."))
    if config.turns.idle_ms is not None:
        bad.append(("idle_ms", "This backend does not nudge a silent user."))
    if strict and config.language and not profile.language:
        bad.append(("language", "This model finds out by itself in which language to speak."))
    if strict and config.turns.eagerness not in ("", "auto", "medium"):
        bad.append(("eagerness", "This backend ends turns by silence, not by their meaning."))
    if strict and config.thinking and not profile.thinking_level:
        bad.append(("thinking", "How hard this model thinks cannot be set."))
    bad += [
        (extra.path, f"{extra.path} is not available on this backend.")
        for extra in config.extras
        if strict or not extra.ignorable
    ]
    return bad


# -- What changes later ----------------------------------------------------------------------------------


def changes(old: Setup, new: Setup) -> frozenset[str]:
    """The members of the setup that differ."""
    return frozenset(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def needs_new_setup(changed: frozenset[str]) -> bool:
    return not changed <= _SAID_LATER


def context_update(new: Setup, changed: frozenset[str]) -> Setup:
    """GEMINI-LIVE.md 3.5: only what is set changes, and an empty list clears."""
    update: Setup = {}
    if "systemInstruction" in changed:
        update["systemInstruction"] = new.get("systemInstruction", {"parts": []})
    if "tools" in changed:
        update["tools"] = {"tools": new.get("tools", [])}
    return {"contextUpdate": update}
