"""Posting a shipment: what the business process says of it, and what it fails to say."""

from collections.abc import Sequence

from outbox_ends import Ledger, Watch, bill, passage, rows
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.accounts.records import Posted, UsageRecord
from realtime_switch.outbox.delivery import Shipment
from realtime_switch.outbox.posting import post


class Broken(Ledger):
    async def update_usage(self, records: Sequence[UsageRecord]) -> Posted:
        raise ValueError("nobody foresaw this")


async def test_what_fails_as_nobody_foresaw_is_not_taken_for_committed() -> None:
    waiting = rows(bill(1), passage(2))
    shipment = Shipment(waiting)
    await post(shipment, Broken(), Watch())
    assert shipment.taken == waiting[1:]
    assert shipment.refused_all is ErrorCode.INTERNAL_UNEXPECTED
