"""The close that a client is told, once, and when."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from ..session.steps import End
from .closing import close_client

if TYPE_CHECKING:
    from .books import Books
    from .conductor import Conductor


class Goodbye:
    def __init__(self, call: "Conductor", books: "Books") -> None:
        self._call = call
        self._books = books
        self._patience: asyncio.TimerHandle | None = None  # for the client's own close
        self._awaiting: asyncio.Task[None] | None = None  # outlives the call

    def say(self, end: End) -> None:
        if end.code != 1001:
            self._close(end)
        elif self._awaiting is None:
            self._awaiting = self._call.start(partial(self._say_when_kept, end))

    async def _say_when_kept(self, end: End) -> None:
        """Who is told to come again comes to another gateway, at once, and is to find its last words."""
        try:
            await self._books.settle(self._call.who.session_id)
        finally:
            self._close(end)

    def _close(self, end: End) -> None:
        client = self._call.client
        if client is None or client.is_disconnected or client.is_close_frame_sent:
            return
        self._call.flush()
        self._patience = close_client(client, end.code, end.reason)

    def client_gone(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
