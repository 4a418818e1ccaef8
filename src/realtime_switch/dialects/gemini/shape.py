"""What a client's messages may hold, by name and kind (GEMINI-LIVE.md 3), read as proto3's JSON is (2):
`null` is absent, a name of an enum may be its number, a whole number may be a string, and what is unknown
ends the call with the service's own words.
"""

import math
import re
from typing import Any

from .casing import camel_keys

# -- Kinds -------------------------------------------------------------------------------------------------


class Enum:
    """Its names, in the order of their numbers. One that is not among them may be newer than this file."""

    def __init__(self, *names: str) -> None:
        self.names = names


TEXT, NUMBER, WHOLE, YES_NO, ANYTHING = "text", "number", "whole", "yes_no", "anything"

_TEXTS = [TEXT]
_MODALITY = Enum("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")
_BEHAVIOR = Enum("UNSPECIFIED", "BLOCKING", "NON_BLOCKING")
_SCHEDULING = Enum("SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT")
_START = Enum("START_SENSITIVITY_UNSPECIFIED", "START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW")
_END = Enum("END_SENSITIVITY_UNSPECIFIED", "END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW")
_HANDLING = Enum("ACTIVITY_HANDLING_UNSPECIFIED", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION")
_COVERAGE = Enum(
    "TURN_COVERAGE_UNSPECIFIED",
    "TURN_INCLUDES_ONLY_ACTIVITY",
    "TURN_INCLUDES_ALL_INPUT",
    "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
)
_WORD = Enum()  # of an enum whose numbers nobody here needs

_BLOB = {"mimeType": TEXT, "data": TEXT, "displayName": TEXT}
_FUNCTION_RESPONSE = {
    "id": TEXT,
    "name": TEXT,
    "response": ANYTHING,
    "scheduling": _SCHEDULING,
    "willContinue": YES_NO,
    "parts": [ANYTHING],
}
_PART = {
    "text": TEXT,
    "inlineData": _BLOB,
    "functionCall": {
        "id": TEXT,
        "name": TEXT,
        "args": ANYTHING,
        "partialArgs": ANYTHING,
        "willContinue": YES_NO,
    },
    "functionResponse": _FUNCTION_RESPONSE,
    "thought": YES_NO,
    "thoughtSignature": TEXT,
    "fileData": ANYTHING,
    "executableCode": ANYTHING,
    "codeExecutionResult": ANYTHING,
    "videoMetadata": ANYTHING,
    "mediaResolution": ANYTHING,
    "partMetadata": ANYTHING,
    "mediaProcessing": ANYTHING,
    "toolCall": ANYTHING,
    "toolResponse": ANYTHING,
    "audioTranscription": ANYTHING,
    "audioMetadata": ANYTHING,
    "speechMetadata": ANYTHING,
    "documentMetadata": ANYTHING,
    "spreadsheetMetadata": ANYTHING,
}
_CONTENT = {"role": TEXT, "parts": [_PART]}
_FUNCTION = {
    "name": TEXT,
    "description": TEXT,
    "parameters": ANYTHING,  # a Schema: schema_in.py reads what it knows of it
    "parametersJsonSchema": ANYTHING,
    "response": ANYTHING,
    "responseJsonSchema": ANYTHING,
    "behavior": _BEHAVIOR,
}
# Tools of the service's own: each is one member, whatever it holds.
BUILT_IN_TOOLS = (
    "googleSearch",
    "googleSearchRetrieval",
    "enterpriseWebSearch",
    "googleMaps",
    "urlContext",
    "codeExecution",
    "fileSearch",
    "computerUse",
    "retrieval",
    "mcpServers",
    "parallelAiSearch",
    "exaAiSearch",
)
_TOOL = {"functionDeclarations": [_FUNCTION], **dict.fromkeys(BUILT_IN_TOOLS, ANYTHING)}
_TRANSCRIPTION = {
    "languageCodes": _TEXTS,
    "languageHints": ANYTHING,
    "languageAuto": ANYTHING,
    "customVocabulary": _TEXTS,
    "adaptationPhrases": ANYTHING,
    "wordTimestamp": YES_NO,
    "diarization": YES_NO,
    "mode": _WORD,
    "sourceText": ANYTHING,
}
_GENERATION = {
    "responseModalities": [_MODALITY],
    "temperature": NUMBER,
    "topP": NUMBER,
    "topK": NUMBER,
    "candidateCount": WHOLE,
    "maxOutputTokens": WHOLE,
    "presencePenalty": NUMBER,
    "frequencyPenalty": NUMBER,
    "seed": WHOLE,
    "mediaResolution": _WORD,
    "speechConfig": {
        "voiceConfig": {
            "prebuiltVoiceConfig": {"voiceName": TEXT},
            "replicatedVoiceConfig": ANYTHING,
            "voice": TEXT,
        },
        "languageCode": TEXT,
        "multiSpeakerVoiceConfig": ANYTHING,
    },
    "thinkingConfig": {"includeThoughts": YES_NO, "thinkingBudget": WHOLE, "thinkingLevel": _WORD},
    "enableAffectiveDialog": YES_NO,
    "translationConfig": ANYTHING,
    "responseSchema": ANYTHING,
    "responseMimeType": TEXT,
    "responseJsonSchema": ANYTHING,
    "responseFormat": ANYTHING,
    "stopSequences": _TEXTS,
    "logprobs": WHOLE,
    "responseLogprobs": YES_NO,
    "routingConfig": ANYTHING,
    "audioTimestamp": YES_NO,
    "modelSelectionConfig": ANYTHING,
    "enableEnhancedCivicAnswers": YES_NO,
    "audioTranscriptionConfig": ANYTHING,
}
_SETUP = {
    "model": TEXT,
    "generationConfig": _GENERATION,
    "systemInstruction": _CONTENT,
    "tools": [_TOOL],
    "realtimeInputConfig": {
        "automaticActivityDetection": {
            "disabled": YES_NO,
            "startOfSpeechSensitivity": _START,
            "endOfSpeechSensitivity": _END,
            "prefixPaddingMs": WHOLE,
            "silenceDurationMs": WHOLE,
        },
        "activityHandling": _HANDLING,
        "turnCoverage": _COVERAGE,
        "interimTranscriptTimestampEnabled": YES_NO,
    },
    "sessionResumption": {"handle": TEXT, "transparent": YES_NO},
    "contextWindowCompression": {"triggerTokens": WHOLE, "slidingWindow": {"targetTokens": WHOLE}},
    "inputAudioTranscription": _TRANSCRIPTION,
    "outputAudioTranscription": _TRANSCRIPTION,
    "proactivity": {"proactiveAudio": YES_NO, "proactiveVideo": YES_NO},
    "historyConfig": {"initialHistoryInClientContent": YES_NO},
    "explicitVadSignal": YES_NO,
    "avatarConfig": ANYTHING,
    "safetySettings": ANYTHING,
    "labels": ANYTHING,
}
# One client message carries exactly one of these.
MESSAGES: dict[str, Any] = {
    "setup": _SETUP,
    "clientContent": {"turns": [_CONTENT], "turnComplete": YES_NO},
    "realtimeInput": {
        "audio": _BLOB,
        "video": _BLOB,
        "text": TEXT,
        "mediaChunks": [_BLOB],
        "activityStart": {},
        "activityEnd": {},
        "audioStreamEnd": YES_NO,
    },
    "toolResponse": {"functionResponses": [_FUNCTION_RESPONSE]},
    "contextUpdate": {"systemInstruction": _CONTENT, "tools": {"tools": [_TOOL]}},
}

# -- Reading -----------------------------------------------------------------------------------------------

INVALID = "Request contains an invalid argument."


class Mistake(Exception):
    """Caught in here: the reason of the close."""


def read_message(message: dict[str, Any]) -> tuple[str, dict[str, Any]] | str:
    """The name of a client's message and its content in canonical spelling; or the service's words for what
    is wrong with it (GEMINI-LIVE.md 9)."""
    twice: list[str] = []
    message = camel_keys(message, twice)
    try:
        known: dict[str, dict[str, Any]] = _read(message, MESSAGES, "")
    except Mistake as mistake:
        return str(mistake)
    if twice or len(known) != 1:
        return INVALID
    return next(iter(known.items()))


def _read(value: Any, kind: Any, path: str) -> Any:
    if isinstance(kind, dict):
        return _read_members(value, kind, path)
    if isinstance(kind, list):
        return _read_list(value, kind[0], path)
    if isinstance(kind, Enum):
        return _read_name(value, kind, path)
    if kind is ANYTHING:
        return value
    read = _LEAVES[kind](value)
    if read is None:
        raise _invalid(path)
    return read


def _read_members(value: Any, kinds: dict[str, Any], path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(path)
    members = {}
    for name, member in value.items():
        if name not in kinds:
            where = f" at '{path}'" if path else ""
            raise Mistake(f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')
        if member is not None:
            members[name] = _read(member, kinds[name], f"{path}.{snake(name)}" if path else snake(name))
    return members


def _read_list(value: Any, kind: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _invalid(path)
    return [_read(one, kind, f"{path}[{number}]") for number, one in enumerate(value)]


def _read_name(value: Any, kind: Enum, path: str) -> str:
    if isinstance(value, str):
        return value
    if type(value) is not int:
        raise _invalid(path)
    return kind.names[value] if 0 <= value < len(kind.names) else str(value)


def _invalid(path: str) -> Mistake:
    return Mistake(f"Invalid value at '{path}'." if path else INVALID)


_CAPITAL = re.compile("([A-Z])")


def snake(name: str) -> str:
    return _CAPITAL.sub(r"_\1", name).lower()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _yes_no(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() and abs(number) < 2**63 else None


_LEAVES = {TEXT: _text, YES_NO: _yes_no, NUMBER: _number, WHOLE: _whole}
