"""A ZeroMQ socket in an event loop: what arrives is a call, what is sent is sent now.

zmq.asyncio does the same for three times the CPU (LIBRARIES.md 5), by a future
for each message. The price of doing without is knowing the socket's one file
descriptor: it becomes readable when *something* changed, once, and says neither
what nor again. So whenever it fires, and after each send (which may eat the
signal for a message that has just arrived), we look until nothing is left.

Works on asyncio's and on uvloop's loop; may be used from that loop's thread only.
"""

import asyncio
from collections.abc import Callable, Sequence

import zmq

# So many messages in a row; then others in this loop have their turn.
_BUDGET = 64
# As numbers: Python's flags take as long as the question they are masked from.
_POLLIN, _POLLOUT = int(zmq.POLLIN), int(zmq.POLLOUT)


def _nothing() -> None:
    pass


class LoopSocket:
    """Owns `socket`. `receive` gets each message; `writable` is called when a refused `send` may do now."""

    def __init__(
        self,
        socket: "zmq.Socket[bytes]",
        receive: Callable[[list[bytes]], None],
        writable: Callable[[], None] = _nothing,
    ) -> None:
        self._socket = socket
        self._receive = receive
        self._writable = writable
        self._loop = asyncio.get_running_loop()
        self._fd = int(socket.getsockopt(zmq.FD))
        self._soon: asyncio.Handle | None = None
        self._refused = False
        self._paused = False
        self._loop.add_reader(self._fd, self._look)
        self._look_soon()  # what came before we listened gave its signal already

    def send(self, parts: Sequence[bytes]) -> bool:
        """False: nobody is there or too much is on its way. Raises zmq.ZMQError as the socket does."""
        self._look_soon()
        try:
            self._socket.send_multipart(parts, zmq.NOBLOCK)
        except zmq.Again:
            self._refused = True
            return False
        return True

    def pause(self) -> None:
        """Read no more; senders feel it when the buffers between us are full."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._look_soon()

    def drain(self) -> None:
        """Receive all that has arrived, however much: for a last look."""
        while not self._socket.closed and self._receive_one():
            pass

    def close(self, linger_ms: int) -> None:
        """From within `receive`, too. What was sent has `linger_ms` to leave, in ZeroMQ's own thread."""
        if self._socket.closed:
            return
        # First the reader: a callback that the loop has already queued would meet a closed socket.
        self._loop.remove_reader(self._fd)
        if self._soon is not None:
            self._soon.cancel()
        self._socket.close(linger=linger_ms)

    def _look_soon(self) -> None:
        if self._soon is None:
            self._soon = self._loop.call_soon(self._look)

    def _look(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        try:
            self._receive_some()
        finally:
            if not self._socket.closed:
                self._look_after()

    def _receive_some(self) -> None:
        for _ in range(_BUDGET):
            # Asked first, because a refused `recv` is an exception.
            if self._paused or self._socket.closed or not self._events() & _POLLIN:
                return
            self._receive_one()

    def _receive_one(self) -> bool:
        try:
            parts = self._socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return False
        self._receive(parts)
        return True

    def _events(self) -> int:
        return int(self._socket.getsockopt(zmq.EVENTS))

    def _look_after(self) -> None:
        # Also when paused: only asking for EVENTS takes the signal back, and the loop would spin on it.
        events = self._events()
        if events & _POLLIN and not self._paused:
            self._look_soon()
        if self._refused and events & _POLLOUT:
            self._refused = False
            self._writable()
