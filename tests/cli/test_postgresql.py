"""The command on PostgreSQL: the same words, the same answers."""

import asyncio
from pathlib import Path

from command import Command
from doc_pages import ROOT, blocks
from ledger_facts import bill, post
from real_postgres import PostgresServer
from realtime_switch.business.repos import PostedUsage
from realtime_switch.store.database import open_database

PAGE = {one.language: one.text for one in blocks(ROOT / "docs" / "backup.md")}


def test_the_command_works_on_postgresql_and_makes_no_files(command: Command, empty_postgres_url: str):
    command.environ["DATABASE_URL"] = empty_postgres_url
    made = command("account", "create", "a@example.com", "--plan", "Pro", "--json").json
    key = command("key", "create", made["id"], "--json").json
    assert command("key", "revoke", key["key_indicator"], "--json").json["key_hash"] == key["key_hash"]
    assert command("account", "topup", "a@example.com", "5", "--json").json["credits"] == 50_005
    assert command("usage", "--by", "day", "--json").json["rows"] == []
    assert command("session", "list", "--json").json == []
    assert {step["outcome"] for step in command("migrate", "status", "--json").json} == {"executed"}
    findings = [each for each in command("doctor", "--json").json if each["check"] in ("key", "database")]
    assert {each["status"] for each in findings} == {"ok"}
    assert findings[-1]["text"] == "every balance follows from its entries and bills"
    assert not command.data.exists()


def test_migrations_go_down_and_up_on_postgresql(command: Command, empty_postgres_url: str):
    command.environ["DATABASE_URL"] = empty_postgres_url
    up = command("migrate", "up", "--json").json
    assert {step["outcome"] for step in up} == {"executed"}
    down = command("migrate", "down", "--to", "0", "--json").json
    assert [step["number"] for step in down] == [step["number"] for step in reversed(up)]
    assert {step["outcome"] for step in command("migrate", "status", "--json").json} == {"waiting"}


def test_a_server_that_is_not_there_is_told_without_the_password(command: Command):
    result = command("account", "list", DATABASE_URL="postgresql://me:hush@127.0.0.1:1/x")
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith("(INTERNAL_DATABASE_UNAVAILABLE)\n")
    assert result.err.count("\n") == 1
    assert "hush" not in result.err


def billed(url: str, *bills: PostedUsage) -> None:
    async def run() -> None:
        database = open_database(url=url)
        await database.write(lambda repos: post(repos, list(bills)))
        await database.close()

    asyncio.run(run())


def test_the_page_says_how_to_back_up_and_to_restore_and_it_works(
    command: Command,
    postgres_server: PostgresServer,
    partitioned_postgres_url: str,
    empty_postgres_url: str,
    tmp_path: Path,
):
    command.environ["DATABASE_URL"] = partitioned_postgres_url
    made = command("account", "create", "a@example.com", "--plan", "Pro", "--json").json
    billed(partitioned_postgres_url, bill("u1", made["id"], 3))
    own = {"COPY": str(tmp_path / "copy"), "RTS_DATA": str(command.data)}
    postgres_server.run_as_written(PAGE["sh postgresql backup"], DATABASE_URL=partitioned_postgres_url, **own)
    billed(partitioned_postgres_url, bill("u2", made["id"], 4))

    postgres_server.run_as_written(PAGE["sh postgresql restore"], DATABASE_URL=empty_postgres_url, **own)
    command.environ["DATABASE_URL"] = empty_postgres_url
    shown = command("account", "show", "a@example.com", "--json").json
    assert shown["credits"] == 50_000 - 3
    billed(empty_postgres_url, bill("u1", made["id"], 3), bill("u2", made["id"], 4))
    assert command("account", "show", "a@example.com", "--json").json["credits"] == 50_000 - 7
