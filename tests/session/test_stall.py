"""When a provider that says nothing has stalled, told by stories of who speaks and who is silent."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import Clock
from realtime_switch.dialects.acts import (
    AudioCleared,
    AudioPassed,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyMade,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    UserTranscript,
    UserTurn,
)
from realtime_switch.dialects.dialect import Weight
from realtime_switch.session import limits
from realtime_switch.session.floor import Floor
from realtime_switch.session.stall import DEAF, LOOKS, OWED, TURN_OPEN, Stall
from realtime_switch.session.unheard import Unheard

AFTER_S = 15.0
LOOK_S = AFTER_S / LOOKS
STARTED, STOPPED, TURN = SpeechStarted("u"), SpeechStopped("u"), UserTurn("u")
BEGUN, ITEM, DONE = ReplyBegun("r"), ReplyItem("r", "i"), ReplyDone("r")
CALL = ToolCall("c", "seats", "{}")


class Story:
    """A client, 50 frames a second, and whoever asks about its provider when it is time to."""

    def __init__(self, *, answered_unasked=True, frame_s=0.02):
        self.clock = Clock()
        self.floor = Floor(self.clock)
        self.unheard = Unheard(lambda: lambda payload: payload.startswith(b"LOUD"))
        self.stall = Stall(self.floor, self.unheard, self.clock)
        self.stall.after_s = AFTER_S
        self.stall.begin()
        self.unasked = answered_unasked
        self.frame_s = frame_s
        self.numbers = count()
        self.how = None  # it has stalled, and after so many seconds of this story
        self.after_s = 0.0
        self._chars = bytes(round(64_000 * frame_s))

    def speaks(self, seconds):
        return self._sends(seconds, b"LOUD")

    def is_quiet(self, seconds):
        return self._sends(seconds, b"quiet")

    def sends_nothing(self, seconds):
        return self._sends(seconds, b"")

    def marks(self):
        self.unheard.said(Weight.MARK, b"mark")
        return self

    def hears(self, *acts):
        for act in acts:
            self.unheard.hear(act, not self.unasked)
            self.floor.hear(act, self.unasked)
        return self

    def moves(self):
        """The call leaves; another provider listens."""
        self.stall.left(self.how)
        self.how = None
        self.floor.lost()
        for payload in self.unheard.take():
            self.unheard.audio(payload)
        self.stall.begin()
        return self

    def _sends(self, seconds, what):
        for _ in range(round(seconds / self.frame_s)):
            self.clock.go_on(self.frame_s)
            self.after_s += self.frame_s
            if what:
                self.unheard.audio(b"%s %d %s" % (what, next(self.numbers), self._chars))
            if self.clock() >= self.stall.look_at_us:
                self.how = self.stall.look(self.unasked)
                if self.how is not None:
                    break
        return self


def after(story, since_s):
    """How it stalled, if it was neither too early nor too late."""
    took_s = story.after_s - since_s
    assert story.how is None or AFTER_S <= took_s <= AFTER_S + LOOK_S + 0.1, took_s
    return story.how


# -- A reply is owed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("acts", [[STARTED, STOPPED, TURN], [BEGUN], [BEGUN, ITEM]])
def test_a_provider_that_owes_a_reply_or_its_rest_has_stalled(acts):
    story = Story().is_quiet(10).hears(*acts)
    assert story.is_quiet(AFTER_S - 0.1).how is None
    assert story.is_quiet(0.2).how == OWED


def test_a_sign_of_life_begins_the_time_anew():
    story = Story().hears(STARTED, STOPPED, TURN).is_quiet(AFTER_S - 1).hears(BEGUN)
    assert story.is_quiet(AFTER_S - 1).how is None
    assert story.is_quiet(2).how == OWED


# -- A turn is open -----------------------------------------------------------------------------------------


def test_a_user_who_was_heard_to_begin_and_is_silent_since_was_to_be_answered():
    story = Story().speaks(0.3).hears(STARTED).speaks(3).is_quiet(60)
    assert after(story, 3.3) == TURN_OPEN


def test_a_turn_that_was_heard_to_end_and_is_not_made_is_open():
    story = Story().speaks(0.3).hears(STARTED).speaks(3).is_quiet(1).hears(STOPPED).is_quiet(60)
    assert after(story, 4.3) == TURN_OPEN


def test_a_long_speech_with_pauses_is_listened_to_in_silence():
    story = Story().speaks(0.3).hears(STARTED)
    for _ in range(10):
        assert story.speaks(12).is_quiet(AFTER_S - LOOK_S - 1).how is None
    assert story.hears(STOPPED, TURN, BEGUN, ITEM, DONE).is_quiet(60).how is None


def test_a_client_that_sends_nothing_is_not_judged_for_a_provider_hears_no_silence_that_is_not_sent():
    story = Story().speaks(0.3).hears(STARTED).speaks(3)
    assert story.sends_nothing(600).how is None
    assert story.is_quiet(60).how == TURN_OPEN


def test_a_client_that_says_that_its_microphone_is_off_is_silent():
    story = Story().speaks(0.3).hears(STARTED).speaks(3).marks().sends_nothing(60)
    assert after(story, 3.3) == TURN_OPEN


def test_an_ear_that_heard_nothing_of_what_the_provider_calls_speech_does_not_judge():
    assert Story().is_quiet(1).hears(STARTED).is_quiet(120).how is None


def test_a_sign_of_the_provider_begins_the_silence_anew():
    story = Story().speaks(0.3).hears(STARTED).speaks(3).is_quiet(AFTER_S - 1)
    story.hears(UserTranscript("u", "Hel"))
    assert story.is_quiet(AFTER_S - 1).how is None
    assert story.is_quiet(2 * LOOK_S + 1).how == TURN_OPEN


@pytest.mark.parametrize("answered_unasked", [True, False])
def test_an_open_turn_is_to_be_made_whoever_asks_for_replies(answered_unasked):
    story = Story(answered_unasked=answered_unasked).speaks(1).hears(STARTED).speaks(1).is_quiet(60)
    assert story.how == TURN_OPEN


# -- Nobody has heard the user ------------------------------------------------------------------------------


@pytest.mark.parametrize("frame_s", [0.01, 0.02, 0.1, 0.5])
def test_a_user_whom_only_we_have_heard_was_to_be_answered(frame_s):
    story = Story(frame_s=frame_s).is_quiet(20).speaks(3).is_quiet(80)
    assert story.how == DEAF
    assert AFTER_S <= story.after_s - 23 <= AFTER_S + 3 * LOOK_S


def test_all_that_such_a_user_said_is_there_for_the_next_provider():
    story = Story().is_quiet(20)
    first = next(story.numbers)
    story.speaks(5).is_quiet(60)
    told = story.unheard.take()
    assert sum(payload.startswith(b"LOUD") for payload in told) == 250
    assert any(payload.startswith(b"quiet %d " % (first - 1)) for payload in told)


@pytest.mark.parametrize("noise_s", [0.02, 0.3])
def test_a_click_and_a_cough_are_no_speech(noise_s):
    assert Story().is_quiet(20).speaks(noise_s).is_quiet(120).how is None


def test_noise_without_end_is_no_speech_that_is_over():
    assert Story().speaks(300).how is None


@pytest.mark.parametrize(
    "acts",
    [
        [STARTED, STOPPED, TURN, BEGUN, ITEM, DONE],
        [STARTED, AudioCleared()],
        [BEGUN, ITEM, DONE],
    ],
)
def test_a_user_who_was_answered_is_not_waiting(acts):
    assert Story().is_quiet(20).speaks(3).is_quiet(1).hears(*acts).is_quiet(120).how is None


def test_who_asks_for_its_replies_itself_is_not_waiting():
    assert Story(answered_unasked=False).is_quiet(20).speaks(3).is_quiet(120).how is None


def test_while_a_tool_is_at_work_a_provider_may_be_silent():
    assert Story().hears(BEGUN, ITEM, CALL, DONE).speaks(3).is_quiet(120).how is None


def test_while_the_agent_is_heard_sound_may_be_the_agent():
    story = Story().hears(BEGUN, ITEM, AudioPassed(30 * 48_000 * 4 // 3), DONE)
    assert story.speaks(30).is_quiet(60).how is None
    assert story.speaks(3).is_quiet(60).how == DEAF


def test_whoever_speaks_over_the_agent_is_heard_once_the_provider_has_heard_it_or_cut_the_reply():
    for acts, how in (([DONE, STARTED], TURN_OPEN), ([ReplyDone("r", "cancelled")], DEAF)):
        story = Story().hears(BEGUN, ITEM, AudioPassed(60 * 48_000 * 4 // 3), *acts)
        assert story.speaks(3).is_quiet(30).how == how


def test_a_reply_that_is_played_and_never_ends_is_waited_for_as_long_as_it_is_heard():
    audio = ReplyAudio("i", "A" * (10 * 48_000 * 4 // 3))
    story = Story().hears(BEGUN, ITEM, audio, ReplyMade("r")).is_quiet(10 + limits.PLAYBACK_SLACK_S)
    assert story.speaks(3).is_quiet(60).how == DEAF


def test_of_noise_that_was_not_waited_for_nothing_is_kept():
    story = Story(answered_unasked=False).is_quiet(20).speaks(3)
    kept = len(story.unheard.kept)
    story.is_quiet(AFTER_S + 2 * LOOK_S)
    assert len(story.unheard.kept) < kept


# -- In a row -----------------------------------------------------------------------------------------------


def test_as_long_as_no_reply_comes_each_time_takes_twice_as_long():
    story = Story()
    took_s = []
    for _ in range(4):
        story.speaks(0.3).hears(STARTED).speaks(3)
        began_s = story.after_s
        story.is_quiet(1_000)
        took_s.append(round(story.after_s - began_s))
        assert story.how == TURN_OPEN
        story.moves()
    assert [round(took / AFTER_S) for took in took_s] == [1, 2, 4, 8]
    story.hears(STARTED, STOPPED, TURN, BEGUN, ITEM, DONE)
    story.speaks(0.3).hears(STARTED).speaks(3)
    began_s = story.after_s
    assert after(story.is_quiet(60), began_s) == TURN_OPEN


def test_a_turn_that_nobody_answers_is_waited_for_twice_as_long_and_a_reply_that_was_asked_for_is_not():
    for asked, factor in [(False, 2), (True, 1)]:
        story = Story().hears(STARTED, STOPPED, TURN).is_quiet(60)
        assert story.how == OWED
        story.moves().hears(STARTED, STOPPED, TURN)
        if asked:
            story.floor.asked()
        began_s = story.after_s
        assert story.is_quiet(60).how == OWED
        assert round((story.after_s - began_s) / AFTER_S) == factor


def test_what_was_heard_by_us_alone_is_told_to_one_other_and_then_it_was_nothing():
    story = Story().is_quiet(20).speaks(3).is_quiet(60)
    assert story.how == DEAF
    assert story.moves().is_quiet(600).how is None
    assert story.speaks(3).is_quiet(60).how == DEAF


# -- Laws ---------------------------------------------------------------------------------------------------

LIVES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["speaks", "is_quiet", "sends_nothing"]), st.sampled_from([0.1, 1, 5, 14])),
        st.tuples(
            st.just("hears"), st.sampled_from([STARTED, STOPPED, TURN, BEGUN, ITEM, DONE, ReplyMade("r")])
        ),
    ),
    max_size=12,
)


@given(LIVES)
def test_a_provider_that_speaks_often_enough_never_stalls(life):
    story = Story()
    for what, value in life:
        story.hears(value) if what == "hears" else getattr(story, what)(value)
        story.hears(UserTranscript("u", ""))
        assert story.how is None


@given(LIVES)
def test_after_whatever_was_a_provider_that_leaves_a_user_without_an_answer_has_stalled(life):
    story = Story()
    for what, value in life:
        story.hears(value) if what == "hears" else getattr(story, what)(value)
        if story.how is not None:
            story.moves()
    story.floor.stalls = 0
    assert story.speaks(3).is_quiet(2 * (AFTER_S + LOOK_S)).how is not None
