"""Speaking at an even pace: many speakers, each once in a period, none at the same moment as another."""

import asyncio
import ctypes
import os
import struct
import sys
import time
from array import array
from collections.abc import Callable
from time import perf_counter

STEP_S = 0.000_1  # speakers are spread no finer
_NANOS = 1_000_000_000

_libc = ctypes.CDLL(None, use_errno=True)


class Pacer:
    """Has each speaker speak once in a period, evenly spread over it."""

    def __init__(self, period_s: float, speakers: list[Callable[[], None]]) -> None:
        slots = max(1, min(len(speakers), round(period_s / STEP_S)))
        self._step_s = period_s / slots
        self._slots = [speakers[slot::slots] for slot in range(slots)]
        self._at = 0
        self.late_s = array("d")
        self._loop = asyncio.get_running_loop()
        self._ticks = Ticks(self._step_s)
        self._due_s = perf_counter() + self._step_s
        self._loop.add_reader(self._ticks, self._tick)

    def _tick(self) -> None:
        for _ in range(self._ticks.passed()):
            self.late_s.append(max(0.0, perf_counter() - self._due_s))
            for speak in self._slots[self._at]:
                speak()
            self._at = (self._at + 1) % len(self._slots)
            self._due_s += self._step_s

    def stop(self) -> None:
        self._loop.remove_reader(self._ticks)
        self._ticks.close()


class Ticks:
    """A timerfd (Linux), because the loop's own timers have whole milliseconds: of 200 calls five would speak
    at once."""

    def __init__(self, every_s: float) -> None:
        self._fd: int = _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        every = divmod(round(every_s * _NANOS), _NANOS)
        if self._fd < 0 or _libc.timerfd_settime(self._fd, 0, struct.pack("4q", *every, *every), None):
            raise OSError(ctypes.get_errno(), "there is no timer for the load")

    def fileno(self) -> int:
        return self._fd

    def passed(self) -> int:
        """How many since the last time."""
        try:
            return int.from_bytes(os.read(self._fd, 8), sys.byteorder)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        os.close(self._fd)
