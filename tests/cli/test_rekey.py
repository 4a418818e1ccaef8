import fcntl
import os
import stat
from pathlib import Path

import pytest

from command import Command
from realtime_switch.secret import Secret
from realtime_switch.settings.place import write_key_file
from realtime_switch.store.upkeep import rekey


def key_in_file(command: Command) -> str:
    return (command.data / "db.key").read_text().strip()


def emails(command: Command, **environ: str) -> list[str]:
    return [each["email"] for each in command("account", "list", "--json", **environ).json]


def test_a_new_key_takes_the_place_of_the_old_one_in_the_key_file(command: Command, account: str):
    old = key_in_file(command)
    assert command("rekey", "--json").json == {"rekeyed": True, "key_file": str(command.data / "db.key")}
    assert key_in_file(command) != old
    assert stat.S_IMODE((command.data / "db.key").stat().st_mode) == 0o600
    assert emails(command) == ["a@example.com"]
    wrong = command("account", "list", DB_ENCRYPTION_KEY=old)
    assert (wrong.code, wrong.out) == (1, "")
    assert wrong.err.endswith("(INTERNAL_DATABASE_KEY_WRONG)\n")
    assert old not in wrong.err
    assert not (command.data / "db.key.new").exists()


def test_a_key_of_ones_own_is_read_from_a_file_or_standard_input(
    command: Command, account: str, tmp_path: Path
):
    (tmp_path / "new").write_text("a passphrase of mine\n")
    assert command("rekey", "--from", str(tmp_path / "new")).code == 0
    assert key_in_file(command) == "a passphrase of mine"
    result = command("rekey", "--from", "-", said="ff" * 32 + "\n")
    assert (result.code, result.err) == (0, "")
    assert key_in_file(command) == "ff" * 32
    assert "ff" * 32 not in result.out
    assert emails(command) == ["a@example.com"]


def test_a_key_from_the_environment_is_changed_for_the_environment(command: Command):
    old, new = "aa" * 32, "bb" * 32
    command("account", "create", "a@example.com", DB_ENCRYPTION_KEY=old)
    result = command("rekey", "--from", "-", said=new, DB_ENCRYPTION_KEY=old)
    assert (
        result.out == "The database has the new key. Set DB_ENCRYPTION_KEY to it before you start anything.\n"
    )
    assert emails(command, DB_ENCRYPTION_KEY=new) == ["a@example.com"]
    assert command("account", "list", DB_ENCRYPTION_KEY=old).code == 1
    assert not (command.data / "db.key").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--from", "-", "--prompt"], "exclude each other"),
        (["--from", "-"], "There is no key in -."),
        (["--prompt"], "There is no terminal"),
    ],
)
def test_misuse_changes_nothing(command: Command, account: str, words: list[str], said: str):
    before = key_in_file(command)
    result = command("rekey", *words)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert key_in_file(command) == before
    assert emails(command) == ["a@example.com"]


def test_nobody_may_have_the_database_open(command: Command, account: str):
    before = key_in_file(command)
    lock = os.open(command.data / "realtime-switch.db.lock", os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        result = command("rekey")
    finally:
        os.close(lock)
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith("(INTERNAL_DATABASE_BUSY)\n")
    assert sorted(path.name for path in command.data.glob("db.key*")) == ["db.key"]
    assert key_in_file(command) == before


def test_killed_before_the_database_changed_the_old_key_goes_on(command: Command, account: str):
    write_key_file(command.data / "db.key.new", Secret("ee" * 32))
    assert emails(command) == ["a@example.com"]
    assert command("rekey").code == 0
    assert key_in_file(command) != "ee" * 32
    assert emails(command) == ["a@example.com"]
    assert sorted(path.name for path in command.data.glob("db.key*")) == ["db.key"]


def test_killed_after_the_database_changed_running_it_again_finishes(command: Command, account: str):
    new = "ee" * 32
    write_key_file(command.data / "db.key.new", Secret(new))
    rekey(command.data / "realtime-switch.db", key_in_file(command), new)
    stuck = command("account", "list")
    assert stuck.code == 1
    assert "db.key.new shows that a rekey was interrupted: run `realtime-switch rekey` again." in stuck.err
    assert new not in stuck.err
    assert "An interrupted rekey is finished" in command("rekey").out
    assert key_in_file(command) == new
    assert emails(command) == ["a@example.com"]


def test_postgresql_keeps_its_own_keys(command: Command):
    result = command("rekey", DATABASE_URL="postgresql://u:hush@127.0.0.1:1/d")
    assert (result.code, result.out) == (1, "")
    assert "its server keeps its own keys" in result.err
    assert "hush" not in result.err
