import pytest

import gemini_client_frames as gemini
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.dialects.dialect import Farewell, Hangup
from realtime_switch.dialects.gemini import ClientSide


def farewell(code, model="models/gpt-realtime"):
    side = ClientSide(lambda kind: kind)
    side.first_word(gemini.frame(setup={"model": model}))
    return side.farewell(code, "for people")


@pytest.mark.parametrize(
    ("code", "close_code", "reason"),
    [
        (
            "EXTERNAL_INVALID_AUTH",
            1007,
            "API key not valid. Please pass a valid API key. (EXTERNAL_INVALID_AUTH)",
        ),
        (
            "EXTERNAL_MODEL_NOT_FOUND",
            1008,
            "models/gpt-realtime is not found or is not supported for bidiGenerateContent. "
            "(EXTERNAL_MODEL_NOT_FOUND)",
        ),
        (
            "EXTERNAL_NO_CREDITS",
            1011,
            "You exceeded your current quota, please check your plan. (EXTERNAL_NO_CREDITS)",
        ),
        ("EXTERNAL_NOT_FOUND", 1008, "BidiGenerateContent session not found (EXTERNAL_NOT_FOUND)"),
        ("EXTERNAL_IDLE", 1008, "The operation was aborted. (EXTERNAL_IDLE)"),
        (
            "INTERNAL_PROVIDER_UNAVAILABLE",
            1011,
            "Internal error encountered. (INTERNAL_PROVIDER_UNAVAILABLE)",
        ),
    ],
)
def test_a_call_ends_in_the_services_words_and_with_our_code(code, close_code, reason):
    assert farewell(code) == Farewell([], Hangup(close_code, reason))


@pytest.mark.parametrize("code", ErrorCode)
@pytest.mark.parametrize("model", ["m", "é" * 500])
def test_every_code_can_be_read_in_a_close(code, model):
    close = farewell(code, model).close
    assert close.reason.endswith(f" ({code})")
    assert len(close.reason.encode()) <= 123
    assert close.code in (1007, 1008, 1011)
