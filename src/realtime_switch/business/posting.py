"""Many callers, one write: bills that arrive while a write is under way go together in the next.

The writer commits groups anyway (store/), but a group of many small posts still
runs each one's statements. Joined, they are one insert, and one change of the
purses for each account, however many gateways sent them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from ..accounts.records import Posted, UsageRecord

RECORDS_MAX = 2_000  # in one write: bounds how long the first of them waits for the last

Post = Callable[[Sequence[UsageRecord]], Awaitable[Posted]]


class _Waiting(Struct, eq=False):
    records: Sequence[UsageRecord]
    answer: "asyncio.Future[Posted]"


class Posting:
    def __init__(self, post: Post) -> None:
        self._post = post
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def add(self, records: Sequence[UsageRecord]) -> Posted:
        """Returns when these are committed, with the balances of their accounts."""
        waiting = _Waiting(records, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._post_what_waits())
        return await waiting.answer

    async def _post_what_waits(self) -> None:
        try:
            while self._waiting:
                together = self._take()
                if len(together) == 1 or not await self._joined(together):
                    for one in together:
                        await self._alone(one)
        finally:
            self._task = None

    def _take(self) -> list[_Waiting]:
        together, count = [self._waiting[0]], len(self._waiting[0].records)
        for one in self._waiting[1:]:
            count += len(one.records)
            if count > RECORDS_MAX:
                break
            together.append(one)
        del self._waiting[: len(together)]
        return together

    async def _joined(self, together: Sequence[_Waiting]) -> bool:
        """False: it failed, and nothing is changed; whose fault it was shows when each goes alone."""
        try:
            posted = await self._post([record for one in together for record in one.records])
        except Exception:
            return False
        balances = {balance.account_id: balance for balance in posted.balances}
        unknown = frozenset(posted.unknown)
        for one in together:
            accounts = {record.account_id for record in one.records}
            _answer(
                one,
                Posted(
                    balances=tuple(balances[account] for account in sorted(accounts & balances.keys())),
                    unknown=tuple(record.id for record in one.records if record.id in unknown),
                ),
            )
        return True

    async def _alone(self, one: _Waiting) -> None:
        try:
            _answer(one, await self._post(one.records))
        except Exception as error:
            if not one.answer.done():
                one.answer.set_exception(error)


def _answer(one: _Waiting, posted: Posted) -> None:
    if not one.answer.done():  # whoever waited has gone; the bills are posted all the same
        one.answer.set_result(posted)
