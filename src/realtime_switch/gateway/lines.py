"""A call's connections to providers: the present one, and one that is made ready to take its place."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from picows import WSTransport

from ..dialects.terms import Target
from ..session import limits
from ..session.steps import Dial, DialBeside
from .books import OpenLine
from .closing import hang_up
from .dial import DialError
from .line import Line
from .sockets import TEXT, bound_reading

if TYPE_CHECKING:
    from .conductor import Conductor

# Over this the client is not read until the provider has caught up; two appends of an ordinary size.
PROVIDER_BACKLOG_BYTES = 1 << 20


class Lines:
    """The present one is the call's `line` and `provider_transport`, where the short way finds it."""

    def __init__(self, call: "Conductor", open_line: OpenLine) -> None:
        self._call = call
        self._open_line = open_line
        self.beside: tuple[Line, WSTransport] | None = None
        self._way: asyncio.Task[None] | None = None  # dialling
        self._way_beside: asyncio.Task[None] | None = None

    def dial(self, step: Dial) -> None:
        self.let_go()
        open_ = partial(self._open, step.generation, step.after_s, step.target, step.within_s)
        self._way = self._call.start(open_)

    def dial_beside(self, step: DialBeside) -> None:
        open_ = partial(self._open, step.generation, 0.0, step.target, limits.PROVIDER_HANDSHAKE_S)
        self._way_beside = self._call.start(open_)

    async def _open(self, generation: int, after_s: float, target: Target, within_s: float) -> None:
        if after_s:
            await asyncio.sleep(after_s)
        try:
            await self._open_line(Line(self._call, generation), target, within_s)
        except DialError as error:
            if error.wait_s:
                self._call.session.choice.told_to_wait(target, error.wait_s)
            self._call.provider_lost(generation, error.message, error.hopeless)

    def opened(self, line: Line, transport: WSTransport) -> None:
        bound_reading(transport)
        transport.underlying_transport.set_write_buffer_limits(high=PROVIDER_BACKLOG_BYTES)
        if line.generation == self._call.session.generation:
            self._call.take(line, transport)
        else:
            self.beside = (line, transport)

    def tell_beside(self, payload: bytes) -> None:
        if self.beside is not None:
            self.beside[1].send(TEXT, payload)

    def go_over(self) -> None:
        """The connection beside takes the place of the present one, which is let go of."""
        assert self.beside is not None
        line, transport = self.beside
        self.beside = self._way_beside = None
        self.let_go_present()
        self._call.take(line, transport)

    def let_go_beside(self) -> None:
        beside, self.beside = self.beside, None
        way, self._way_beside = self._way_beside, None
        cancel(way)
        if beside is not None:
            hang_up(beside[1])

    def let_go(self) -> None:
        """What is beside goes as well."""
        self.let_go_beside()
        self.let_go_present()

    def let_go_present(self) -> None:
        """A18: the reference goes first, then the socket."""
        provider = self._call.leave_provider()
        way, self._way = self._way, None
        cancel(way)
        if provider is not None:
            hang_up(provider)


def cancel(task: asyncio.Task[None] | None) -> None:
    """Unless it is at work just now: then it comes to its end by itself."""
    if task is not None and task is not asyncio.current_task():
        task.cancel()
