"""The calls that are alive in this process: how many, whose, and which one goes when another takes over."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from ..accounts.errors import ErrorCode
from ..accounts.records import Balance, UsageRecord
from ..outbox.purses import Purses
from .conductor import Conductor

TAKEN_OVER = "Another client connected with the same session id."


class Calls:
    def __init__(self, calls_max: int, per_key_max: int) -> None:
        self._calls_max = calls_max
        self._per_key_max = per_key_max
        self._all: set[Conductor] = set()
        self._per_key: Counter[str] = Counter()
        self._per_account: dict[str, set[Conductor]] = {}
        self._purses: Purses[Conductor] = Purses()
        # By whom the session is known: the key before the account is known, the account afterwards.
        self._sessions: dict[tuple[str, str], Conductor] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Conductor]:
        return iter(list(self._all))  # a call that ends while we look leaves the set

    @property
    def full(self) -> bool:
        return len(self._all) >= self._calls_max

    def too_many(self, key_hash: str) -> bool:
        return self._per_key[key_hash] >= self._per_key_max

    def add(self, call: Conductor) -> None:
        self._all.add(call)
        self._per_key[call.who.key_hash] += 1

    def take_over(self, owner: str, call: Conductor) -> None:
        """From now on the session is this call's. The one that had it ends and says why.

        `owner` is the hash of the key, and later the account: the first lets the older call go before its
        last words are asked for, the second finds it when two clients hold different keys of one account.
        """
        place = (owner, call.who.session_id)
        former = self._sessions.get(place)
        self._sessions[place] = call
        if former is not None and former is not call:
            former.end(ErrorCode.EXTERNAL_TAKEN_OVER, TAKEN_OVER)

    def known(self, call: Conductor, credits: int) -> int:
        """Its account has been told, with what the ledger says is left. What is left for this call."""
        self._per_account.setdefault(call.account_id, set()).add(call)
        self._purses.known(call.account_id, credits)
        return credits - self._purses.owed_by_others(call.account_id, call)

    def remove(self, call: Conductor) -> None:
        self._all.discard(call)
        self._per_key[call.who.key_hash] -= 1
        if not self._per_key[call.who.key_hash]:
            del self._per_key[call.who.key_hash]
        if (mine := self._per_account.get(call.account_id)) is not None:
            mine.discard(call)
            if not mine:
                del self._per_account[call.account_id]
                self._purses.forget(call.account_id)
        for owner in (call.who.key_hash, call.account_id):
            place = (owner, call.who.session_id)
            if self._sessions.get(place) is call:
                del self._sessions[place]

    # -- Credits --------------------------------------------------------------------------------------------
    # Calls that share an account stop within one reply of each other: each learns at once what the others are
    # billed, and what the ledger says is told to each less what the others have not sent yet.

    def charged(self, call: Conductor, bill: UsageRecord) -> bool:
        """True: the account runs low, so the ledger should know soon."""
        cost = self._purses.kept(call, bill)
        if cost:
            for other in list(self._per_account.get(bill.account_id, ())):
                if other is not call:
                    other.spent_elsewhere(cost)
        return self._purses.is_low(bill.account_id, cost)

    def credits_read(self, call: Conductor, credits: int) -> None:
        self._purses.known(call.account_id, credits)
        call.credits_known(credits - self._purses.owed_by_others(call.account_id, call))

    def sent(self, bills: Sequence[UsageRecord]) -> None:
        self._purses.sent(bills)

    def balance_known(self, balance: Balance, posted: Collection[str]) -> None:
        calls = list(self._per_account.get(balance.account_id, ()))
        if calls:
            self._purses.known(balance.account_id, balance.credits)
        for call in calls:
            others = self._purses.owed_by_others(balance.account_id, call)
            call.credits_known(balance.credits - others, posted)
