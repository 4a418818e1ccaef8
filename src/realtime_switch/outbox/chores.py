"""What may wait for a disk, on one thread, in the order in which it was asked for."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

_log = structlog.get_logger("outbox")

T = TypeVar("T")


class Chores:
    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "outbox")

    def do(self, work: Callable[[], object]) -> None:
        """Nobody waits for it."""

        def guarded() -> None:
            try:
                work()
            except Exception:
                _log.exception("outbox chore failed")

        self._thread.submit(guarded)

    async def done(self, work: Callable[[], T]) -> T:
        """Returns when it is done, and with it all that was asked for before."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        self._thread.shutdown()
