"""What an operator does to the encrypted file now and then: a new key, a copy, a check. See docs/database.md.

PostgreSQL has its own tools for all of this (roles, pg_dump, amcheck).
"""

import os
from pathlib import Path

from sqlcipher3 import dbapi2

from ..accounts.errors import ErrorCode, RealtimeSwitchError, StorageError
from .cipher import pragma_value
from .sqlite import check_key, connect, explain, lock_file

FINDINGS_MAX = 20  # of a check: a damaged file has thousands, and the first ones tell


def rekey(path: Path, old: str, new: str) -> None:
    """Encrypt the database anew. Nobody may have it open; killed half-way, it is as it was before."""
    check_key(new)
    _check_there(path)
    lock = lock_file(path, exclusive=True, wait_s=0)
    try:
        connection = connect(path, old)
        try:
            # Every page goes through the log and is committed at once; TRUNCATE leaves none under the old key.
            connection.execute(f"PRAGMA rekey = {pragma_value(new)}")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except dbapi2.Error as error:
            raise explain(path, error) from None
        finally:
            connection.close()
        connect(path, new).close()
    finally:
        os.close(lock)


def backup(path: Path, key: str, target: Path) -> None:
    """A consistent copy, under the same key, of a database that may be in use meanwhile."""
    check_key(key)
    _check_there(path)
    lock = lock_file(path, exclusive=False)
    try:
        _reserve(target)
        try:
            _copy(path, key, target)
        except BaseException:
            target.unlink()
            raise
    finally:
        os.close(lock)


def check_integrity(path: Path, key: str) -> list[str]:
    """What is wrong with the file, in SQLite's words; [] when nothing is."""
    check_key(key)
    _check_there(path)
    lock = lock_file(path, exclusive=False)
    try:
        connection = connect(path, key, reading=True)
        try:
            # The first checks every page's code, the second what the pages say, the third what refers to what.
            findings = [row[0] for row in connection.execute("PRAGMA cipher_integrity_check")]
            findings += [row[0] for row in connection.execute("PRAGMA quick_check") if row[0] != "ok"]
            orphans = connection.execute("PRAGMA foreign_key_check")
            findings += [f"a row of {row[0]} belongs to no row of {row[2]}" for row in orphans]
        except dbapi2.Error as error:
            findings = [explain(path, error).message]
        finally:
            connection.close()
    finally:
        os.close(lock)
    return findings[:FINDINGS_MAX]


def _check_there(path: Path) -> None:
    if not path.exists():
        raise StorageError(ErrorCode.INTERNAL_DATABASE_UNAVAILABLE, f"There is no database at {path}.")


def _reserve(target: Path) -> None:
    """Take the name, for the owner's eyes alone, before anything is in it."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        raise RealtimeSwitchError(
            ErrorCode.EXTERNAL_ALREADY_EXISTS, f"There is already a file at {target}. Choose another name."
        ) from None
    except OSError as error:
        raise StorageError(
            ErrorCode.INTERNAL_DATABASE_UNAVAILABLE, f"Cannot write a backup to {target}: {error.strerror}."
        ) from None


def _copy(path: Path, key: str, target: Path) -> None:
    connection = connect(path, key)
    try:
        # One read transaction: what is committed meanwhile is not in the copy. It keeps key and salt.
        connection.execute("VACUUM INTO ?", [str(target)])
    except dbapi2.Error as error:
        raise explain(target, error) from None
    finally:
        connection.close()
    with target.open("rb") as file:
        os.fsync(file.fileno())
