"""Every message a client may send, and every field in it (GEMINI-LIVE.md 3, 6)."""

from realtime_switch.local.gemini import closes
from realtime_switch.local.gemini.habits import Habits
from realtime_switch.local.gemini.proto import (
    Json,
    Reader,
    anything,
    boolean,
    choice,
    closed,
    data,
    later,
    list_of,
    map_of,
    message,
    number,
    text,
    whole,
)

_EMPTY = message({})
_INT64 = whole(-(2**63), 2**63 - 1)
_NOT_LIVE = closed(closes.INVALID_ARGUMENT)
_NOT_HERE = closed(closes.NOT_SUPPORTED)

_MODALITY = choice("Modality", "MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")
_RESOLUTION = choice(
    "MediaResolution",
    "MEDIA_RESOLUTION_UNSPECIFIED",
    "MEDIA_RESOLUTION_LOW",
    "MEDIA_RESOLUTION_MEDIUM",
    "MEDIA_RESOLUTION_HIGH",
)
_LEVEL = choice("ThinkingLevel", "THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")
_BEHAVIOR = choice("Behavior", "UNSPECIFIED", "BLOCKING", "NON_BLOCKING")
_SCHEDULING = choice("Scheduling", "SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT")
_TYPE = choice(
    "Type", "TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"
)
_START = choice(
    "StartSensitivity", "START_SENSITIVITY_UNSPECIFIED", "START_SENSITIVITY_HIGH", "START_SENSITIVITY_LOW"
)
_END = choice("EndSensitivity", "END_SENSITIVITY_UNSPECIFIED", "END_SENSITIVITY_HIGH", "END_SENSITIVITY_LOW")
_HANDLING = choice(
    "ActivityHandling", "ACTIVITY_HANDLING_UNSPECIFIED", "START_OF_ACTIVITY_INTERRUPTS", "NO_INTERRUPTION"
)
_COVERAGE = choice(
    "TurnCoverage",
    "TURN_COVERAGE_UNSPECIFIED",
    "TURN_INCLUDES_ONLY_ACTIVITY",
    "TURN_INCLUDES_ALL_INPUT",
    "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
)

_BLOB = message({"mimeType": text, "data": data, "displayName": text})
_CALL = message(
    {"id": text, "name": text, "args": map_of(anything), "partialArgs": anything, "willContinue": boolean}
)
_RESPONSE = message(
    {
        "id": text,
        "name": text,
        "response": map_of(anything),
        "scheduling": _SCHEDULING,
        "willContinue": boolean,
        "parts": list_of(anything),
    }
)
_PART = message(
    {
        "text": text,
        "thought": boolean,
        "thoughtSignature": data,
        "inlineData": _BLOB,
        "fileData": anything,
        "functionCall": _CALL,
        "functionResponse": _RESPONSE,
        "executableCode": anything,
        "codeExecutionResult": anything,
        "videoMetadata": anything,
        "mediaResolution": anything,
        "partMetadata": anything,
    }
)
CONTENT = message({"role": text, "parts": list_of(_PART)})

_SCHEMA: Reader = later(lambda: _SCHEMA_FIELDS)
_SCHEMA_FIELDS: Reader = message(
    {
        "type": _TYPE,
        **dict.fromkeys(("format", "title", "description", "pattern", "ref"), text),
        "nullable": boolean,
        **dict.fromkeys(("enum", "required", "propertyOrdering"), list_of(text)),
        **dict.fromkeys(("default", "example", "additionalProperties"), anything),
        **dict.fromkeys(
            ("minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"), _INT64
        ),
        **dict.fromkeys(("minimum", "maximum"), number()),
        "items": _SCHEMA,
        "anyOf": list_of(_SCHEMA),
        **dict.fromkeys(("properties", "defs"), map_of(_SCHEMA)),
    }
)
_FUNCTION = message(
    {
        "name": text,
        "description": text,
        "parameters": _SCHEMA,
        "parametersJsonSchema": anything,
        "response": _SCHEMA,
        "responseJsonSchema": anything,
        "behavior": _BEHAVIOR,
    }
)
# Only functions are ever called; the rest is taken and never used.
_TOOL = message(
    {
        "functionDeclarations": list_of(_FUNCTION),
        **dict.fromkeys(
            (
                "googleSearch",
                "codeExecution",
                "urlContext",
                "googleMaps",
                "fileSearch",
                "mcpServers",
                "computerUse",
                "retrieval",
                "googleSearchRetrieval",
                "enterpriseWebSearch",
                "parallelAiSearch",
                "exaAiSearch",
            ),
            anything,
        ),
    }
)
_VOICE = message(
    {
        "prebuiltVoiceConfig": message({"voiceName": text}),
        "replicatedVoiceConfig": message(
            {
                "mimeType": text,
                "voiceSampleAudio": data,
                "consentAudio": data,
                "voiceConsentSignature": anything,
            }
        ),
        "voice": text,
    }
)
_GENERATION = message(
    {
        "responseModalities": list_of(_MODALITY),
        "temperature": number(0, 2),
        "topP": number(0, 1),
        "topK": number(0),
        "candidateCount": whole(1, 1),
        "maxOutputTokens": whole(1),
        "presencePenalty": number(-2, 2),
        "frequencyPenalty": number(-2, 2),
        "seed": whole(),
        "mediaResolution": _RESOLUTION,
        "speechConfig": message(
            {"voiceConfig": _VOICE, "languageCode": text, "multiSpeakerVoiceConfig": _NOT_LIVE}
        ),
        "thinkingConfig": message(
            {"includeThoughts": boolean, "thinkingBudget": whole(-1), "thinkingLevel": _LEVEL}
        ),
        "enableAffectiveDialog": boolean,
        "translationConfig": _NOT_HERE,
        "modelSelectionConfig": anything,
        "enableEnhancedCivicAnswers": boolean,
        "audioTranscriptionConfig": anything,
        **dict.fromkeys(
            (
                "responseSchema",
                "responseMimeType",
                "responseJsonSchema",
                "responseFormat",
                "stopSequences",
                "logprobs",
                "responseLogprobs",
                "routingConfig",
                "audioTimestamp",
            ),
            _NOT_LIVE,
        ),
    }
)
_TRANSCRIPTION = message(
    {
        **dict.fromkeys(("languageCodes", "customVocabulary", "adaptationPhrases"), list_of(text)),
        **dict.fromkeys(("wordTimestamp", "diarization"), boolean),
        **dict.fromkeys(("languageHints", "languageAuto"), anything),
        "mode": choice("Mode", "MODE_UNSPECIFIED", "VERBATIM", "SMART"),
        "sourceText": text,
    }
)
_INPUT_CONFIG = message(
    {
        "automaticActivityDetection": message(
            {
                "disabled": boolean,
                "startOfSpeechSensitivity": _START,
                "endOfSpeechSensitivity": _END,
                "prefixPaddingMs": whole(0),
                "silenceDurationMs": whole(0),
            }
        ),
        "activityHandling": _HANDLING,
        "turnCoverage": _COVERAGE,
        "interimTranscriptTimestampEnabled": boolean,
    }
)
_SETUP: dict[str, Reader] = {
    "model": text,
    "generationConfig": _GENERATION,
    "systemInstruction": CONTENT,
    "tools": list_of(_TOOL),
    "realtimeInputConfig": _INPUT_CONFIG,
    "contextWindowCompression": message(
        {"triggerTokens": _INT64, "slidingWindow": message({"targetTokens": _INT64})}
    ),
    "inputAudioTranscription": _TRANSCRIPTION,
    "outputAudioTranscription": _TRANSCRIPTION,
    "proactivity": message({"proactiveAudio": boolean, "proactiveVideo": boolean}),
    "safetySettings": list_of(message({"category": text, "threshold": text, "method": text})),
    "avatarConfig": _NOT_HERE,
}
_DEVELOPER_SETUP = message(
    {
        **_SETUP,
        "sessionResumption": message({"handle": text}),
        "historyConfig": message({"initialHistoryInClientContent": boolean}),
    }
)
_VERTEX_SETUP = message(
    {
        **_SETUP,
        "sessionResumption": message({"handle": text, "transparent": boolean}),
        "explicitVadSignal": boolean,
        "labels": map_of(text),
    }
)
_REALTIME_INPUT = message(
    {
        "audio": _BLOB,
        "video": _BLOB,
        "text": text,
        "activityStart": _EMPTY,
        "activityEnd": _EMPTY,
        "audioStreamEnd": boolean,
        "mediaChunks": list_of(_BLOB),
    }
)
_CONTEXT_UPDATE = message({"systemInstruction": CONTENT, "tools": message({"tools": list_of(_TOOL)})})


def setup_reader(habits: Habits) -> Reader:
    return _VERTEX_SETUP if habits.vertex else _DEVELOPER_SETUP


def client_reader(habits: Habits) -> Reader:
    """The whole of what a client may send: one of these a message."""
    fields: dict[str, Reader] = {
        "setup": setup_reader(habits),
        "clientContent": message({"turns": list_of(CONTENT), "turnComplete": boolean}),
        "realtimeInput": _REALTIME_INPUT,
        "toolResponse": message({"functionResponses": list_of(_RESPONSE)}),
    }
    if habits.context_update:
        fields["contextUpdate"] = _CONTEXT_UPDATE
    return message(fields)


def said_in(content: Json) -> str:
    """The text of a Content: each part its own paragraph (3.1)."""
    parts = (part.get("text") for part in content.get("parts", ()) if not part.get("thought"))
    return "\n\n".join(part for part in parts if part)
