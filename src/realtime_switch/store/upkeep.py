"""What is done to the encrypted file as a whole: a new key, a copy, a look at every page."""

import os
from collections.abc import Callable
from pathlib import Path

from sqlcipher3 import dbapi2

from ..accounts.errors import ErrorCode, StorageError
from .cipher import pragma_value
from .sqlite import check_key, connect, explain, lock_file


def rekey(path: Path, key: str, new_key: str, then: Callable[[], None]) -> None:
    """Write every page anew under another key, in one transaction. Nobody else may have the file open:
    they would go on reading with the old key. `then` runs before others are let in again.

    Killed at any moment, the file opens with one of the two keys.
    """
    check_key(new_key)
    lock = lock_file(path, exclusive=True, wait_s=0)
    try:
        connection = connect(path, key)
        try:
            connection.execute(f"PRAGMA rekey = {pragma_value(new_key)}")
            # Until then the file still holds pages of the old key, and only the log those of the new one.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except dbapi2.Error as error:
            raise explain(path, error) from None
        finally:
            connection.close()
        connect(path, new_key).close()
        then()
    finally:
        os.close(lock)


def backup(path: Path, key: str, target: Path) -> int:
    """Copy the file as it is at one moment, while others write to it; under the same key. Says how many
    bytes the copy has. It is read back whole before it gets its name."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    lock = lock_file(path, exclusive=False)
    try:
        if target.exists():
            raise FileExistsError(None, "File exists", str(target))
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = connect(path, key)
        try:
            connection.execute("VACUUM INTO ?", (str(part),))
        finally:
            connection.close()
        if wrong := integrity(part, key):
            raise StorageError(
                ErrorCode.INTERNAL_DATABASE_DAMAGED, f"The copy of {path} cannot be read: {wrong[0]}."
            )
        _sync(part)
        part.rename(target)
        _sync(target.parent)
        return target.stat().st_size
    except dbapi2.Error as error:
        raise explain(path, error) from None
    except OSError as error:
        raise StorageError(
            ErrorCode.INTERNAL_DATABASE_UNAVAILABLE, f"The copy {target} cannot be written: {error.strerror}."
        ) from None
    finally:
        part.unlink(missing_ok=True)
        os.close(lock)


def integrity(path: Path, key: str) -> list[str]:
    """What is wrong with the file, in sentences. Reads every page."""
    connection = connect(path, key)
    try:
        broken = [row[0] for row in connection.execute("PRAGMA cipher_integrity_check")]
        # Pages that were not written with the key say nothing more when they are read.
        return broken or [row[0] for row in connection.execute("PRAGMA quick_check") if row[0] != "ok"]
    except dbapi2.Error as error:
        return [explain(path, error).message]
    finally:
        connection.close()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
