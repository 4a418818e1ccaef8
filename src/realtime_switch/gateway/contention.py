"""Two clients that take one session from each other for ever. Pure.

A client library that connects again whatever the close says, LiveKit's for one,
takes its session back from whoever took it. Two of them with the same session
id did so 46 times in five seconds (clients/README.md). So the door turns the
next one away for a moment: a refusal before the upgrade counts as a failed
attempt, and such libraries give up after a few.
"""

from collections import deque
from collections.abc import Callable

TAKEOVERS_MAX = 3
WITHIN_S = 10.0

Place = tuple[str, str]  # whose session it is, and which


class Contention:
    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._taken: deque[tuple[float, Place]] = deque()  # within the last WITHIN_S, oldest first

    def note(self, place: Place) -> None:
        self._forget()
        self._taken.append((self._now_s(), place))

    def is_hot(self, place: Place) -> bool:
        self._forget()
        return sum(taken == place for _, taken in self._taken) >= TAKEOVERS_MAX

    def _forget(self) -> None:
        while self._taken and self._taken[0][0] <= self._now_s() - WITHIN_S:
            self._taken.popleft()
