"""One file: what a record costs in pages, what has no room in its place, and files of the former layout."""

import random
import shutil
from pathlib import Path
from typing import Any

import apsw
import pytest
from sqlcipher3 import dbapi2

from outbox_ends import KEY, Ledger, a_shelf, an_outbox, bill, config, files, passage, until
from realtime_switch.accounts.records import Passage
from realtime_switch.outbox.file import PAGE_BYTES, OutboxFile
from realtime_switch.outbox.rows import KINDS, Record, encode

FRAME_BYTES = PAGE_BYTES + 24  # in SQLite's log (sqlite.org/fileformat2.html 4.1)


def a_file(directory: Path, blanks: int = 1_000) -> OutboxFile:
    return OutboxFile(directory / "1.outbox", KEY, 1, blanks=blanks)


def by_sqlcipher(path: Path) -> Any:
    """As documented. Never while we have the file open: a process has one set of locks for both libraries."""
    connection = dbapi2.connect(str(path), isolation_level=None)
    connection.execute(f"PRAGMA key = \"x'{KEY}'\"")
    connection.execute(f"PRAGMA cipher_page_size = {PAGE_BYTES}")
    return connection


def of_length(size: int) -> Passage:
    made = passage(1, text="x" * (size - len(encode(passage(1, text="x" * 256))) + 256))
    assert len(encode(made)) == size
    return made


def pages_of(file: OutboxFile, *records: Record) -> float:
    log = Path(f"{file.path}-wal")
    before = log.stat().st_size
    file.keep(records)
    return (log.stat().st_size - before) / FRAME_BYTES


@pytest.mark.parametrize("size", [310, 330, 380])
def test_a_record_costs_one_page_and_two_that_are_neighbours_mostly_too(tmp_path: Path, size: int) -> None:
    file = a_file(tmp_path)
    assert {pages_of(file, of_length(size)) for _ in range(500)} == {1}
    costs = [pages_of(file, of_length(size), of_length(size)) for _ in range(200)]
    assert set(costs) == {1, 2}
    assert costs.count(2) <= 200 / 5 + 1, "five to a page"
    file.close()


async def test_every_file_of_a_gateway_has_a_place_for_each_of_its_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_switch.outbox.shelf.FILE_ROWS_MAX", 50)
    shelf = a_shelf(tmp_path)
    for _ in range(3):
        await shelf.tend()  # makes the next one
        file = shelf._live.file
        log = Path(f"{file.path}-wal")
        before, places = log.stat().st_size, 50 - file.rows_ever
        for number in range(places):
            shelf.keep([bill(number)], False)
        assert log.stat().st_size - before == places * FRAME_BYTES
        shelf.keep([bill(50)], False)
        assert shelf._live.file is not file
    await shelf.close()


def test_what_is_kept_together_is_one_commit(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    statements: list[str] = []
    file._connection.exec_trace = lambda cursor, sql, values: not statements.append(sql)  # True: go on
    rows = file.keep([passage(1), bill(1), config(1)])
    assert len(statements) == 1, "and nothing between them could be killed"
    assert [(row.number, row.record) for row in rows] == [(1, passage(1)), (2, bill(1)), (3, config(1))]
    file.close()


def test_what_fails_has_kept_nothing_and_takes_no_place(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    file.keep([bill(1)])
    pages = file._connection.execute("PRAGMA page_count").get
    file._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(apsw.FullError):
        file.keep([bill(2), passage(1, text="x" * 50_000)])
    file.keep([bill(3)])
    assert [row.record for row in file.read(0, 100)[0]] == [bill(1), bill(3)]
    file.close()


@pytest.mark.parametrize("seed", range(5))
async def test_records_of_any_length_come_back_in_order_and_more_than_there_are_places(
    tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    file = a_file(tmp_path, blanks=60)
    kept: list[Record] = []
    forgotten: set[str] = set()
    while len(kept) < 100:
        length = dice.choice((1, 50, 200, 300, 700, 3_000, 20_000))
        together = [
            passage(len(kept) + number, text="é" * dice.randrange(1, length + 1))
            for number in range(dice.randrange(1, 4))
        ]
        rows = file.keep(together)
        kept += together
        if dice.random() < 0.3:
            file.forget([row.number for row in rows])
            forgotten |= {row.record.id for row in rows}
    left = [record for record in kept if record.id not in forgotten]
    assert [row.record for row in file.read(0, 1_000)[0]] == left
    assert file.size() == (len(left), sum(len(encode(record)) for record in left))
    if seed % 2:  # as after a kill: what is in the log is read from there
        file.fold()
    file.close()
    again = OutboxFile(file.path, KEY, 2)
    assert [row.record for row in again.read(0, 1_000)[0]] == left
    again.close()


@pytest.mark.parametrize("folded", [False, True])
def test_sqlcipher_reads_what_we_wrote_and_finds_every_page_whole(tmp_path: Path, folded: bool) -> None:
    file = a_file(tmp_path)
    for number in range(200):
        file.keep([bill(number), passage(number)])
    file.keep([passage(200, text="x" * 9_000)])
    if folded:
        file.fold()
        file.close()
    else:  # as a kill leaves it: what was kept is in the log alone
        for left in tmp_path.iterdir():
            shutil.copy(left, tmp_path / f"left-{left.name}")
        file.close()
    connection = by_sqlcipher(tmp_path / ("1.outbox" if folded else "left-1.outbox"))
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA cipher_integrity_check").fetchall() == []
    found = connection.execute("SELECT kind, record FROM kept WHERE kind != 0 ORDER BY id").fetchall()
    assert found[-1] == (2, encode(passage(200, text="x" * 9_000)))
    assert found[:2] == [(1, encode(bill(0))), (2, encode(passage(0)))]
    assert len(found) == 401
    connection.close()


async def test_a_blank_is_no_record(tmp_path: Path) -> None:
    """Whoever adopts a file that is not full finds what was kept, and says nothing of the rest."""
    shelf = a_shelf(tmp_path)
    shelf.keep([bill(1), passage(1)], False)
    await shelf.close()
    next_shelf = a_shelf(tmp_path)
    await next_shelf.adopt()
    assert next_shelf.rows == 2
    assert [row.record for row in await next_shelf.read()] == [bill(1), passage(1)]
    assert not next_shelf.has_unread
    await next_shelf.close()


async def test_a_file_of_the_former_layout_is_adopted(tmp_path: Path) -> None:
    """Written by a gateway from before there were blanks, in its own words, and killed."""
    folder = tmp_path / "000653c1a2b3c4d5-9f86d081"
    folder.mkdir()
    former = by_sqlcipher(folder / "000001.outbox")
    former.execute("PRAGMA journal_mode = WAL")
    former.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, record BLOB NOT NULL)")
    for number in range(1, 50):
        record = bill(number) if number % 2 else passage(number)
        former.execute("INSERT INTO kept VALUES (?, ?, ?)", (number, KINDS[type(record)], encode(record)))
    former.execute("DELETE FROM kept WHERE id BETWEEN 1 AND 10")
    former.close()
    ledger = Ledger()
    async with an_outbox(tmp_path, ledger):
        await until(lambda: len(ledger.bills) + len(ledger.said) == 39)
    assert ledger.conversation() == "".join(f"{number};" for number in range(12, 50, 2))
    assert files(tmp_path) == []
