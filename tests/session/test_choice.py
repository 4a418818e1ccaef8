"""Which provider a call goes to next, as tables of what failed and where it goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import Clock
from realtime_switch.dialects import openai
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.session import limits
from realtime_switch.session.choice import Choice, Health
from realtime_switch.session.way import Way

DELAYS = (0.1, 0.5, 1.0)


def way(name):
    return Way(Target(provider=name, model="m"), Terms(redial_after_s=DELAYS), openai)


def choice(*names, on_drop="next", clock=None, health=None):
    clock = clock or Clock()
    made = Choice(
        [way(n) for n in names or ("a", "b", "c")],
        on_drop,
        health or Health(clock),
        clock,
        lambda: 0.5,
    )
    made.first()
    return made


def gone(made, **how):
    found = made.failed(**how)
    return None if found is None else (found.way.target.provider, found.after_s)


def test_before_the_first_byte_the_others_are_tried_at_once_and_then_all_again_after_a_while():
    made = choice()
    assert [gone(made) for _ in range(7)] == [
        ("b", 0.0),
        ("c", 0.0),
        ("a", 0.1),
        ("b", 0.0),
        ("c", 0.0),
        ("a", 0.5),
        ("b", 0.0),
    ]


def test_a_single_target_is_tried_as_often_as_there_are_delays():
    made = choice("a")
    assert [gone(made) for _ in range(4)] == [("a", 0.1), ("a", 0.5), ("a", 1.0), None]


def test_a_drop_leads_to_the_next_and_round():
    made = choice()
    assert gone(made, was_live=True) == ("b", 0.0)
    made.worked()
    assert gone(made, was_live=True) == ("c", 0.0)


def test_a_drop_leads_to_the_same_first_where_the_route_says_so():
    made = choice(on_drop="same")
    assert gone(made, was_live=True) == ("a", 0.1)
    assert gone(made) == ("b", 0.0)


def test_a_target_that_will_say_no_again_is_not_asked_again_in_this_trouble():
    made = choice("a", "b")
    assert gone(made, hopeless=True) == ("b", 0.0)
    assert gone(made) == ("b", 0.1)
    made.settled()
    assert gone(made) == ("a", 0.0)


def test_where_all_are_hopeless_there_is_nowhere_to_go():
    made = choice("a", "b")
    assert gone(made, hopeless=True) == ("b", 0.0)
    assert gone(made, hopeless=True) is None


def test_the_budget_ends_the_search():
    clock = Clock()
    made = choice("a", clock=clock)
    assert gone(made) == ("a", 0.1)
    clock.go_on(limits.DIAL_BUDGET_S + 1)
    assert gone(made) is None


def test_one_that_keeps_failing_rests_for_every_call_and_is_tried_by_one_of_them_after_that():
    clock = Clock()
    health = Health(clock)
    for _ in range(limits.REST_AFTER_FAILURES):
        health.failed("a/m")
    assert choice(clock=clock, health=health).way.target.provider == "b"
    clock.go_on(limits.REST_S[0] + 0.1)
    first, second = (choice(clock=clock, health=health) for _ in range(2))
    assert [made.way.target.provider for made in (first, second)] == ["a", "b"]
    first.worked()
    assert choice(clock=clock, health=health).way.target.provider == "a"


def test_each_failure_more_makes_it_rest_longer():
    clock = Clock()
    health = Health(clock)
    for rest_s in limits.REST_S:
        while health.may_try("a"):
            health.failed("a")
        clock.go_on(rest_s - 0.1)
        assert not health.may_try("a")
        clock.go_on(0.2)


def test_one_that_says_how_long_to_wait_is_asked_by_nobody_before():
    clock = Clock()
    health = Health(clock)
    made = choice(clock=clock, health=health)
    made.told_to_wait(made.way.target, 30)
    assert gone(made) == ("b", 0.0)
    clock.go_on(29.9)
    assert choice(clock=clock, health=health).way.target.provider == "b"
    clock.go_on(0.2)
    first, second = (choice(clock=clock, health=health) for _ in range(2))
    assert [made.way.target.provider for made in (first, second)] == ["a", "b"]


def test_nobody_is_believed_who_wants_to_rest_until_tomorrow():
    clock = Clock()
    health = Health(clock)
    health.told_to_wait("a/m", 86_400)
    clock.go_on(limits.REST_S_TOLD_MAX + 0.1)
    assert choice(clock=clock, health=health).way.target.provider == "a"


def test_where_all_rest_the_first_is_tried_all_the_same():
    clock = Clock()
    health = Health(clock)
    for name in ("a/m", "b/m", "c/m"):
        for _ in range(limits.REST_AFTER_FAILURES):
            health.failed(name)
    assert choice(clock=clock, health=health).way.target.provider == "a"


@pytest.mark.parametrize(("names", "others"), [(("a",), False), (("a", "b"), True)])
def test_it_says_whether_there_is_another_to_go_to(names, others):
    clock = Clock()
    made = Choice([way(n) for n in names], "next", Health(clock), clock, lambda: 0.5)
    assert made.first().others is others


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), max_size=60),
    st.sampled_from(["same", "next"]),
    st.integers(1, 4),
)
def test_every_trouble_comes_to_an_end(happenings, on_drop, count):
    """Whatever fails how: the search is bounded in tries and time, and only goes where a route leads."""
    clock = Clock()
    made = choice(*"abcd"[:count], on_drop=on_drop, clock=clock)
    tries = 0
    for hopeless, was_live, seconds in happenings:
        clock.go_on(seconds)
        found = made.failed(hopeless=hopeless, was_live=was_live and tries == 0)
        tries += 1
        if found is None:
            break
        assert found.after_s <= max(DELAYS)
    assert tries <= count * (len(DELAYS) + 1) + 1
