"""An engine that was opened: what the rest of store/ needs to know of SQLite or PostgreSQL, and no more."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from ..accounts.errors import RealtimeSwitchError


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Connections are not pooled: whoever makes one holds it."""

    name: str  # "sqlite" or "postgresql": which folder of migrations/
    writing: Engine
    reading: Engine  # cannot write; a transaction sees one state
    driver_errors: tuple[type[Exception], ...]  # the driver's own, and SQLAlchemy's word for them
    explain: Callable[[Exception], RealtimeSwitchError]  # what such an error means to a user
    was_in_the_way: Callable[[Exception], bool]  # a race or a lost connection: another try may do
    lock_migrations: Callable[[Connection], None]  # for the rest of the transaction
    run_script: Callable[[Connection, str], None]  # several statements in the transaction that is open
    close: Callable[[], None]

    @contextmanager
    def explaining(self) -> Iterator[None]:
        try:
            yield
        except self.driver_errors as error:
            # Not `from error`: a driver's words may quote the row, and a row may hold what somebody said.
            raise self.explain(error) from None
