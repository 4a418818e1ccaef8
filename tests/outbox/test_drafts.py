"""Stretches of time that run: a draft is a bill if its gateway dies in the stretch, and only then."""

import random
import shutil
from pathlib import Path

import pytest
import structlog

from outbox_ends import (
    Ledger,
    a_shelf,
    an_outbox,
    bill,
    draft,
    files,
    passage,
    room_for_files,
    seconds,
    until,
)
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.outbox.file import OutboxFile
from realtime_switch.outbox.outbox import Outbox
from realtime_switch.outbox.rows import decode, encode


def away() -> Ledger:
    ledger = Ledger()
    ledger.failure = ErrorCode.INTERNAL_LINK_TIMEOUT
    return ledger


async def found(directory: Path, ledger: Ledger) -> dict[str, int]:
    """What the next gateway delivers, by stretch, in ms; and it leaves nothing behind."""
    async with an_outbox(directory, ledger):
        await until(lambda: len(list(directory.iterdir())) == 1)  # its own
    assert list(directory.iterdir()) == []
    return {i: record.duration_ms for i, record in ledger.bills.items()}


def killed(outbox: Outbox, there: Path, to: Path) -> None:
    """As a kill would leave the folder now: nothing is written, and nothing removed, while it is copied."""
    outbox._shelf._chores._thread.submit(shutil.copytree, there, to).result()


async def test_nobody_is_told_of_a_stretch_that_runs(tmp_path: Path) -> None:
    ledger = Ledger()
    async with an_outbox(tmp_path, ledger) as outbox:
        outbox.keep(draft(1, 1_000))
        outbox.keep(bill(1))
        outbox.keep(draft(1, 2_000))
        assert outbox.depth == 1
        outbox.hurry()
        await until(lambda: outbox.depth == 0)
        assert list(ledger.bills) == ["b1"]
        outbox.keep(seconds(1, 2_500))
        outbox.hurry()
        await until(lambda: outbox.depth == 0)
    assert ledger.bills["s1"] == seconds(1, 2_500)
    assert files(tmp_path) == []


async def test_of_a_gateway_that_died_the_last_word_of_each_stretch_is_its_bill(tmp_path: Path) -> None:
    async with an_outbox(tmp_path / "a", away()) as outbox:
        for number in range(1, 6):
            outbox.keep(draft(1, number * 1_000))
            outbox.keep(draft(2, number * 1_001), passage(number))
        shutil.copytree(tmp_path / "a", tmp_path / "b")
    ledger = Ledger()
    assert await found(tmp_path / "b", ledger) == {"s1": 5_000, "s2": 5_005}
    assert ledger.bills["s1"] == seconds(1, 5_000)


async def test_where_there_is_a_bill_it_is_the_bill_also_once_it_is_posted(tmp_path: Path) -> None:
    ledger = Ledger()
    async with an_outbox(tmp_path / "a", ledger) as outbox:
        outbox.keep(draft(1, 1_000))
        outbox.keep(seconds(1, 1_700), draft(2, 300))
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        outbox.hurry()
        await until(lambda: outbox.depth == 0)
        shutil.copytree(tmp_path / "a", tmp_path / "c")
        outbox.keep(seconds(2, 300))
    assert await found(tmp_path / "b", Ledger()) == {"s1": 1_700, "s2": 300}
    assert await found(tmp_path / "c", Ledger()) == {"s2": 300}, "that of s1 is known to be committed"


async def test_its_file_stays_until_there_is_a_newer_word_or_the_bill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_switch.outbox.shelf.FILE_ROWS_MAX", 6)
    shelf = a_shelf(tmp_path)

    async def next_file(first: int) -> None:
        await shelf.tend()
        for number in range(first, first + 3):
            rows = shelf.keep([bill(number)], False)
            shelf.forget(rows)
        await shelf.tend()

    await shelf.tend()
    one = shelf._live.file.path
    shelf.keep([draft(1, 1_000), draft(2, 1_000)], False)
    await next_file(1)
    assert shelf._live.file.path != one
    assert one.exists()
    shelf.keep([draft(1, 2_000)], False)
    await shelf.tend()
    assert one.exists(), "for the sake of the other"
    shelf.forget(shelf.keep([seconds(2, 1_500)], False))
    await shelf.tend()
    assert not one.exists()
    await shelf.close()
    assert len(files(tmp_path)) == 1, "nobody has billed the first: the next gateway does"
    assert await found(tmp_path, Ledger()) == {"s1": 2_000}


async def test_a_stretch_that_stands_still_keeps_no_file_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_switch.outbox.shelf.FILE_ROWS_MAX", 3)
    shelf = a_shelf(tmp_path / "a")
    first = shelf._live.file.path
    shelf.keep([draft(1, 1_000)], False)
    for number in range(30):
        await shelf.tend()
        shelf.forget(shelf.keep([bill(number)], False))
    await shelf.tend()
    await shelf.tend()
    assert not first.exists()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    await shelf.close()
    assert await found(tmp_path / "b", Ledger()) == {"s1": 1_000}


@pytest.mark.parametrize("seed", range(60))
async def test_whenever_it_dies_each_stretch_is_billed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Bills, words and drafts in any order over files of few rows, while somebody takes them or nobody does,
    and two deaths."""
    dice = random.Random(seed)
    monkeypatch.setattr("realtime_switch.outbox.shelf.FILE_ROWS_MAX", 7)
    monkeypatch.setattr("realtime_switch.outbox.outbox.BACKLOG_ROWS", dice.choice((5, 2_000)))
    ledger = Ledger()
    truth: dict[str, int] = {}
    shelf = a_shelf(tmp_path / "a")
    outbox = Outbox(ledger, shelf, Watchless())
    running_now: list[int] = []
    for number in range(dice.randrange(5, 120)):
        match dice.randrange(6):
            case 0:
                running_now.append(number)
            case 1 if running_now:
                stretch = running_now.pop(dice.randrange(len(running_now)))
                truth[f"s{stretch}"] = 10_000 + number
                more = [draft(s, number) for s in running_now[:1]]
                truth.update({f"s{s}": number for s in running_now[:1]})
                outbox.keep(seconds(stretch, 10_000 + number), *more)
            case 2:
                outbox.keep(bill(number))
                truth[f"b{number}"] = 0
            case 3:
                await shelf.tend()
                outbox.hurry()
            case _ if running_now:
                stretch = dice.choice(running_now)
                truth[f"s{stretch}"] = number
                outbox.keep(draft(stretch, number))
        ledger.failure = dice.choice((None, None, ErrorCode.INTERNAL_LINK_TIMEOUT))
    billed = set(ledger.bills)
    await shelf.tend()
    killed(outbox, tmp_path / "a", tmp_path / "b")
    taken = dict(ledger.bills)
    ledger.failure = ErrorCode.INTERNAL_LINK_TIMEOUT
    await outbox.close(within_s=0.001)
    assert not billed & {f"s{stretch}" for stretch in running_now}, "they ran"
    ledger = Ledger()
    ledger.bills = taken
    async with an_outbox(tmp_path / "b", ledger) as second:
        await second.settle("s1", within_s=dice.choice((0.0, 5)))
        killed(second, tmp_path / "b", tmp_path / "c")
    assert await found(tmp_path / "c", ledger) == truth


class Watchless:
    def sent(self, bills: object) -> None: ...

    def balance_known(self, balance: object, posted: object) -> None: ...


async def test_a_draft_that_finds_no_room_ends_no_call_and_says_nothing(tmp_path: Path) -> None:
    async with an_outbox(tmp_path, Ledger()) as outbox:
        with structlog.testing.capture_logs() as logs, room_for_files(64):
            outbox.keep(draft(1, 1_000))
        assert (outbox.depth, outbox.dropped) == (0, 0)
        assert [line for line in logs if line["log_level"] == "error"] == []
        outbox.keep(draft(1, 2_000))
        outbox.keep(seconds(1, 2_500))


def test_a_draft_does_not_wait_for_the_disk_where_bills_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = OutboxFile(tmp_path / "1.outbox", "ab" * 32, 1, new=True, every_commit_synced=True)
    synced: list[int] = []
    monkeypatch.setattr("os.fdatasync", synced.append)
    file.keep([draft(1, 1_000)])
    assert synced == []
    file.keep([seconds(1, 1_000), draft(2, 1)])
    assert len(synced) == 1
    file.close()


def test_a_draft_is_spelt_as_the_bill_that_it_would_be() -> None:
    assert encode(draft(1, 5)) == encode(seconds(1, 5))
    assert decode(5, encode(draft(1, 5))) == seconds(1, 5)


async def test_what_drafts_take_on_disk_counts_while_their_file_waits_for_a_bill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 30 seconds nobody takes one bill waits, and thirty drafts in the same file."""
    monkeypatch.setattr("realtime_switch.outbox.shelf.FILE_ROWS_MAX", 31)
    shelf = a_shelf(tmp_path)
    await shelf.tend()
    [waits] = shelf.keep([bill(1)], False)
    for number in range(1, 31):
        shelf.keep([draft(1, number * 1_000)], False)
    assert shelf.size_bytes == waits.size_bytes, "they may go with the file as soon as it is full"
    shelf.forget(shelf.keep([seconds(1, 30_500)], False))
    drafts_bytes = sum(len(encode(draft(1, number * 1_000))) for number in range(1, 31))
    assert (shelf.rows, shelf.size_bytes) == (1, waits.size_bytes + drafts_bytes)
    shelf.forget([waits])
    assert (shelf.rows, shelf.size_bytes) == (0, 0)
    await shelf.tend()
    assert len(files(tmp_path)) == 2, "the one that is written, and the one that is ready"
    await shelf.close()


async def test_of_a_folder_that_is_adopted_the_drafts_count_as_long_as_it_is_there(tmp_path: Path) -> None:
    async with an_outbox(tmp_path / "a", away()) as outbox:
        outbox.keep(bill(1))
        outbox.keep(draft(1, 1_000))
        outbox.keep(draft(1, 2_000))
        shutil.copytree(tmp_path / "a", tmp_path / "b")
    drafts_bytes = len(encode(draft(1, 1_000))) + len(encode(draft(1, 2_000)))
    shelf = a_shelf(tmp_path / "b")
    await shelf.adoption.look()
    rows = await shelf.read()
    assert [row.record.id for row in rows] == ["b1", "s1"]
    assert shelf.size_bytes == sum(row.size_bytes for row in rows) + drafts_bytes
    shelf.forget(rows)
    assert (shelf.has_unread, shelf.rows, shelf.size_bytes) == (False, 0, 0)
    await shelf.close()
