"""What a user is told when PostgreSQL cannot be used, and what happens when it comes back."""

import pytest

from ledger_facts import bill, check_ledger, open_account, post
from real_postgres import PostgresServer
from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.store.database import open_database, open_storage


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
