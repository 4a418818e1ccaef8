"""The providers that need no configuration, written as the configuration file would have them.

A table of the same name in the file is laid over one of these, and its `capabilities` over those
(settings/load.py).
"""

from collections.abc import Mapping

LOCAL = "local"  # the provider that is part of this program; its address is known when it runs
LOCAL_GEMINI = "local-gemini"  # the same, in its other dialects
LOCAL_GPT_LIVE = "local-gpt-live"
LOCALS = (LOCAL, LOCAL_GEMINI, LOCAL_GPT_LIVE)

# Where the Developer API listens, and everybody who speaks like it (GEMINI-LIVE.md 1).
GEMINI_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"

GPT_LIVE_PATH = "/v1/live/sessions"  # GPT-LIVE.md 2

# What model families of a dialect do differently, whoever serves them (GEMINI-LIVE.md 3.2, 3.5, 6, 8). What
# is not known for certain is as careful as can be. A provider's own `profiles` go before these.
PROFILES: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "gemini": {
        "gemini-3.8-live-extended-thinking*": {"tools": "NON_BLOCKING", "thinking_level": True},
        "gemini-3.5-live-translate*": {"tools": "", "context_update": False},
        "gemini-3.5-transcribe*": {"tools": "", "context_update": False, "text": True, "resumes": False},
        "gemini-3.1*": {
            "content": "seed_only",
            "tools": "",
            "context_update": False,
            "thinking_level": True,
        },
        "gemini-2*": {"tools": "", "context_update": False},
        "gemini-live-2*": {"tools": "", "context_update": False},
    }
}

# What every provider of a dialect can, unless it says otherwise (GEMINI-LIVE.md 7, 9; GPT-LIVE.md 10).
CAPABILITIES: Mapping[str, Mapping[str, object]] = {
    "gemini": {"connection_s_max": 590, "free_transcription": True},
    "gpt-live": {"connection_s_max": 7200, "free_transcription": True},
}

BUILT_IN: Mapping[str, Mapping[str, object]] = {
    "openai": {
        "dialect": "openai",
        "url": "wss://api.openai.com/v1/realtime",  # OPENAI-REALTIME.md 2.1
        "key_env": "OPENAI_API_KEY",
    },
    "gemini": {
        "dialect": "gemini",
        "url": f"wss://generativelanguage.googleapis.com{GEMINI_PATH}",
        "key_env": "GEMINI_API_KEY",
    },
    "gpt-live": {
        "dialect": "gpt-live",
        "url": f"wss://api.openai.com{GPT_LIVE_PATH}",
        "key_env": "OPENAI_API_KEY",
    },
    LOCAL: {"dialect": "openai", "url": "", "capabilities": {"free_transcription": True}},
    LOCAL_GEMINI: {"dialect": "gemini", "url": ""},
    LOCAL_GPT_LIVE: {"dialect": "gpt-live", "url": ""},
}
