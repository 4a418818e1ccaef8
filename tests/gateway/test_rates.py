"""What a key may ask for, and where a client comes from: no sockets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.gateway.rates import FORGOTTEN_ABOVE, Buckets, Rates, client_address, is_allowed
from realtime_switch.settings.shape import LimitSettings


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Call:
    def __init__(self, key_hash: str, account_id: str, *said: tuple[int, int]) -> None:
        self.key_hash, self.account_id = key_hash, account_id
        self._said = list(said)

    def heard_since(self) -> tuple[int, int]:
        return self._said.pop(0)


def test_so_many_at_once_and_then_one_after_the_other() -> None:
    clock = Clock()
    bucket = Buckets(0.5, 3, clock)
    assert [bucket.take("a") for _ in range(4)] == [0, 0, 0, 2.0]
    assert bucket.take("b") == 0
    clock.now_s += 1.5
    assert bucket.take("a") == 0.5
    clock.now_s += 0.5
    assert [bucket.take("a"), bucket.take("a")] == [0, 2.0]
    clock.now_s += 1_000
    assert [bucket.take("a") for _ in range(4)] == [0, 0, 0, 2.0]


def test_without_a_bound_everything_is_granted() -> None:
    bucket = Buckets(0, 0, Clock())
    assert {bucket.take("a") for _ in range(9)} == {0}
    assert bucket.spend("a", 1e9)


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 30)), max_size=40))
def test_never_is_more_granted_than_the_time_allows(steps: list[tuple[float, int]]) -> None:
    clock = Clock()
    bucket = Buckets(2, 10, clock)
    began_s, granted = clock.now_s, 0
    for pause_s, amount in steps:
        clock.now_s += pause_s
        granted += sum(bucket.take("a") == 0 for _ in range(amount))
        assert granted <= 10 + 2 * (clock.now_s - began_s) + 1e-6


def test_names_that_have_all_they_may_have_again_are_forgotten() -> None:
    clock = Clock()
    bucket = Buckets(1, 5, clock)
    for number in range(FORGOTTEN_ABOVE):
        bucket.take(str(number))
    clock.now_s += 10
    bucket.take("new")
    assert list(bucket._left) == ["new"]


def test_who_says_too_much_is_found_by_key_and_by_account() -> None:
    clock = Clock()
    rates = Rates(LimitSettings(messages_per_s_per_key=10, bytes_per_s_per_account=1_000), clock)
    loud = Call("k1", "a1", (100, 0), (1, 0))
    by_account = [Call("k2", "a2", (1, 6_000)), Call("k3", "a2", (1, 6_000))]
    quiet = Call("k4", "a3", (10, 900), (10, 900))
    unknown = Call("k5", "", (1, 10**9), (1, 0))
    assert rates.too_loud([loud, *by_account, quiet, unknown]) == [by_account[1]]
    assert rates.too_loud([loud, quiet, unknown]) == [loud]
    clock.now_s += 10
    assert not Rates(LimitSettings(connects_per_minute_per_key=1), clock).looks


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("", True),  # not a browser
        ("https://app.example.org", True),
        ("HTTPS://APP.EXAMPLE.ORG", True),
        ("https://example.org.evil.com", False),
        ("https://evil.com", False),
        ("null", False),
        ("http://app.example.org", False),
    ],
)
def test_whose_pages_may_open_calls(origin: str, allowed: bool) -> None:
    headers = [("host", "h"), *([("origin", origin)] if origin else [])]
    assert is_allowed(headers, ["https://*.example.org", "https://own.com"]) is allowed
    assert is_allowed(headers, [])


@pytest.mark.parametrize(
    ("peer", "told", "address"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # no proxy of ours: whatever it says
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (
            "10.0.0.1",
            "1.1.1.1, 198.51.100.1",
            "198.51.100.1",
        ),  # the client may have made up the first
        ("10.0.0.1", "198.51.100.1, 10.0.0.7", "198.51.100.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "no address\x1b[2J", "10.0.0.1"),
        ("::1", "2001:db8::1", "2001:db8::1"),
    ],
)
def test_where_a_client_comes_from(peer: str, told: str, address: str) -> None:
    headers = [("x-forwarded-for", told)] if told else []
    assert client_address(peer, headers, ["10.0.0.0/8", "::1"]) == address
    assert client_address(peer, headers, []) == peer
