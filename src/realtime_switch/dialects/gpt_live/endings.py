"""How a call ends for a GPT-Live client: an `error` that says why, then a close.

The service's own close codes are not known but for 1000 (GPT-LIVE.md 9, 15); ours are those of the OpenAI
dialect, whose clients these are. LiveKit gives up where `code` is one of OpenAI's final words
(GPT-LIVE.md 9) and else dials again, so where a caller must give up the code is such a word.
"""

from ..dialect import Hangup

# An ErrorCode's name -> close code, error type, code.
_ENDINGS = {
    "EXTERNAL_INVALID_AUTH": (3000, "invalid_request_error", "invalid_api_key"),
    "EXTERNAL_ACCOUNT_CLOSED": (3003, "invalid_request_error", "account_deactivated"),
    "EXTERNAL_NO_CREDITS": (4002, "insufficient_quota", "insufficient_quota"),
    "EXTERNAL_MODEL_NOT_FOUND": (4004, "invalid_request_error", "invalid_model"),
    "EXTERNAL_NOT_FOUND": (4004, "invalid_request_error", "session_id_not_found"),
    "EXTERNAL_CLIENT_TOO_SLOW": (4008, "invalid_request_error", "client_too_slow"),
    "EXTERNAL_IDLE": (4008, "invalid_request_error", "idle"),
    "EXTERNAL_TAKEN_OVER": (4009, "invalid_request_error", "forbidden"),
    "EXTERNAL_TOO_MANY_CALLS": (4029, "rate_limit_exceeded", "rate_limit_exceeded"),
    "EXTERNAL_RATE_LIMITED": (4029, "rate_limit_exceeded", "rate_limit_exceeded"),
    "EXTERNAL_CALL_CAPPED": (4008, "invalid_request_error", "session_expired"),
    "EXTERNAL_BUFFER_OVERFLOW": (4013, "invalid_request_error", "buffer_overflow"),
    "INTERNAL_OUTBOX_FULL": (1013, "server_error", "server_error"),
    "INTERNAL_OUTBOX_UNAVAILABLE": (1013, "server_error", "server_error"),
    "INTERNAL_LINK_TIMEOUT": (1013, "server_error", "server_error"),
    "INTERNAL_LINK_CLOSED": (1013, "server_error", "server_error"),
    "INTERNAL_PROVIDER_UNAVAILABLE": (1011, "server_error", "upstream_disconnected"),
}


def error_of(code: str) -> tuple[str, str]:
    """Type and code."""
    _, kind, told = _of(code)
    return kind, told


def ending(code: str) -> Hangup:
    close_code, kind, told = _of(code)
    return Hangup(close_code, f"{kind}.{told}")


def _of(code: str) -> tuple[int, str, str]:
    ours = (1011, "server_error", "server_error")
    unlisted = (4000, "invalid_request_error", "invalid_value") if code.startswith("EXTERNAL_") else ours
    return _ENDINGS.get(code, unlisted)
