"""Looks whose folders are free, and takes over what processes that are gone have left in them."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import structlog

from ..accounts.errors import StorageError
from .chores import Chores
from .drafts import find_the_dead
from .file import OutboxFile
from .folder import Folder, adopt_folders

_log = structlog.get_logger("outbox")

TakeOver = Callable[[Folder, Sequence[OutboxFile]], None]


class Adoption:
    """`take_over` is called with each folder that was free, in the event loop."""

    def __init__(
        self, directory: Path, key: str, serials: Iterator[int], chores: Chores, take_over: TakeOver
    ) -> None:
        self._directory = directory
        self._key = key
        self._serials = serials
        self._chores = chores
        self._take_over = take_over
        self._look_now: asyncio.Task[None] | None = None
        self._look_next: asyncio.Task[None] | None = None

    async def look(self) -> None:
        """One look serves all who ask before it begins; who asks later waits for the next one, for a process
        may have died behind this one's back. Whoever is cancelled while it waits does not stop it: a folder
        that is locked must not be lost."""
        if self._look_next is None:
            self._look_next = asyncio.create_task(self._look(self._look_now))
        await asyncio.shield(self._look_next)

    async def _look(self, former: asyncio.Task[None] | None) -> None:
        if former is not None:
            await asyncio.wait([former])
        self._look_now, self._look_next = self._look_next, None
        for folder, files in await self._chores.done(self._find):
            self._take_over(folder, files)

    def _find(self) -> list[tuple[Folder, list[OutboxFile]]]:
        found = []
        for folder in adopt_folders(self._directory):
            files = []
            for path in folder.files():
                try:
                    files.append(OutboxFile(path, self._key, next(self._serials)))
                except StorageError as error:
                    _log.error("outbox file cannot be opened and is left where it is", reason=str(error))
            find_the_dead(files)
            found.append((folder, files))
        return found

    async def close(self) -> None:
        for look in (self._look_now, self._look_next):
            if look is not None:
                await asyncio.wait([look])
