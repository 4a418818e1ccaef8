"""How much of the agent's audio the user can have heard, by the clock: it is made faster than it is played.

Whoever plays it begins with the first piece and plays one item after the other. What a client holds back
before it plays is not known, so this is an upper bound (TRANSLATION.md 9, example C03).
"""

from collections.abc import Callable

from msgspec import Struct


class _Item(Struct):
    start_us: int
    sent_us: float = 0.0

    @property
    def end_us(self) -> float:
        return self.start_us + self.sent_us


class Playback:
    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._items: dict[str, _Item] = {}  # that may still be playing, in order
        self._cut: set[str] = set()  # what still comes of these is not played any more

    def add(self, item_id: str, ms: float) -> None:
        if item_id in self._cut:
            return
        item = self._items.get(item_id)
        if item is None:
            now = self._now_us()
            self._items = {name: one for name, one in self._items.items() if one.end_us > now}
            start = max([now, *(int(one.end_us) for one in self._items.values())])
            item = self._items[item_id] = _Item(start)
        item.sent_us += ms * 1000

    @property
    def running(self) -> bool:
        return self.ends_us > self._now_us()

    @property
    def ends_us(self) -> int:
        """When all of it will have been heard."""
        return max((int(item.end_us) for item in self._items.values()), default=0)

    def cut(self) -> list[tuple[str, int]]:
        """Play no more: the items that were not heard to their end, and how many ms of each were."""
        now = self._now_us()
        cut = [
            (item_id, int(max(0, min(now - item.start_us, item.sent_us)) // 1000))
            for item_id, item in self._items.items()
            if item.end_us > now
        ]
        self._cut = set(self._items)
        self._items = {}
        return cut
