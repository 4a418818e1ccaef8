"""Who is not read for now, because the other end of the call does not keep up."""

import asyncio
from typing import TYPE_CHECKING

from picows import WSTransport

from ..accounts.errors import ErrorCode
from ..session import limits

if TYPE_CHECKING:
    from .conductor import Conductor


class Backpressure:
    def __init__(self, call: "Conductor") -> None:
        self._call = call
        self.client_is_full = False
        self._too_slow: asyncio.TimerHandle | None = None

    def client_full(self) -> None:
        """It does not keep up: stop listening to the provider, and give it a while."""
        self.client_is_full = True
        self.read_provider()
        if self._too_slow is None and not self._call.ended:
            loop = asyncio.get_running_loop()
            self._too_slow = loop.call_later(limits.SLOW_CLIENT_S, self._on_too_slow)

    def client_ready(self) -> None:
        """It has caught up, or nothing waits for it any more."""
        self.client_is_full = False
        self.read_provider()
        self.end()

    def end(self) -> None:
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None

    def read_provider(self) -> None:
        if self._call.provider_transport is not None:
            _read(self._call.provider_transport, not self.client_is_full)

    def read_client(self, on: bool) -> None:
        if self._call.client is not None:
            _read(self._call.client, on)

    def _on_too_slow(self) -> None:
        self._too_slow = None
        self._call.end(ErrorCode.EXTERNAL_CLIENT_TOO_SLOW, "The client does not read what it is sent.")


def _read(transport: WSTransport, on: bool) -> None:
    if on:
        transport.underlying_transport.resume_reading()
    else:
        transport.underlying_transport.pause_reading()
