"""Records on their way to the business process, on disk until it has committed them.

`keep` is called before the frame that carries the bill goes to the client. It
returns at once, and what it was given survives a kill of this process. One task
delivers; what to send and when is decided in delivery.py, how in posting.py,
what lies where in shelf.py. Whatever fails is sent again with the same ids,
which is harmless (accounts/service.py).

When little room is left, new calls are not taken (`room`); when less is left,
what was said is no longer kept, aloud; a bill is refused last, and then its call
must end.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence

import structlog

from ..accounts.errors import ErrorCode, StorageError
from ..accounts.records import Draft, UsageRecord
from ..accounts.service import AccountService
from .delivery import SHIPMENT_ROWS_MAX, Delivery, Shipment
from .posting import Spending, post
from .room import NEARLY_FULL, Bounds, Room
from .rows import Kept, Row
from .shelf import Shelf

BACKLOG_ROWS = 2 * SHIPMENT_ROWS_MAX  # in memory; what comes after is read back from disk
UNWRITTEN_MAX = 1_000  # passages that a failing disk did not take, in memory
TEND_S = 1.0

_log = structlog.get_logger("outbox")


class Outbox:
    """Made inside of a running loop; `close` ends its tasks and closes the shelf."""

    def __init__(
        self,
        service: AccountService,
        shelf: Shelf,
        spending: Spending,
        bounds: Bounds | None = None,
    ) -> None:
        self.refused = 0  # records that nobody takes; they stay on disk
        self.dropped = 0  # passages and configurations for which there was no room
        self._service = service
        self._shelf = shelf
        self._spending = spending
        self._bounds = bounds or Bounds()
        self._ample_rows = self._bounds.rows_max * NEARLY_FULL
        self._ample_bytes = self._bounds.bytes_max * NEARLY_FULL
        self._loop = asyncio.get_running_loop()
        self._delivery = Delivery(random.random)
        self._born: list[Row] = []  # kept in this turn of the loop, not in `_delivery` yet
        self._sessions: Counter[str] = Counter()  # of the rows in `_delivery`
        self._unwritten = 0  # records that the disk did not take, which are only here
        self._settling: list[tuple[str, asyncio.Future[None]]] = []  # who waits for a session, "" for all
        self._away = False  # the business process took nothing the last time
        self._due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closing = asyncio.Event()
        self._delivering = asyncio.create_task(self._deliver_for_ever())
        self._tending = asyncio.create_task(self._tend_until_closed())

    @property
    def depth(self) -> int:
        return self._shelf.rows + self._unwritten

    @property
    def size_bytes(self) -> int:
        return self._shelf.size_bytes

    @property
    def oldest_us(self) -> int | None:
        """When the record was born that is sent next; None: none waits."""
        return self._delivery.oldest_us

    @property
    def room(self) -> Room:
        return self._bounds.room(self._shelf.rows, self._shelf.size_bytes)

    # -- Keeping ------------------------------------------------------------------------------------------

    def keep(self, *records: Kept) -> None:
        """In one commit, in this order. A bill that cannot be kept raises StorageError, when the others are
        seen to: the frame that carries it must not go on. What was said is then dropped and told, because a
        conversation with a gap is better than none."""
        if self._is_ample():
            try:
                self._on_disk(records)
                return
            except StorageError:
                pass  # each alone may find its place, or is named
        failure: StorageError | None = None
        for record in records:
            try:
                self._keep_alone(record)
            except StorageError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _on_disk(self, records: Sequence[Kept]) -> None:
        shelf = self._shelf
        rows = shelf.keep(records, len(self._delivery) + len(self._born) > BACKLOG_ROWS)
        if rows and shelf.streams:
            # The frame that waits for this commit goes first.
            if not self._born:
                self._loop.call_soon(self._take_in)
            self._born += rows

    def _take_in(self) -> None:
        born, self._born = self._born, []
        if born:
            self._add(born)

    def _keep_alone(self, record: Kept) -> None:
        if isinstance(record, Draft):
            with contextlib.suppress(StorageError):  # no call ends for what may happen
                self._see_room(bill=True)
                self._on_disk([record])
            return
        bill = isinstance(record, UsageRecord)
        try:
            self._see_room(bill)
            self._on_disk([record])
        except StorageError as error:
            if bill or self._may_stay_in_memory(error):
                # It happened, and the provider will charge for it: if we live so long it is still posted.
                _log.warning("record is only in memory", id=record.id, reason=error.message)
                self._unwritten += 1
                self._take_in()
                self._add([Row(0, 0, record, 0)])
                self.hurry()
            else:
                self.dropped += 1
                _log.error("record dropped", id=record.id, session=record.session_id, reason=error.message)
            if bill:
                raise

    def hurry(self) -> None:
        """What is here is not to wait for company: a call has ended, or an account runs low."""
        self._take_in()
        self._delivery.hurry()
        self._plan()

    async def settle(self, session_id: str, within_s: float) -> None:
        """Wait until what is kept of this session is committed: a client that comes back at once is to find
        its last words, also those that its last gateway left when it was killed. After the bound it goes on
        without them."""
        await self._shelf.adoption.look()
        await self.commit(session_id, within_s)

    async def commit(self, session_id: str, within_s: float) -> None:
        """As `settle`, of what was kept here: nobody else is looked for."""
        if not self.is_committed(session_id):
            await self._committed(session_id, within_s)

    def is_committed(self, session_id: str) -> bool:
        """Nothing that was kept here, or is read back, waits; with "" of any session."""
        of_session = self._sessions[session_id] if session_id else len(self._delivery)
        return not of_session and not self._born and not self._shelf.has_unread

    async def close(self, within_s: float) -> int:
        """Send the rest. How many records stay behind, for the next gateway of this machine. May be called
        twice."""
        if self._closing.is_set():
            return self.depth
        await self.commit("", within_s)
        self._closing.set()
        self._delivering.cancel()
        await asyncio.gather(self._delivering, self._tending, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        await self._shelf.close()
        return self.depth

    def _may_stay_in_memory(self, error: StorageError) -> bool:
        """What was said, when the disk fails: only a little, and only where it would not overtake others."""
        disk_failed = error.code is ErrorCode.INTERNAL_OUTBOX_UNAVAILABLE
        return disk_failed and self._shelf.streams and self._unwritten < UNWRITTEN_MAX

    def _is_ample(self) -> bool:
        """Nearly always; asked before every frame that carries a bill."""
        return self._shelf.rows < self._ample_rows and self._shelf.size_bytes < self._ample_bytes

    def _see_room(self, bill: bool) -> None:
        if self._is_ample():
            return
        room = self.room
        if room is Room.NONE or (room is Room.FOR_BILLS and not bill):
            raise StorageError(
                ErrorCode.INTERNAL_OUTBOX_FULL,
                f"The outbox is {room.value}: the business process has taken nothing for too long.",
            )

    def _add(self, rows: Sequence[Row]) -> None:
        self._delivery.add(rows, self._loop.time())
        for row in rows:
            self._sessions[row.record.session_id] += 1
        self._plan()

    # -- Waiting for the last words -----------------------------------------------------------------------

    async def _committed(self, session_id: str, within_s: float) -> None:
        settled: asyncio.Future[None] = self._loop.create_future()
        self._settling.append((session_id, settled))
        self.hurry()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(settled, within_s)

    def _tell_the_settling(self) -> None:
        waiting, self._settling = self._settling, []
        for session_id, settled in waiting:
            if settled.done():  # it gave up
                continue
            if self.is_committed(session_id):
                settled.set_result(None)
            else:
                self._settling.append((session_id, settled))
        if self._settling:
            self._delivery.hurry()

    # -- Delivering ---------------------------------------------------------------------------------------

    def _plan(self) -> None:
        """See to it that the task looks again in time."""
        if self._wants_to_read():
            self._due.set()
        due_s = self._delivery.due_s()
        if due_s is None:
            return
        if due_s <= self._loop.time():
            self._due.set()
        elif self._timer is None or self._timer.cancelled() or due_s < self._timer.when():
            self._set_timer(due_s)

    def _set_timer(self, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._due.set()

    def _wants_to_read(self) -> bool:
        return self._shelf.has_unread and len(self._delivery) < SHIPMENT_ROWS_MAX

    async def _deliver_for_ever(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._deliver()
            except Exception:
                _log.exception("delivery failed")
                await asyncio.sleep(TEND_S)
            self._plan()

    async def _deliver(self) -> None:
        self._take_in()  # born before anything that is read back now
        while self._wants_to_read():
            self._add(await self._shelf.read())
            self._delivery.hurry()  # what is read back has waited long enough
        shipment = self._delivery.ship(self._loop.time())
        if shipment is None:
            self._tell_the_settling()
            return
        await post(shipment, self._service, self._spending)
        self._conclude(shipment)

    def _conclude(self, shipment: Shipment) -> None:
        """Committed there, so it may be forgotten here: never the other way round."""
        given_up = shipment.given_up
        for refused in given_up:
            _log.error("record refused; it stays here", id=refused.row.record.id, code=refused.code)
        self.refused += len(given_up)
        taken = self._delivery.shipped(shipment, self._loop.time())
        for row in (*taken, *(refused.row for refused in given_up)):
            self._sessions[row.record.session_id] -= 1
            self._unwritten -= not row.file
        self._sessions = +self._sessions
        self._tell_whether_away(shipment)
        self._shelf.give_up([refused.row for refused in given_up])
        self._shelf.forget(taken)
        self._tell_the_settling()

    def _tell_whether_away(self, shipment: Shipment) -> None:
        why = shipment.failure or shipment.refused_all
        if why is not None and not self._away:
            _log.warning("the business process takes no records, they wait", code=why, records=self.depth)
        if why is None and self._away:
            _log.info("the business process takes records again", records=self.depth)
        self._away = why is not None

    async def _tend_until_closed(self) -> None:
        while not self._closing.is_set():
            try:
                await self._shelf.tend()
                await self._shelf.adoption.look()
            except Exception:
                _log.exception("the outbox could not be looked after")
            self._plan()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), TEND_S)
