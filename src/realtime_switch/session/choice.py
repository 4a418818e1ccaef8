"""Which provider a call goes to, and to which one next (DESIGN.md 6). Pure.

A target that keeps failing rests for a while, for all calls of this process; then one call at a time tries it
again. Where all rest, the first is tried all the same: a call that cannot be saved is not made worse.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from msgspec import Struct

from ..dialects.terms import Target
from . import limits
from .way import Way


class _State(Struct):
    failures: int = 0  # one after the other
    rests_until_us: int = 0
    tried_since_us: int | None = None  # one call is finding out


class Health:
    """How the targets have been doing lately."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._states: dict[str, _State] = {}

    def may_try(self, name: str) -> bool:
        """Ask only for what is then tried: of a target that has rested, one call is told yes."""
        state = self._states.get(name)
        if state is None or state.failures < limits.REST_AFTER_FAILURES:
            return True
        now_us = self._now_us()
        if now_us < state.rests_until_us:
            return False
        under_way = state.tried_since_us
        if under_way is not None and now_us - under_way < limits.PROVIDER_HANDSHAKE_S * 2e6:
            return False
        state.tried_since_us = now_us
        return True

    def failed(self, name: str) -> None:
        state = self._states.setdefault(name, _State())
        state.failures += 1
        state.tried_since_us = None
        too_many = state.failures - limits.REST_AFTER_FAILURES
        if too_many >= 0:
            rest_s = limits.REST_S[min(too_many, len(limits.REST_S) - 1)]
            self._rest(state, rest_s)

    def told_to_wait(self, name: str, wait_s: float) -> None:
        """By the target itself: it rests from now on, and for so long."""
        state = self._states.setdefault(name, _State())
        state.failures = max(state.failures, limits.REST_AFTER_FAILURES)
        self._rest(state, min(wait_s, limits.REST_S_TOLD_MAX))

    def _rest(self, state: _State, rest_s: float) -> None:
        state.rests_until_us = max(state.rests_until_us, self._now_us() + int(rest_s * 1e6))

    def worked(self, name: str) -> None:
        self._states.pop(name, None)


class Next(Struct, frozen=True):
    way: Way
    after_s: float
    others: bool  # there are other ways to go if this one fails, so it need not be waited for long


class Choice:
    """For one call."""

    def __init__(
        self,
        ways: Sequence[Way],
        on_drop: Literal["same", "next"],
        health: Health,
        now_us: Callable[[], int],
        random: Callable[[], float],
    ) -> None:
        self._ways = ways
        self._on_drop = on_drop
        self._health = health
        self._now_us = now_us
        self._random = random
        self._at = 0
        self._hopeless: set[int] = set()  # tried in this trouble, and it would not help to try again
        self._tried: set[int] = set()  # in this round
        self._rounds = 0
        self._since_us: int | None = None  # when this trouble began
        self.attempts = 0  # in this trouble

    @property
    def way(self) -> Way:
        return self._ways[self._at]

    @property
    def names(self) -> list[str]:
        return [way.name for way in self._ways]

    def first(self) -> Next:
        self._at = next((i for i, way in enumerate(self._ways) if self._health.may_try(way.name)), 0)
        return self._next(0.0)

    def named(self, name: str) -> Way | None:
        """A way that somebody asks for by its target."""
        return next((way for way in self._ways if way.name == name), None)

    def other(self) -> Way | None:
        """The next way that is not this one and not resting."""
        order = [*range(self._at + 1, len(self._ways)), *range(self._at)]
        found = next((i for i in order if self._health.may_try(self._ways[i].name)), None)
        return None if found is None else self._ways[found]

    def moved(self, way: Way) -> None:
        """The call is there now, by whoever's wish."""
        self._at = self._ways.index(way)

    def worked(self) -> None:
        """The provider of now has greeted us."""
        self._health.worked(self.way.name)

    def told_to_wait(self, target: Target, wait_s: float) -> None:
        """By a target that has refused to be dialled."""
        for way in self._ways:
            if way.target == target:
                self._health.told_to_wait(way.name, wait_s)

    def settled(self) -> None:
        """It was there for long enough: the trouble is over."""
        self._hopeless.clear()
        self._tried.clear()
        self._rounds = self.attempts = 0
        self._since_us = None

    def failed(self, *, hopeless: bool = False, was_live: bool = False) -> Next | None:
        """Where to go instead; None: nowhere, or not any more."""
        if self._since_us is None:
            self._since_us = self._now_us()
        self._health.failed(self.way.name)
        self.attempts += 1
        if hopeless:
            self._hopeless.add(self._at)
        stays = was_live and not hopeless
        if not stays:
            self._tried.add(self._at)
        others = [*range(self._at + 1, len(self._ways)), *range(self._at)]
        order = [self._at, *others] if self._on_drop == "same" else [*others, self._at]
        for index in order if stays else others:
            if index in self._hopeless or index in self._tried:
                continue
            if index == self._at:
                return self._again(index)
            if self._health.may_try(self._ways[index].name):
                self._at = index
                return self._next(0.0)
        return self._next_round()

    def _next_round(self) -> Next | None:
        left = [index for index in range(len(self._ways)) if index not in self._hopeless]
        if not left:
            return None
        self._tried.clear()
        healthy = (index for index in left if self._health.may_try(self._ways[index].name))
        return self._again(next(healthy, left[0]))

    def _again(self, index: int) -> Next | None:
        """After a while, which is longer each time."""
        delays = self._ways[index].terms.redial_after_s
        assert self._since_us is not None
        if self._rounds >= len(delays) or self._now_us() - self._since_us > limits.DIAL_BUDGET_S * 1e6:
            return None
        after_s = delays[self._rounds] * (0.5 + self._random())
        self._rounds += 1
        self._at = index
        return self._next(after_s)

    def _next(self, after_s: float) -> Next:
        usable = len(self._ways) - len(self._hopeless | self._tried)
        return Next(self.way, after_s, usable > 1)
