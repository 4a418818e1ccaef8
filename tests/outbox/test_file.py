"""One file: what a record costs, what comes back of it, what a kill or damage takes, and who can read it."""

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outbox_ends import KEY, Ledger, a_shelf, an_outbox, bill, config, files, passage, room_for_files, until
from realtime_switch.accounts.errors import StorageError
from realtime_switch.outbox.file import FILE_HEAD_BYTES, HEAD, TAG_BYTES, OutboxFile
from realtime_switch.outbox.rows import Record, encode


def a_file(directory: Path, **options: bool) -> OutboxFile:
    return OutboxFile(directory / "1.outbox", KEY, 1, new=True, **options)


def again(file: OutboxFile, key: str = KEY) -> OutboxFile:
    return OutboxFile(file.path, key, 2)


def records(file: OutboxFile) -> list[Record]:
    return [row.record for row in all_rows(file)]


def all_rows(file: OutboxFile, rows_max: int = 10_000) -> list:
    rows, at = file.read(0, rows_max)
    while at is not None:
        more, at = file.read(at, rows_max)
        rows += more
    return rows


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long each write was."""
    made: list[int] = []
    pwrite = os.pwrite

    def noted(descriptor: int, data: bytes, at: int) -> int:
        made.append(len(data))
        return pwrite(descriptor, data, at)

    monkeypatch.setattr(os, "pwrite", noted)
    return made


def test_what_is_kept_together_is_one_write_and_32_bytes_a_record_longer(
    tmp_path: Path, writes: list[int]
) -> None:
    file = a_file(tmp_path)
    writes.clear()
    rows = file.keep([passage(1), bill(1), config(1)])
    assert writes == [sum(len(encode(r)) + 32 for r in (passage(1), bill(1), config(1)))]
    assert [(row.number, row.record) for row in rows] == [(1, passage(1)), (2, bill(1)), (3, config(1))]
    file.close()


def test_what_fails_has_kept_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    file.keep([bill(1)])
    end = file.end
    with room_for_files(end + 1_000), pytest.raises(OSError, match=r"File too large|No space"):
        file.keep([bill(2), passage(1, text="x" * 50_000)])
    assert file.path.stat().st_size == end
    file.keep([bill(3)])
    assert records(file) == [bill(1), bill(3)]
    file.close()
    left = again(file)
    assert (records(left), left.damaged) == ([bill(1), bill(3)], False)
    left.close()


def test_no_number_is_used_twice_under_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails, is forgotten, or is gone on with by another process: the number is the nonce."""
    used: list[tuple[bytes, bytes]] = []

    class Noted:
        def __init__(self, key: bytes) -> None:
            self._key, self._cipher = key, AESGCM(key)
            self.decrypt = self._cipher.decrypt

        def encrypt(self, nonce: bytes, data: bytes, head: bytes | None) -> bytes:
            used.append((self._key, nonce))
            return self._cipher.encrypt(nonce, data, head)

    monkeypatch.setattr("realtime_switch.outbox.file.AESGCM", Noted)
    file = a_file(tmp_path)
    for number in range(10):
        rows = file.keep([bill(number), passage(number)])
        with room_for_files(file.end + 100), pytest.raises(OSError, match=r"File too large|No space"):
            file.keep([bill(number), passage(number)])
        if number % 2:
            file.forget([rows[0].number])
    file.close()
    cut = file.path.read_bytes()[:-1]  # the last was passage 9; its number is spent all the same
    file.path.write_bytes(cut)
    for _ in range(2):
        successor = again(file)
        successor.forget_all_but([2])
        successor.close()
    OutboxFile(tmp_path / "2.outbox", KEY, 3, new=True).close()
    assert len(used) == len(set(used)) == 1 + 10 * 4 + 5 + 2 + 1


@pytest.mark.parametrize("seed", range(5))
def test_records_of_any_length_come_back_in_order(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    file = a_file(tmp_path)
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
            gone = dice.sample(rows, dice.randrange(1, len(rows) + 1))
            file.forget(sorted(row.number for row in gone))
            forgotten |= {row.record.id for row in gone}
    assert records(file) == kept, "whoever writes knows what it forgot"
    file.close()
    left = [record for record in kept if record.id not in forgotten]
    successor = again(file)
    assert [row.record for row in all_rows(successor, dice.randrange(1, 20))] == left
    assert (successor.rows, successor.rows_bytes) == (len(left), sum(len(encode(r)) for r in left))
    assert not successor.damaged
    successor.close()


def test_what_nobody_takes_stays_and_the_rest_does_not_come_again(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    rows = file.keep([bill(number) for number in range(10)])
    file.close()
    successor = again(file)
    successor.forget_all_but({rows[3].number, rows[9].number})
    successor.close()
    for _ in range(2):
        file = again(file)
        assert records(file) == [bill(3), bill(9)]
        file.forget_all_but({rows[9].number, rows[3].number})
        file.close()


def test_wherever_a_kill_cuts_it_off_what_was_kept_before_is_there_and_nothing_else(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    ends = [file.end]
    kept = [bill(1), passage(1, text="é" * 40), bill(2)]
    for record in kept:
        file.keep([record])
        ends.append(file.end)
    file.close()
    whole = file.path.read_bytes()
    for length in range(len(whole) + 1):
        file.path.write_bytes(whole[:length])
        left = again(file)
        assert records(left) == kept[: sum(end <= length for end in ends) - 1 if length >= ends[0] else 0]
        assert not left.damaged
        if length >= ends[0]:  # and who goes on with it leaves no seam
            left.forget_all_but([1])
            left.close()
            left = again(file)
            assert records(left) == kept[:1] * (length >= ends[1])
            assert not left.damaged
        left.close()


def zeros(data: bytearray, at: int, length: int) -> None:
    data[at : at + length] = bytes(length)


def a_flipped_bit(data: bytearray, at: int, length: int) -> None:
    data[at] ^= 1


def noise(data: bytearray, at: int, length: int) -> None:
    data[at : at + length] = os.urandom(length)


@pytest.mark.parametrize("harm", [zeros, a_flipped_bit, noise])
def test_what_is_damaged_costs_itself_and_is_told(
    tmp_path: Path, harm: Callable[[bytearray, int, int], None]
) -> None:
    file = a_file(tmp_path)
    starts = []
    for number in range(20):
        starts.append(file.end)
        file.keep([bill(number)])
    file.close()
    whole = file.path.read_bytes()
    size = starts[6] - starts[5]
    for at in range(size):  # also in mark, kind, length and number
        data = bytearray(whole)
        harm(data, starts[5] + at, min(8, size - at))
        file.path.write_bytes(data)
        left = again(file)
        assert records(left) == [bill(number) for number in range(20) if number != 5]
        assert left.damaged
        left.close()


def test_a_frame_is_good_in_its_own_place_and_file_only(tmp_path: Path) -> None:
    """Whoever can write to the disk can take records away, and cannot add or change any."""
    file = a_file(tmp_path)
    file.keep([bill(1)])
    frame = file.path.read_bytes()[FILE_HEAD_BYTES:]
    other = OutboxFile(tmp_path / "2.outbox", KEY, 2, new=True)
    os.pwrite(other._descriptor, frame, other.end)
    other.close()
    left = again(other)
    assert (records(left), left.damaged) == ([], True)
    left.close()
    mark, kind, length, number = HEAD.unpack_from(frame)
    for changed in ((mark, kind + 1, length, number), (mark, kind, length, number + 1)):
        file.path.write_bytes(
            file.path.read_bytes()[:FILE_HEAD_BYTES] + HEAD.pack(*changed) + frame[HEAD.size :]
        )
        left = again(file)
        assert (records(left), left.damaged) == ([], True)
        left.close()
    file.close()


def test_nothing_of_a_record_can_be_read_without_the_key(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    said = "the quick brown fox"
    file.keep([passage(1, text=said * 100)])
    file.close()
    assert said[:5].encode() not in file.path.read_bytes()
    with pytest.raises(StorageError, match="damaged, or another key or release made it"):
        again(file, "cd" * 32)
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_anybody_with_the_key_can_read_it_as_it_is_documented(tmp_path: Path) -> None:
    """docs/outbox.md, word for word, with nothing of ours."""
    import hashlib

    file = a_file(tmp_path)
    file.keep([bill(1)])
    file.close()
    data = file.path.read_bytes()
    key = hashlib.blake2b(data[16:48], key=bytes.fromhex(KEY), digest_size=32).digest()
    assert AESGCM(key).decrypt(bytes(12), data[48:64], None) == b""
    head, body = data[64:80], data[80:]
    assert head[:4] == b"\xf1rs\x01"
    assert int.from_bytes(head[4:8], "little") == len(body) == len(encode(bill(1))) + TAG_BYTES
    assert AESGCM(key).decrypt(head[8:16] + bytes(4), body, head) == encode(bill(1))


def test_every_write_waits_for_the_disk_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = a_file(tmp_path, every_commit_synced=True)
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: synced.append(file.path.stat().st_size))
    file.keep([bill(1), passage(1)])
    assert synced == [file.end]
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (_ for _ in ()).throw(OSError(errno.EIO, "no")))
    with pytest.raises(OSError, match="no"):
        file.keep([bill(2)])
    assert records(file) == [bill(1), passage(1)]
    assert file.path.stat().st_size == file.end
    file.close()


async def test_a_file_is_replaced_when_it_is_long_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_switch.outbox.shelf.FILE_BYTES_MAX", 10_000)
    shelf = a_shelf(tmp_path)
    await shelf.tend()
    first = shelf._live.file
    shelf.keep([passage(1, text="x" * 10_000)], False)
    assert shelf._live.file is first
    shelf.keep([passage(2)], False)
    assert shelf._live.file is not first
    await shelf.close()


async def test_a_file_that_its_maker_had_no_time_to_begin_goes(tmp_path: Path) -> None:
    folder = tmp_path / "000653c1a2b3c4d5-9f86d081"
    folder.mkdir()
    (folder / "000001.outbox").write_bytes(b"")
    (folder / "000002.outbox").write_bytes(b"rs-ou")
    async with an_outbox(tmp_path, Ledger()):
        await until(lambda: not folder.exists())
    assert files(tmp_path) == []


async def test_a_file_of_another_release_is_named_and_left(tmp_path: Path) -> None:
    folder = tmp_path / "000653c1a2b3c4d5-9f86d081"
    folder.mkdir()
    (folder / "000001.outbox").write_bytes(os.urandom(8_192))
    with structlog.testing.capture_logs() as logs:
        async with an_outbox(tmp_path, Ledger()):
            await until(lambda: bool(logs))
    assert "or another key or release made it" in logs[0]["reason"]
    assert len(files(tmp_path)) == 1
