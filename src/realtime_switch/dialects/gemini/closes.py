"""Why Gemini hung up. It has no error message: errors are closes, and the same few codes are used for
everything, so only the reason's text tells (GEMINI-LIVE.md 9)."""

from collections.abc import Sequence

from ..acts import Trouble

# A part of the reason, in lower case -> our word for it. The first that fits counts. Reasons are cut at 123
# bytes by the service.
_BY_TEXT = (
    ("api key not valid", "invalid_api_key"),
    ("api key expired", "invalid_api_key"),
    ("api_key_invalid", "invalid_api_key"),
    ("api key was reported", "invalid_api_key"),
    ("unregistered callers", "invalid_api_key"),
    ("invalid authentication", "invalid_api_key"),
    ("user location is not supported", "invalid_api_key"),
    ("permission denied", "invalid_api_key"),
    ("is not found for api version", "model_not_found"),
    ("not supported for bidigeneratecontent", "model_not_found"),
    ("session not found", "session_not_found"),
    ("quota", "rate_limit_exceeded"),
    ("resource_exhausted", "rate_limit_exceeded"),
    ("concurrent sessions", "rate_limit_exceeded"),
    ("goaway", "session_expired"),
    ("deadline expired", "session_expired"),
    ("the operation was cancelled", "session_expired"),  # Vertex, after its nine minutes
    ("the operation was aborted", "backend_idle"),
    ("internal error", "backend_error"),
)
# What we sent was wrong; at the door that was the setup, which will be as wrong the next time.
_REJECTED = (
    "invalid json payload",
    "unknown name",
    "invalid argument",
    "precondition check failed",
    "cannot extract voices",
    "operation is not implemented",
    "requested entity was not found",
)


def trouble(code: int, reason: str, set_up: bool) -> Sequence[Trouble]:
    """`set_up`: the setup had been confirmed. A normal end is no trouble."""
    told = reason.lower()
    for part, name in _BY_TEXT:
        if part in told:
            return (Trouble(name, reason),)
    if any(part in told for part in _REJECTED):
        return (Trouble("backend_rejected_message" if set_up else "backend_rejected_setup", reason),)
    if not reason and code in (1000, 1005):
        return ()
    return (Trouble("backend_disconnected", reason or f"closed with {code}"),)
