"""Whether both ends of a call are alive: each is pinged now and then, and it is seen who is silent."""

import asyncio
from typing import TYPE_CHECKING

from ..accounts.errors import ErrorCode
from ..dialects.terms import PING_PATIENCE_S

if TYPE_CHECKING:
    from .conductor import Conductor

PING_S = 20.0  # as OpenAI's server does (OPENAI-REALTIME.md 2.5)


class Pulse:
    """That they were heard is noted in the call's `client_heard` and `provider_heard`, by the short way."""

    def __init__(self, call: "Conductor", idle_s: float) -> None:
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._idle_pings_max = max(1, round(idle_s / PING_S))
        self._client_silent_pings = 0
        self._provider_silent_pings = 0
        self._pinged_s: float | None = None  # and it has not been answered yet
        self._tick: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._tick = self._loop.call_later(PING_S, self._on_tick)

    def end(self) -> None:
        if self._tick is not None:
            self._tick.cancel()

    def provider_taken(self) -> None:
        """There is another one from now on."""
        self._provider_silent_pings = 0
        self._pinged_s = None

    def provider_ponged(self) -> int | None:
        """How many milliseconds it took; None: it had not been asked."""
        pinged_s, self._pinged_s = self._pinged_s, None
        return None if pinged_s is None else round((self._loop.time() - pinged_s) * 1000)

    def _on_tick(self) -> None:
        self.begin()
        call = self._call
        assert call.client is not None
        self._client_silent_pings = 0 if call.client_heard else self._client_silent_pings + 1
        if self._client_silent_pings >= self._idle_pings_max:
            call.end(ErrorCode.EXTERNAL_IDLE, "Nothing was heard from the client for too long.")
            return
        call.client_heard = False
        if not call.client.is_disconnected:  # it has left, and its provider is still heard
            call.client.send_ping()
        if call.provider_transport is not None:
            self._provider_silent_pings = 0 if call.provider_heard else self._provider_silent_pings + 1
            call.provider_heard = False
            # A provider that is not read because the client is slow is not silent.
            if self._provider_silent_pings >= self._silent_pings_max and not call.backpressure.client_is_full:
                call.provider_lost(call.session.generation, "it answered no ping")
            else:
                self._pinged_s = self._loop.time()
                call.provider_transport.send_ping()

    @property
    def _silent_pings_max(self) -> int:
        """Unanswered, and nothing else heard: the line is dead."""
        target = self._call.session.target
        patience_s = target.ping_patience_s if target is not None else PING_PATIENCE_S
        return max(1, round(patience_s / PING_S))
