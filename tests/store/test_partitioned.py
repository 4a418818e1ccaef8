"""usage_metrics in partitions, as deploy/postgresql makes them. That all works as before, the conformance
suite says: it is run on a database in partitions as well."""

from datetime import UTC, datetime

import psycopg

from doc_pages import ROOT, blocks
from ledger_facts import bill, check_ledger, open_account, post
from real_postgres import PostgresServer
from realtime_switch.store import migrate
from realtime_switch.store.database import open_database, open_storage

[PARTITION] = [one.text for one in blocks(ROOT / "docs/scaling.md") if one.language == "sh partitions"]
NOW_US = int(datetime.now(UTC).timestamp() * 1e6)
YEAR_US = 365 * 86_400 * 1_000_000


def asked(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[call-overload, no-any-return]


async def test_bills_stay_count_once_and_go_into_the_partition_of_their_month(
    postgres_server: PostgresServer, postgres_url: str
):
    database = open_database(url=postgres_url)
    await open_account(database, plan=100)
    old = [bill(f"old{n}", born_us=NOW_US - n * YEAR_US) for n in range(3)]
    await database.write(lambda r: post(r, old, NOW_US))
    await database.close()

    for _ in range(2):  # again changes nothing
        postgres_server.run_as_written(PARTITION, DATABASE_URL=postgres_url)

    database = open_database(url=postgres_url)
    new = [bill(f"new{n}", born_us=NOW_US + n * YEAR_US) for n in range(1, 4)]
    await database.write(lambda r: post(r, [*old, *new], NOW_US + 1))
    await database.write(lambda r: post(r, [*new, *old], NOW_US + 2))
    assert await database.read(lambda r: r.usage.credits_posted("a1")) == 6
    await database.read(check_ledger)
    await database.close()

    where = dict(asked(postgres_url, "SELECT id, tableoid::regclass::text FROM usage_metrics"))
    months = [datetime.fromtimestamp(one.record.born_us / 1e6, UTC).strftime("%Y_%m") for one in new]
    assert where == {
        "old0": "usage_metrics_first",
        "old1": "usage_metrics_first",
        "old2": "usage_metrics_first",
        "new1": f"usage_metrics_{months[0]}",
        "new2": f"usage_metrics_{months[1]}",
        "new3": "usage_metrics_rest",
    }


def test_what_later_migrations_do_to_it_they_do_to_every_part(partitioned_postgres_url: str):
    storage = open_storage(url=partitioned_postgres_url)
    steps = migrate.up(storage, migrate.shipped("postgresql"))
    assert migrate.Outcome.EXECUTED not in {step.outcome for step in steps}
    with storage.writing.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE usage_metrics ADD COLUMN more BIGINT NOT NULL DEFAULT 0")
    storage.close()
    parts = asked(
        partitioned_postgres_url,
        "SELECT count(*) FROM information_schema.columns WHERE column_name = 'more'",
    )
    assert parts == [(1 + 1 + 24 + 1,)]


def test_the_promises_of_the_table_hold_in_every_part(partitioned_postgres_url: str, postgres_url: str):
    """Checks, and what must be known."""
    of_table = """
        SELECT pg_get_constraintdef(oid) FROM pg_constraint
         WHERE conrelid = 'usage_metrics'::regclass AND contype IN ('c', 'f') ORDER BY 1
    """
    assert asked(partitioned_postgres_url, of_table) == asked(postgres_url, of_table)
    of_columns = """
        SELECT column_name, data_type, is_nullable, column_default, collation_name
          FROM information_schema.columns WHERE table_name = 'usage_metrics' ORDER BY ordinal_position
    """
    assert asked(partitioned_postgres_url, of_columns) == asked(postgres_url, of_columns)
