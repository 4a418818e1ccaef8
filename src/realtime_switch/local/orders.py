"""What a conversation wants done: the whole interface between a dialect's pure conversation and the socket
it lives on.

A conversation is told what happened (`receive`, `heard`, `voiced`, `tick`) and answers with these; it never
waits for anything itself. Keys are the conversation's own and come back as they went.
"""

from typing import Any, Protocol

import msgspec

from realtime_switch.local.faults import Faults
from realtime_switch.local.thought import Tokens

Event = dict[str, Any]


class Send(msgspec.Struct, frozen=True):
    event: Event
    # What this event bills; counted for /stats in the moment it is written to the socket.
    bill: Tokens | None = None
    # What it tells of a session's time that was not told before; counted likewise.
    time_ms: int = 0


class Listen(msgspec.Struct, frozen=True):
    """Understand this speech and come back with `heard(key, words)`; None for words where there were none."""

    key: int
    pcm: bytes
    rate_hz: int


class Speak(msgspec.Struct, frozen=True):
    """Say this and come back with `voiced(key, pcm)`."""

    key: str
    text: str
    voice: str
    speed: float
    rate_hz: int


class End(msgspec.Struct, frozen=True):
    code: int
    reason: str


Order = Send | Listen | Speak | End


class Conversation(Protocol):
    @property
    def due_us(self) -> int | None:
        """When `tick` has something to do, by the clock the conversation was given."""
        ...

    def begin(self) -> list[Order]: ...
    def receive(self, message: bytes) -> list[Order]: ...
    def heard(self, key: int, words: str | None) -> list[Order]: ...
    def voiced(self, key: str, pcm: bytes) -> list[Order]: ...
    def tick(self) -> list[Order]: ...
    def live_on(self, faults: Faults) -> None:
        """From now on it has as long as these say, if they say it."""
        ...

    def gone(self) -> None:
        """The socket is no more."""
        ...
