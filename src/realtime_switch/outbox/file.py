"""One encrypted file of rows, to which one process appends.

    head    MAGIC (16) · salt (32) · proof (16): nothing sealed, by which the key is known to be the right one
    frames  mark (3) · kind (1) · length (4) · number (8) · the record, sealed by AES-256-GCM

A row is one frame and one write, which is in the kernel's page cache when it
returns: it survives the process that made it and not a power cut. Nothing else
is touched on the way, no tree, no page, no log beside the file, because here
nearly every write finds the processor's caches cold, and pays for code by the
yard. That rows are committed elsewhere is a frame too, of kind TAKEN.

Whoever reads trusts a frame only if it opens. So a write that a kill cut short
is seen to be none, and what is damaged costs itself: the next frame is found by
its mark.

Each file has a key of its own, made of the outbox's and the salt. The number of
a frame is its nonce, and no number is used twice under a key, also when a write
failed. Numbers, kinds and lengths are open to see, and sealed against change.
"""

import contextlib
import errno
import hashlib
import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from ..accounts.errors import ErrorCode, StorageError
from ..accounts.records import Draft
from .rows import BILL, DRAFT, KINDS, Kept, Row, decode, encode

_log = structlog.get_logger("outbox")

SUFFIX = ".outbox"
MAGIC = b"rs-outbox 2\n\0\0\0\0"
SALT_BYTES = 32
TAG_BYTES = 16
FILE_HEAD_BYTES = len(MAGIC) + SALT_BYTES + TAG_BYTES
MARK = b"\xf1rs"
TAKEN = 0  # the kind of a frame that holds no record, but the numbers of rows that may be forgotten
HEAD = struct.Struct("<3sBIQ")
# Of a frame that was cut short the number is spent, though nobody can read it: who appends to a file of
# another's making steps over as many as that one can have tried.
NUMBERS_SPENT = 2**32

_runs_encoder = msgspec.msgpack.Encoder()
_runs_decoder = msgspec.msgpack.Decoder(list[tuple[int, int]])


class _Frame(Struct, frozen=True, gc=False):
    start: int
    end: int
    kind: int
    number: int
    data: bytes


class OutboxFile:
    """Any thread may open one; after that one thread at a time may use it."""

    def __init__(
        self, path: Path, key: str, serial: int, *, new: bool = False, every_commit_synced: bool = False
    ) -> None:
        self.path = path
        self.serial = serial  # names it in a Row
        self.number = 0  # of the last frame
        self.end = FILE_HEAD_BYTES  # where the next one goes
        self.rows = 0  # that are not taken, and their bytes, when it was opened
        self.rows_bytes = 0
        self.drafts_bytes = 0  # of all that were kept, the last words and those before them
        self.damaged = False
        self._taken: set[int] = set()  # when it was opened; what is read back later is not taken
        self._drafts: dict[str, tuple[int, int]] = {}  # when opened: number and size of the last of each
        self._died: set[int] = set()  # among them, those that are bills now
        self._every_commit_synced = every_commit_synced
        try:
            flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if new else 0)
            self._descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise explain(path, error) from None
        try:
            if new:
                self._begin(key)
            else:
                self._open(key)
        except OSError as error:
            os.close(self._descriptor)
            if new:
                path.unlink(missing_ok=True)
            raise explain(path, error) from None
        except StorageError:
            os.close(self._descriptor)
            raise

    def keep(self, records: Sequence[Kept]) -> list[Row]:
        """Committed, all together, when it returns; raises OSError and has kept none. A draft is no row, and
        waits for no disk."""
        rows = []
        frames, drafts_bytes = b"", 0
        for record in records:
            data = encode(record)
            frames += self._framed(KINDS[type(record)], data)
            if type(record) is not Draft:
                rows.append(Row(self.serial, self.number, record, len(data)))
            else:
                drafts_bytes += len(data)
        self._append(frames, self._every_commit_synced and bool(rows))
        self.drafts_bytes += drafts_bytes
        return rows

    def forget(self, numbers: Sequence[int]) -> None:
        """Rows by their numbers, ascending. When it fails (a full disk) they are sent once more after a
        restart, which is harmless."""
        self._take(list(_runs(numbers)))

    def forget_all_but(self, numbers: Collection[int]) -> None:
        self._cut_off()
        first, runs = 1, []
        for number in sorted(numbers):
            runs.append((first, number - 1))
            first = number + 1
        self._take([*runs, (first, self.number)])

    def read(self, at: int, rows_max: int) -> tuple[list[Row], int | None]:
        """The next rows, and where to go on; `at` is 0 for the first. None at the end. What cannot be read
        stays in the file, and is told."""
        start = max(at, FILE_HEAD_BYTES)
        try:
            data = self._bytes(start)
        except OSError as error:
            _log.error("outbox file cannot be read on", reason=str(explain(self.path, error)))
            return [], None
        rows: list[Row] = []
        for frame in self._frames(data):
            if frame.kind == TAKEN or frame.number in self._taken:
                continue
            if frame.kind == DRAFT and frame.number not in self._died:
                continue  # it runs still, or something newer is known of it
            try:
                rows.append(Row(self.serial, frame.number, decode(frame.kind, frame.data), len(frame.data)))
            except ValueError as error:
                _log.error(
                    "outbox row cannot be read", file=str(self.path), row=frame.number, reason=str(error)
                )
            if len(rows) == rows_max:
                return rows, start + frame.end
        return rows, None

    def drafts(self) -> Collection[str]:
        """The stretches that ran when this was written, by the ids that their bills have."""
        return self._drafts.keys()

    def bills(self) -> Iterator[str]:
        """The ids of all of them, also of those that are taken."""
        try:
            data = self._bytes(FILE_HEAD_BYTES)
        except OSError:
            return  # as good as none: `read` says it
        for frame in self._frames(data):
            if frame.kind == BILL:
                with contextlib.suppress(ValueError):  # `read` says what cannot be read
                    yield decode(frame.kind, frame.data).id

    def died(self, stretch: str) -> None:
        """Its process is gone, and nothing newer is known of it: it is a bill."""
        number, size_bytes = self._drafts[stretch]
        self._died.add(number)
        self.rows += 1
        self.rows_bytes += size_bytes

    def sync(self) -> None:
        """What was committed so far survives a power cut once this returns."""
        if self._descriptor >= 0:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def remove(self) -> None:
        self.close()
        self.path.unlink(missing_ok=True)

    # -- Writing ------------------------------------------------------------------------------------------

    def _begin(self, key: str) -> None:
        salt = os.urandom(SALT_BYTES)
        self._cipher = _cipher(key, salt)
        self._write(MAGIC + salt + self._cipher.encrypt(_nonce(0), b"", None), 0)
        os.fsync(self._descriptor)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)  # that it is there at all
        finally:
            os.close(folder)

    def _framed(self, kind: int, data: bytes) -> bytes:
        self.number += 1
        head = HEAD.pack(MARK, kind, len(data) + TAG_BYTES, self.number)
        return head + self._cipher.encrypt(_nonce(self.number), data, head)

    def _append(self, frames: bytes, synced: bool) -> None:
        try:
            self._write(frames, self.end)
            if synced:
                os.fdatasync(self._descriptor)
        except OSError:
            self._cut_off()
            raise
        self.end += len(frames)

    def _write(self, data: bytes, at: int) -> None:
        if os.pwrite(self._descriptor, data, at) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _cut_off(self) -> None:
        """What a write left that did not come to its end: the next one goes to the same place, and may be
        shorter."""
        try:
            os.ftruncate(self._descriptor, self.end)
        except OSError as error:
            _log.warning("outbox file keeps a broken end", reason=str(explain(self.path, error)))

    def _take(self, runs: Sequence[tuple[int, int]]) -> None:
        try:
            self._append(self._framed(TAKEN, _runs_encoder.encode(runs)), self._every_commit_synced)
        except OSError as error:
            _log.warning("outbox rows stay longer", reason=str(explain(self.path, error)))

    # -- Reading ------------------------------------------------------------------------------------------

    def _open(self, key: str) -> None:
        """Go through it once: what is in it, and whether it is whole."""
        head = os.pread(self._descriptor, FILE_HEAD_BYTES, 0)
        self._cipher = _cipher(key, head[len(MAGIC) : -TAG_BYTES])
        if len(head) < FILE_HEAD_BYTES:
            return  # its maker was killed before it could keep anything
        try:
            if not head.startswith(MAGIC):
                raise InvalidTag
            self._cipher.decrypt(_nonce(0), head[-TAG_BYTES:], None)
        except InvalidTag:
            raise StorageError(
                ErrorCode.INTERNAL_OUTBOX_UNAVAILABLE, _STRANGE.format(path=self.path)
            ) from None
        data = self._bytes(FILE_HEAD_BYTES)
        sizes: dict[int, int] = {}
        numbers: list[int] = []  # the same and those of stretches that run, ascending
        running: list[_Frame] = []
        whole_upto = 0
        for frame in self._frames(data):
            self.damaged |= frame.start != whole_upto
            whole_upto = frame.end
            self.number = frame.number
            if frame.kind == TAKEN:
                for first, last in _runs_decoder.decode(frame.data):
                    self._taken.update(numbers[bisect_left(numbers, first) : bisect_right(numbers, last)])
                continue
            numbers.append(frame.number)
            if frame.kind == DRAFT:
                running.append(frame)
                self.drafts_bytes += len(frame.data)
            else:
                sizes[frame.number] = len(frame.data)
        if _is_cut_short(data[whole_upto:]):
            self.end += whole_upto
        else:
            self.damaged = True
            self.end += len(data)
        if self.damaged:
            _log.error("outbox file is damaged; what can be read is delivered", file=str(self.path))
        left = [size for number, size in sizes.items() if number not in self._taken]
        self.rows, self.rows_bytes = len(left), sum(left)
        for frame in running:
            if frame.number not in self._taken:
                with contextlib.suppress(ValueError):  # another release's: what it is worth is not known here
                    stretch = decode(frame.kind, frame.data).id
                    self._drafts[stretch] = (frame.number, len(frame.data))
        self.number += NUMBERS_SPENT

    def _bytes(self, start: int) -> bytes:
        """All from there on; a file is small (shelf.py)."""
        with os.fdopen(os.dup(self._descriptor), "rb", buffering=0) as file:
            file.seek(start)
            return file.read()

    def _frames(self, data: bytes) -> Iterator[_Frame]:
        at = data.find(MARK)
        while at >= 0:
            frame = self._opened(data, at)
            if frame is not None:
                yield frame
            at = data.find(MARK, at + 1 if frame is None else frame.end)

    def _opened(self, data: bytes, start: int) -> _Frame | None:
        body = start + HEAD.size
        if body > len(data):
            return None
        _, kind, length, number = HEAD.unpack_from(data, start)
        end = body + length
        if end > len(data):
            return None
        try:
            opened = self._cipher.decrypt(_nonce(number), data[body:end], data[start:body])
        except InvalidTag:
            return None
        return _Frame(start, end, kind, number, opened)


def explain(path: Path, error: OSError) -> StorageError:
    """The system's error as a sentence."""
    for numbers, what in _MEANINGS:
        if error.errno in numbers:
            reason = error.strerror
            return StorageError(ErrorCode.INTERNAL_OUTBOX_UNAVAILABLE, what.format(path=path, reason=reason))
    return StorageError(ErrorCode.INTERNAL_OUTBOX_UNAVAILABLE, f"The outbox {path} cannot be used: {error}.")


_STRANGE = (
    "The outbox {path} is damaged, or another key or release made it. Put the right key into outbox.key, or "
    "let the release that made it deliver it."
)
_MEANINGS = (
    (
        (errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
        "There is no room left for the outbox {path}. Free some space on its disk.",
    ),
    (
        (errno.EROFS, errno.EACCES, errno.EPERM),
        "The outbox {path} cannot be written: {reason}. Check the owner and permissions of it and its "
        "folder.",
    ),
    ((errno.EIO,), "The disk failed under the outbox {path}. Check its space and the system's log."),
)


def _cipher(key: str, salt: bytes) -> AESGCM:
    return AESGCM(hashlib.blake2b(salt, key=bytes.fromhex(key), digest_size=32).digest())


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "little")


def _is_cut_short(rest: bytes) -> bool:
    """What follows the last whole frame: nothing, or one whose writer was killed."""
    if len(rest) < HEAD.size:
        return True
    mark, _, length, _ = HEAD.unpack_from(rest)
    return bool(mark == MARK and HEAD.size + length > len(rest))


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbours together, first and last."""
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield first, last
            first = number
        last = number
    yield first, last
