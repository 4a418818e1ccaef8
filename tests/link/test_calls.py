from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.link.calls import Call, Calls


def a_call(id: int, deadline_s: float) -> Call[str]:
    return Call(id, "get_credits", b"?", f"waiter {id}", deadline_s)


def waiting(*asked: tuple[int, float], timeout_s: float = 5) -> Calls[str]:
    calls: Calls[str] = Calls(timeout_s)
    for id, now_s in asked:
        calls.add(id, "get_credits", b"?", f"waiter {id}", now_s)
    return calls


def test_an_answer_is_taken_once() -> None:
    calls = waiting((1, 0))
    assert calls.take(1) == a_call(1, 5)
    assert calls.take(1) is None


def test_an_answer_that_nobody_asked_for_is_nobodys() -> None:
    assert waiting((1, 0)).take(2) is None


def test_calls_expire_at_their_deadline_and_not_before() -> None:
    calls = waiting((1, 0), (2, 1))
    assert calls.expire(4.9) == []
    assert calls.expire(5) == [a_call(1, 5)]
    assert calls.expire(5) == []
    assert calls.ids() == [2]


def test_an_answer_after_the_deadline_is_late() -> None:
    calls = waiting((1, 0))
    calls.expire(5)
    assert calls.take(1) is None


def test_the_deadline_is_the_oldest_calls() -> None:
    calls = waiting((1, 0), (2, 1))
    assert calls.deadline_s == 5
    calls.take(1)
    assert calls.deadline_s == 6
    calls.take(2)
    assert calls.deadline_s is None


def test_all_are_taken_in_the_order_they_were_asked() -> None:
    calls = waiting((3, 0), (1, 0), (2, 1))
    assert calls.take_all() == [a_call(3, 5), a_call(1, 5), a_call(2, 6)]
    assert len(calls) == 0


steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.floats(0, 3)),
        st.tuples(st.just("answer"), st.integers(1, 12)),
        st.tuples(st.just("wait"), st.floats(0, 8)),
    ),
    max_size=40,
)


@given(steps)
def test_each_call_ends_exactly_once_answered_or_expired_never_both(steps: list[tuple[str, float]]) -> None:
    calls: Calls[int] = Calls(5)
    now_s, asked, ended = 0.0, {}, []
    for what, value in steps:
        if what == "ask":
            now_s += value
            id = len(asked) + 1
            asked[id] = now_s
            calls.add(id, "verb", b"", id, now_s)
        elif what == "answer":
            if call := calls.take(int(value)):
                ended.append(call.id)
        else:
            now_s += value
            for call in calls.expire(now_s):
                assert asked[call.id] + 5 <= now_s
                ended.append(call.id)
        assert all(asked[id] + 5 > now_s or what != "wait" for id in calls.ids())
    assert sorted([*ended, *calls.ids()]) == sorted(asked)
