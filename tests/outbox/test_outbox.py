"""The outbox over real files, with a business side in hand."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from outbox_ends import KEY, Ledger, Watch, a_shelf, an_outbox, bill, config, files, passage, switched, until
from realtime_switch.accounts.errors import ErrorCode, StorageError
from realtime_switch.outbox.folder import Folder, adopt_folders
from realtime_switch.outbox.outbox import Outbox
from realtime_switch.outbox.room import Bounds, Room
from realtime_switch.outbox.rows import decode, encode


async def test_five_bills_are_one_write_and_what_is_left_goes_when_somebody_hurries(tmp_path: Path) -> None:
    ledger = Ledger()
    async with an_outbox(tmp_path, ledger) as outbox:
        for number in range(4):
            outbox.keep(bill(number))
        outbox.keep(bill(4))
        await until(lambda: outbox.depth == 0)
        assert (ledger.writes, len(ledger.bills)) == (1, 5)
        outbox.keep(bill(5))
        outbox.hurry()
        await until(lambda: outbox.depth == 0)
        assert (ledger.writes, len(ledger.bills)) == (2, 6)


async def test_what_is_kept_survives_a_process_that_never_came_to_send_it(tmp_path: Path) -> None:
    """The files of a killed process: copied while it still has them open, as a kill would leave them."""
    away, ledger = Ledger(), Ledger()
    away.open.clear()
    async with an_outbox(tmp_path / "a", away) as outbox:
        for number in range(20):
            outbox.keep(bill(number))
            outbox.keep(passage(number))
        outbox.keep(config(1))
        outbox.keep(switched(1))
        shutil.copytree(tmp_path / "a", tmp_path / "b")
    async with an_outbox(tmp_path / "b", ledger):
        await until(lambda: len(ledger.bills) == 20 and len(ledger.said) == 20 and len(ledger.configs) == 1)
    assert ledger.conversation() == "".join(f"{number};" for number in range(20))
    assert ledger.switches == {"w1": switched(1)}
    assert list((tmp_path / "b").iterdir()) == []


async def test_what_was_kept_last_is_sent_before_it_closes(tmp_path: Path) -> None:
    ledger = Ledger()
    outbox = Outbox(ledger, a_shelf(tmp_path), Watch())
    outbox.keep(passage(1), bill(1))
    assert await outbox.close(within_s=5) == 0
    assert (list(ledger.said), list(ledger.bills)) == (["p1"], ["b1"])


async def test_what_a_stopped_gateway_could_not_send_is_there_for_the_next(tmp_path: Path) -> None:
    away, ledger = Ledger(), Ledger()
    away.failure = ErrorCode.INTERNAL_LINK_TIMEOUT
    outbox = Outbox(away, a_shelf(tmp_path), Watch())
    outbox.keep(bill(1))
    assert await outbox.close(within_s=0.01) == 1
    async with an_outbox(tmp_path, ledger):
        await until(lambda: "b1" in ledger.bills)


async def test_a_neighbour_adopts_what_a_dead_gateway_left_and_not_what_a_live_one_keeps(
    tmp_path: Path,
) -> None:
    away, ledger = Ledger(), Ledger()
    away.failure = ErrorCode.INTERNAL_LINK_TIMEOUT
    lives = a_shelf(tmp_path)  # no outbox, which would look for the dead as well, and might find them first
    lives.keep([bill(1)], backlog=False)
    dies = Outbox(away, a_shelf(tmp_path), Watch())
    dies.keep(bill(2))
    await dies.close(within_s=0.01)
    async with an_outbox(tmp_path, ledger) as neighbour:
        await neighbour.settle("s1", within_s=5)
        assert list(ledger.bills) == ["b2"]
        await lives.close()
        await neighbour.settle("s1", within_s=5)
        assert list(ledger.bills) == ["b2", "b1"]


async def test_who_asks_is_answered_by_a_look_that_began_later_and_one_serves_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway dies just after it was looked whether it lives."""
    ledger, dies = Ledger(), a_shelf(tmp_path)
    dies.keep([bill(1)], backlog=False)
    looks, go_on = list[int](), threading.Event()

    def slowly(directory: Path) -> Iterator[Folder]:
        found = list(adopt_folders(directory))
        looks.append(len(found))
        assert go_on.wait(timeout=20)
        return iter(found)

    monkeypatch.setattr("realtime_switch.outbox.adoption.adopt_folders", slowly)
    async with an_outbox(tmp_path, ledger) as neighbour:
        await until(lambda: looks == [0])
        await dies.close()
        waiting = [asyncio.create_task(neighbour.settle("s1", within_s=20)) for _ in range(10)]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(*waiting)
        assert (list(ledger.bills), looks[:2]) == (["b1"], [0, 1])
        assert len(looks) <= 3, "the third is the outbox's own, once a second"


async def test_what_is_committed_is_forgotten_and_nothing_before(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.open.clear()
    async with an_outbox(tmp_path, ledger) as outbox:
        outbox.keep(passage(1))
        outbox.hurry()
        await until(lambda: ledger.asked == 1)
        assert outbox.depth == 1
        ledger.open.set()
        await until(lambda: outbox.depth == 0)
    assert files(tmp_path) == []


async def test_a_backlog_of_many_files_is_delivered_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than memory is to hold: read back from disk, file by file, while more is kept."""
    monkeypatch.setattr("realtime_switch.outbox.shelf.FILE_ROWS_MAX", 50)
    monkeypatch.setattr("realtime_switch.outbox.outbox.BACKLOG_ROWS", 60)
    monkeypatch.setattr("realtime_switch.outbox.outbox.SHIPMENT_ROWS_MAX", 40)
    monkeypatch.setattr("realtime_switch.outbox.outbox.TEND_S", 0.01)
    ledger = Ledger()
    ledger.failure = ErrorCode.INTERNAL_LINK_TIMEOUT
    async with an_outbox(tmp_path, ledger) as outbox:
        for number in range(1_000):
            outbox.keep(passage(number))
            if number % 40 == 0:
                known = len(files(tmp_path))
                await until(
                    lambda known=known: len(files(tmp_path)) != known or outbox._shelf._spare is not None
                )
        assert len(files(tmp_path)) > 10
        assert len(outbox._delivery) < 200
        ledger.failure = None
        for number in range(1_000, 1_200):
            outbox.keep(passage(number))
            await until(lambda: True)
        await until(lambda: outbox.depth == 0)
        assert ledger.conversation() == "".join(f"{number};" for number in range(1_200))


async def test_what_was_kept_before_a_file_was_full_does_not_wait_behind_what_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All in one turn of the loop, in which the delivery was woken before."""
    monkeypatch.setattr("realtime_switch.outbox.shelf.FILE_ROWS_MAX", 2)
    monkeypatch.setattr("realtime_switch.outbox.outbox.BACKLOG_ROWS", 0)
    ledger = Ledger()
    async with an_outbox(tmp_path, ledger) as outbox:
        await until(lambda: len(files(tmp_path)) == 2)  # a spare is ready
        outbox.keep(passage(1))
        await asyncio.sleep(0)
        outbox.hurry()
        outbox.keep(passage(2))
        outbox.keep(passage(3))  # in the next file, to be read back
        await until(lambda: outbox.depth == 0)
    assert list(ledger.said) == ["p1", "p2", "p3"]


async def test_a_poisonous_record_is_set_aside_by_name_and_kept_for_the_next_gateway(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.refuses = {"b3": ErrorCode.INTERNAL_UNEXPECTED}
    async with an_outbox(tmp_path, ledger) as outbox:
        for number in range(8):
            outbox.keep(bill(number))
        await until(lambda: outbox.depth == 0 or len(ledger.bills) == 4)
        outbox.hurry()
        await until(lambda: outbox.depth == 0)
        assert set(ledger.bills) == {f"b{number}" for number in range(8) if number != 3}
        assert outbox.refused == 1
    assert len(files(tmp_path)) == 1
    ledger.refuses = {}
    async with an_outbox(tmp_path, ledger):
        await until(lambda: "b3" in ledger.bills)
    assert files(tmp_path) == []


async def test_room_goes_first_for_new_calls_then_for_words_and_last_for_bills(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.failure = ErrorCode.INTERNAL_LINK_CLOSED
    async with an_outbox(tmp_path, ledger, bounds=Bounds(rows_max=10)) as outbox:
        rooms = []
        for number in range(8):
            rooms.append(outbox.room)
            outbox.keep(passage(number))
        assert set(rooms) == {Room.ENOUGH}
        assert outbox.room is Room.FOR_RUNNING_CALLS
        outbox.keep(passage(8))
        assert outbox.room is Room.FOR_BILLS
        outbox.keep(passage(9))
        assert (outbox.dropped, outbox.depth) == (1, 9)
        outbox.keep(bill(1))
        assert outbox.room is Room.NONE
        with pytest.raises(StorageError) as caught:
            outbox.keep(bill(2))
        assert caught.value.code is ErrorCode.INTERNAL_OUTBOX_FULL
        ledger.failure = None
        await until(lambda: outbox.depth == 0)
        assert set(ledger.bills) == {"b1", "b2"}  # it happened, and this process lived to tell it
        assert outbox.room is Room.ENOUGH


async def test_words_that_have_no_room_do_not_take_the_bill_beside_them_along(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.failure = ErrorCode.INTERNAL_LINK_CLOSED
    async with an_outbox(tmp_path, ledger, bounds=Bounds(rows_max=10)) as outbox:
        for number in range(9):
            outbox.keep(passage(number))
        assert outbox.room is Room.FOR_BILLS
        outbox.keep(passage(9), bill(1))
        assert (outbox.dropped, outbox.depth, outbox.room) == (1, 10, Room.NONE)


async def test_the_bytes_are_bounded_too(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.failure = ErrorCode.INTERNAL_LINK_CLOSED
    async with an_outbox(tmp_path, ledger, bounds=Bounds(bytes_max=10_000)) as outbox:
        outbox.keep(passage(1, text="x" * 8_500))
        assert outbox.room is Room.FOR_RUNNING_CALLS


async def test_balances_reach_whoever_watches_after_the_bills_were_told_to_be_on_their_way(
    tmp_path: Path,
) -> None:
    ledger, watch = Ledger(), Watch()
    outbox = Outbox(ledger, a_shelf(tmp_path), watch)
    outbox.keep(bill(1))
    outbox.keep(bill(2, account_id="a2"))
    assert watch.sent_ids == []
    await outbox.close(within_s=5)
    assert watch.sent_ids == ["b1", "b2"]
    assert [balance.account_id for balance in watch.balances] == ["a1", "a2"]


async def test_it_is_sent_again_until_it_is_taken_without_a_storm(tmp_path: Path) -> None:
    ledger = Ledger()
    ledger.failure = ErrorCode.INTERNAL_LINK_TIMEOUT
    async with an_outbox(tmp_path, ledger) as outbox:
        for number in range(500):
            outbox.keep(bill(number))
        await until(lambda: ledger.asked >= 2)
        ledger.failure = None
        await until(lambda: outbox.depth == 0)
        assert len(ledger.bills) == 500
        assert ledger.asked < 6


def test_every_record_comes_back_from_disk_as_it_went() -> None:
    for kind, record in ((1, bill(1)), (2, passage(1, text="يا 👋\0")), (3, config(1))):
        assert decode(kind, encode(record)) == record


def test_half_a_character_does_not_cost_the_record() -> None:
    assert decode(2, encode(passage(1, text="a\ud800b"))) == passage(1, text="a\ufffdb")


def test_a_key_is_64_hex_digits() -> None:
    assert len(KEY) == 64
