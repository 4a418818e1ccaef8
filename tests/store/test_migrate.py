"""A24, on both engines."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from ledger_facts import DB_KEY
from realtime_switch.accounts.errors import ErrorCode, StorageError
from realtime_switch.store import migrate
from realtime_switch.store.database import open_database, open_storage
from realtime_switch.store.migrate import Migration, Outcome, Step
from realtime_switch.store.storage import Storage


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, object]:
    if request.param == "postgresql":
        return {"url": request.getfixturevalue("empty_postgres_url")}
    return {"path": tmp_path / "x.db", "key": DB_KEY}


@pytest.fixture
def storage(where: dict[str, object]) -> Iterator[Storage]:
    opened = open_storage(**where)
    yield opened
    opened.close()


def _file(number: int, up: str, down: str = "SELECT 1;", header: str = "-- A test.") -> Migration:
    return migrate.parse(f"{number:04}_m{number}.sql", f"{header}\n-- up\n{up}\n-- down\n{down}\n")


FIRST = _file(1, "CREATE TABLE t1 (x BIGINT);\nINSERT INTO t1 VALUES (1);", "DROP TABLE t1;")
SECOND = _file(
    2, "CREATE TABLE t2 (x BIGINT);", "DROP TABLE t2;", "-- unless: table t2\n-- requires: table t1"
)


def _outcomes(steps: list[Step]) -> list[tuple[int, Outcome]]:
    return [(step.number, step.outcome) for step in steps]


def _ask(storage: Storage, question: str) -> list[tuple[object, ...]]:
    with storage.writing.connect() as connection, connection.begin():
        result = connection.execute(text(question))
        return [tuple(row) for row in result] if result.returns_rows else []


def _tables(storage: Storage) -> set[str]:
    catalogue = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')",
        "postgresql": "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'",
    }
    return {str(row[0]) for row in _ask(storage, catalogue[storage.name])} - {"schema_migrations"}


def test_what_is_shipped_goes_up_once_and_down_without_a_trace(storage: Storage):
    shipped = migrate.shipped(storage.name)
    numbers = [migration.number for migration in shipped]
    assert numbers == [*range(1, len(shipped) + 1)]
    assert _outcomes(migrate.status(storage, shipped)) == [(number, Outcome.WAITING) for number in numbers]
    assert _outcomes(migrate.up(storage, shipped)) == [(number, Outcome.EXECUTED) for number in numbers]
    assert _tables(storage) == {
        "accounts", "api_keys", "entries", "usage_metrics",
        "session_configs", "passages", "summaries", "sessions", "switches", "forgotten", "retentions",
        "token_uses",
    }  # fmt: skip
    assert _outcomes(migrate.up(storage, shipped)) == [(number, Outcome.SKIPPED) for number in numbers]
    down = migrate.down(storage, shipped, to=0)
    assert _outcomes(down) == [(number, Outcome.EXECUTED) for number in reversed(numbers)]
    assert _tables(storage) == set()
    assert _outcomes(migrate.up(storage, shipped)) == [(number, Outcome.EXECUTED) for number in numbers]


def test_the_names_of_columns_are_those_that_others_know(storage: Storage):
    migrate.up(storage, migrate.shipped(storage.name))
    known = {
        "accounts": "id, email, plan_name, token_remaining, topup_remaining, status, created_at, updated_at",
        "api_keys": "key_hash, account_id, key_indicator, label, created_at, expires_at, last_used_at",
        "sessions": "account_id, session_id, type, data, created_at",
        "usage_metrics": "id, account_id, session_id, provider, input_tokens, output_tokens, total_tokens,"
        " created_at",
    }
    for table, columns in known.items():
        assert _ask(storage, f"SELECT {columns} FROM {table}") == []


def test_both_engines_have_the_same_migrations():
    of_one, of_other = (migrate.shipped(engine) for engine in ("sqlite", "postgresql"))
    assert [(m.number, m.name) for m in of_one] == [(m.number, m.name) for m in of_other]


def test_bills_from_before_a_column_keep_their_figures_both_ways(storage: Storage):
    shipped = migrate.shipped(storage.name)
    migrate.up(storage, shipped[:3])
    _ask(storage, "INSERT INTO accounts VALUES ('a1', 'a@b', 'Free', 0, 0, 'active', 0, 0, 0, 1, 1)")
    tokens = "70, 30, 100, 70, 0, 0, 0, 0, 0, 30, 0"
    bill = f"'u1', 'a1', 's1', 'openai', 'm', 'response', 'r1', {tokens}, 0, 0, 'confirmed', 100, '', 1, 1"
    _ask(storage, f"INSERT INTO usage_metrics VALUES ({bill})")
    before = _ask(storage, "SELECT * FROM usage_metrics")
    migrate.up(storage, shipped)
    assert _ask(storage, "SELECT total_tokens, credits, reseed_tokens FROM usage_metrics") == [(100, 100, 0)]
    migrate.down(storage, shipped, to=3)
    assert _ask(storage, "SELECT * FROM usage_metrics") == before


def test_one_step_down_undoes_the_newest(storage: Storage):
    both = [FIRST, SECOND]
    migrate.up(storage, both)
    assert _outcomes(migrate.down(storage, both)) == [(2, Outcome.EXECUTED)]
    assert _outcomes(migrate.status(storage, both)) == [(1, Outcome.EXECUTED), (2, Outcome.WAITING)]
    assert _tables(storage) == {"t1"}
    assert _outcomes(migrate.down(storage, both)) == [(1, Outcome.EXECUTED)]
    assert migrate.down(storage, both) == []


def test_what_is_there_already_is_skipped_and_stays_when_going_down(storage: Storage):
    _ask(storage, "CREATE TABLE t2 (x BIGINT)")
    both = [FIRST, SECOND]
    assert _outcomes(migrate.up(storage, both)) == [(1, Outcome.EXECUTED), (2, Outcome.SKIPPED)]
    assert _outcomes(migrate.status(storage, both)) == [(1, Outcome.EXECUTED), (2, Outcome.SKIPPED)]
    assert _outcomes(migrate.down(storage, both)) == [(2, Outcome.SKIPPED)]
    assert _tables(storage) == {"t1", "t2"}


def test_a_missing_prerequisite_halts(storage: Storage):
    third = _file(3, "CREATE TABLE t3 (x BIGINT);")
    assert migrate.up(storage, [SECOND, third]) == [
        Step(number=2, name="m2", outcome=Outcome.FAILED, note="it needs table t1, which is not there")
    ]
    assert _tables(storage) == set()


@pytest.mark.parametrize(
    ("what", "there"), [("column t1.x", True), ("column t1.y", False), ("view t1", False)]
)
def test_prerequisites_may_be_columns_and_views(storage: Storage, what: str, there: bool):
    steps = migrate.up(
        storage, [FIRST, _file(2, "CREATE VIEW v AS SELECT 1;", header=f"-- requires: {what}")]
    )
    assert steps[1].outcome is (Outcome.EXECUTED if there else Outcome.FAILED)


def test_what_is_there_in_part_halts(storage: Storage):
    _ask(storage, "CREATE TABLE t1 (x BIGINT)")
    half = _file(1, "CREATE TABLE t1 (x BIGINT);", header="-- unless: table t1, table t9")
    note = "table t1 is there already, but not all that it would make"
    assert migrate.up(storage, [half]) == [Step(number=1, name="m1", outcome=Outcome.FAILED, note=note)]


def test_the_first_failure_stops_the_run_and_leaves_nothing_half_done(storage: Storage):
    broken = _file(
        2, "CREATE TABLE t2 (x BIGINT);\nINSERT INTO t1 VALUES (2);\nINSERT INTO nowhere VALUES (1);"
    )
    third = _file(3, "CREATE TABLE t3 (x BIGINT);")
    steps = migrate.up(storage, [FIRST, broken, third])
    assert _outcomes(steps) == [(1, Outcome.EXECUTED), (2, Outcome.FAILED)]
    assert "nowhere" in steps[1].note
    assert _tables(storage) == {"t1"}
    assert _ask(storage, "SELECT x FROM t1") == [(1,)]
    mended = _file(2, "CREATE TABLE t2 (x BIGINT);")
    again = _outcomes(migrate.up(storage, [FIRST, mended, third]))
    assert again == [(1, Outcome.SKIPPED), (2, Outcome.EXECUTED), (3, Outcome.EXECUTED)]


def test_a_failing_way_down_leaves_nothing_half_done(storage: Storage):
    broken = _file(2, "CREATE TABLE t2 (x BIGINT);", "DROP TABLE t2;\nDROP TABLE nowhere;")
    migrate.up(storage, [FIRST, broken])
    assert _outcomes(migrate.down(storage, [FIRST, broken], to=0)) == [(2, Outcome.FAILED)]
    assert _tables(storage) == {"t1", "t2"}


def test_an_applied_file_that_was_edited_is_refused_both_ways(storage: Storage):
    migrate.up(storage, [FIRST])
    edited = _file(1, FIRST.up + "\nCREATE TABLE t9 (x BIGINT);", FIRST.down)
    for go in (migrate.up, migrate.down):
        [step] = go(storage, [edited])
        assert step.outcome is Outcome.FAILED
        assert "edited" in step.note
    assert "edited" in migrate.status(storage, [edited])[0].note
    assert _tables(storage) == {"t1"}


def test_line_ends_and_trailing_blanks_are_no_edit():
    content = "-- A test.\n-- up\nCREATE TABLE t (x BIGINT);\n-- down\nDROP TABLE t;\n"
    other = content.replace("\n", "  \r\n") + "\r\n"
    assert migrate.parse("0001_t.sql", other).sha256 == migrate.parse("0001_t.sql", content).sha256


def test_a_database_newer_than_the_code_is_refused(storage: Storage):
    migrate.up(storage, [FIRST, SECOND])
    for go in (migrate.up, migrate.down):
        with pytest.raises(StorageError) as caught:
            go(storage, [FIRST])
        assert caught.value.code is ErrorCode.INTERNAL_DATABASE_TOO_NEW
    notes = [step.note for step in migrate.status(storage, [FIRST])]
    assert notes == ["", "unknown to this version of Realtime Switch"]


async def test_opening_brings_a_database_up_to_date_or_says_why_it_cannot(
    where: dict[str, object], storage: Storage
):
    await open_database(**where).close()
    assert _outcomes(migrate.status(storage, migrate.shipped(storage.name)))[0] == (1, Outcome.EXECUTED)
    _ask(storage, "UPDATE schema_migrations SET sha256 = 'x' WHERE number = 1")
    with pytest.raises(StorageError) as caught:
        open_database(**where)
    assert caught.value.code is ErrorCode.INTERNAL_MIGRATION_FAILED
    assert "0001_accounts" in caught.value.message
    _ask(storage, "INSERT INTO schema_migrations VALUES (99, 'later', 'x', 'executed', 1)")
    with pytest.raises(StorageError) as caught:
        open_database(**where)
    assert caught.value.code is ErrorCode.INTERNAL_DATABASE_TOO_NEW


def test_starts_at_the_same_time_run_every_file_once(where: dict[str, object]):
    """Each opens for itself, the first creation of the file included."""
    all_steps: list[list[Step]] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        opened = open_storage(**where)
        all_steps.append(migrate.up(opened, migrate.shipped(opened.name)))
        opened.close()

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(all_steps) == 4
    for of_one_file in zip(*all_steps, strict=True):
        outcomes = sorted(step.outcome for step in of_one_file)
        assert outcomes == [Outcome.EXECUTED, *[Outcome.SKIPPED] * 3]
