"""Who has the floor, told by stories of acts."""

import pytest

from calls import Clock
from realtime_switch.dialects.acts import (
    AudioCleared,
    AudioPassed,
    Configured,
    KeptSilent,
    Refused,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyMade,
    SpeechStarted,
    SpeechStopped,
    ToolAnswered,
    ToolCall,
    ToolCallsCancelled,
    Trouble,
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
        (TURN[:2], False),  # nobody has what was said yet
        (TURN, False),
        ([*TURN, KeptSilent()], True),
        ([*TURN, BEGUN, ITEM, KeptSilent()], False),
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


def test_answers_of_tools_hold_the_floor_until_they_are_spoken_of_but_not_for_ever():
    clock = Clock()
    here = floor(BEGUN, ITEM, CALL, DONE, ToolAnswered("c", "4"), clock=clock)
    clock.go_on(limits.ANSWERS_SPOKEN_OF_S - 0.1)
    assert not here.is_free
    clock.go_on(0.1)
    assert here.is_free
    assert here.answered_calls == {"c": CALL}  # whoever comes next is told of it all the same


def test_a_tool_at_work_holds_the_floor_for_as_long_as_it_works():
    clock = Clock()
    here = floor(BEGUN, ITEM, CALL, DONE, clock=clock)
    clock.go_on(3_600)
    assert not here.is_free


@pytest.mark.parametrize(
    ("acts", "owes"),
    [
        ([], False),
        (TURN[:2], False),
        (TURN, True),
        ([*TURN, BEGUN, ITEM], True),
        ([*TURN, BEGUN, ITEM, ReplyMade("r")], False),  # it is only being played
        ([*TURN, BEGUN, ITEM, DONE], False),
        ([BEGUN, ITEM, CALL, DONE], False),
    ],
)
def test_a_provider_owes_a_reply_that_is_due_or_has_begun(acts, owes):
    assert floor(*acts).owes is owes


def test_what_is_due_was_asked_for_or_follows_from_what_the_user_said():
    here = floor(*TURN)
    assert here.owes_unasked
    here.asked()
    assert (here.owes, here.owes_unasked) == (True, False)


@pytest.mark.parametrize(
    "answer", [UserTurn("u"), Trouble("empty", "No."), Refused("", "No."), AudioCleared()]
)
def test_a_commit_is_to_be_answered_in_one_way_or_another(answer):
    here = floor(answered_unasked=False)
    here.committed()
    assert here.owes
    assert not here.is_free
    here.hear(answer, False)
    assert not here.owes
    assert here.is_free


def test_the_agent_is_heard_for_as_long_as_its_audio_lasts_however_fast_it_comes():
    clock = Clock()
    second = AudioPassed(48_000 * 4 // 3)
    here = floor(BEGUN, ITEM, second, second, clock=clock)
    assert here.heard_until_us == clock() + 2_000_000
    clock.go_on(5)
    here.hear(second, True)
    assert here.heard_until_us == clock() + 1_000_000
    here.hear(Configured(b"", 8), True)  # G.711
    here.hear(second, True)
    assert here.heard_until_us == clock() + 7_000_000
    here.lost()
    assert here.heard_until_us == 0


def test_audio_that_is_cleared_is_no_turn():
    here = floor(SpeechStarted("u"), AudioCleared())
    assert here.is_free
    assert not here.turn_open


@pytest.mark.parametrize(
    ("acts", "owes"),
    [([], False), (TURN, True), ([*TURN, BEGUN], True), ([*TURN, BEGUN, ITEM, DONE], False)],
)
def test_a_provider_that_goes_may_owe_a_reply(acts, owes):
    here = floor(*acts)
    assert here.lost() is owes
    assert here.lost() is False
    assert not here.owes
