"""Questions that wait for their answers. Pure: the clock is an argument, and whoever waits is only held here.

All wait equally long, so they expire in the order they were asked, and a look
at the oldest says when the next one does.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

Waiter = TypeVar("Waiter")


@dataclass(frozen=True, slots=True)
class Call(Generic[Waiter]):
    id: int
    verb: str
    payload: bytes  # kept until the answer is here: a new connection asks again
    waiter: Waiter
    deadline_s: float


class Calls(Generic[Waiter]):
    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._waiting: dict[int, Call[Waiter]] = {}  # in the order they were asked

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, id: int, verb: str, payload: bytes, waiter: Waiter, now_s: float) -> None:
        assert id not in self._waiting, "an id is used once"
        self._waiting[id] = Call(id, verb, payload, waiter, now_s + self._timeout_s)

    def ids(self) -> list[int]:
        return list(self._waiting)

    def find(self, id: int) -> Call[Waiter] | None:
        return self._waiting.get(id)

    def take(self, id: int) -> Call[Waiter] | None:
        """Nobody waits for it any more. None when nobody did: the answer is late, or a second one."""
        return self._waiting.pop(id, None)

    def expire(self, now_s: float) -> list[Call[Waiter]]:
        due: list[Call[Waiter]] = []
        for call in self._waiting.values():
            if call.deadline_s > now_s:
                break
            due.append(call)
        for call in due:
            del self._waiting[call.id]
        return due

    def take_all(self) -> list[Call[Waiter]]:
        taken = list(self._waiting.values())
        self._waiting.clear()
        return taken

    @property
    def deadline_s(self) -> float | None:
        """When the next one expires."""
        for call in self._waiting.values():
            return call.deadline_s
        return None
