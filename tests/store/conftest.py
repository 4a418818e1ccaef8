"""Databases to open, spoil and open again."""

import asyncio
from pathlib import Path

import pytest

from ledger_facts import DB_KEY, bill, open_account, post
from realtime_switch.store.database import open_database


@pytest.fixture
def database_file(tmp_path: Path) -> Path:
    """An encrypted database of some 100 pages with an account in it, closed."""
    path = tmp_path / "x.db"

    async def fill() -> None:
        database = open_database(path=path, key=DB_KEY)
        await open_account(database)
        await database.write(lambda r: post(r, [bill(f"u{number}") for number in range(1000)]))
        await database.close()

    asyncio.run(fill())
    return path
