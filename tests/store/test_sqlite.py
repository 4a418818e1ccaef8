"""A25: opening the encrypted file, and a different sentence for each way in which it cannot be opened."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ledger_facts import DB_KEY, bill, check_ledger, new_account, post
from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.accounts.questions import Group
from realtime_switch.store import sqlite
from realtime_switch.store.cipher import PAGE_BYTES
from realtime_switch.store.database import open_database, open_storage


def _refusal(path: Path, key: str) -> RealtimeSwitchError:
    with pytest.raises(RealtimeSwitchError) as caught:
        open_storage(path=path, key=key)
    assert key == "" or key not in repr(caught.value) + str(caught.value)
    return caught.value


def _spoil(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_no_key(tmp_path: Path):
    error = _refusal(tmp_path / "x.db", "")
    assert error.code is ErrorCode.INTERNAL_ENV_KEY_NOT_FOUND
    assert "DB_ENCRYPTION_KEY" in error.message
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("key", ["1f" * 32, "a wrong passphrase with 'quotes\""])
def test_a_wrong_key(database_file: Path, key: str):
    error = _refusal(database_file, key)
    assert error.code is ErrorCode.INTERNAL_DATABASE_KEY_WRONG


def test_a_plain_file(tmp_path: Path):
    with sqlite3.connect(tmp_path / "x.db") as plain:
        plain.execute("CREATE TABLE t (x)")
    plain.close()
    assert _refusal(tmp_path / "x.db", DB_KEY).code is ErrorCode.INTERNAL_DATABASE_NOT_ENCRYPTED


@pytest.mark.parametrize("place", [3, 100, PAGE_BYTES - 1])
def test_a_damaged_first_page_is_not_taken_for_a_wrong_key(database_file: Path, place: int):
    """Byte 3 is the salt's, byte 100 the page's, the last one the code's that signs it."""
    _spoil(database_file, place)
    assert _refusal(database_file, DB_KEY).code is ErrorCode.INTERNAL_DATABASE_DAMAGED
    assert _refusal(database_file, "1f" * 32).code is ErrorCode.INTERNAL_DATABASE_KEY_WRONG


def test_a_damaged_first_page_is_not_taken_for_a_wrong_passphrase(tmp_path: Path):
    path = tmp_path / "x.db"
    open_storage(path=path, key="correct horse").close()
    connection = sqlite.connect(path, "correct horse")
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    _spoil(path, 100)
    assert _refusal(path, "correct horse").code is ErrorCode.INTERNAL_DATABASE_DAMAGED


@pytest.mark.parametrize("size", [1, PAGE_BYTES - 1, 10 * PAGE_BYTES])
def test_a_truncated_file(database_file: Path, size: int):
    os.truncate(database_file, size)
    with pytest.raises(RealtimeSwitchError) as caught:
        open_database(path=database_file, key=DB_KEY)
    assert caught.value.code is ErrorCode.INTERNAL_DATABASE_DAMAGED


async def test_damage_found_in_mid_life(database_file: Path):
    database = open_database(path=database_file, key=DB_KEY)
    for page in range(15, database_file.stat().st_size // PAGE_BYTES):
        _spoil(database_file, page * PAGE_BYTES + 50)
    with pytest.raises(RealtimeSwitchError) as caught:
        await database.read(lambda r: r.usage.totals(Group.SESSION))
    await database.close()
    assert caught.value.code is ErrorCode.INTERNAL_DATABASE_DAMAGED


def test_a_folder_that_is_not_there(tmp_path: Path):
    error = _refusal(tmp_path / "none" / "x.db", DB_KEY)
    assert (error.code, error.message) == (
        ErrorCode.INTERNAL_DATABASE_UNAVAILABLE,
        f"Cannot open the database at {tmp_path}/none/x.db: No such file or directory.",
    )


def test_no_place_to_look(tmp_path: Path):
    with pytest.raises(RealtimeSwitchError) as caught:
        open_database()
    assert caught.value.code is ErrorCode.INTERNAL_ENV_KEY_NOT_FOUND


async def test_another_process_that_holds_the_write_lock_for_too_long(database_file: Path, monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    database = open_database(path=database_file, key=DB_KEY)
    other = sqlite.connect(database_file, DB_KEY)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RealtimeSwitchError) as caught:
        await database.write(lambda r: r.accounts.add(new_account("a2")))
    assert caught.value.code is ErrorCode.INTERNAL_DATABASE_BUSY
    other.execute("ROLLBACK")
    other.close()
    await database.write(lambda r: r.accounts.add(new_account("a2")))  # it goes on when the other lets go
    await database.close()


async def test_a_full_disk_refuses_and_keeps_what_was_there(database_file: Path):
    database = open_database(path=database_file, key=DB_KEY)

    def fill(repos) -> None:
        repos.accounts._connection.exec_driver_sql("PRAGMA max_page_count = 1")  # as many as there are now
        post(repos, [bill(f"v{number}") for number in range(5000)])

    with pytest.raises(RealtimeSwitchError) as caught:
        await database.write(fill)
    assert caught.value.code is ErrorCode.INTERNAL_DATABASE_UNAVAILABLE
    assert "no room" in caught.value.message
    await database.read(check_ledger)
    await database.write(lambda r: post(r, [bill("w1")]))
    await database.close()


def test_the_files_are_their_owners_alone(tmp_path: Path):
    old = os.umask(0)
    try:
        storage = open_storage(path=tmp_path / "x.db", key=DB_KEY)
        with storage.writing.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE t (x)")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        storage.close()
    finally:
        os.umask(old)
    assert modes == dict.fromkeys(("x.db", "x.db-wal", "x.db-shm", "x.db.lock"), 384)


def test_acknowledged_means_synced_to_disk(database_file: Path):
    connection = sqlite.connect(database_file, DB_KEY)
    asked = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")
    }
    connection.close()
    assert asked == {"synchronous": 2, "journal_mode": "wal"}  # 2 is FULL


async def test_a_reader_cannot_write(database_file: Path):
    database = open_database(path=database_file, key=DB_KEY)
    with pytest.raises(RealtimeSwitchError):
        await database.read(lambda r: r.accounts.add(new_account("a2")))
    assert len(await database.read(lambda r: r.accounts.list())) == 1
    await database.close()


# -- Stock tools -----------------------------------------------------------------------------------------
# In processes of their own: two SQLite libraries on one file in one process undo each other's locks.

STOCK_SQLCIPHER = """
import sys
from sqlcipher3 import dbapi2
connection = dbapi2.connect(sys.argv[1])
connection.execute(f"PRAGMA key = {sys.argv[2]}")
print(connection.execute("SELECT id, email, token_remaining, topup_remaining FROM accounts").fetchall())
print(connection.execute("SELECT count(*), sum(total_tokens) FROM usage_metrics").fetchall())
print(connection.execute("SELECT type, data FROM sessions").fetchall())
"""
STOCK_SQLITE = """
import sqlite3, sys
sqlite3.connect(sys.argv[1]).execute("SELECT * FROM sqlite_master")
"""


def test_stock_sqlcipher_opens_it_with_the_key(database_file: Path):
    said = _python(STOCK_SQLCIPHER, str(database_file), f"\"x'{DB_KEY}'\"")
    assert said.stdout.splitlines() == ["[('a1', 'a1@example.com', 0, 0)]", "[(1000, 1000)]", "[]"], (
        said.stderr
    )


async def test_stock_sqlcipher_opens_it_with_a_passphrase(tmp_path: Path):
    key = 'it\'s a "passphrase" ü'
    await open_database(path=tmp_path / "x.db", key=key).close()
    said = _python(STOCK_SQLCIPHER, str(tmp_path / "x.db"), "'it''s a \"passphrase\" ü'")
    assert said.stdout.splitlines()[0] == "[]", said.stderr


def test_without_the_key_nothing_opens_it(database_file: Path):
    plain = _python(STOCK_SQLITE, str(database_file))
    wrong = _python(STOCK_SQLCIPHER, str(database_file), f"\"x'{'1f' * 32}'\"")
    assert "file is not a database" in plain.stderr
    assert "file is not a database" in wrong.stderr
    for file in database_file.parent.iterdir():
        assert b"example.com" not in file.read_bytes()


def test_a_wrong_key_writes_nothing_to_stderr(database_file: Path):
    script = """
import sys
from pathlib import Path
from realtime_switch.store.database import open_database
try:
    open_database(path=Path(sys.argv[1]), key="wrong")
except Exception as error:
    print(error.code)
"""
    said = _python(script, str(database_file))
    assert (said.stdout, said.stderr) == ("INTERNAL_DATABASE_KEY_WRONG\n", "")


def _python(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=60
    )
