from realtime_switch.gateway.contention import TAKEOVERS_MAX, WITHIN_S, Contention


def test_a_session_that_is_taken_over_and_over_is_hot_for_a_while():
    now = [100.0]
    contention = Contention(lambda: now[0])
    hot = []
    for _ in range(TAKEOVERS_MAX):
        hot.append(contention.is_hot(("a", "s")))
        contention.note(("a", "s"))
        now[0] += 1
    assert hot == [False] * TAKEOVERS_MAX
    assert contention.is_hot(("a", "s"))
    assert not contention.is_hot(("b", "s"))
    assert not contention.is_hot(("a", "t"))
    now[0] = 100.0 + WITHIN_S
    assert not contention.is_hot(("a", "s"))
