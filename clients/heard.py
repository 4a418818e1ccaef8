"""What a client has heard so far, in order; a test waits for the one thing that it needs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

WITHIN_S = 20.0


class Heard:
    def __init__(self) -> None:
        self.all: list[Any] = []
        self._more = asyncio.Event()

    def add(self, thing: Any) -> None:
        self.all.append(thing)
        self._more.set()

    async def next(self, wanted: Callable[[Any], Any], *, after: int = 0) -> Any:
        """The first wanted thing from position `after` on. When none comes, says what was heard instead."""
        looked_at = after
        try:
            async with asyncio.timeout(WITHIN_S):
                while True:
                    for thing in self.all[looked_at:]:
                        looked_at += 1
                        if wanted(thing):
                            return thing
                        if isinstance(thing, Exception):
                            raise thing  # nothing more will come
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            told = "\n".join(str(thing)[:300] for thing in self.all[after:][-40:])
            raise AssertionError(f"not heard within {WITHIN_S:g} s. Heard instead:\n{told}") from None

    async def type(self, type_: str, *, after: int = 0) -> Any:
        return await self.next(lambda thing: getattr(thing, "type", None) == type_, after=after)

    def every(self, type_: str, *, after: int = 0) -> list[Any]:
        return [thing for thing in self.all[after:] if getattr(thing, "type", None) == type_]


@asynccontextmanager
async def listening(things: AsyncIterator[Any]) -> AsyncIterator[Heard]:
    """Hears everything that comes, until the block ends; how it ended is the last thing heard."""
    heard = Heard()

    async def listen() -> None:
        try:
            async for thing in things:
                heard.add(thing)
        except Exception as ended:
            heard.add(ended)

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
