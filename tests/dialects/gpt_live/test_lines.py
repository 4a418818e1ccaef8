"""Timed fragments become lines: each is over once its speaker has been silent, and stands where it began."""

import live_frames as live
from calls import Clock, ids
from realtime_switch.dialects.acts import ReplyItemDone, ReplyTranscript, UserTranscript
from realtime_switch.dialects.gpt_live.hearing import Hearing
from realtime_switch.session.transcript import Transcript


def written(*frames):
    hearing, clock = Hearing(ids()), Clock()
    transcript = Transcript(("a", "s"), iter("0123456789").__next__, clock, continues=False)
    for frame in [live.STARTED, *frames]:
        for act in hearing.hear(frame):
            transcript.hear(act)
    return transcript


def text(transcript):
    return "".join(passage.text for passage in transcript.flush())


def test_a_question_and_its_answer():
    transcript = written(
        live.words("user", " what's the", 200, 400),
        live.words("user", " weather", 400, 800),
        live.words("agent", " Let me", 2000, 2200),
        live.words("agent", " check.", 2200, 2400),
    )
    assert text(transcript) == "user: what's the weather\nagent: Let me check."


def test_fragments_that_interleave_are_two_lines_in_the_order_of_their_beginning():
    transcript = written(
        live.words("agent", " I can", 0, 200),
        live.words("user", " uh", 200, 400),
        live.words("agent", " look it", 400, 600),
        live.words("user", " huh", 400, 600),
        live.words("agent", " up.", 600, 800),
    )
    assert text(transcript) == "agent: I can look it up.\nuser: uh huh"


def test_after_a_silence_it_is_another_line_and_within_it_the_same():
    hearing = Hearing(ids())
    acts = [
        act
        for frame in (
            live.words("agent", " One", 0, 200),
            live.words("agent", " two", 1000, 1200),
            live.words("agent", " three", 2001, 2200),
        )
        for act in hearing.hear(frame)
    ]
    assert acts == [
        ReplyTranscript("item_1", 0, "One"),
        ReplyTranscript("item_1", 0, " two"),
        ReplyItemDone("item_1"),
        ReplyTranscript("item_2", 0, "three"),
    ]


def test_the_sound_alone_tells_that_a_line_is_over():
    """Output is continuous, silence and all, so it is a clock; a fragment may come a moment late."""
    hearing = Hearing(ids())
    hearing.hear(live.STARTED)
    hearing.hear(live.words("user", " hello", 0, 1000))
    second = len(live.SECOND_OF_AUDIO)
    assert hearing.passed(2 * second) == []
    assert hearing.passed(second // 4) == [UserTranscript("item_1", "hello", final=True)]


def test_a_fragment_of_nothing_begins_no_line():
    assert Hearing(ids()).hear(live.words("user", "  ", 0, 200)) == []
