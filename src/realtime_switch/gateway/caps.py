"""What one call may take of tokens and of time."""

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

from ..session import limits

if TYPE_CHECKING:
    from .conductor import Conductor


class Caps(Struct, frozen=True):
    """0 is no bound."""

    tokens: int = 0
    seconds: float = 0


NO_CAPS = Caps()


class CapWatch:
    """Sees when a call is near to its caps, and at them."""

    def __init__(self, call: "Conductor", caps: Caps) -> None:
        self._call = call
        self._caps = caps
        self._timers: tuple[asyncio.TimerHandle, ...] = ()
        self._near_tokens_told = False

    def begin(self) -> None:
        seconds = self._caps.seconds
        if not seconds:
            return
        later = asyncio.get_running_loop().call_later
        left_s = seconds * limits.CAP_NEAR_SHARE
        self._timers = (
            later(seconds - left_s, self._call.cap_near, "seconds", round(left_s)),
            later(seconds, self._call.cap, f"A call may last {seconds / 60:g} minutes here."),
        )

    def end(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def look_at_tokens(self) -> None:
        cap = self._caps.tokens
        if not cap:
            return
        left = cap - self._call.tally.tokens
        if left <= 0:
            self._call.cap(f"A call may take {cap:,} tokens here.")
        elif left <= cap * limits.CAP_NEAR_SHARE and not self._near_tokens_told:
            self._near_tokens_told = True
            self._call.cap_near("tokens", left)
