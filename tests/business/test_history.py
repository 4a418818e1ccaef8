from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.business.history import (
    LEFT_OUT,
    SHORTENED_CHARS_MAX,
    SUMMARY,
    SUMMARY_CHARS_MAX,
    TOLD_CHARS_MAX,
    Shortening,
    marked_summary,
    recent,
    shortening,
)
from realtime_switch.business.repos import Backlog

lines = st.lists(st.integers(0, 120).map("x".__mul__), max_size=40).map("\n".join)


# -- What is told ----------------------------------------------------------------------------------------


def test_a_conversation_within_the_bound_is_told_as_it_is():
    text = "user: hi\n" * 3555 + "12345"
    assert len(text) == TOLD_CHARS_MAX
    assert recent(text) == text


def test_a_longer_one_is_told_from_the_beginning_of_a_line_under_a_mark():
    text = "".join(f"user: line {n:05}\n" for n in range(2000))
    told = recent(text)
    assert told.startswith(LEFT_OUT + "user: line ")
    assert told.endswith("user: line 01999\n")
    assert TOLD_CHARS_MAX - 20 < len(told) <= TOLD_CHARS_MAX


def test_a_cut_that_falls_on_a_lines_beginning_loses_no_line():
    kept = "user: b\n" + "y" * 50
    assert recent("x" * 999 + "\n" + kept, chars_max=len(LEFT_OUT) + len(kept)) == LEFT_OUT + kept


def test_one_endless_line_is_cut_where_it_must_be():
    assert recent("x" * 100_000) == LEFT_OUT + "x" * (TOLD_CHARS_MAX - len(LEFT_OUT))


def test_a_line_break_near_the_end_does_not_cost_the_line_before_it():
    told = recent("x" * 100_000 + "\nagent: ok")
    assert len(told) == TOLD_CHARS_MAX


def test_the_end_of_a_longer_conversation_gets_the_mark_too():
    assert recent("re?\nagent: ok\n", chars_max=100, whole_chars=5000) == LEFT_OUT + "agent: ok\n"


@given(lines, st.integers(len(LEFT_OUT) + 10, 500))
def test_what_is_told_is_never_longer_than_allowed_and_is_the_end_of_what_was_said(text, chars_max):
    told = recent(text, chars_max)
    assert len(told) <= max(chars_max, 0)
    assert told == text or (told.startswith(LEFT_OUT) and text.endswith(told.removeprefix(LEFT_OUT)))
    assert (told == text) == (len(text) <= chars_max)
    assert recent(told, chars_max) == told


@given(lines, st.integers(300, 600))
def test_where_lines_are_short_a_line_begins_what_is_told(text, chars_max):
    kept = recent(text, chars_max).removeprefix(LEFT_OUT)
    assert kept == text or text.endswith("\n" + kept)


# -- What is shortened -----------------------------------------------------------------------------------

KEPT = SHORTENED_CHARS_MAX - SUMMARY_CHARS_MAX


def backlog(*texts: str, summary: str = "", first: int = 1) -> Backlog:
    return Backlog(
        account_id="a1", session_id="s1", summary=summary, passages=tuple(enumerate(texts, start=first))
    )


def test_nothing_is_shortened_within_the_bound():
    assert shortening(backlog("x" * (TOLD_CHARS_MAX - 3), summary="sum"), KEPT) is None


def test_the_old_part_goes_with_the_summary_before_it():
    said = [f"{n:02}" + "x" * 1998 for n in range(20)]
    assert shortening(backlog(*said, summary="before. ", first=7), KEPT) == Shortening(
        upto=7 + 11, old="before. " + "".join(said[:12])
    )


def test_what_is_kept_begins_a_line_where_one_is_near():
    said = ["x" * 2000] * 14 + ["\nuser: y"] + ["x" * 1000] * 10
    assert shortening(backlog(*said), KEPT) == Shortening(upto=14, old="x" * 28_000)


def test_a_passage_longer_than_all_that_may_be_kept_is_shortened_whole():
    assert shortening(backlog("x" * 50_000), KEPT) == Shortening(upto=1, old="x" * 50_000)


def test_a_conversation_of_nothing_but_a_summary_is_left_alone():
    assert shortening(backlog(summary="x" * 50_000), KEPT) is None


def test_a_summary_is_marked_and_ends_its_line():
    assert marked_summary("  They spoke of tea.\n\n") == SUMMARY + "They spoke of tea.\n"


def test_a_summary_longer_than_asked_is_cut():
    assert len(marked_summary("x" * 1_000_000)) == SUMMARY_CHARS_MAX


passages = st.lists(
    st.tuples(st.integers(1, 9000), st.sampled_from(["", "\n"])).map(lambda p: p[1] + "x" * p[0]), max_size=40
)


@given(passages, st.integers(0, 8000), st.integers(1, 10**6))
def test_shortened_or_not_every_passage_is_either_old_or_kept_and_the_rest_fits(texts, summary_chars, first):
    whole = backlog(*texts, summary="s" * summary_chars, first=first)
    plan = shortening(whole, KEPT)
    if plan is None:
        assert len(whole.text) <= TOLD_CHARS_MAX
        return
    kept = "".join(text for number, text in whole.passages if number > plan.upto)
    assert plan.old + kept == whole.text
    assert len(marked_summary("y" * 10**5) + kept) <= SHORTENED_CHARS_MAX
    assert plan.upto >= first
