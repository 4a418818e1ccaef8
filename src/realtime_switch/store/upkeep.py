"""What an operator does to the encrypted file now and then: a new key, a copy, a check. See docs/database.md.

PostgreSQL has its own tools for all of this (roles, pg_dump, amcheck).
"""

import os
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2

from ..accounts.errors import ErrorCode, RealtimeSwitchError, StorageError
from .cipher import pragma_value
from .sqlite import check_key, connect, explain, lock_file

FINDINGS_MAX = 20  # of a check: a damaged file has thousands, and the first ones tell

# Every page's code; what the pages say; what refers to nothing.
_QUESTIONS = ("PRAGMA cipher_integrity_check", "PRAGMA quick_check", "PRAGMA foreign_key_check")


def rekey(path: Path, old: str, new: str) -> None:
    """Encrypt the database anew. Nobody may have it open; killed half-way, it is as it was before."""
    check_key(new)
    _check_there(path)
    lock = lock_file(path, exclusive=True, wait_s=0)
    try:
        connection = connect(path, old)
        try:
            # One transaction over every page; TRUNCATE then leaves none of them under the old key.
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
    """A consistent copy, under the same key, of a database that may be in use meanwhile. It gets its name
    when all of it has been read back, so a file of that name is a whole one."""
    check_key(key)
    _check_there(path)
    part = target.with_name(f"{target.name}.part")
    lock = lock_file(path, exclusive=False)
    try:
        _check_free(target)
        _take_name(part)
        try:
            _copy(path, key, part)
            os.link(part, target)  # unlike a rename it never takes another file's place
            _sync(target.parent)
        except FileExistsError:
            _check_free(target)
            raise
        finally:
            part.unlink()
    finally:
        os.close(lock)


def check_integrity(path: Path, key: str) -> list[str]:
    """What is wrong with the file, in SQLite's words; [] when nothing is."""
    check_key(key)
    _check_there(path)
    lock = lock_file(path, exclusive=False)
    try:
        return _findings(path, key)
    finally:
        os.close(lock)


def _findings(path: Path, key: str) -> list[str]:
    connection = connect(path, key)
    try:
        # The first question looks past the log; pages of a killed rekey would all look wrong to it.
        connection.execute("PRAGMA wal_checkpoint")
        findings = [finding for question in _QUESTIONS for finding in _ask(connection, question)]
    finally:
        connection.close()
    return findings[:FINDINGS_MAX]


def _ask(connection: Any, question: str) -> list[str]:
    findings = []
    try:
        for row in connection.execute(question):
            findings.append(" ".join(str(word) for word in row))
    except dbapi2.Error as error:  # too damaged to be asked further; the next question may still find more
        findings.append(str(error))
    return [finding for finding in findings if finding != "ok"]


def _check_there(path: Path) -> None:
    if not path.exists():
        raise StorageError(ErrorCode.INTERNAL_DATABASE_UNAVAILABLE, f"There is no database at {path}.")


def _check_free(target: Path) -> None:
    if target.exists():
        raise RealtimeSwitchError(
            ErrorCode.EXTERNAL_ALREADY_EXISTS, f"There is already a file at {target}. Choose another name."
        )


def _take_name(part: Path) -> None:
    """For the owner's eyes alone, before anything is in it."""
    try:
        part.unlink(missing_ok=True)  # of a backup that was killed
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StorageError(
            ErrorCode.INTERNAL_DATABASE_UNAVAILABLE, f"Cannot write a backup to {part}: {error.strerror}."
        ) from None


def _copy(path: Path, key: str, part: Path) -> None:
    connection = connect(path, key)
    try:
        # One read transaction: what is committed meanwhile is not in the copy. It keeps the key.
        connection.execute("VACUUM INTO ?", [str(part)])
    except dbapi2.Error as error:
        raise explain(part, error) from None
    finally:
        connection.close()
    if findings := _findings(part, key):
        raise StorageError(
            ErrorCode.INTERNAL_DATABASE_DAMAGED, f"The copy of {path} cannot be read back: {findings[0]}."
        )
    _sync(part)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
