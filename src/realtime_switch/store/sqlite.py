"""Opens the encrypted SQLite file: SQLCipher 4's format, so that stock SQLCipher tools open it too.

Beside the file `x.db` stands `x.db.lock`. Whoever has the database open holds
it shared, and what may not happen to an open database (a new key, its first
creation) holds it alone. It is never deleted; a lock dies with its process.
It keeps a copy of the file's salt, which is no secret: should the salt itself
be damaged, the copy proves that the key was not at fault.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlcipher3 import dbapi2

from ..accounts.errors import ErrorCode, RealtimeSwitchError, StorageError
from .cipher import PAGE_BYTES, PLAIN_HEADER, SALT_BYTES, pragma_value, proves, read_salt
from .storage import Storage

BUSY_TIMEOUT_S = 10.0  # how long one process waits for another to finish its transaction
LOCK_WAIT_S = 10.0  # how long an opener waits for a new key or for the first creation
_LOCK_POLL_S = 0.02


def open_sqlite(path: Path, key: str) -> Storage:
    check_key(key)
    new = not path.exists() or path.stat().st_size == 0
    lock = lock_file(path, exclusive=new)
    try:
        if new:
            create(path, key)
            fcntl.flock(lock, fcntl.LOCK_SH)
        connect(path, key).close()
        os.pwrite(lock, read_salt(path), 0)
    except BaseException:
        os.close(lock)
        raise
    return Storage(
        name="sqlite",
        writing=_engine(path, key, reading=False),
        reading=_engine(path, key, reading=True),
        driver_errors=(DBAPIError, dbapi2.Error),
        explain=lambda error: explain(path, error),
        was_in_the_way=lambda error: False,  # one writer at a time, on a file
        lock_migrations=lambda connection: None,  # BEGIN IMMEDIATE has locked everybody else out
        run_script=_run_script,
        close=lambda: os.close(lock),
    )


def check_key(key: str) -> None:
    if not key:
        raise StorageError(
            ErrorCode.INTERNAL_ENV_KEY_NOT_FOUND,
            "The database is encrypted and needs its key: set DB_ENCRYPTION_KEY.",
        )
    if "\0" in key:
        raise StorageError(
            ErrorCode.INTERNAL_DATABASE_KEY_WRONG, "The database's key may not hold a NUL character."
        )


def lock_file(path: Path, *, exclusive: bool, wait_s: float = LOCK_WAIT_S) -> int:
    """A file descriptor that holds the lock until it is closed."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(
            ErrorCode.INTERNAL_DATABASE_UNAVAILABLE, f"Cannot open the database at {path}: {error.strerror}."
        ) from None
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(lock, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(lock)
                raise StorageError(
                    ErrorCode.INTERNAL_DATABASE_BUSY,
                    f"Another process uses the database at {path}. Stop it, or wait until it is done.",
                ) from None
            time.sleep(_LOCK_POLL_S)
        else:
            return lock


def create(path: Path, key: str) -> None:
    """Make the file, readable by its owner alone, unless somebody was faster."""
    if path.exists() and path.stat().st_size > 0:
        return
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connect(path, key).close()  # going over to WAL writes the first page


def connect(path: Path, key: str, *, reading: bool = False) -> Any:
    """A connection of the driver's own, keyed and checked."""
    with path.open("rb") as file:
        if file.read(len(PLAIN_HEADER)) == PLAIN_HEADER:
            raise StorageError(
                ErrorCode.INTERNAL_DATABASE_NOT_ENCRYPTED,
                f"The file at {path} is a plain SQLite database, not an encrypted one.",
            )
        if 0 < file.seek(0, os.SEEK_END) < PAGE_BYTES:  # SQLite would take a very short one for empty
            raise StorageError(ErrorCode.INTERNAL_DATABASE_DAMAGED, _DAMAGED.format(path=path))
    # isolation_level None: we begin transactions ourselves, or DDL would not be part of one.
    connection = dbapi2.connect(str(path), timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA cipher_log_level = none")  # a wrong key writes to stderr otherwise
        connection.execute(f"PRAGMA key = {pragma_value(key)}")
        connection.execute("SELECT count(*) FROM sqlite_master")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # acknowledged means on disk, power cut or not
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA query_only = {'ON' if reading else 'OFF'}")
    except dbapi2.Error as error:
        connection.close()
        raise _cannot_open(path, key, error) from None
    return connection


def explain(path: Path, error: Exception) -> RealtimeSwitchError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(cause, "sqlite_errorname", "")
    if str(cause) == "FOREIGN KEY constraint failed":  # the driver does not give the extended code
        return RealtimeSwitchError(ErrorCode.EXTERNAL_NOT_FOUND, "There is no such account.")
    for start, code, sentence in _MEANINGS:
        if name.startswith(start):
            return StorageError(code, sentence.format(path=path))
    return StorageError(ErrorCode.INTERNAL_UNEXPECTED, f"The database refused what was asked of it: {cause}.")


_DAMAGED = "The database at {path} is damaged. Restore it from a backup."
_MEANINGS = (
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        ErrorCode.INTERNAL_DATABASE_BUSY,
        "Another process holds the database at {path} for too long. Find out which, or try again.",
    ),
    (
        ("SQLITE_CORRUPT", "SQLITE_NOTADB"),
        ErrorCode.INTERNAL_DATABASE_DAMAGED,
        _DAMAGED,
    ),
    (
        "SQLITE_FULL",
        ErrorCode.INTERNAL_DATABASE_UNAVAILABLE,
        "There is no room left for the database at {path}. Free some space on its disk.",
    ),
    (
        ("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_CANTOPEN"),
        ErrorCode.INTERNAL_DATABASE_UNAVAILABLE,
        "The database at {path} cannot be written. Check the owner and permissions of it and its folder.",
    ),
    (
        "SQLITE_IOERR",
        ErrorCode.INTERNAL_DATABASE_UNAVAILABLE,
        "The disk failed under the database at {path}. Check the disk and the system's log.",
    ),
)


def _cannot_open(path: Path, key: str, error: dbapi2.Error) -> RealtimeSwitchError:
    if getattr(error, "sqlite_errorname", "") != "SQLITE_NOTADB" or _damaged(path, key):
        return explain(path, error)
    return StorageError(
        ErrorCode.INTERNAL_DATABASE_KEY_WRONG,
        f"The key does not open the database at {path}. Set DB_ENCRYPTION_KEY to the one it was made with.",
    )


def _damaged(path: Path, key: str) -> bool:
    """Asked when SQLCipher cannot read the first page: is that the key's fault?"""
    lock = Path(f"{path}.lock")
    salts = {read_salt(file) for file in (path, lock) if file.exists()}
    return any(proves(path, key, salt) for salt in salts if len(salt) == SALT_BYTES)


def _engine(path: Path, key: str, *, reading: bool) -> Engine:
    # Not sqlite+pysqlcipher://, which sets an empty key after the creator has set the real one.
    engine = create_engine(
        "sqlite://",
        module=dbapi2,
        creator=lambda: connect(path, key, reading=reading),
        poolclass=NullPool,
        hide_parameters=True,
    )
    # A writer takes the lock when it begins: upgrading a read lock later fails at once, whatever the timeout.
    begin = "BEGIN" if reading else "BEGIN IMMEDIATE"
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _run_script(connection: Connection, script: str) -> None:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if dbapi2.complete_statement(statement):
            connection.exec_driver_sql(statement)
            statement = ""
