"""GEMINI-LIVE.md 9: the service's closes by their text."""

import pytest

from realtime_switch.dialects.acts import Trouble
from realtime_switch.dialects.gemini.closes import trouble

CLOSES = [
    (1007, "API key not valid. Please pass a valid API key.", "invalid_api_key"),
    (1007, "API key expired. Please renew the API key.", "invalid_api_key"),
    (1007, "User location is not supported for the API use.", "invalid_api_key"),
    (
        1008,
        "Method doesn't allow unregistered callers (callers without established identity). Please use API "
        "Key or other form of API c",
        "invalid_api_key",
    ),
    (
        1007,
        "Invalid JSON payload received. Unknown name \"bogusField\" at 'setup': Cannot find field.",
        "backend_rejected_setup",
    ),
    (1007, "Request contains an invalid argument.", "backend_rejected_setup"),
    (1007, "Cannot extract voices from a non-audio request.", "backend_rejected_setup"),
    (
        1008,
        "models/X is not found for API version v1beta, or is not supported for bidiGenerateContent. Call ",
        "model_not_found",
    ),
    (1008, "BidiGenerateContent session not found", "session_not_found"),
    (1008, "The operation was aborted.", "backend_idle"),
    (1008, "Operation is not implemented, or supported, or enabled.", "backend_rejected_setup"),
    (
        1008,
        "Connection aborted because the client failed to close the connection after receiving a GoAway "
        "signal once the session durat",
        "session_expired",
    ),
    (1011, "Internal error encountered.", "backend_error"),
    (1011, "Deadline expired before operation could complete.", "session_expired"),
    (1011, "You exceeded your current quota, please check your plan.", "rate_limit_exceeded"),
    (1011, "RESOURCE_EXHAUSTED: Maximum concurrent sessions reached", "rate_limit_exceeded"),
    (1000, "The operation was cancelled.", "session_expired"),
    (1011, "", "backend_disconnected"),
    (4711, "something new", "backend_disconnected"),
]


@pytest.mark.parametrize(("code", "reason", "name"), CLOSES)
def test_a_close_says_why(code, reason, name):
    (told,) = trouble(code, reason, set_up=False)

    assert told == Trouble(name, reason or f"closed with {code}")


def test_what_is_refused_in_mid_call_was_not_the_setup():
    assert trouble(1007, "Precondition check failed.", set_up=True) == (
        Trouble("backend_rejected_message", "Precondition check failed."),
    )


@pytest.mark.parametrize("code", [1000, 1005])
def test_a_normal_end_is_no_trouble(code):
    assert trouble(code, "", set_up=True) == ()
