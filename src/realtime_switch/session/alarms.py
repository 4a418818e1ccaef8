"""What a call may be woken for, and when."""

import enum
from collections.abc import Callable

from .steps import Steps, Wake


class Alarm(enum.Enum):
    FIRST_WORD = "first word"
    GREETING = "greeting"
    FINISH = "finish"
    CREDITS = "credits"
    WORDS = "words"
    PROVIDER = "provider"  # the provider's side has something to do by the clock
    STALL = "stall"
    TIME = "time"  # what a provider that bills by time has counted so far is put down
    LEAVE = "leave"  # a provider that was told of the end has not said its last word
    ROLL = "roll"  # the provider hangs up soon
    BESIDE = "beside"  # a connection beside has not said its first word
    PART = "part"  # the gateway is to stop

    __hash__ = object.__hash__  # an Enum's own is written in Python, and these are asked for all the time


class Alarms:
    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._at_us: dict[Alarm, int] = {}

    def set(self, alarm: Alarm, after_s: float) -> Steps:
        return self.set_at(alarm, self._now_us() + int(after_s * 1e6))

    def set_at(self, alarm: Alarm, at_us: int | None) -> Steps:
        """None: not any more. Nothing is ordered unless the call is to be woken earlier than it will be:
        waking for nothing does no harm."""
        if at_us is None:
            self._at_us.pop(alarm, None)
            return []
        earliest = min(self._at_us.values(), default=None)
        self._at_us[alarm] = at_us
        return self.wake() if earliest is None or at_us < earliest else []

    def drop(self, alarm: Alarm) -> None:
        self._at_us.pop(alarm, None)

    def clear(self) -> None:
        self._at_us.clear()

    def due(self) -> list[Alarm]:
        """Those whose time has come; they are not set any more."""
        now_us = self._now_us()
        due = [alarm for alarm, at_us in self._at_us.items() if at_us <= now_us]
        for alarm in due:
            del self._at_us[alarm]
        return due

    def wake(self) -> Steps:
        if not self._at_us:
            return []
        return [Wake(max(0, min(self._at_us.values()) - self._now_us()) / 1e6)]
