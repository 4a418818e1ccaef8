"""Bills that arrive during a write go together in the next one, and each caller gets its own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from realtime_switch.accounts.errors import ErrorCode, StorageError
from realtime_switch.accounts.records import Balance, Posted, UsageRecord
from realtime_switch.business.posting import RECORDS_MAX, Posting


def bill(record_id: str, account_id: str = "a") -> UsageRecord:
    return UsageRecord(id=record_id, account_id=account_id, session_id="s", provider="p")


class Ledger:
    """Notes each write, and waits with it until it is told to go on."""

    def __init__(self) -> None:
        self.writes: list[list[str]] = []
        self.go_on = asyncio.Event()
        self.broken_by = ""

    async def post(self, records: Sequence[UsageRecord]) -> Posted:
        ids = [record.id for record in records]
        self.writes.append(ids)
        await self.go_on.wait()
        if self.broken_by in ids:
            raise StorageError(ErrorCode.INTERNAL_DATABASE_BUSY, "busy")
        known = sorted({record.account_id for record in records if record.account_id != "nobody"})
        return Posted(
            balances=tuple(Balance(account_id=account_id, credits=len(ids)) for account_id in known),
            unknown=tuple(record.id for record in records if record.account_id == "nobody"),
        )


async def started(*callers):
    """The callers as tasks, all of them waiting."""
    tasks = [asyncio.create_task(caller) for caller in callers]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_what_arrives_during_a_write_is_joined_in_the_next():
    ledger = Ledger()
    posting = Posting(ledger.post)
    tasks = await started(posting.add([bill("1")]))
    tasks += await started(posting.add([bill("2")]), posting.add([bill("3", "b"), bill("4", "nobody")]))
    ledger.go_on.set()

    assert await asyncio.gather(*tasks) == [
        Posted(balances=(Balance(account_id="a", credits=1),)),
        Posted(balances=(Balance(account_id="a", credits=3),)),
        Posted(balances=(Balance(account_id="b", credits=3),), unknown=("4",)),
    ]
    assert ledger.writes == [["1"], ["2", "3", "4"]]


async def test_a_caller_whose_bills_cannot_be_posted_does_not_harm_the_others():
    ledger = Ledger()
    ledger.broken_by = "3"
    posting = Posting(ledger.post)
    tasks = await started(posting.add([bill("1")]))
    tasks += await started(posting.add([bill("2")]), posting.add([bill("3")]))
    ledger.go_on.set()

    first, second, third = await asyncio.gather(*tasks, return_exceptions=True)
    assert (first, second) == (Posted(balances=(Balance(account_id="a", credits=1),)),) * 2
    assert isinstance(third, StorageError)
    assert ledger.writes == [["1"], ["2", "3"], ["2"], ["3"]]


async def test_a_write_has_a_bound():
    ledger = Ledger()
    posting = Posting(ledger.post)
    many = [bill(str(number)) for number in range(RECORDS_MAX)]
    tasks = await started(posting.add([bill("first")]))
    tasks += await started(posting.add(many), posting.add([bill("last")]))
    ledger.go_on.set()
    await asyncio.gather(*tasks)

    assert [len(ids) for ids in ledger.writes] == [1, RECORDS_MAX, 1]


async def test_a_caller_that_has_gone_leaves_its_bills_behind():
    ledger = Ledger()
    posting = Posting(ledger.post)
    first, gone = await started(posting.add([bill("1")]), posting.add([bill("2")]))
    gone.cancel()
    ledger.go_on.set()
    await first
    await posting.add([bill("3")])

    assert [record_id for ids in ledger.writes for record_id in ids] == ["1", "2", "3"]
    with pytest.raises(asyncio.CancelledError):
        await gone
