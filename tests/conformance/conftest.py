"""One fixture, three databases, one of them in two forms."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger_facts import DB_KEY
from realtime_switch.business.repos import Database
from realtime_switch.store.database import open_database
from realtime_switch.store.memory import MemoryDatabase

ENGINES = ("memory", "sqlite", "postgresql", "postgresql in partitions")
SQL_ENGINES = ENGINES[1:]


@pytest.fixture(params=ENGINES)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    opened = MemoryDatabase() if request.param == "memory" else open_database(**_place(request, tmp_path))
    yield opened
    await opened.close()


@pytest.fixture(params=SQL_ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, object]:
    """What `open_database` takes, for a database that several may open."""
    return _place(request, tmp_path)


def _place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, object]:
    if request.param == "postgresql":
        return {"url": request.getfixturevalue("postgres_url")}
    if request.param == "postgresql in partitions":
        return {"url": request.getfixturevalue("partitioned_postgres_url")}
    return {"path": tmp_path / "x.db", "key": DB_KEY}
