"""What a user is told when PostgreSQL cannot be used, and what happens when it comes back."""

import threading
import time

import pytest

from ledger_facts import bill, check_ledger, new_account, open_account, passage, post
from real_postgres import PostgresServer
from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.store.database import open_database, open_storage
from realtime_switch.store.worker import SqlRepos

WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def _refusal(url: str) -> RealtimeSwitchError:
    with pytest.raises(RealtimeSwitchError) as caught:
        open_storage(url=url)
    return caught.value


@pytest.mark.parametrize("url", ["mysql://me:geheim@host/x", "nonsense geheim", "sqlite:///geheim.db"])
def test_an_address_that_is_not_postgresqls(url: str):
    error = _refusal(url)
    assert error.code is ErrorCode.INTERNAL_CONFIG_INVALID
    assert "geheim" not in error.message


def test_nobody_there(tmp_path):
    error = _refusal(f"postgresql://me:geheim@/x?host={tmp_path}")
    assert error.code is ErrorCode.INTERNAL_DATABASE_UNAVAILABLE
    assert str(tmp_path) in error.message
    assert "geheim" not in error.message


def test_no_such_database(postgres_server: PostgresServer):
    error = _refusal(postgres_server.url("nowhere").replace("postgres@", "postgres:geheim@"))
    assert error.code is ErrorCode.INTERNAL_DATABASE_UNAVAILABLE
    assert 'database "nowhere" does not exist' in error.message
    assert "geheim" not in error.message


def test_the_server_lets_go_of_what_a_dead_machine_holds(postgres_url: str):
    storage = open_storage(url=postgres_url)
    with storage.writing.connect() as connection:
        shown = {
            name: connection.exec_driver_sql(f"SHOW {name}").scalar()
            for name in ("lock_timeout", "idle_in_transaction_session_timeout")
        }
    storage.close()
    assert shown == {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "10s"}


async def test_who_stands_still_in_a_transaction_is_put_out_and_tries_again(postgres_url: str):
    database = open_database(url=postgres_url)
    await open_account(database)
    tries = []

    def stand_still_at_first(repos: SqlRepos) -> None:
        post(repos, [bill("u1")])
        tries.append("u1")
        if len(tries) == 1:
            repos.usage._connection.exec_driver_sql("SET idle_in_transaction_session_timeout = '10ms'")
            time.sleep(0.5)
        post(repos, [bill("u2")])

    await database.write(stand_still_at_first)
    assert tries == ["u1", "u1"]
    await database.read(check_ledger)
    await database.close()


async def test_lost_connections_are_made_anew(postgres_url: str, postgres_server: PostgresServer):
    database = open_database(url=postgres_url)
    await open_account(database)
    for number in range(3):
        postgres_server.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        await database.write(lambda r, n=number: post(r, [bill(f"u{n}")]))
        await database.read(check_ledger)
    await database.close()


async def test_a_refusal_quotes_no_row(postgres_url: str):
    database = open_database(url=postgres_url)
    await open_account(database)
    with pytest.raises(RealtimeSwitchError) as caught:
        await database.write(lambda r: r.usage.post([bill("geheim", credits=-1)], 1))
    assert caught.value.code is ErrorCode.INTERNAL_UNEXPECTED
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None
    await database.close()


def test_passages_of_two_processes_are_numbered_one_after_the_other(postgres_url: str):
    """Neither fails on the other's number, and none becomes visible before one with a lower number."""
    storage = open_storage(url=postgres_url)
    with storage.writing.connect() as one, one.begin():
        SqlRepos(one).accounts.add(new_account())

    def add(passage_id: str) -> None:
        with storage.writing.connect() as connection, connection.begin():
            SqlRepos(connection).sessions.append([passage(passage_id, passage_id)], 1)

    with storage.writing.connect() as first, storage.reading.connect() as watcher:
        transaction = first.begin()
        SqlRepos(first).sessions.append([passage("p1", "p1")], 1)
        second = threading.Thread(target=add, args=("p2",))
        second.start()
        deadline = time.monotonic() + 10
        while not watcher.exec_driver_sql(WAITING).scalar():
            watcher.rollback()
            assert time.monotonic() < deadline, "nobody waits for the first"
        transaction.commit()
        second.join()
        watcher.rollback()
        backlog = SqlRepos(watcher).sessions.backlog("a1", "s1")
    assert backlog is not None
    assert backlog.passages == ((1, "p1"), (2, "p2"))
