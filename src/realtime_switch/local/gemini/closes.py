"""Every way Google's server ends a call (GEMINI-LIVE.md 9): there is no error message, only these."""

from realtime_switch.local.orders import End

# A close frame has room for 125 bytes, two of them the code.
REASON_BYTES_MAX = 123


def _end(code: int, reason: str) -> End:
    return End(code, reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore"))


KEY_IS_WRONG = _end(1007, "API key not valid. Please pass a valid API key.")
KEY_IS_EXPIRED = _end(1007, "API key expired. Please renew the API key.")
NO_KEY = _end(
    1008,
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API consumer identity to call this API.",
)
INVALID_ARGUMENT = _end(1007, "Request contains an invalid argument.")
PRECONDITION = _end(1007, "Precondition check failed.")
TEXT_WITH_VOICES = _end(1007, "Cannot extract voices from a non-audio request.")
NO_SUCH_SESSION = _end(1008, "BidiGenerateContent session not found")
NOT_SUPPORTED = _end(1008, "Operation is not implemented, or supported, or enabled.")
STAYED_TOO_LONG = _end(
    1008,
    "Connection aborted because the client failed to close the connection after receiving a GoAway signal "
    "once the session duration limit was reached.",
)
DEADLINE = _end(1011, "Deadline expired before operation could complete.")
INTERNAL = _end(1011, "Internal error encountered.")


def no_such_model(model: str, version: str) -> End:
    name = model if "/" in model else f"models/{model}"
    return _end(
        1008,
        f"{name} is not found for API version {version}, or is not supported for bidiGenerateContent. "
        "Call ModelService.ListModels to see the list of available models and their supported methods.",
    )


def no_json(problem: str) -> End:
    return _end(1007, f"Invalid JSON payload received. {problem}")


def unknown_name(name: str, path: str) -> End:
    place = f" at '{path}'" if path else ""
    return no_json(f'Unknown name "{name}"{place}: Cannot find field.')


def invalid_value(path: str, kind: str, value: str) -> End:
    return _end(1007, f"Invalid value at '{path}' ({kind}), {value}")


def end_of_trouble(message: str) -> End:
    """A reply that fails takes its call along."""
    return _end(1011, message)
