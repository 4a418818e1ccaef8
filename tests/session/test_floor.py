"""Who has the floor, told by stories of acts."""

import pytest

from calls import Clock
from realtime_switch.dialects.acts import (
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyMade,
    SpeechStarted,
    SpeechStopped,
    ToolAnswered,
    ToolCall,
    ToolCallsCancelled,
    UserTurn,
)
from realtime_switch.session import limits
from realtime_switch.session.floor import Floor

BEGUN, ITEM, DONE = ReplyBegun("r"), ReplyItem("r", "i"), ReplyDone("r")
TURN = [SpeechStarted("u"), SpeechStopped("u"), UserTurn("u")]
CALL = ToolCall("c", "seats", "{}")


def floor(*acts, clock=None, answered_unasked=True):
    here = Floor(clock or Clock())
    for act in acts:
        here.hear(act, answered_unasked)
    return here


@pytest.mark.parametrize(
    ("acts", "free"),
    [
        ([], True),
        (TURN[:1], False),
        (TURN[:2], True),
        (TURN, False),
        ([*TURN, BEGUN, ITEM], False),
        ([*TURN, BEGUN, ITEM, DONE], True),
        ([BEGUN, ITEM, CALL, DONE], False),
        ([BEGUN, ITEM, CALL, DONE, ToolAnswered("c", "4")], False),  # what it says will be spoken of
        ([BEGUN, ITEM, CALL, DONE, ToolAnswered("c", "4"), BEGUN, ITEM, DONE], True),
        ([BEGUN, ITEM, CALL, DONE, ToolCallsCancelled(("c",))], True),
        ([BEGUN, ReplyDone("r", more=True)], False),
        ([ReplyBegun("r", aside=True)], True),
    ],
)
def test_the_floor_is_free_between_two_turns(acts, free):
    assert floor(*acts).is_free is free


def test_a_turn_that_is_not_answered_unasked_leaves_the_floor_free_until_somebody_asks():
    here = floor(*TURN, answered_unasked=False)
    assert here.is_free
    here.asked()
    assert not here.is_free


def test_how_long_a_reply_took_is_told_once_by_what_it_begins_with():
    clock = Clock()
    here = floor(*TURN, clock=clock)
    clock.go_on(0.4)
    assert here.hear(BEGUN, True) is None
    assert here.hear(ITEM, True) == 400
    assert here.hear(ReplyItem("r", "j"), True) is None


def test_a_provider_has_stalled_when_a_reply_is_due_or_under_way_and_nothing_comes():
    clock = Clock()
    here = floor(clock=clock)
    assert here.stalled_at_us is None
    for act in (*TURN, BEGUN, ITEM):
        clock.go_on(1)
        here.hear(act, True)
    assert here.stalled_at_us == clock() + limits.STALL_S * 1_000_000
    here.hear(ReplyMade("r"), True)  # it is only being played
    assert here.stalled_at_us is None
    here.hear(DONE, True)
    assert here.stalled_at_us is None


@pytest.mark.parametrize(
    ("acts", "owes"),
    [([], False), (TURN, True), ([*TURN, BEGUN], True), ([*TURN, BEGUN, ITEM, DONE], False)],
)
def test_a_provider_that_goes_may_owe_a_reply(acts, owes):
    here = floor(*acts)
    assert here.lost() is owes
    assert here.lost() is False
    assert here.stalled_at_us is None
