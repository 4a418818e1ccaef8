"""One thread with one connection, which runs units of work in groups: one group, one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

from sqlalchemy import Connection, Engine

from ..business.repos import Repos
from .accounts import SqlAccounts
from .guard import Guard
from .keeping import SqlKeeping
from .sessions import SqlSessions
from .storage import Storage
from .usage import SqlUsage

TRIES = 3  # of one unit of work, when another process or a lost connection was in its way


class SqlRepos:
    def __init__(self, connection: Connection) -> None:
        guard = Guard(connection)
        self.accounts = SqlAccounts(connection)
        self.usage = SqlUsage(connection)
        self.sessions = SqlSessions(connection, guard)
        self.keeping = SqlKeeping(connection, guard)


class Job:
    """A unit of work, and whoever waits for it on which loop."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Callable[[Repos], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None


Queue = SimpleQueue[Job | None]  # None is the last word: the thread that takes it ends


class CommitFailed(Exception):
    """The transaction may have been committed or not: it must not be run again."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause


class Worker:
    def __init__(self, storage: Storage, engine: Engine, queue: Queue, group_max: int) -> None:
        self._storage = storage
        self._engine = engine
        self._queue = queue
        self._group_max = group_max
        self._connection: Connection | None = None
        self._repos: Repos | None = None

    def run(self) -> None:
        """The thread: ends when it has done all that stood before the last word."""
        while group := self._take():
            try:
                self._do(group)
            except BaseException as error:  # whatever it was: nobody is left waiting
                for job in group:
                    job.error = error
            _answer(group)
        self._disconnect()

    def _take(self) -> list[Job]:
        """What waits now, up to the bound; [] at the last word."""
        group: list[Job] = []
        while True:
            job = self._queue.get()
            if job is None:
                if group:
                    self._queue.put(None)  # for the next round
                return group
            group.append(job)
            if len(group) >= self._group_max or self._queue.empty():
                return group

    def _do(self, group: Sequence[Job]) -> None:
        if len(group) > 1:
            try:
                results = self._transact(group)
            except CommitFailed as error:
                for job in group:
                    job.error = self._storage.explain(error.cause)
                return
            except Exception:
                pass  # rolled back: each alone will meet its own fate
            else:
                for job, result in zip(group, results, strict=True):
                    job.result = result
                return
        for job in group:
            self._do_alone(job)

    def _do_alone(self, job: Job) -> None:
        for left in reversed(range(TRIES)):
            try:
                [job.result] = self._transact([job])
            except CommitFailed as error:
                job.error = self._storage.explain(error.cause)
            except self._storage.driver_errors as error:
                if left and self._storage.was_in_the_way(error):
                    continue
                job.error = self._storage.explain(error)
            except Exception as error:
                job.error = error
            return

    def _transact(self, group: Sequence[Job]) -> list[Any]:
        connection, repos = self._connect()
        transaction = connection.begin()
        try:
            results = [job.work(repos) for job in group]
        except self._storage.driver_errors:
            self._disconnect()  # which rolls back, also where the connection is broken
            raise
        except BaseException:
            transaction.rollback()
            raise
        try:
            transaction.commit()
        except self._storage.driver_errors as error:
            self._disconnect()
            raise CommitFailed(error) from None
        return results

    def _connect(self) -> tuple[Connection, Repos]:
        if self._connection is None or self._repos is None:
            self._connection = self._engine.connect()
            self._repos = SqlRepos(self._connection)
        return self._connection, self._repos

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
        self._connection = self._repos = None


def _answer(group: Sequence[Job]) -> None:
    """Wake the callers: one call for each of their loops."""
    for loop in {job.loop for job in group}:
        try:
            loop.call_soon_threadsafe(_settle, [job for job in group if job.loop is loop])
        except RuntimeError:
            pass  # the loop is closed: nobody waits there any more


def _settle(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if job.future.done():  # whoever waited was cancelled; the work is done all the same
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
