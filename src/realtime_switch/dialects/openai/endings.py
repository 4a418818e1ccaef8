"""How a call ends, by cause: the close code and the error that the client is told.

3000 and 4000 to 4999 are final to client libraries; 1011 to 1013 make openai-python come back
(CLIENTS-OPENAI.md 1), so they are used only where coming back may help. LiveKit looks at no close code: it
dials again, ten times a second and for ever, unless the error's type or code is one of OpenAI's five final
words (livekit-agents 1.8.9, _FATAL_ERROR_CODES). So where a caller must give up, one of the two is such a
word.
"""

from ..dialect import Hangup

# An ErrorCode's name -> (close code, error type). The types are OpenAI's words (OPENAI-REALTIME.md 10).
_ENDINGS = {
    "EXTERNAL_INVALID_AUTH": (3000, "invalid_request_error"),
    "EXTERNAL_ACCOUNT_CLOSED": (3003, "account_deactivated"),
    "EXTERNAL_NO_CREDITS": (4002, "insufficient_quota"),
    "EXTERNAL_NOT_FOUND": (4004, "invalid_request_error"),
    "EXTERNAL_MODEL_NOT_FOUND": (4004, "invalid_request_error"),
    "EXTERNAL_CLIENT_TOO_SLOW": (4008, "invalid_request_error"),
    "EXTERNAL_IDLE": (4008, "invalid_request_error"),
    "EXTERNAL_TAKEN_OVER": (4009, "invalid_request_error"),
    "EXTERNAL_BUFFER_OVERFLOW": (4013, "invalid_request_error"),
    "EXTERNAL_TOO_MANY_CALLS": (4029, "rate_limit_exceeded"),
    "EXTERNAL_RATE_LIMITED": (4029, "rate_limit_exceeded"),
    "EXTERNAL_CALL_CAPPED": (4008, "invalid_request_error"),
    # The rest of the caller's are 4000, of ours 1011.
    "INTERNAL_OUTBOX_FULL": (1013, "server_error"),
    "INTERNAL_OUTBOX_UNAVAILABLE": (1013, "server_error"),
    "INTERNAL_LINK_TIMEOUT": (1013, "server_error"),
    "INTERNAL_LINK_CLOSED": (1013, "server_error"),
}

# Where OpenAI has a code for it that clients act on, they read that one.
_OPENAI_CODES = {"EXTERNAL_INVALID_AUTH": "invalid_api_key"}


def _of(code: str) -> tuple[int, str]:
    unlisted = (4000, "invalid_request_error") if code.startswith("EXTERNAL_") else (1011, "server_error")
    return _ENDINGS.get(code, unlisted)


def kind_of(code: str) -> str:
    return _of(code)[1]


def told_as(code: str) -> str:
    return _OPENAI_CODES.get(code, code)


def ending(code: str) -> Hangup:
    """The reason reads as OpenAI's do: `<type>.<code>` (OPENAI-REALTIME.md 2.4)."""
    close_code, kind = _of(code)
    return Hangup(close_code, f"{kind}.{told_as(code)}")
