"""What is told again to the next provider: nothing lost, nothing out of order, nothing for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.dialects.acts import (
    AudioCleared,
    Configured,
    Ready,
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
from realtime_switch.session.unheard import LET_GO_FRAMES, LONG_FRAMES_MIN, OVERLAP_FRAMES, Unheard

DONE = ReplyDone("r")
TURN = UserTurn("u")
WORDS = UserTranscript("u", "Hi.", final=True)


def spoken(count, first=0):
    return [b"audio %d" % n for n in range(first, first + count)]


def shouted(count, first=0):
    return [b"AUDIO %d" % n for n in range(first, first + count)]


def is_loud(payload):
    return payload.startswith(b"AUDIO")


def told(*happenings):
    """bytes are audio, (weight, bytes) is a message, anything else an act."""
    unheard = Unheard(lambda: is_loud)
    for one in happenings:
        if isinstance(one, bytes):
            unheard.audio(one)
        elif isinstance(one, tuple):
            unheard.said(*one)
        else:
            unheard.hear(one, False)
    return unheard


def test_a_reply_answers_all_that_was_said_before_it_began():
    first, second, third = ((Weight.TURN, b"%d" % n) for n in (1, 2, 3))
    begun = ReplyBegun("r")
    assert told(first, second, begun).take() == [b"2"], "it may be about the first alone"
    assert told(first, second, begun, third, DONE).take() == [b"3"]
    assert told(first, second, begun, ReplyDone("r", "cancelled")).take() == [b"2"], (
        "and the second cut it short"
    )
    assert told(first, *spoken(3), second, TURN, begun, third, DONE, begun, DONE).take() == spoken(3)


def test_audio_is_kept_until_its_turn_is_answered():
    audio = spoken(30)
    assert told(*audio).take() == audio
    assert told(*audio, TURN).take() == audio
    assert told(*audio, TURN, DONE).take() == audio[-OVERLAP_FRAMES:]


def test_what_was_typed_takes_no_place_of_a_frame_that_is_told_twice():
    audio = spoken(30)
    typed = [(Weight.ITEM, b"typed"), (Weight.ITEM, b"more")]
    told_again = told(*audio[:25], *typed, *audio[25:], TURN, WORDS).take()
    assert told_again == [*audio[-OVERLAP_FRAMES:-5], b"typed", b"more", *audio[-5:]]


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


def test_a_message_is_still_known_after_another_was_looked_for_in_vain():
    assert told((Weight.ITEM, b"typed"), ReplyBegun("r"), UserText("i", "Hi.")).take() == []


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


@pytest.mark.parametrize("weight", [Weight.COMMIT, Weight.MARK, Weight.HANDOVER])
def test_a_commit_goes_with_its_audio(weight):
    unheard = told(b"1", (weight, b"commit"), TURN)
    assert unheard.asks is (weight is Weight.HANDOVER)
    assert unheard.take() == [b"1", b"commit"]


@pytest.mark.parametrize("weight", [Weight.COMMIT, Weight.HANDOVER])
def test_of_a_turn_that_the_client_ended_itself_nothing_is_told_twice(weight):
    """Where it ended is known to the frame, and a commit that is told again makes a turn of what is before
    it."""
    audio, commit = spoken(30), (weight, b"commit")
    assert told(*audio, commit, TURN).take() == [*audio, b"commit"]
    assert told(*audio, commit, *spoken(5, 30), TURN).holds_turn
    assert told(*audio, commit, *spoken(5, 30), TURN, WORDS).take() == spoken(5, 30)
    both = [*audio, commit, *spoken(5, 30), commit, TURN, WORDS]
    assert told(*both).take() == [*spoken(5, 30), b"commit"]
    assert told(*both, TURN, WORDS).take() == []


def test_audio_that_the_client_takes_back_is_not_told_again():
    unheard = told(*spoken(30), (Weight.ITEM, b"typed"), (Weight.CLEAR, b"clear"), b"more")
    assert unheard.take() == [b"typed", b"more"]


def test_of_silence_only_the_last_moments_are_kept_and_of_speech_much_more():
    least, most = limits.SILENCE_FRAMES_MAX, limits.SILENCE_FRAMES_MAX + LET_GO_FRAMES - 1
    for count in range(200, 200 + LET_GO_FRAMES):
        silence = spoken(count)
        typed, *kept = told((Weight.ITEM, b"typed"), *silence).take()
        assert typed == b"typed"
        assert least - 1 <= len(kept) <= most - 1
        assert kept == silence[-len(kept) :]
        speech = spoken(2_000, first=1_000)
        kept = told(*silence, SpeechStarted("u"), *speech).take()
        assert limits.SPEECH_FRAMES_MAX <= len(kept) < limits.SPEECH_FRAMES_MAX + LET_GO_FRAMES
        assert kept == speech[-len(kept) :]
        short = told(*silence, SpeechStarted("u"), *speech[:100]).take()
        assert least <= len(short) - 100 <= most
        assert short == [*silence, *speech[:100]][-len(short) :]


@pytest.mark.parametrize("frame_bytes", [1_300, 6_500, 64_000, 2_000_000])
def test_of_long_frames_fewer_are_kept(frame_bytes):
    def frames(count, start):
        return [b"%d".ljust(frame_bytes, b"A") % n for n in range(start, start + count)]

    silence, speech = frames(100, 0), frames(100, 100)
    kept = told((Weight.ITEM, b"typed"), *silence).take()[1:]
    assert kept == silence[-len(kept) :]
    fewest = max(LONG_FRAMES_MIN, limits.SILENCE_BYTES_MAX // (frame_bytes + 10))
    assert fewest <= len(kept) < fewest + LET_GO_FRAMES + 4
    kept = told(*silence[:20], SpeechStarted("u"), *speech * 20).take()
    fewest = min(2_000, max(LONG_FRAMES_MIN, limits.SPEECH_BYTES_MAX // (frame_bytes + 10)))
    most = min(limits.SPEECH_FRAMES_MAX, limits.SPEECH_BYTES_MAX // frame_bytes + LONG_FRAMES_MIN)
    assert min(fewest, limits.SPEECH_FRAMES_MAX) <= len(kept) < most + LET_GO_FRAMES


def test_a_long_message_makes_no_audio_go():
    audio = spoken(30)
    assert told(*audio, (Weight.ITEM, b"i" * 10**6), SpeechStarted("u"), *audio).take().count(audio[0]) == 2


def test_of_audio_with_sound_in_it_much_is_kept_though_nobody_says_that_it_is_speech():
    silence, speech = spoken(200), shouted(300)
    kept = told(*silence, *speech).take()
    assert kept == [*silence, *speech][-len(kept) :]
    assert len(kept) >= limits.SILENCE_FRAMES_MAX + len(speech) - LET_GO_FRAMES


@pytest.mark.parametrize("silent", range(200, 200 + LET_GO_FRAMES))
@pytest.mark.parametrize("frame_bytes", [280, 900, 1_327, 1_360])  # G.711, 16 kHz, 24 kHz twice
def test_sound_that_one_glance_has_missed_still_has_300_ms_before_it(frame_bytes, silent):
    quiet = [b"%d".ljust(frame_bytes, b"A") % n for n in range(silent)]
    soft = [b"soft %d".ljust(frame_bytes, b"A") % n for n in range(LET_GO_FRAMES)]
    loud = [b"AUDIO %d".ljust(frame_bytes, b"A") % n for n in range(100)]
    kept = told(*quiet, *soft, *loud).take()
    assert kept[-len(loud) - len(soft) :] == soft + loud
    assert len(kept) - len(loud) - len(soft) >= 300 / 20


def test_sound_that_was_no_speech_is_let_go_again():
    unheard = told(*spoken(200), *shouted(300))
    unheard.listen()
    assert unheard.speaks
    unheard.calm()
    assert not unheard.speaks
    for one in spoken(200, first=500):
        unheard.audio(one)
    assert len(unheard.take()) < limits.SILENCE_FRAMES_MAX + LET_GO_FRAMES


def test_each_frame_is_listened_to_once_or_not_at_all_and_the_longer_they_are_the_more_of_them():
    for chars, of in [(0, 8), (1_300, 8), (2_600, 4), (6_400, 1), (50_000, 1)]:
        glances = []

        def glance(payload, glances=glances):
            glances.append(payload)
            return False

        unheard = Unheard(lambda: glance)
        frames = [b"%d " % n + bytes(chars) for n in range(480)]
        for number, one in enumerate(frames):
            unheard.audio(one)
            if not number % 100:
                unheard.listen()
        assert len(glances) == len(set(glances))
        assert 480 // of <= len(glances) + 6 <= 480 // of + 40


def test_a_client_that_sends_nothing_is_not_silent_but_gone_unless_it_says_so():
    unheard = told(*spoken(5))
    newest = unheard.newest
    assert not unheard.sent_since(newest)
    unheard.audio(b"more")
    assert unheard.sent_since(newest)
    unheard.said(Weight.MARK, b"the microphone is off")
    assert unheard.sent_since(unheard.newest)
    assert not told().sent_since(told().newest)


@pytest.mark.parametrize(
    ("act", "speaks"),
    [
        (TURN, False),
        (DONE, False),  # it was the agent, in the user's microphone
        (ReplyDone("r", "cancelled"), True),  # by what was said
        (AudioCleared(), False),
        (ReplyBegun("r"), True),
        (UserTranscript("u", "Hi"), True),
    ],
)
def test_what_was_said_is_dealt_with_by_a_turn_and_a_whole_reply(act, speaks):
    unheard = told(*shouted(100))
    unheard.listen()
    assert unheard.speaks
    unheard.hear(act, False)
    unheard.listen()
    assert unheard.speaks is speaks


@pytest.mark.parametrize("sounds", [1, 2 * LET_GO_FRAMES])
def test_a_sound_of_less_than_a_third_of_a_second_is_not_speech(sounds):
    unheard = told(*spoken(10), *shouted(sounds), *spoken(100, first=200))
    unheard.listen()
    assert not unheard.speaks


def test_between_two_turns_silence_is_forgotten_and_what_somebody_says_just_then_is_not():
    unheard = told(*spoken(40))
    unheard.forget_audio()
    assert unheard.take() == spoken(40)[-OVERLAP_FRAMES:]
    speech = shouted(40)
    unheard = told(*speech)
    unheard.forget_audio()
    assert unheard.take() == speech


def test_a_client_that_says_where_its_turns_end_loses_nothing_of_them():
    for act in (Configured(b"", 48), Ready(b"", 48)):
        unheard = Unheard(lambda: is_loud)
        unheard.hear(act, True)
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
    unheard, everything, since = Unheard(lambda: is_loud), [], 0
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


@pytest.mark.parametrize("act", [Ready(b"{}", 8), Configured(b"{}", 8)], ids=["ready", "configured"])
def test_how_to_listen_is_asked_once_and_again_when_it_may_have_changed(act):
    asked = []
    unheard = Unheard(lambda: asked.append(1) or is_loud)
    for one in spoken(300):
        unheard.audio(one)
    assert len(asked) == 1
    unheard.hear(act, False)
    for one in spoken(300):
        unheard.audio(one)
    assert len(asked) == 2
