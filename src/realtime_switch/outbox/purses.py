"""What the calls of this gateway have spent and the ledger does not know yet, by account and by call. Pure.

A call knows its own bills; this is how it learns of the others'. A bill counts
until it is sent: from then on it may be in any figure that the ledger gives,
and must not be taken off twice. Its acknowledgement follows with a figure that
surely holds it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

from ..accounts.records import UsageKind, UsageRecord

Owner = TypeVar("Owner")  # a call
Key = TypeVar("Key")

# An account with less than so many replies of this size left is told to the ledger at once, so that calls on
# other gateways learn of it.
LOW_REPLIES = 20


class _Unsent(NamedTuple, Generic[Owner]):
    account_id: str
    owner: Owner
    credits: int


class Purses(Generic[Owner]):
    def __init__(self) -> None:
        self._unsent: dict[str, _Unsent[Owner]] = {}  # by bill
        self._of_account: Counter[str] = Counter()  # their sums
        self._of_owner: Counter[tuple[str, Owner]] = Counter()
        self._known: dict[str, int] = {}  # what the ledger said last

    def known(self, account_id: str, credits: int) -> None:
        self._known[account_id] = credits

    def kept(self, owner: Owner, bill: UsageRecord) -> int:
        """What it costs, as far as we can tell."""
        cost = credits_of(bill)
        self._unsent[bill.id] = _Unsent(bill.account_id, owner, cost)
        self._of_account[bill.account_id] += cost
        self._of_owner[bill.account_id, owner] += cost
        return cost

    def sent(self, bills: Iterable[UsageRecord]) -> None:
        for bill in bills:
            unsent = self._unsent.pop(bill.id, None)
            if unsent is None:
                continue  # it was sent before, or kept by a gateway that is gone
            account_id, owner, cost = unsent
            _lower(self._of_account, account_id, cost)
            _lower(self._of_owner, (account_id, owner), cost)

    def owed_by_others(self, account_id: str, owner: Owner) -> int:
        """To be taken off what the ledger says, for this one's eyes."""
        return self._of_account[account_id] - self._of_owner[account_id, owner]

    def is_low(self, account_id: str, cost: int) -> bool:
        left = self._known.get(account_id, 0) - self._of_account[account_id]
        return left < cost * LOW_REPLIES

    def forget(self, account_id: str) -> None:
        """It has no calls here any more."""
        self._known.pop(account_id, None)


def credits_of(bill: UsageRecord) -> int:
    """A token is a credit until the ledger speaks: rates live there (as session/allowance.py has it)."""
    return bill.tokens.total if bill.kind is UsageKind.RESPONSE else 0


def _lower(sums: Counter[Key], key: Key, by: int) -> None:
    sums[key] -= by
    if not sums[key]:
        del sums[key]
