"""One encrypted file of rows: SQLCipher 4's format with pages of 2 KiB, WAL, written by one process.

The engine is SQLite3 Multiple Ciphers, which reads and writes that format with
far less code per page than SQLCipher over OpenSSL: here nearly every commit
finds the processor's caches cold, and pays for code by the yard.

A commit appends a page to the log beside the file and waits for no disk, so it
survives the process that made it and not a power cut. While it is written it is
not checkpointed: that would let the log begin again, and SQLite waits for the
disk when it does, on whoever writes next. The file is small and is replaced
instead (shelf.py).

A new file is full of blank rows, and a record takes the place of one. So its
page exists and is in memory, and a commit nearly always encrypts that page
alone: appending to a tree would split a page at every sixth record, three pages
then. A record that finds no room in its page costs just that, and is kept.
"""

import functools
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import structlog

from ..accounts.errors import ErrorCode, StorageError
from .rows import KINDS, Record, Row, decode, encode

_log = structlog.get_logger("outbox")

SUFFIX = ".outbox"
PAGE_BYTES = 2_048
# Five to a page, which has room for five of 380 bytes: bills, and passages in English.
BLANK_BYTES = 330
_COLUMNS = "id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, record BLOB NOT NULL"
_SCHEMA = f"CREATE TABLE IF NOT EXISTS kept ({_COLUMNS})"
# In one statement, so that the thread that makes a file does not hold Python meanwhile. Kind 0: blank.
_BLANKS = (
    "WITH RECURSIVE blank(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM blank WHERE id < ?) "
    "INSERT INTO kept SELECT id, 0, zeroblob(?) FROM blank"
)
_READ = "SELECT id, kind, record FROM kept WHERE id > ? AND kind != 0 ORDER BY id LIMIT ?"
_SIZE = "SELECT count(*), coalesce(sum(length(record)), 0) FROM kept WHERE kind != 0"
_FORGET = "DELETE FROM kept WHERE id BETWEEN ? AND ?"


class OutboxFile:
    """Any thread may open one; after that one thread at a time may use it."""

    def __init__(
        self, path: Path, key: str, serial: int, *, blanks: int = 0, every_commit_synced: bool = False
    ) -> None:
        """`blanks`: it is new, and made for so many records. Only a new one is written to."""
        self.path = path
        self.serial = serial  # names it in a Row
        self.rows_ever = 0  # written by us, so the number of the last one
        try:
            self._connection = _connect(path, key, every_commit_synced, blanks)
        except apsw.Error as error:
            if blanks:
                _unlink(path)  # half made, it would hold the room that is missing
            raise explain(path, error) from None

    def keep(self, records: Sequence[Record]) -> list[Row]:
        """Committed, all together, when it returns; raises apsw.Error and has changed nothing."""
        rows = []
        values: list[int | bytes] = []
        number = self.rows_ever
        for record in records:
            number += 1
            data = encode(record)
            rows.append(Row(self.serial, number, record, len(data)))
            values += (number, KINDS[type(record)], data)
        self._connection.execute(_keep(len(rows)), values)
        self.rows_ever = number
        return rows

    def forget(self, numbers: Sequence[int]) -> None:
        """Rows by their numbers, ascending. When it fails (a full disk) they are sent once more after a
        restart, which is harmless."""
        try:
            self._delete(numbers)
        except apsw.Error as error:
            _log.warning("outbox rows stay longer", reason=str(explain(self.path, error)))

    def forget_all_but(self, numbers: Collection[int]) -> None:
        try:
            self._connection.execute(f"DELETE FROM kept WHERE id NOT IN ({', '.join(map(str, numbers))})")
        except apsw.Error as error:
            _log.warning("outbox rows stay longer", reason=str(explain(self.path, error)))

    def _delete(self, numbers: Sequence[int]) -> None:
        runs = list(_runs(numbers))
        if len(runs) == 1:
            self._connection.execute(_FORGET, runs[0])
        else:
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany(_FORGET, runs)
                self._connection.execute("COMMIT")
            except apsw.Error:
                self._connection.execute("ROLLBACK")
                raise

    def read(self, after: int, rows_max: int) -> tuple[list[Row], int | None]:
        """The next rows, and the number to go on after; None at the end. What cannot be read stays in the
        file, and is told."""
        try:
            found: list[Any] = self._connection.execute(_READ, (after, rows_max)).fetchall()
        except apsw.Error as error:
            _log.error("outbox file cannot be read on", reason=str(explain(self.path, error)))
            return [], None
        rows = []
        for number, kind, data in found:
            try:
                rows.append(Row(self.serial, number, decode(kind, data), len(data)))
            except ValueError as error:
                _log.error("outbox row cannot be read", file=str(self.path), row=number, reason=str(error))
        return rows, (found[-1][0] if len(found) == rows_max else None)

    def size(self) -> tuple[int, int]:
        """Rows and their bytes."""
        try:
            found: tuple[int, int] = self._connection.execute(_SIZE).get
        except apsw.Error as error:
            raise explain(self.path, error) from None
        return found

    def fold(self) -> None:
        """Let the file take in its log, on disk when this returns: it shrinks to a third or less."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except apsw.Error as error:
            _log.warning("outbox file keeps its log", reason=str(explain(self.path, error)))

    def sync(self) -> None:
        """What was committed so far survives a power cut once this returns. From any thread at any time."""
        try:
            descriptor = os.open(f"{self.path}-wal", os.O_RDONLY)
        except FileNotFoundError:
            return  # folded: it is in the file, and on disk
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        try:
            self._connection.close()
        except apsw.Error as error:
            _log.warning("outbox file closed badly", reason=str(explain(self.path, error)))

    def remove(self) -> None:
        self.close()
        _unlink(self.path)


def explain(path: Path, error: apsw.Error) -> StorageError:
    """The engine's error as a sentence."""
    for kinds, what in _MEANINGS:
        if isinstance(error, kinds):
            return StorageError(ErrorCode.INTERNAL_OUTBOX_UNAVAILABLE, what.format(path=path))
    return StorageError(ErrorCode.INTERNAL_OUTBOX_UNAVAILABLE, f"The outbox {path} cannot be used: {error}.")


_MEANINGS: tuple[tuple[tuple[type[apsw.Error], ...], str], ...] = (
    ((apsw.FullError,), "There is no room left for the outbox {path}. Free some space on its disk."),
    (
        (apsw.BusyError, apsw.LockedError),
        "Another program holds the outbox {path}. Find out which, and end it.",
    ),
    (
        (apsw.NotADBError, apsw.CorruptError),
        "The outbox {path} is damaged, or another key made it. Put the right key into outbox.key.",
    ),
    (
        (apsw.ReadOnlyError, apsw.PermissionsError, apsw.CantOpenError),
        "The outbox {path} cannot be written. Check the owner and permissions of it and its folder.",
    ),
    ((apsw.IOError,), "The disk failed under the outbox {path}. Check its space and the system's log."),
)


def _unlink(path: Path) -> None:
    """The file first: without it the others are nothing, but a log without its file looks like loss."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _connect(path: Path, key: str, every_commit_synced: bool, blanks: int) -> apsw.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    # It waits for no locks: nobody else has business here, and the caller is an event loop.
    connection = apsw.Connection(str(path))
    try:
        connection.execute("PRAGMA cipher = 'sqlcipher'")
        connection.execute("PRAGMA legacy = 4")  # SQLCipher 4's own format
        # Half of SQLCipher's own: a commit writes, encrypts and signs at least one page, whatever is in it.
        connection.execute(f"PRAGMA legacy_page_size = {PAGE_BYTES}")
        connection.execute(f"PRAGMA key = \"x'{key}'\"")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")  # nobody can lock us out
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA cache_size = -8000")  # KiB: all of it stays, or blanks would be read first
        # What is deleted need not be overwritten, and that encrypted and signed: the log has it all the same.
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute(f"PRAGMA synchronous = {'FULL' if every_commit_synced else 'NORMAL'}")
        connection.execute(_SCHEMA)
        if blanks:
            connection.execute(_BLANKS, (blanks, BLANK_BYTES))
    except apsw.Error:
        connection.close()
        raise
    return connection


@functools.cache
def _keep(rows: int) -> str:
    """One statement for all of them is one commit, without a BEGIN and a COMMIT of their own."""
    return "REPLACE INTO kept VALUES " + ", ".join(["(?, ?, ?)"] * rows)


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbours together, first and last."""
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last
