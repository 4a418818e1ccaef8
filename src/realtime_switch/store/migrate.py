"""Brings a database to the form this version of the code knows (A24). Why our own: docs/decisions/0003.

A migration is a file `migrations/<engine>/<number>_<name>.sql`:

    -- What it does, in words.
    -- unless: table accounts, view sessions       all there already: skipped; only some: halt
    -- requires: table accounts, column accounts.email      one missing: halt
    -- up
    CREATE TABLE ...
    -- down
    DROP TABLE ...

They run in order, each in one transaction, under a lock that lets one process
at a time through; the first that fails stops the run and leaves nothing of
itself. What was run is kept with the hash of its text: a file that was edited
afterwards is refused, and so is a database that has seen later files than
ours.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from importlib import resources

from msgspec import Struct
from sqlalchemy import Connection, inspect, text

from ..accounts.errors import ErrorCode, StorageError
from .storage import Storage

_FILE_NAME = re.compile(r"(\d{4})_(\w+)\.sql\Z")
_OBJECT = re.compile(r"(table|view|column) (\w+)(?:\.(\w+))?\Z")

# Plain enough to mean the same to both engines.
_TABLE = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        number     BIGINT NOT NULL PRIMARY KEY,
        name       TEXT NOT NULL,
        sha256     TEXT NOT NULL,
        outcome    TEXT NOT NULL CHECK (outcome IN ('executed', 'skipped')),
        applied_at BIGINT NOT NULL
    )
"""


class Migration(Struct, frozen=True, kw_only=True):
    number: int
    name: str
    sha256: str
    unless: tuple[str, ...]
    requires: tuple[str, ...]
    up: str
    down: str


class Outcome(StrEnum):
    EXECUTED = "executed"
    SKIPPED = "skipped"
    FAILED = "failed"
    WAITING = "waiting"  # only in a status: not run yet


class Step(Struct, frozen=True, kw_only=True):
    """What became of one file; `note` says why, where that is not plain."""

    number: int
    name: str
    outcome: Outcome
    note: str = ""


class _Applied(Struct, frozen=True):
    name: str
    sha256: str
    outcome: Outcome


class _Halt(Exception):
    """The migration at hand cannot be done; the words say why."""


# -- The files -------------------------------------------------------------------------------------------


def shipped(engine: str) -> tuple[Migration, ...]:
    """The migrations of this version of the code, in order."""
    folder = resources.files(__package__).joinpath("migrations", engine)
    files = sorted(
        (file for file in folder.iterdir() if _FILE_NAME.match(file.name)), key=lambda file: file.name
    )
    return tuple(parse(file.name, file.read_text("utf-8")) for file in files)


def parse(file_name: str, content: str) -> Migration:
    name = _FILE_NAME.match(file_name)
    assert name is not None, file_name
    # Line ends and blanks at them are an editor's affair, not a change.
    lines = [line.rstrip() for line in content.strip().splitlines()]
    up, down = lines.index("-- up"), lines.index("-- down")
    return Migration(
        number=int(name[1]),
        name=name[2],
        sha256=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
        unless=_objects(lines[:up], "-- unless: "),
        requires=_objects(lines[:up], "-- requires: "),
        up="\n".join(lines[up + 1 : down]),
        down="\n".join(lines[down + 1 :]),
    )


def _objects(header: Sequence[str], start: str) -> tuple[str, ...]:
    named = [
        name for line in header if line.startswith(start) for name in line.removeprefix(start).split(", ")
    ]
    assert all(_OBJECT.match(name) for name in named), named
    return tuple(named)


# -- What a command asks for -----------------------------------------------------------------------------


def status(storage: Storage, migrations: Sequence[Migration]) -> list[Step]:
    """What was run and what waits. Changes nothing, and works on any database, newer ones too."""
    with storage.explaining(), storage.reading.connect() as connection, connection.begin():
        applied = _applied(connection)
    ours = {migration.number: migration for migration in migrations}
    steps = []
    for number in sorted({*ours, *applied}):
        done, migration = applied.get(number), ours.get(number)
        if done is None:
            assert migration is not None
            steps.append(Step(number=number, name=migration.name, outcome=Outcome.WAITING))
        else:
            note = _difference(done, migration)
            steps.append(Step(number=number, name=done.name, outcome=done.outcome, note=note))
    return steps


def up(storage: Storage, migrations: Sequence[Migration]) -> list[Step]:
    """Run what waits. The list ends with the first that failed."""
    return _run(storage, migrations, [(migration, _go_up) for migration in migrations])


def down(storage: Storage, migrations: Sequence[Migration], to: int | None = None) -> list[Step]:
    """Undo, newest first, everything with a number above `to`; without `to` only the newest."""
    applied = [step.number for step in status(storage, migrations) if step.outcome is not Outcome.WAITING]
    _check_not_newer(applied, migrations)
    if to is None:
        to = max(applied, default=1) - 1
    undone = [migration for migration in reversed(migrations) if to < migration.number in applied]
    return _run(storage, migrations, [(migration, _go_down) for migration in undone])


# -- One at a time ---------------------------------------------------------------------------------------

_Go = Callable[[Storage, Connection, Migration, _Applied | None], Step]


def _run(
    storage: Storage, migrations: Sequence[Migration], plan: Sequence[tuple[Migration, _Go]]
) -> list[Step]:
    steps: list[Step] = []
    for migration, go in plan:
        steps.append(_attempt(storage, migrations, migration, go))
        if steps[-1].outcome is Outcome.FAILED:
            break
    return steps


def _attempt(storage: Storage, migrations: Sequence[Migration], migration: Migration, go: _Go) -> Step:
    with storage.explaining(), storage.writing.connect() as connection:
        try:
            with connection.begin():
                storage.lock_migrations(connection)
                connection.exec_driver_sql(_TABLE)
                applied = _applied(connection)
                _check_not_newer(applied, migrations)
                return go(storage, connection, migration, applied.get(migration.number))
        except _Halt as halt:
            note = str(halt)
        except storage.driver_errors as error:
            note = storage.explain(error).message
    return Step(number=migration.number, name=migration.name, outcome=Outcome.FAILED, note=note)


def _go_up(storage: Storage, connection: Connection, migration: Migration, done: _Applied | None) -> Step:
    if done is not None:
        if note := _difference(done, migration):
            raise _Halt(note)
        return Step(number=migration.number, name=migration.name, outcome=Outcome.SKIPPED, note="run before")
    there = {name: _is_there(connection, name) for name in (*migration.unless, *migration.requires)}
    if missing := [name for name in migration.requires if not there[name]]:
        raise _Halt(f"it needs {', '.join(missing)}, which is not there")
    found = [name for name in migration.unless if there[name]]
    if found and len(found) < len(migration.unless):
        raise _Halt(f"{', '.join(found)} is there already, but not all that it would make")
    outcome = Outcome.SKIPPED if found else Outcome.EXECUTED
    if outcome is Outcome.EXECUTED:
        storage.run_script(connection, migration.up)
    connection.execute(
        text("INSERT INTO schema_migrations VALUES (:number, :name, :sha256, :outcome, :applied_at)"),
        {
            "number": migration.number,
            "name": migration.name,
            "sha256": migration.sha256,
            "outcome": outcome,
            "applied_at": time.time_ns() // 1000,
        },
    )
    note = "what it makes was there already" if found else ""
    return Step(number=migration.number, name=migration.name, outcome=outcome, note=note)


def _go_down(storage: Storage, connection: Connection, migration: Migration, done: _Applied | None) -> Step:
    if done is None:
        return Step(number=migration.number, name=migration.name, outcome=Outcome.SKIPPED, note="not run")
    if note := _difference(done, migration):
        raise _Halt(note)
    # What it did not make it does not take away.
    if done.outcome is Outcome.EXECUTED:
        storage.run_script(connection, migration.down)
    connection.execute(text("DELETE FROM schema_migrations WHERE number = :n"), {"n": migration.number})
    note = "" if done.outcome is Outcome.EXECUTED else "what it makes was there before it, and stays"
    return Step(number=migration.number, name=migration.name, outcome=done.outcome, note=note)


def _applied(connection: Connection) -> dict[int, _Applied]:
    if not inspect(connection).has_table("schema_migrations"):
        return {}
    rows = connection.execute(text("SELECT number, name, sha256, outcome FROM schema_migrations"))
    return {row[0]: _Applied(row[1], row[2], Outcome(row[3])) for row in rows}


def _check_not_newer(applied: Iterable[int], migrations: Sequence[Migration]) -> None:
    newest, ours = max(applied, default=0), migrations[-1].number
    if newest > ours:
        raise StorageError(
            ErrorCode.INTERNAL_DATABASE_TOO_NEW,
            f"The database is at migration {newest}, this version of Realtime Switch knows {ours}. "
            "Install the version that made it, or a later one.",
        )


def _difference(done: _Applied, migration: Migration | None) -> str:
    if migration is None:
        return "unknown to this version of Realtime Switch"
    if done.sha256 != migration.sha256:
        return "its file was edited after it had been run; put the old text back and write a new migration"
    return ""


def _is_there(connection: Connection, what: str) -> bool:
    named = _OBJECT.match(what)
    assert named is not None
    kind, name, column = named.groups()
    inspector = inspect(connection)
    if kind == "view":
        return name in inspector.get_view_names()
    there = name in inspector.get_table_names()
    if kind == "column":
        return there and column in [found["name"] for found in inspector.get_columns(name)]
    return there
