"""When what was said is handed out. What becomes sure is the transcript's (test_transcript.py)."""

from itertools import count

import pytest

from calls import Clock
from realtime_switch.session import limits
from realtime_switch.session.held_line import AGENT, TOOL, USER
from realtime_switch.session.passages import Passages


def passages(continues=False):
    return Passages(("a1", "s1"), map(str, count(1)).__next__, Clock(), continues)


def texts(handed_out):
    return [passage.text for passage in handed_out]


@pytest.mark.parametrize(
    ("speaker", "nothing_waits", "due"),
    [(AGENT, True, ["agent: Yes."]), (AGENT, False, []), (USER, True, []), (TOOL, True, [])],
)
def test_a_turn_is_over_with_the_agents_word_when_no_line_waits(speaker, nothing_waits, due):
    said = passages()
    said.write(speaker, "Yes.")
    assert texts(said.due(nothing_waits)) == due
    assert texts(said.rest()) == ([] if due else [f"{speaker}: Yes."])


def test_what_is_long_is_handed_out_in_pieces_that_end_with_a_word_whoever_waits():
    said = passages()
    said.write(USER, "word " * (limits.PASSAGE_CHARS // 2))
    pieces = texts(said.due(nothing_waits=False))
    assert len(pieces) == 2
    assert all(piece.endswith("word") for piece in pieces)
    assert "".join([*pieces, *texts(said.rest())]) == "user: " + "word " * (limits.PASSAGE_CHARS // 2)


def test_passages_are_born_one_after_another_though_the_clock_stands():
    said = passages()
    for _ in range(3):
        said.write(AGENT, "Yes.")
        said.due(nothing_waits=True)
    said.write(AGENT, "Yes.")
    assert [passage.born_us for passage in said.rest()] == [1_000_003]


def test_a_line_begins_where_another_speaks_or_a_tool_does():
    said = passages(continues=True)
    for speaker, text in [
        (USER, "Is it"),
        (USER, "free?"),
        (TOOL, "look()"),
        (TOOL, "look -> yes"),
        (AGENT, "It is."),
    ]:
        said.write(speaker, text)
    assert texts(said.rest()) == ["\nuser: Is it free?\ntool: look()\ntool: look -> yes\nagent: It is."]
