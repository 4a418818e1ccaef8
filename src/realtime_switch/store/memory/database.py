"""The database in dictionaries, for tests of everything that stands on one.

It passes the same conformance suite as the others: work that raises changes
nothing, ids count once, text comes back as the SQL engines give it back.
Rows are frozen and a unit of work is done on copies of the tables, so undoing
one is forgetting the copies.
"""

from collections.abc import Callable

from ...accounts.errors import ErrorCode, StorageError
from ...business.repos import (
    Repos,
    Result,
)
from .accounts import MemoryAccounts
from .keeping import MemoryKeeping
from .sessions import MemorySessions
from .tables import Tables
from .usage import MemoryUsage


class _MemoryRepos:
    def __init__(self, tables: Tables) -> None:
        self.accounts = MemoryAccounts(tables)
        self.usage = MemoryUsage(tables)
        self.sessions = MemorySessions(tables)
        self.keeping = MemoryKeeping(tables)


class MemoryDatabase:
    def __init__(self) -> None:
        self._tables = Tables()
        self._closed = False

    async def read(self, work: Callable[[Repos], Result]) -> Result:
        self._check_open()
        return work(_MemoryRepos(self._tables))

    async def write(self, work: Callable[[Repos], Result]) -> Result:
        self._check_open()
        draft = self._tables.copy()
        result = work(_MemoryRepos(draft))
        self._tables = draft
        return result

    async def close(self) -> None:
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError(ErrorCode.INTERNAL_DATABASE_UNAVAILABLE, "The database is closed.")
