"""How a call ends for a Gemini client: by a close, because there is no message for errors (GEMINI-LIVE.md 9).

The reason begins with the service's own words, since clients tell the causes apart by these, and ends with
the name of our error code. 1007 is final to LiveKit, anything else it tries again (CLIENTS-GEMINI.md 4).
"""

from ..dialect import Hangup

REASON_BYTES_MAX = 123  # of a close frame (RFC 6455 5.5)
INVALID_ARGUMENT, POLICY, FAULT = 1007, 1008, 1011

# An ErrorCode's name -> close code and words. The rest of the caller's are 1008, of ours 1011.
_ENDINGS = {
    "EXTERNAL_INVALID_AUTH": (INVALID_ARGUMENT, "API key not valid. Please pass a valid API key."),
    "EXTERNAL_ACCOUNT_CLOSED": (INVALID_ARGUMENT, "API key not valid. Please pass a valid API key."),
    "EXTERNAL_TOKEN_SPENT": (INVALID_ARGUMENT, "API key expired. Please renew the API key."),
    "EXTERNAL_INVALID_VALUE": (INVALID_ARGUMENT, "Request contains an invalid argument."),
    "EXTERNAL_MODEL_NOT_FOUND": (
        POLICY,
        "models/{model} is not found or is not supported for bidiGenerateContent.",
    ),
    "EXTERNAL_NOT_FOUND": (POLICY, "BidiGenerateContent session not found"),
    "EXTERNAL_IDLE": (POLICY, "The operation was aborted."),
    "EXTERNAL_TAKEN_OVER": (POLICY, "The operation was aborted."),
    "EXTERNAL_CLIENT_TOO_SLOW": (POLICY, "The operation was aborted."),
    "EXTERNAL_BUFFER_OVERFLOW": (POLICY, "The operation was aborted."),
    "EXTERNAL_NO_CREDITS": (FAULT, "You exceeded your current quota, please check your plan."),
    "EXTERNAL_RATE_LIMITED": (FAULT, "RESOURCE_EXHAUSTED: Too much at once."),
    "EXTERNAL_CALL_CAPPED": (POLICY, "The operation was aborted."),
    "EXTERNAL_TOO_MANY_CALLS": (FAULT, "RESOURCE_EXHAUSTED: Maximum concurrent sessions exceeded."),
}
_OUR_FAULT = (FAULT, "Internal error encountered.")


def ending(code: str, model: str) -> Hangup:
    unlisted = (POLICY, "The operation was aborted.") if code.startswith("EXTERNAL_") else _OUR_FAULT
    close_code, words = _ENDINGS.get(code, unlisted)
    # The name of the model is the client's own and may be long: our code is to be read whatever it is.
    named = f" ({code})"
    room = REASON_BYTES_MAX - len(named)
    return Hangup(close_code, cut(words.replace("{model}", cut(model, 30)), room) + named)


def hangup(close_code: int, reason: str) -> Hangup:
    return Hangup(close_code, cut(reason))


def refused(reason: str) -> Hangup:
    return hangup(INVALID_ARGUMENT, reason)


def cut(text: str, bytes_max: int = REASON_BYTES_MAX) -> str:
    return text.encode("utf-8", "replace")[:bytes_max].decode("utf-8", "ignore")
