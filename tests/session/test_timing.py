"""How long a call was: two clocks, stretches that are put down once, and the mark on each."""

from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.accounts.records import Certainty
from realtime_switch.dialects.acts import SessionTime
from realtime_switch.session.timing import Timing

SECOND = 48_000


def reported(seconds):
    return SessionTime(total_ms=round(seconds * 1000))


def confirmed(seconds):
    return SessionTime(total_ms=round(seconds * 1000), certainty="confirmed")


def test_what_a_provider_tells_in_full_is_put_down_in_stretches():
    timing = Timing()
    assert timing.told(reported(12)) == (12_000, Certainty.REPORTED)
    assert timing.told(reported(25)) == (13_000, Certainty.REPORTED)
    assert timing.told(confirmed(26.5)) == (1_500, Certainty.CONFIRMED)
    assert timing.rest() is None


def test_a_last_word_that_adds_nothing_is_put_down_all_the_same():
    timing = Timing()
    timing.told(reported(12))
    assert timing.told(confirmed(12)) == (0, Certainty.CONFIRMED)


def test_a_total_that_is_smaller_than_an_earlier_one_takes_nothing_back():
    timing = Timing()
    timing.told(reported(12))
    assert timing.told(reported(11)) is None
    assert timing.told(reported(13)) == (1_000, Certainty.REPORTED)


def test_what_no_provider_tells_is_put_down_by_our_own_clock_in_time():
    timing = Timing()
    timing.sent(29 * SECOND)
    assert timing.due() is None
    timing.sent(SECOND)
    assert timing.due() == (30_000, Certainty.ESTIMATED)
    assert timing.due() is None
    timing.sent(SECOND)
    assert timing.told(reported(32)) == (2_000, Certainty.REPORTED)


def test_a_provider_that_is_gone_without_a_last_word_leaves_the_rest_to_our_clock():
    timing = Timing()
    timing.sent(20 * SECOND)
    timing.told(reported(15))
    assert timing.rest() == (5_000, Certainty.ESTIMATED)
    assert timing.rest() is None


def test_a_providers_last_word_is_the_last_though_our_own_clock_has_more():
    timing = Timing()
    timing.sent(20 * SECOND)
    assert timing.told(confirmed(15)) == (15_000, Certainty.CONFIRMED)
    assert timing.rest() is None


def test_the_clock_counts_in_the_sessions_own_format():
    timing = Timing(audio_bytes_per_ms=8)
    timing.sent(8_000)
    assert timing.rest() == (1_000, Certainty.ESTIMATED)


def test_clocks_that_drift_apart_are_noticed():
    timing = Timing()
    timing.sent(50 * SECOND)
    assert not timing.drifts(reported(54.9))
    assert timing.drifts(reported(56))
    assert timing.drifts(reported(44))


@given(
    st.lists(st.tuples(st.sampled_from(["sent", "told", "due"]), st.integers(0, 100_000)), max_size=30),
    st.none() | st.integers(0, 200_000),
)
def test_all_stretches_together_are_the_call_and_never_more_than_either_clock(happened, last_ms):
    timing, down, told_max = Timing(1), 0, 0
    for what, number in happened:
        stretch = None
        if what == "sent":
            timing.sent(number)
        elif what == "told":
            told_max = max(told_max, number)
            stretch = timing.told(SessionTime(total_ms=number))
        else:
            stretch = timing.due()
        down += stretch[0] if stretch else 0
        assert 0 <= down <= max(told_max, timing.own_ms)
    if last_ms is not None:
        down += timing.told(SessionTime(total_ms=last_ms, certainty="confirmed"))[0]
        assert down >= last_ms
    down += (timing.rest() or (0,))[0]
    if last_ms is None:
        assert down == max(told_max, timing.own_ms)
