"""How much, and how often, a key and an account may ask of this gateway process; and whose pages may. Pure.

Nothing here is on the way of a frame: a call's messages and bytes are counted where they pass (traffic.py),
and looked at once a second.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

from ..settings.shape import LimitSettings
from .arrival.request import Headers, one

Call = TypeVar("Call", bound="Heard")

AT_ONCE_S = 10.0  # so much of a second's allowance may be used at once: who stalled catches up
FORGOTTEN_ABOVE = 10_000  # names; then those are let go of that have their whole allowance again


class Buckets:
    """So much a second for each name. `at_once`: and as much together; 0 a second is no bound."""

    def __init__(self, per_s: float, at_once: float, now_s: Callable[[], float]) -> None:
        self._per_s = per_s
        self._at_once = at_once
        self._now_s = now_s
        self._left: dict[str, tuple[float, float]] = {}  # what was left, and when

    def take(self, name: str) -> float:
        """0: one more is granted. Else in how many seconds it would be, and nothing was taken."""
        if not self._per_s:
            return 0
        left = self._now(name)
        if left < 1:
            return (1 - left) / self._per_s
        self._keep(name, left - 1)
        return 0

    def spend(self, name: str, amount: float) -> bool:
        """It has happened. False: it was too much."""
        if not self._per_s:
            return True
        left = self._now(name) - amount
        self._keep(name, max(left, 0))
        return left >= 0

    def _now(self, name: str) -> float:
        left, at_s = self._left.get(name, (self._at_once, 0.0))
        return min(self._at_once, left + (self._now_s() - at_s) * self._per_s)

    def _keep(self, name: str, left: float) -> None:
        self._left[name] = (left, self._now_s())
        if len(self._left) > FORGOTTEN_ABOVE:
            self._left = {n: kept for n, kept in self._left.items() if self._now(n) < self._at_once}


class Heard(Protocol):
    """What is looked at of a call."""

    account_id: str

    @property
    def key_hash(self) -> str: ...
    def heard_since(self) -> tuple[int, int]:
        """Messages and bytes from the client since it was asked last."""
        ...


class Rates:
    def __init__(self, limits: LimitSettings, now_s: Callable[[], float]) -> None:
        per_minute = (limits.connects_per_minute_per_key, limits.connects_per_minute_per_account)
        self._by_key, self._by_account = (Buckets(n / 60, n, now_s) for n in per_minute)
        self._messages = _pair(limits.messages_per_s_per_key, limits.messages_per_s_per_account, now_s)
        self._bytes = _pair(limits.bytes_per_s_per_key, limits.bytes_per_s_per_account, now_s)
        self.looks = any(
            (
                limits.messages_per_s_per_key,
                limits.messages_per_s_per_account,
                limits.bytes_per_s_per_key,
                limits.bytes_per_s_per_account,
            )
        )

    def knock(self, key_hash: str) -> float:
        """0: it may come in. Else in how many seconds it might."""
        return self._by_key.take(key_hash)

    def granted(self, account_id: str) -> float:
        return self._by_account.take(account_id)

    def too_loud(self, calls: Iterable[Call]) -> list[Call]:
        """Those that have said more than their key or account may: once a second."""
        return [call for call in calls if not self._may(call)]

    def _may(self, call: Heard) -> bool:
        said = zip((self._messages, self._bytes), call.heard_since(), strict=True)
        names = (call.key_hash, call.account_id) if call.account_id else (call.key_hash,)
        # Each is spent, whatever the others say.
        granted = [b.spend(name, n) for pair, n in said for b, name in zip(pair, names, strict=False)]
        return all(granted)


def _pair(per_key: int, per_account: int, now_s: Callable[[], float]) -> tuple[Buckets, Buckets]:
    return Buckets(per_key, per_key * AT_ONCE_S, now_s), Buckets(per_account, per_account * AT_ONCE_S, now_s)


def is_allowed(headers: Headers, origins: Sequence[str]) -> bool:
    """A browser says which page asks; other programs say nothing, and are not held to it."""
    origin = one(headers, "origin")
    return not origins or not origin or any(fnmatchcase(origin.lower(), glob.lower()) for glob in origins)


def client_address(peer: str, headers: Headers, trusted: Sequence[str]) -> str:
    """Who it is behind the proxies that are trusted: the last in X-Forwarded-For that is not one of them."""
    networks = [ipaddress.ip_network(one, strict=False) for one in trusted]
    told = [hop.strip() for name, value in headers if name == "x-forwarded-for" for hop in value.split(",")]
    address = peer
    while networks and told and _is_in(address, networks):
        address = told.pop()
    return address[:64] if address == peer or _is_address(address) else peer


def _is_in(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return _is_address(address) and any(ipaddress.ip_address(address) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
