"""What is told again to the next provider: nothing lost, nothing out of order, nothing for ever."""

from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.dialects.acts import (
    Configured,
    ReplyBegun,
    ReplyDone,
    SpeechStarted,
    ToolAnswered,
    UserText,
    UserTranscript,
    UserTurn,
)
from realtime_switch.dialects.dialect import Weight
from realtime_switch.session import limits
from realtime_switch.session.unheard import OVERLAP_FRAMES, Unheard

DONE = ReplyDone("r")
TURN = UserTurn("u")
WORDS = UserTranscript("u", "Hi.", final=True)


def spoken(count, first=0):
    return [b"audio %d" % n for n in range(first, first + count)]


def told(*happenings):
    """bytes are audio, (weight, bytes) is a message, anything else an act."""
    unheard = Unheard()
    for one in happenings:
        if isinstance(one, bytes):
            unheard.audio(one)
        elif isinstance(one, tuple):
            unheard.said(*one)
        else:
            unheard.hear(one, False)
    return unheard


def test_audio_is_kept_until_its_turn_is_answered():
    audio = spoken(30)
    assert told(*audio).take() == audio
    assert told(*audio, TURN).take() == audio
    assert told(*audio, TURN, DONE).take() == audio[-OVERLAP_FRAMES:]


def test_a_turn_whose_words_are_known_is_in_the_history_and_not_told_again():
    audio = spoken(30)
    assert told(*audio, TURN, WORDS).take() == audio[-OVERLAP_FRAMES:]
    assert not told(*audio, TURN, WORDS).holds_turn
    assert told(*audio, TURN).holds_turn


def test_a_message_is_kept_until_it_is_confirmed_and_audio_around_it_stays_in_order():
    typed, asked = (Weight.ITEM, b"typed"), (Weight.ASK, b"asked")
    assert told(b"1", typed, b"2", asked).take() == [b"1", b"typed", b"2", b"asked"]
    confirmed = [b"1", typed, b"2", asked, UserText("i", "Hi.")]
    assert told(*confirmed).asks
    assert told(*confirmed).take() == [b"1", b"2", b"asked"]
    assert not told(*confirmed, ReplyBegun("r")).asks
    assert told(*confirmed, ReplyBegun("r")).take() == [b"1", b"2"]


def test_what_is_taken_is_kept_no_longer():
    unheard = told(*spoken(30), TURN, b"more")
    assert len(unheard.take()) == 31
    assert unheard.take() == []
    assert not unheard.holds_turn


def test_each_kind_is_confirmed_by_its_own():
    assert told((Weight.ITEM, b"result"), ToolAnswered("c", "4")).take() == []
    assert told((Weight.CONFIG, b"update"), Configured(b"", 48)).take() == []
    assert told((Weight.TURN, b"all"), ReplyBegun("r")).take() == []
    assert told((Weight.MOMENT, b"cancel")).take() == []


def test_a_commit_goes_with_its_audio():
    unheard = told(b"1", (Weight.COMMIT, b"commit"), TURN)
    assert unheard.take() == [b"1", b"commit"]


def test_audio_that_the_client_takes_back_is_not_told_again():
    unheard = told(*spoken(30), (Weight.ITEM, b"typed"), (Weight.CLEAR, b"clear"), b"more")
    assert unheard.take() == [b"typed", b"more"]


def test_of_silence_only_the_last_moments_are_kept_and_of_speech_much_more():
    silence = spoken(200)
    assert told((Weight.ITEM, b"typed"), *silence).take() == [
        b"typed",
        *silence[-limits.SILENCE_FRAMES_MAX + 1 :],
    ]
    speech = spoken(2_000, first=1_000)
    kept = told(*silence, SpeechStarted("u"), *speech).take()
    assert kept == speech[-limits.SPEECH_FRAMES_MAX :]
    short = told(*silence, SpeechStarted("u"), *speech[:100]).take()
    assert short == [*silence[-limits.SILENCE_FRAMES_MAX :], *speech[:100]]


def test_a_client_that_says_where_its_turns_end_loses_nothing_of_them():
    unheard = Unheard()
    unheard.hear(Configured(b"", 48), True)
    audio = spoken(300)
    for one in audio:
        unheard.audio(one)
    assert unheard.take() == audio


frames = st.lists(
    st.one_of(
        st.just("audio"),
        st.sampled_from([w for w in Weight if w not in (Weight.AUDIO, Weight.CLEAR)]),
        st.sampled_from(
            [TURN, SpeechStarted("u"), WORDS, DONE, ReplyBegun("r"), UserText("i", "x"), Configured(b"", 48)]
        ),
    ),
    max_size=60,
)


@given(frames)
def test_what_is_told_again_is_a_part_of_what_was_said_in_its_order_and_all_audio_since_the_last_turn(said):
    unheard, everything, since = Unheard(), [], 0
    unheard.hear(SpeechStarted("u"), False)
    for number, one in enumerate(said):
        payload = b"%d" % number
        if one == "audio":
            unheard.audio(payload)
            everything.append(payload)
        elif isinstance(one, Weight):
            unheard.said(one, payload)
            everything.append(payload)
        else:
            unheard.hear(one, False)
            if one is TURN:
                since = len(everything)
    again = unheard.take()
    positions = [everything.index(payload) for payload in again]
    assert positions == sorted(positions)
    audio = [p for p in everything[since:] if said[int(p)] == "audio"]
    assert set(audio) <= set(again)
