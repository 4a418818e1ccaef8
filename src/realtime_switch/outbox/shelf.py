"""The files of one gateway: one is written, another is ready to take its place, others wait to be read.

Everything that may wait for a disk (opening, reading back, removing, syncing)
is done on one thread (chores.py); only `keep` and `forget` of the file that is
written are done at once, by whoever calls, and neither waits for a disk.

Rows are read back in the order in which they were kept. As long as the reader
keeps up (`streams`), what is kept need not be read back at all.
"""

import itertools
import os
import secrets
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import structlog

from ..accounts.errors import ErrorCode, StorageError
from ..accounts.records import Draft
from .adoption import Adoption
from .chores import Chores
from .file import SUFFIX, OutboxFile, explain
from .folder import Folder, make_folder
from .rows import Kept, Row

# Of either: what is read back is read into memory a file at a time, and a file goes as a whole.
FILE_ROWS_MAX = 4_096
FILE_BYTES_MAX = 4 * 1024 * 1024
READ_ROWS = 250  # at once; bounds how long a reader holds Python

_log = structlog.get_logger("outbox")


class _Held:
    """One file and what is known of it."""

    def __init__(self, file: OutboxFile, folder: Folder) -> None:
        self.file = file
        self.folder = folder
        self.unsettled = 0  # rows in it that may not be forgotten yet
        self.unsettled_bytes = 0
        self.handed_out = 0  # among them
        self.read_upto: int | None = 0  # None: nothing is left to read back
        self.drafts = 0  # in it that are the last of their stretches
        self.given_up: set[int] = set()  # rows that stay: nobody takes them
        self.spoiled = False  # it holds what cannot be read


class Shelf:
    """Made inside of a running loop, by `open_shelf`."""

    def __init__(self, directory: Path, key: str, name: str, every_commit_synced: bool) -> None:
        self._key = key
        self._every_commit_synced = every_commit_synced
        self._serials = itertools.count(1)
        self._chores = Chores()
        self._own = make_folder(directory, name)
        self._own_names = itertools.count(1)
        self.rows = 0  # on disk, that may not be forgotten yet
        self.size_bytes = 0  # of them, and of the drafts in files that wait for them
        self._folders: dict[Folder, int] = {}  # adopted, with how many of their files are still held
        self._held: dict[int, _Held] = {}  # by serial
        self._unread: deque[_Held] = deque()
        self._drafts: dict[str, tuple[Draft, _Held]] = {}  # the last of each stretch that runs
        self._former: _Held | None = None  # the file before the live one
        try:
            self._live = self._hold(self._new_file(), self._own)
        except BaseException:
            self._own.close()
            self._chores.close()
            raise
        self._live.read_upto = None
        self._spare: OutboxFile | None = None
        self._spare_is_due = True
        self._dirty: OutboxFile | None = None  # has commits that a power cut would take
        self._complained = ""
        self.adoption = Adoption(directory, key, self._serials, self._chores, self._take_over)

    # -- Writing ------------------------------------------------------------------------------------------

    @property
    def streams(self) -> bool:
        """What is kept now is handed on by the caller, and not read back."""
        return self._live.read_upto is None

    def keep(self, records: Sequence[Kept], backlog: bool) -> list[Row]:
        """In one commit, on disk (or in its cache, which outlives us) when this returns; raises StorageError
        otherwise, and has kept none. `backlog`: the reader is behind, so let the next file be read back
        instead of handed on."""
        file = self._live.file
        if file.number >= FILE_ROWS_MAX or file.end >= FILE_BYTES_MAX:
            self._turn_over(backlog)
        try:
            rows = self._live.file.keep(records)
        except OSError as error:
            rows = self._keep_elsewhere(records, backlog, error)
        held = self._live
        if self._drafts or Draft in map(type, records):
            self._follow_drafts(records)
        size_bytes = 0
        for row in rows:
            size_bytes += row.size_bytes
        self._count(held, len(rows), size_bytes)
        if held.read_upto is None:
            held.handed_out += len(rows)
        self._dirty = held.file
        return rows

    def _follow_drafts(self, records: Sequence[Kept]) -> None:
        """The file of a draft stays until there is a newer one, or the bill: who adopts the folder may have
        to look for it."""
        for record in records:
            before = self._drafts.pop(record.id, None)
            if isinstance(record, Draft):
                self._drafts[record.id] = record, self._live
                self._live.drafts += 1
            if before is not None:
                _, held = before
                held.drafts -= 1
                self._retire(held)

    def _take_drafts_along(self) -> None:
        """Of stretches that stand still, lest each keeps a file of its own."""
        fresh = (self._live, self._former)
        if still := [draft for draft, held in self._drafts.values() if held not in fresh]:
            try:
                self._live.file.keep(still)
            except OSError:
                return  # they stay where they are
            self._follow_drafts(still)
            self._dirty = self._live.file

    def _keep_elsewhere(self, records: Sequence[Kept], backlog: bool, error: OSError) -> list[Row]:
        """The file may be the one thing that is broken: try the next one."""
        broken = explain(self._live.file.path, error)
        if not self._turn_over(backlog):
            raise broken
        _log.error("outbox file failed, the next one is used", reason=broken.message)
        try:
            return self._live.file.keep(records)
        except OSError as error:
            raise explain(self._live.file.path, error) from None

    def _turn_over(self, backlog: bool) -> bool:
        spare, self._spare = self._spare, None
        if spare is None:
            return False
        self._spare_is_due = True
        self._former = former = self._live
        streamed = self.streams
        self._live = self._hold(spare, self._own)
        if streamed and not backlog:
            self._live.read_upto = None
        else:
            self._unread.append(self._live)
        if former.unsettled or former.drafts:
            self._chores.do(former.file.sync)
        self.size_bytes += former.file.drafts_bytes
        self._retire(former)
        return True

    # -- Reading back -------------------------------------------------------------------------------------

    @property
    def has_unread(self) -> bool:
        return bool(self._unread)

    async def read(self) -> list[Row]:
        """The next rows that were not handed on; [] may mean that there are more: see `has_unread`."""
        held = self._unread[0]
        assert held.read_upto is not None
        if held is self._live:
            # Without an await: what is kept next either is read here or finds us streaming.
            rows, upto = held.file.read(held.read_upto, READ_ROWS)
        else:
            rows, upto = await self._chores.done(lambda: held.file.read(held.read_upto or 0, READ_ROWS))
        held.handed_out += len(rows)
        held.read_upto = upto
        if upto is None:
            self._unread.remove(held)
            if held.file.damaged or held.unsettled > held.handed_out:
                held.spoiled = True  # the file has said what of it
                self._count(held, held.handed_out - held.unsettled, 0)
            self._retire(held)
        return rows

    def _take_over(self, folder: Folder, files: Sequence[OutboxFile]) -> None:
        """What a process that is gone has left."""
        self._folders[folder] = len(files)
        for file in files:
            held = self._hold(file, folder)
            self._count(held, file.rows, file.rows_bytes)
            self.size_bytes += file.drafts_bytes
            self._unread.append(held)
        rows = sum(file.rows for file in files)
        _log.info("outbox of a former gateway adopted", folder=folder.path.name, rows=rows)
        if not files:
            self._leave(folder)

    # -- Forgetting ---------------------------------------------------------------------------------------

    def forget(self, rows: Sequence[Row]) -> None:
        """They are committed elsewhere."""
        self._settle(rows)
        live = self._live.file
        numbers = sorted(row.number for row in rows if row.file == live.serial)
        if numbers:
            live.forget(numbers)  # another file goes as a whole

    def give_up(self, rows: Sequence[Row]) -> None:
        """Nobody takes them. They stay in their files for the next gateway, which tries again."""
        for row in rows:
            if row.file:
                self._held[row.file].given_up.add(row.number)
        self._settle(rows)

    def _settle(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row.file:  # else it never was on disk
                held = self._held[row.file]
                self._count(held, -1, -row.size_bytes)
                held.handed_out -= 1
        for serial in {row.file for row in rows if row.file}:
            self._retire(self._held[serial])

    def _retire(self, held: _Held) -> None:
        """A file in which nothing is left goes."""
        if held is self._live or held.unsettled or held.drafts or held.read_upto is not None:
            return
        if self._held.pop(held.file.serial, None) is None:
            return
        self.size_bytes -= held.file.drafts_bytes + held.unsettled_bytes  # of what could not be read
        if held.given_up or held.spoiled:
            self._chores.do(lambda: _keep_only(held))
        else:
            self._chores.do(held.file.remove)
        if held.folder is not self._own:
            self._folders[held.folder] -= 1
            if not self._folders[held.folder] and not (held.given_up or held.spoiled):
                self._chores.do(lambda: self._leave(held.folder))

    def _leave(self, folder: Folder) -> None:
        """Only when it is empty: a lock that is let go would make us adopt what is left again and again."""
        if not folder.files():
            self._folders.pop(folder, None)
            folder.close()

    # -- Keeping order ------------------------------------------------------------------------------------

    async def tend(self) -> None:
        """Once a second: see that there is a spare, and that a power cut takes little."""
        if self._spare_is_due:
            self._spare_is_due = False
            await self._chores.done(self._make_spare)
        self._take_drafts_along()
        dirty, self._dirty = self._dirty, None
        if dirty is not None:
            await self._chores.done(dirty.sync)

    async def close(self) -> None:
        await self.adoption.close()
        await self._chores.done(lambda: None)  # what was begun; the thread has one queue
        for held in [*self._held.values()]:
            if held is self._live and not (held.unsettled or held.drafts or held.given_up):
                self._chores.do(held.file.remove)
            else:
                self._chores.do(held.file.sync)
                self._chores.do(held.file.close)
        if self._spare is not None:
            self._chores.do(self._spare.remove)
        await self._chores.done(lambda: None)
        for folder in (self._own, *self._folders):
            folder.close()
        self._chores.close()

    def _count(self, held: _Held, rows: int, size_bytes: int) -> None:
        held.unsettled += rows
        held.unsettled_bytes += size_bytes
        self.rows += rows
        self.size_bytes += size_bytes

    def _hold(self, file: OutboxFile, folder: Folder) -> _Held:
        held = self._held[file.serial] = _Held(file, folder)
        return held

    def _new_file(self) -> OutboxFile:
        path = self._own.path / f"{next(self._own_names):06}{SUFFIX}"
        synced = self._every_commit_synced
        return OutboxFile(path, self._key, next(self._serials), new=True, every_commit_synced=synced)

    def _make_spare(self) -> None:
        try:
            self._spare = self._new_file()
        except StorageError as error:
            if str(error) != self._complained:  # once a second would be too often
                _log.error("outbox has no next file", reason=str(error))
            self._complained = str(error)
            self._spare_is_due = True
        else:
            self._complained = ""


def open_shelf(directory: Path, key: str, now_us: int, *, every_commit_synced: bool = False) -> Shelf:
    """Raises StorageError, so that a gateway which could not keep a bill does not start."""
    name = f"{now_us:016x}-{secrets.token_hex(4)}"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        return Shelf(directory, key, name, every_commit_synced)
    except OSError as error:
        raise StorageError(
            ErrorCode.INTERNAL_OUTBOX_UNAVAILABLE,
            f"The outbox {directory} cannot be made: {os.strerror(error.errno or 0)}. "
            "Check the owner and permissions of the data directory.",
        ) from None


def _keep_only(held: _Held) -> None:
    """Of a file in which something must stay, the rest goes."""
    if not held.spoiled:
        held.file.forget_all_but(held.given_up)
        held.file.sync()
    held.file.close()
