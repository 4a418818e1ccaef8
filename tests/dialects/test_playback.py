from hypothesis import given
from hypothesis import strategies as st

from calls import Clock
from realtime_switch.dialects.playback import Playback


def test_what_was_heard_goes_by_the_clock_and_never_beyond_what_was_sent():
    clock = Clock()
    playback = Playback(clock)
    assert not playback.running
    playback.add("a", 1000)
    clock.go_on(0.25)
    playback.add("a", 500)
    assert playback.running
    assert playback.cut() == [("a", 250)]
    assert not playback.running


def test_items_are_played_one_after_the_other():
    clock = Clock()
    playback = Playback(clock)
    playback.add("a", 300)
    playback.add("b", 1000)
    clock.go_on(0.1)
    assert playback.cut() == [("a", 100), ("b", 0)]
    playback.add("c", 300)
    clock.go_on(0.2)
    playback.add("d", 300)
    clock.go_on(0.3)
    assert playback.cut() == [("d", 200)]


def test_what_was_played_to_its_end_is_not_cut():
    clock = Clock()
    playback = Playback(clock)
    playback.add("a", 300)
    clock.go_on(0.3)
    assert playback.cut() == []


def test_what_still_comes_of_an_item_that_was_cut_is_not_played():
    clock = Clock()
    playback = Playback(clock)
    playback.add("a", 300)
    playback.cut()
    playback.add("a", 300)
    assert not playback.running


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 500), st.floats(0, 1)), max_size=20))
def test_nobody_has_heard_more_than_was_sent(added):
    clock = Clock()
    playback = Playback(clock)
    sent = dict.fromkeys("abc", 0.0)
    for item_id, ms, pause_s in added:
        playback.add(item_id, ms)
        sent[item_id] += ms
        clock.go_on(pause_s)
    assert all(0 <= heard_ms <= sent[item_id] for item_id, heard_ms in playback.cut())
