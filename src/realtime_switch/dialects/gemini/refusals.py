"""What was refused, in a Gemini client's words: a field of wishes.Config by its path in the setup."""

_DETECTION = "setup.realtimeInputConfig.automaticActivityDetection"
_PATHS = {
    "instructions": "setup.systemInstruction",
    "text_only": "setup.generationConfig.responseModalities",
    "voice": "setup.generationConfig.speechConfig.voiceConfig",
    "language": "setup.generationConfig.speechConfig.languageCode",
    "tools": "setup.tools",
    "tool_choice": "setup.tools",
    "parallel_tools": "setup.tools",
    "manual_turns": f"{_DETECTION}.disabled",
    "turns": _DETECTION,
    "threshold": f"{_DETECTION}.startOfSpeechSensitivity",
    "silence_ms": f"{_DETECTION}.silenceDurationMs",
    "padding_ms": f"{_DETECTION}.prefixPaddingMs",
    "eagerness": f"{_DETECTION}.endOfSpeechSensitivity",
    "interrupts": "setup.realtimeInputConfig.activityHandling",
    "input": "realtimeInput.audio",
    "output": "setup.generationConfig",
    "transcription": "setup.inputAudioTranscription",
    "agent_words": "setup.outputAudioTranscription",
    "max_output_tokens": "setup.generationConfig.maxOutputTokens",
    "temperature": "setup.generationConfig.temperature",
    "thinking": "setup.generationConfig.thinkingConfig.thinkingLevel",
    "context": "setup.contextWindowCompression",
    "context_kept": "setup.contextWindowCompression",
    "context_tokens": "setup.contextWindowCompression.triggerTokens",
}


def reason(field: str, message: str) -> str:
    """The path comes first, because a close's reason is short (GEMINI-LIVE.md 9)."""
    path = _PATHS.get(field, field)
    return message if not path or message.startswith(path) else f"{path}: {message}"
