"""What an account may still spend, as far as this process knows (A12). Pure.

One for all calls of the account on a gateway: what any of them spends is gone
for all of them at that moment, so they stop within one reply of each other.

A bill counts from its birth until the ledger's figure surely holds it. Between
being sent and being acknowledged it may be in that figure or not. Such a bill
is not taken off twice: a call that has credits must not be ended by mistake.
"""

from collections.abc import Iterable

from ..accounts.records import UsageKind, UsageRecord

# With less than so many replies of the last size left, the ledger is told at once, so that calls on other
# gateways learn of it.
LOW_REPLIES = 20

# An Enum's member is found by Python code (CPython 3.11).
_RESPONSE, _SESSION = UsageKind.RESPONSE, UsageKind.SESSION


class Purse:
    def __init__(self, credits: int) -> None:
        self._ledger = credits
        self._owed: dict[str, int] = {}  # by bill: what the ledger has not acknowledged
        self._under_way: set[str] = set()  # of them, those that were sent
        self._owed_sum = 0
        self._under_way_sum = 0

    @property
    def left(self) -> int:
        return self._ledger - self._owed_sum

    @property
    def owes(self) -> bool:
        return bool(self._owed)

    def spend(self, bill: UsageRecord) -> None:
        cost = credits_of(bill)
        if cost:
            self._owed[bill.id] = cost
            self._owed_sum += cost

    def sent(self, bill_ids: Iterable[str]) -> None:
        for bill_id in bill_ids:
            if bill_id in self._owed and bill_id not in self._under_way:
                self._under_way.add(bill_id)
                self._under_way_sum += self._owed[bill_id]

    def known(self, credits: int, posted: Iterable[str] = ()) -> None:
        """What the ledger says, and which bills are surely in that figure."""
        for bill_id in posted:
            cost = self._owed.pop(bill_id, 0)
            self._owed_sum -= cost
            if bill_id in self._under_way:
                self._under_way.remove(bill_id)
                self._under_way_sum -= cost
        self._ledger = credits + self._under_way_sum

    def is_low(self, bill: UsageRecord) -> bool:
        if bill.kind is _SESSION:  # what a second costs only the ledger knows
            return True
        return self.left < credits_of(bill) * LOW_REPLIES


def credits_of(bill: UsageRecord) -> int:
    """A token is a credit until the ledger speaks: rates live on the business side."""
    return bill.tokens.total if bill.kind is _RESPONSE else 0
