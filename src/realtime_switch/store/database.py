"""Units of work on a real database: `Database` over threads that each hold one connection.

Writing is committed in groups: whatever has arrived while the writer was busy
becomes one transaction, so a sync to disk is paid once for many callers. If
work in a group fails, the group is rolled back and each is run again in a
transaction of its own, so that nobody pays for his neighbour. If the commit
itself fails nothing is run again: it may have reached the disk.
Why threads and why groups: docs/decisions/0005.
"""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from ..accounts.errors import ConfigurationError, ErrorCode, StorageError
from ..business.repos import Repos, Result
from . import migrate
from .sqlite import open_sqlite
from .storage import Storage
from .worker import Job, Queue, Worker

GROUP_MAX = 256  # units of work in one transaction: bounds how long the first of a group waits for the last
READERS = 3


def open_database(*, url: str | None = None, path: Path | None = None, key: str = "") -> "SqlDatabase":
    """Open and bring up to date: PostgreSQL at `url`, or else the encrypted file at `path`."""
    storage = open_storage(url=url, path=path, key=key)
    try:
        steps = migrate.up(storage, migrate.shipped(storage.name))
        if steps[-1].outcome is migrate.Outcome.FAILED:
            raise StorageError(
                ErrorCode.INTERNAL_MIGRATION_FAILED,
                f"Migration {steps[-1].number:04}_{steps[-1].name} cannot be run: {steps[-1].note}.",
            )
    except BaseException:
        storage.close()
        raise
    return SqlDatabase(storage)


def open_storage(*, url: str | None = None, path: Path | None = None, key: str = "") -> Storage:
    """Open as it is, without migrating: for the migrate command and the doctor."""
    if url:
        from .postgresql import open_postgresql  # an extra: not loaded where nobody asks for it

        return open_postgresql(url)
    if path is None:
        raise ConfigurationError(
            ErrorCode.INTERNAL_ENV_KEY_NOT_FOUND, "There is no database to open: set DB_PATH or DATABASE_URL."
        )
    return open_sqlite(path, key)


class SqlDatabase:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._closing = threading.Lock()
        self._closed = False
        self._writes: Queue = SimpleQueue()
        self._reads: Queue = SimpleQueue()
        # One writer, on PostgreSQL too: groups of one process then never wait for each other's rows.
        writer = Worker(storage, storage.writing, self._writes, GROUP_MAX)
        readers = [Worker(storage, storage.reading, self._reads, 1) for _ in range(READERS)]
        self._threads = [threading.Thread(target=worker.run, daemon=True) for worker in (writer, *readers)]
        for thread in self._threads:
            thread.start()

    async def read(self, work: Callable[[Repos], Result]) -> Result:
        return await self._put(self._reads, work)

    async def write(self, work: Callable[[Repos], Result]) -> Result:
        return await self._put(self._writes, work)

    async def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._writes.put(None)
            for _ in range(READERS):
                self._reads.put(None)
        await asyncio.to_thread(self._finish)

    async def _put(self, queue: Queue, work: Callable[[Repos], Result]) -> Result:
        job = Job(work)
        with self._closing:  # nothing may stand behind the last word of a queue
            if self._closed:
                raise StorageError(ErrorCode.INTERNAL_DATABASE_UNAVAILABLE, "The database is closed.")
            queue.put(job)
        result: Result = await job.future
        return result

    def _finish(self) -> None:
        for thread in self._threads:
            thread.join()
        self._storage.close()
