"""The wiring of the business process (A28): the one place that builds what it is made of.

    settings -> database -> Accounts (rates, summaries) -> LinkServer

The command opens the database by the same functions, so it finds the same
file, key and form that the process does.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from ..accounts.errors import ErrorCode, RealtimeSwitchError, StorageError
from ..secret import Secret
from ..settings import Settings, database_key, make_directory, metrics_folder
from ..store.database import SqlDatabase, open_database, open_storage
from ..store.sqlite import lock_file
from ..store.storage import Storage
from .admin import Administration
from .keeping import sweep
from .repos import Retention

if TYPE_CHECKING:
    from .credits import RateBook
    from .endpoint import SummaryEndpoint
    from .service import Accounts

SWEEP_AFTER_S = 3600.0
TRACES_S = 2.0  # what the collector has not been told when the process ends
FLUSH_AFTER_S = 5.0  # how old the last use of a key may be before it is written down
# Reads run on threads of their own, and a thread that wants to run waits so long for the one that runs.
# Python's 5 ms would be the p99 of a connect while usage is being written.
SWITCH_INTERVAL_S = 0.0005

log = structlog.get_logger()


def now_us() -> int:
    return time.time_ns() // 1000


# -- Opening the database -----------------------------------------------------------------------------------


def open_from(settings: Settings, *, create: bool) -> SqlDatabase:
    """Open the database and bring it up to date. Without `create` one that is not there stays so: a typing
    mistake in --data must not look like an empty ledger."""
    if settings.database.url:
        return open_database(url=settings.database.url.reveal())
    with _hinting_at_a_rekey(settings):
        return open_database(path=settings.database_path, key=_key(settings, create).reveal())


def open_as_it_is(settings: Settings, *, create: bool = False, alone: bool = False) -> Storage:
    """Open without migrating. With `alone`, only if no other process has it open (SQLite; nobody can tell
    for PostgreSQL)."""
    if settings.database.url:
        return open_storage(url=settings.database.url.reveal())
    key = _key(settings, create)
    if alone:
        os.close(lock_file(settings.database_path, exclusive=True, wait_s=0))
    with _hinting_at_a_rekey(settings):
        return open_storage(path=settings.database_path, key=key.reveal())


def sqlite_file(settings: Settings, *, otherwise: str) -> tuple[Path, Secret]:
    """The file and its key, for what is done to a file as a whole. `otherwise` is said on PostgreSQL."""
    if settings.database.url:
        raise StorageError(
            ErrorCode.INTERNAL_DATABASE_UNAVAILABLE,
            f"DATABASE_URL names PostgreSQL, and this is for the SQLite file: {otherwise}.",
        )
    return settings.database_path, _key(settings, create=False)


def _key(settings: Settings, create: bool) -> Secret:
    path = settings.database_path
    if not create and not path.exists():
        raise StorageError(
            ErrorCode.INTERNAL_DATABASE_UNAVAILABLE,
            f"There is no database at {path}. `realtime-switch serve` makes one, `account create` does too; "
            "--data says where to look.",
        )
    if create:
        make_directory(path.parent)
    return database_key(settings, make=create)


@contextmanager
def _hinting_at_a_rekey(settings: Settings) -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        # Between its two keys the file looks damaged to the old one.
        looks_so = error.code in (ErrorCode.INTERNAL_DATABASE_KEY_WRONG, ErrorCode.INTERNAL_DATABASE_DAMAGED)
        if looks_so and settings.pending_key_file.exists():
            hint = "shows that a rekey was interrupted: run `realtime-switch rekey` again"
            message = f"{error.message} But {settings.pending_key_file} {hint}."
            raise StorageError(error.code, message) from None
        raise


@asynccontextmanager
async def administration(settings: Settings, *, create: bool = False) -> AsyncIterator[Administration]:
    """What the command works on."""
    database = open_from(settings, create=create)
    try:
        yield Administration(database, now_us, secrets.token_bytes)
    finally:
        await database.close()


# -- The process ------------------------------------------------------------------------------------------


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; returns when everything that was begun is finished."""
    # Here and not above: the command opens its database through this file, and waits for none of this.
    from ..link.keys import BUSINESS_FILE, keys_for
    from ..link.server import LinkServer
    from ..metrics.board import Board
    from ..process import stop_requested
    from ..traces import open_traces
    from .service import Accounts
    from .summary import Summariser

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stop = stop_requested()
    rates = _rate_book(settings)
    async with AsyncExitStack() as stack:  # undone in the reverse order: who asks goes before what is asked
        database = open_from(settings, create=True)
        stack.push_async_callback(database.close)
        summariser = Summariser(database, _summary_endpoint(settings), now_us)
        stack.push_async_callback(summariser.close)
        accounts = Accounts(database, rates, summariser, now_us)
        stack.push_async_callback(accounts.flush)
        keys = keys_for([settings.link_address], settings.data / BUSINESS_FILE)
        traces = open_traces("business")
        if traces is None:
            server = LinkServer(settings.link_address, accounts, keys=keys)
        else:
            stack.push_async_callback(traces.close, TRACES_S)
            server = LinkServer(settings.link_address, accounts, keys=keys, traced=traces.verb)
        await server.start()
        stack.push_async_callback(server.close)
        board = Board(metrics_folder(settings), "business", accounts.metrics.page)
        stack.push_async_callback(board.close)
        await board.open()
        await summariser.resume()
        log.info("ready", link=settings.link_address, database=_shown(settings))
        keeping = asyncio.create_task(_sweep(database, settings))
        stack.callback(keeping.cancel)
        await _flush_until(stop, accounts)
        log.info("stopping")
    log.info("stopped")


async def _flush_until(stop: asyncio.Event, accounts: "Accounts") -> None:
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), FLUSH_AFTER_S)
        except TimeoutError:
            try:
                await accounts.flush()
            except RealtimeSwitchError as error:
                # They are kept, and written down with the next ones.
                log.warning("last_use_of_keys_not_written", error=str(error))


async def _sweep(database: SqlDatabase, settings: Settings) -> None:
    """For as long as the process runs: let go of what has been kept long enough."""
    usual = Retention(
        transcripts_days=settings.retention.transcripts_days, usage_days=settings.retention.usage_days
    )
    while True:
        try:
            sessions, bills = await sweep(database, usual, now_us())
        except RealtimeSwitchError as error:
            log.warning("retention_not_kept", error=str(error))  # in an hour again
        else:
            if sessions or bills:
                log.info("retention_kept", sessions=sessions, bills=bills)
        await asyncio.sleep(SWEEP_AFTER_S)


def _rate_book(settings: Settings) -> "RateBook":
    import msgspec

    from .credits import RateEntry, rate_book

    return rate_book(RateEntry(**msgspec.structs.asdict(rate)) for rate in settings.rates)


def _summary_endpoint(settings: Settings) -> "SummaryEndpoint | None":
    from .endpoint import SummaryEndpoint

    chosen = settings.summary
    if not chosen.model:
        return None
    return SummaryEndpoint(
        dialect=chosen.dialect,
        url=chosen.url,
        model=chosen.model,
        key=settings.summary_key,
        deadline_s=chosen.deadline_s,
    )


def _shown(settings: Settings) -> str:
    return "PostgreSQL" if settings.database.url else str(settings.database_path)
