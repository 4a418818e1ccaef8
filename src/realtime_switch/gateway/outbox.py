"""Records on their way to the business process: kept here until it has committed them.

`keep` is called before the frame that carries the bill goes to the client, and
returns at once. One task sends what has gathered: bills in batches (A13),
passages and configurations in the order in which they were born. What fails is
sent again with the same ids, which is harmless (accounts/service.py).

This one holds its records in memory, so a gateway that is killed loses what it
had not sent.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar

import structlog

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.records import Balance, Passage, SavedConfig, UsageRecord
from ..accounts.service import AccountService

Record = UsageRecord | Passage | SavedConfig
T = TypeVar("T", UsageRecord, Passage, SavedConfig)
Send = Callable[[Sequence[T]], Awaitable[None]]
BalanceKnown = Callable[[Balance, Collection[str]], None]  # and the ids of the bills that are in it now

BILLS_PER_WRITE = 5  # A13: at most one write for five responses
LINGER_S = 1.0  # nothing waits longer than this for company
BATCH_RECORDS_MAX = 500  # what one message over the link carries
RECORDS_MAX = 100_000  # over this no new calls are taken; running ones go on
RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # the last one for ever

# Sending again may help; of anything else a record would only be refused again.
TRANSIENT = frozenset(
    {
        ErrorCode.INTERNAL_LINK_TIMEOUT,
        ErrorCode.INTERNAL_LINK_CLOSED,
        ErrorCode.INTERNAL_DATABASE_BUSY,
        ErrorCode.INTERNAL_DATABASE_UNAVAILABLE,
    }
)

_log = structlog.get_logger("gateway.outbox")


class Outbox:
    """Made inside of a running loop; `close` ends its task."""

    def __init__(self, service: AccountService, balance_known: BalanceKnown) -> None:
        self._service = service
        self._balance_known = balance_known
        self._waiting: list[Record] = []
        self._bills = 0  # among them
        self._sending: list[Record] = []
        self._kept = 0  # ever
        self._sent = 0  # ever
        self._settling: list[tuple[int, asyncio.Future[None]]] = []  # who waits until so many are sent
        self._due = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._send_for_ever())

    @property
    def depth(self) -> int:
        return self._kept - self._sent

    @property
    def is_full(self) -> bool:
        return self.depth >= RECORDS_MAX

    def keep(self, record: Record) -> None:
        self._waiting.append(record)
        self._kept += 1
        if type(record) is UsageRecord:
            self._bills += 1
        if self._bills >= BILLS_PER_WRITE:
            self._due.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER_S, self._due.set)

    def hurry(self) -> None:
        """A call has ended: what it left is sent now."""
        if self._waiting:
            self._due.set()

    async def settle(self, session_id: str, within_s: float) -> None:
        """Wait until what is kept of this session is committed: a client that comes back at once is to find
        its last words. After the bound it goes on without them."""
        if any(r.session_id == session_id for held in (self._sending, self._waiting) for r in held):
            await self._all_sent(within_s)

    async def close(self, within_s: float) -> int:
        """Send the rest. How many records were left behind."""
        await self._all_sent(within_s)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if self._timer is not None:
            self._timer.cancel()
        return self.depth

    async def _all_sent(self, within_s: float) -> None:
        if self._kept == self._sent:
            return
        self.hurry()
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._settling.append((self._kept, sent))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sent, within_s)

    async def _send_for_ever(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._sending, self._waiting, self._bills = self._waiting, [], 0
            await self._send(self._sending)
            self._sent += len(self._sending)
            self._sending = []
            self._tell_the_settling()

    def _tell_the_settling(self) -> None:
        waiting, self._settling = self._settling, []
        for kept, sent in waiting:
            if sent.done():  # it gave up
                continue
            if kept <= self._sent:
                sent.set_result(None)
            else:
                self._settling.append((kept, sent))
                self._due.set()

    async def _send(self, records: Sequence[Record]) -> None:
        for bills in _batches([record for record in records if isinstance(record, UsageRecord)]):
            await self._insist(self._post, bills)
        for passages in _batches([record for record in records if isinstance(record, Passage)]):
            await self._insist(self._service.append_conversation, passages)
        # A later configuration replaces an earlier one, so only the last of each session matters.
        for saved in {
            (r.account_id, r.session_id): r for r in records if isinstance(r, SavedConfig)
        }.values():
            await self._insist(self._save, [saved])

    async def _post(self, bills: Sequence[UsageRecord]) -> None:
        posted = await self._service.update_usage(bills)
        if posted.unknown:
            _log.error("bills of accounts that do not exist were dropped", ids=posted.unknown)
        for balance in posted.balances:
            self._balance_known(balance, {bill.id for bill in bills if bill.account_id == balance.account_id})

    async def _save(self, saved: Sequence[SavedConfig]) -> None:
        await self._service.save_session(saved[0])

    async def _insist(self, send: Send[T], batch: Sequence[T]) -> None:
        attempt = 0
        while True:
            try:
                await send(batch)
                return
            except RealtimeSwitchError as error:
                if error.code not in TRANSIENT:
                    await self._send_apart(send, batch, error)
                    return
                _log.warning("the business process did not take records", code=error.code, records=len(batch))
            await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
            attempt += 1

    async def _send_apart(self, send: Send[T], batch: Sequence[T], error: RealtimeSwitchError) -> None:
        """One record that can never be taken must not keep the others back."""
        if len(batch) == 1:
            _log.error("a record was refused for good", id=batch[0].id, code=error.code, reason=error.message)
            return
        for record in batch:
            await self._insist(send, [record])


def _batches(records: Sequence[T]) -> list[Sequence[T]]:
    return [records[i : i + BATCH_RECORDS_MAX] for i in range(0, len(records), BATCH_RECORDS_MAX)]
