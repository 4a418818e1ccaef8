from collections.abc import Callable, Iterator
from itertools import count

import pytest

from realtime_switch.business.admin import Administration
from realtime_switch.store.memory import MemoryDatabase

START_US = 1_800_000_000_000_000


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.us = START_US

    def __call__(self) -> int:
        return self.us

    def pass_s(self, seconds: float) -> None:
        self.us += int(seconds * 1_000_000)


def counted_bytes() -> Callable[[int], bytes]:
    numbers: Iterator[int] = count(1)
    return lambda size: next(numbers).to_bytes(size, "big")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database():
    return MemoryDatabase()


@pytest.fixture
def admin(database, clock):
    return Administration(database, clock, counted_bytes())
