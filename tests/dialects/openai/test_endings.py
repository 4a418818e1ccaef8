import pytest

from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.dialects.dialect import Hangup
from realtime_switch.dialects.openai.endings import ending, kind_of, told_as

COME_BACK = {1011, 1012, 1013}  # openai-python reconnects on these (CLIENTS-OPENAI.md 1)


def test_a_reason_reads_as_openais_do_and_ends_in_our_code():
    assert ending(ErrorCode.EXTERNAL_NO_CREDITS) == Hangup(4002, "insufficient_quota.EXTERNAL_NO_CREDITS")


# What makes LiveKit give up; it dials for ever where neither the type nor the code is one of these.
LIVEKIT_GIVES_UP = {
    "insufficient_quota",
    "credit_balance_exhausted",
    "invalid_api_key",
    "account_deactivated",
    "billing_hard_limit_reached",
}


@pytest.mark.parametrize(
    "code",
    [
        ErrorCode.EXTERNAL_INVALID_AUTH,
        ErrorCode.EXTERNAL_ACCOUNT_CLOSED,
        ErrorCode.EXTERNAL_NO_CREDITS,
    ],
)
def test_who_may_not_call_is_told_in_a_word_that_livekit_gives_up_at(code):
    assert LIVEKIT_GIVES_UP & {kind_of(code), told_as(code)}
    assert ending(code).reason == f"{kind_of(code)}.{told_as(code)}"


@pytest.mark.parametrize("code", ErrorCode)
def test_every_end_fits_a_close_frame_and_lets_come_back_only_whom_it_helps(code):
    end = ending(code)
    assert len(end.reason) <= 123
    assert end.code in COME_BACK or end.code >= 3000
    assert (end.code in COME_BACK) == code.startswith("INTERNAL_")
