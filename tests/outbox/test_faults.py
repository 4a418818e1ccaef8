"""A disk that fails, a file that is damaged, a folder that is gone: named, and nothing else lost by it."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import structlog
from msgspec.structs import replace

from outbox_ends import KEY, Ledger, a_shelf, an_outbox, bill, files, passage, room_for_files, until
from realtime_switch.accounts.errors import ErrorCode, StorageError
from realtime_switch.accounts.records import UsageRecord
from realtime_switch.outbox.file import FILE_HEAD_BYTES
from realtime_switch.outbox.outbox import Outbox
from realtime_switch.outbox.shelf import open_shelf


def filled(outbox: Outbox) -> AbstractContextManager[None]:
    """No byte more for the file that is written, as on a full disk; another has as much room."""
    return room_for_files(outbox._shelf._live.file.end + 700)


def large_bill(number: int) -> UsageRecord:
    return replace(bill(number), response_id="x" * 5_000)


def keep_until_it_fails(outbox: Outbox) -> tuple[StorageError, int]:
    for number in range(101, 10_000):
        try:
            outbox.keep(large_bill(number))
        except StorageError as error:
            return error, number
    raise AssertionError("it never failed")


async def test_a_full_disk_is_named_and_the_next_file_is_used(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.failure = ErrorCode.INTERNAL_LINK_CLOSED
    async with an_outbox(tmp_path, ledger) as outbox:
        await until(lambda: outbox._shelf._spare is not None)
        first = outbox._shelf._live.file
        for number in range(100):
            outbox.keep(large_bill(number))
        with filled(outbox):
            outbox.keep(large_bill(100))  # over to the next file, without a word to the caller
            assert outbox._shelf._live.file is not first
            outbox._shelf._spare = None
            error, failed = keep_until_it_fails(outbox)
            assert error.code is ErrorCode.INTERNAL_OUTBOX_UNAVAILABLE
            assert "no room left" in error.message
            outbox.keep(passage(1, text="x" * 5_000))
            assert outbox.dropped == 0  # a little of it is held, without a promise
        outbox.keep(large_bill(20_000))  # room again, by itself
        ledger.failure = None
        await until(lambda: outbox.depth == 0)
        assert f"b{failed}" in ledger.bills, "it happened, and this process lived to tell it"
        assert "b20000" in ledger.bills
        assert "p1" in ledger.said


async def test_a_file_for_which_there_is_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    """It is tried once a second, and must not take the room that somebody makes."""
    shelf = a_shelf(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    # The log goes to a file here, too.
    with structlog.testing.capture_logs() as logs, room_for_files(FILE_HEAD_BYTES - 1):
        await shelf.tend()
    assert "There is no room left" in logs[0]["reason"]
    assert shelf._spare is None
    assert sorted(tmp_path.rglob("*")) == before
    await shelf.tend()
    assert shelf._spare is not None
    await shelf.close()


async def test_a_bill_does_not_fail_with_what_was_to_be_kept_beside_it(tmp_path: Path) -> None:
    """Together is cheaper; alone, what finds room is kept."""
    ledger = Ledger()
    ledger.failure = ErrorCode.INTERNAL_LINK_CLOSED
    async with an_outbox(tmp_path, ledger) as outbox:
        await until(lambda: outbox._shelf._spare is not None)
        outbox._shelf._spare = None
        with filled(outbox):
            outbox.keep(passage(1, text="x" * 50_000), bill(1), passage(2))
        assert (outbox.depth, outbox._shelf.rows) == (3, 2), "the long one is only in memory"
        ledger.failure = None
        outbox.hurry()
        await until(lambda: set(ledger.bills) == {"b1"} and set(ledger.said) == {"p1", "p2"})


async def test_what_stands_beside_a_bill_that_fails_is_kept(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.failure = ErrorCode.INTERNAL_LINK_CLOSED
    async with an_outbox(tmp_path, ledger) as outbox:
        await until(lambda: outbox._shelf._spare is not None)
        outbox._shelf._spare = None
        with filled(outbox), pytest.raises(StorageError, match="no room left"):
            outbox.keep(passage(1), large_bill(1), passage(2))
        assert (outbox.depth, outbox._shelf.rows, outbox.dropped) == (3, 2, 0)
        ledger.failure = None
        outbox.hurry()
        await until(lambda: set(ledger.bills) == {"b1"} and set(ledger.said) == {"p1", "p2"})


async def test_a_file_of_another_key_is_left_where_it_is_and_keeps_nobody_from_working(
    tmp_path: Path,
) -> None:
    stranger = open_shelf(tmp_path, "cd" * 32, 1)
    stranger.keep([bill(1)], False)
    await stranger.close()
    ledger = Ledger()
    async with an_outbox(tmp_path, ledger) as outbox:
        outbox.keep(bill(2))
        outbox.hurry()
        await until(lambda: outbox.depth == 0)
        assert list(ledger.bills) == ["b2"]
    assert len(files(tmp_path)) == 1
    once_more = open_shelf(tmp_path, "cd" * 32, 2)
    await once_more.adoption.look()
    assert [row.record for row in await once_more.read()] == [bill(1)]
    await once_more.close()


async def test_a_damaged_file_gives_what_can_be_read_and_stays(tmp_path: Path) -> None:
    shelf = a_shelf(tmp_path)
    for number in range(500):
        shelf.keep([passage(number, text="x" * 400)], False)
    await shelf.close()
    [file] = files(tmp_path)
    data = bytearray(file.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    file.write_bytes(data)
    ledger = Ledger()
    async with an_outbox(tmp_path, ledger) as outbox:
        outbox.keep(bill(1))
        outbox.hurry()
        await until(lambda: "b1" in ledger.bills)
        await until(lambda: outbox.depth == 0)
    assert files(tmp_path) == [file]


async def test_a_row_of_a_kind_that_we_do_not_know_stays_for_who_does(tmp_path: Path) -> None:
    shelf = a_shelf(tmp_path)
    shelf.keep([bill(1)], False)
    file = shelf._live.file
    file._append(file._framed(7, b"of a later release"), False)
    await shelf.close()
    ledger = Ledger()
    async with an_outbox(tmp_path, ledger) as outbox:
        await until(lambda: "b1" in ledger.bills and outbox.depth == 0)
    assert len(files(tmp_path)) == 1


def test_a_place_that_cannot_be_one_stops_the_start_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as caught:
        open_shelf(tmp_path / "file", KEY, 1)
    assert caught.value.code is ErrorCode.INTERNAL_OUTBOX_UNAVAILABLE


async def test_a_folder_that_is_taken_away_costs_what_was_in_it_and_no_call(tmp_path: Path) -> None:
    """Somebody cleaned up. What is kept is still in the open file, and is still delivered."""
    ledger = Ledger()
    ledger.failure = ErrorCode.INTERNAL_LINK_CLOSED
    async with an_outbox(tmp_path / "outbox", ledger) as outbox:
        outbox.keep(bill(1))
        for file in files(tmp_path):
            file.unlink()
        outbox.keep(bill(2))
        ledger.failure = None
        outbox.hurry()
        await until(lambda: set(ledger.bills) == {"b1", "b2"})


async def test_a_file_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    async with an_outbox(tmp_path, Ledger()) as outbox:
        await until(lambda: outbox._shelf._spare is not None)
        outbox._shelf._spare = None
        file = outbox._shelf._live.file
        read_only = os.open(file.path, os.O_RDONLY)
        os.dup2(read_only, file._descriptor)
        os.close(read_only)
        with pytest.raises(StorageError, match=r"cannot be used: .*Bad file descriptor"):
            outbox.keep(bill(1))


async def test_rows_are_forgotten_wherever_they_stand(tmp_path: Path) -> None:
    shelf = a_shelf(tmp_path)
    rows = shelf.keep([bill(number) for number in range(10)], False)
    shelf.forget([rows[n] for n in (1, 2, 5, 8, 9)])
    await shelf.close()
    successor = a_shelf(tmp_path)
    await successor.adoption.look()
    assert [row.record for row in await successor.read()] == [bill(number) for number in (0, 3, 4, 6, 7)]
    await successor.close()
