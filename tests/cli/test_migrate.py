import fcntl
import os

from command import Command
from realtime_switch.store.migrate import shipped

NUMBERS = [each.number for each in shipped("sqlite")]


def test_up_makes_a_database_and_says_what_was_run(command: Command):
    steps = command("migrate", "up", "--json").json
    assert [(step["number"], step["outcome"]) for step in steps] == [(n, "executed") for n in NUMBERS]
    again = command("migrate", "up", "--json").json
    assert [(step["number"], step["outcome"]) for step in again] == [(n, "skipped") for n in NUMBERS]


def test_status_says_what_waits_and_changes_nothing(command: Command):
    command("migrate", "up")
    assert command("migrate", "down", "--to", "0", "--json").json[0]["number"] == NUMBERS[-1]
    for _ in range(2):
        status = command("migrate", "status", "--json").json
        assert [(step["number"], step["outcome"]) for step in status] == [(n, "waiting") for n in NUMBERS]


def test_down_undoes_the_last_one(command: Command):
    command("migrate", "up")
    assert [step["number"] for step in command("migrate", "down", "--json").json] == [NUMBERS[-1]]
    lines = command("migrate", "status").out.splitlines()
    assert [line.split()[2] for line in lines[1:]] == ["executed"] * (len(NUMBERS) - 1) + ["waiting"]


def test_down_waits_until_nobody_else_has_the_database(command: Command):
    command("migrate", "up")
    lock = os.open(command.data / "realtime-switch.db.lock", os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        result = command("migrate", "down")
    finally:
        os.close(lock)
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith("(INTERNAL_DATABASE_BUSY)\n")


def test_a_migration_that_fails_is_shown_and_fails_the_command(command: Command):
    command("migrate", "up")
    script = "UPDATE schema_migrations SET sha256 = 'other' WHERE number = 1"
    command.database(lambda repos: repos.accounts._connection.exec_driver_sql(script))
    result = command("migrate", "up")
    assert result.code == 1
    assert result.out.splitlines()[1].split()[:3] == ["0001", "accounts", "failed"]
    assert result.err.startswith(
        "Error: Migration 0001_accounts failed, and nothing of it was kept: its file"
    )
