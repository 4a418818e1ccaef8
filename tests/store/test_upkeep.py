import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError, StorageError
from realtime_switch.store.sqlite import connect, lock_file, open_sqlite
from realtime_switch.store.upkeep import backup, check_integrity, rekey

OLD, NEW = "0" * 64, "1" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "x.db"
    open_sqlite(path, OLD).close()
    fill(path, 200)
    return path


def fill(path: Path, rows: int) -> None:
    connection = connect(path, OLD)
    connection.execute("CREATE TABLE t (a BLOB)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO t VALUES (?)", [(os.urandom(1000),) for _ in range(rows)])
    connection.execute("COMMIT")
    connection.close()


def count(path: Path, key: str) -> int:
    connection = connect(path, key)
    rows: int = connection.execute("SELECT count(*) FROM t").fetchone()[0]
    connection.close()
    return rows


def code_of_opening(path: Path, key: str) -> ErrorCode | None:
    try:
        open_sqlite(path, key).close()
    except StorageError as error:
        return error.code
    return None


@pytest.mark.parametrize("new", [NEW, "it's a passphrase"])
def test_after_a_rekey_the_new_key_opens_and_the_old_one_does_not(path: Path, new: str):
    rekey(path, OLD, new)
    assert count(path, new) == 200
    assert code_of_opening(path, OLD) == ErrorCode.INTERNAL_DATABASE_KEY_WRONG
    assert check_integrity(path, new) == []


def test_a_rekey_needs_the_right_key_and_a_key_to_go_to(path: Path):
    with pytest.raises(StorageError) as raised:
        rekey(path, NEW, OLD)
    assert raised.value.code == ErrorCode.INTERNAL_DATABASE_KEY_WRONG
    with pytest.raises(StorageError):
        rekey(path, OLD, "")
    assert count(path, OLD) == 200


def test_a_rekey_waits_for_nobody_who_has_the_file_open(path: Path):
    lock = lock_file(path, exclusive=False)
    with pytest.raises(StorageError) as raised:
        rekey(path, OLD, NEW)
    os.close(lock)
    assert raised.value.code == ErrorCode.INTERNAL_DATABASE_BUSY


def test_a_rekey_killed_at_any_moment_leaves_one_of_the_two_keys(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path; from realtime_switch.store.upkeep import rekey\n"
        "path, old, new = sys.argv[1:]\n"
        "print('ready', flush=True)\n"
        "rekey(Path(path), old, new)\n"
        "print('done', flush=True)\n"
    )
    opened = set()
    for attempt in range(6):
        path = tmp_path / f"{attempt}.db"
        open_sqlite(path, OLD).close()
        fill(path, 3000)
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(path), OLD, NEW], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # Moments spread over what a rekey of this size takes; the last one lets it finish.
        if attempt < 5:
            time.sleep(random.uniform(0, 0.12))
            process.send_signal(signal.SIGKILL)
        process.communicate()
        codes = {key: code_of_opening(path, key) for key in (OLD, NEW)}
        [key] = [key for key, code in codes.items() if code is None]
        assert count(path, key) == 3000
        assert check_integrity(path, key) == []
        opened.add(key)
    assert NEW in opened


def test_a_backup_is_whole_encrypted_and_for_its_owner(path: Path, tmp_path: Path):
    target = tmp_path / "copy.db"
    backup(path, OLD, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not target.read_bytes().startswith(b"SQLite")
    assert code_of_opening(target, NEW) == ErrorCode.INTERNAL_DATABASE_KEY_WRONG
    assert count(target, OLD) == 200


def test_a_backup_is_one_moment_of_a_file_that_is_being_written(path: Path, tmp_path: Path):
    # Both tables get a row in one transaction, so a copy of one moment has as many of each.
    writer = connect(path, OLD)
    writer.execute("CREATE TABLE u (a BLOB)")
    writer.execute("DELETE FROM t")
    stop = threading.Event()

    def write() -> None:
        busy = connect(path, OLD)
        while not stop.is_set():
            busy.execute("BEGIN IMMEDIATE")
            busy.execute("INSERT INTO t VALUES (randomblob(500))")
            busy.execute("INSERT INTO u VALUES (randomblob(500))")
            busy.execute("COMMIT")
        busy.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(5):
            backup(path, OLD, tmp_path / f"{number}.db")
    finally:
        stop.set()
        thread.join()
        writer.close()
    for number in range(5):
        copy = connect(tmp_path / f"{number}.db", OLD)
        t, u = (copy.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in "tu")
        copy.close()
        assert t == u


def test_a_backup_overwrites_nothing_and_leaves_nothing_behind_when_it_fails(path: Path, tmp_path: Path):
    target = tmp_path / "copy.db"
    target.write_text("precious")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(RealtimeSwitchError, match="There is already a file"):
        backup(path, OLD, target)
    with pytest.raises(StorageError, match="No such file or directory"):
        backup(path, OLD, tmp_path / "no" / "copy.db")
    with pytest.raises(StorageError):
        backup(path, NEW, tmp_path / "other.db")
    assert target.read_text() == "precious"
    assert sorted(tmp_path.iterdir()) == before


def test_damage_is_found(path: Path):
    assert check_integrity(path, OLD) == []
    content = bytearray(path.read_bytes())
    content[5 * 4096 + 100] ^= 1
    path.write_bytes(content)
    assert "HMAC verification failed for page 6" in check_integrity(path, OLD)
