"""The calls that are alive in this process: how many, whose, and which one goes when another takes over."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby

from ..accounts.errors import ErrorCode
from ..accounts.records import Balance, UsageRecord
from ..session.purse import Purse
from .conductor import Conductor
from .contention import Contention, Place

TAKEN_OVER = "Another client connected with the same session id."


class Calls:
    def __init__(self, calls_max: int, per_key_max: int, now_s: Callable[[], float]) -> None:
        self._calls_max = calls_max
        self._per_key_max = per_key_max
        self._all: set[Conductor] = set()
        self._per_key: Counter[str] = Counter()
        self._accounts: dict[str, _Account] = {}
        self.balances_told = 0  # so often the ledger has said what an account has left
        # By whom the session is known: the key before the account is known, the account afterwards.
        self._sessions: dict[Place, Conductor] = {}
        self._contention = Contention(now_s)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Conductor]:
        return iter(list(self._all))  # a call that ends while we look leaves the set

    def bound(self, calls_max: int, per_key_max: int) -> None:
        """Those there are stay."""
        self._calls_max = calls_max
        self._per_key_max = per_key_max

    @property
    def full(self) -> bool:
        return len(self._all) >= self._calls_max

    def too_many(self, key_hash: str) -> bool:
        return self._per_key[key_hash] >= self._per_key_max

    def is_contended(self, key_hash: str, session_id: str) -> bool:
        return self._contention.is_hot((key_hash, session_id))

    def of(self, account_id: str) -> list[Conductor]:
        """Of an account, the oldest first; once it is known whose they are."""
        account = self._accounts.get(account_id)
        return sorted(account.calls, key=lambda call: call.since_s) if account is not None else []

    def named(self, account_id: str, session_id: str) -> Conductor | None:
        """The call that has this session now."""
        return self._sessions.get((account_id, session_id))

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
            self._contention.note(place)
            former.end(ErrorCode.EXTERNAL_TAKEN_OVER, TAKEN_OVER)

    def taken_elsewhere(self, call: Conductor) -> None:
        """Its session is another gateway's now."""
        self._contention.note((call.who.key_hash, call.who.session_id))
        call.end(ErrorCode.EXTERNAL_TAKEN_OVER, TAKEN_OVER)

    def granted(self, call: Conductor, credits: int) -> Purse:
        """Its account is known, with what the ledger says is left."""
        account = self._accounts.setdefault(call.account_id, _Account(Purse(credits)))
        account.calls.add(call)
        account.purse.known(credits)
        return account.purse

    def remove(self, call: Conductor) -> None:
        self._all.discard(call)
        self._per_key[call.who.key_hash] -= 1
        if not self._per_key[call.who.key_hash]:
            del self._per_key[call.who.key_hash]
        if (account := self._accounts.get(call.account_id)) is not None:
            account.calls.discard(call)
            self._let_go(call.account_id, account)
        for owner in (call.who.key_hash, call.account_id):
            place = (owner, call.who.session_id)
            if self._sessions.get(place) is call:
                del self._sessions[place]

    # -- Credits --------------------------------------------------------------------------------------------

    def charged(self, call: Conductor, bill: UsageRecord) -> bool:
        """The call's purse holds it already. True: it runs low, so the ledger should know soon."""
        account = self._accounts[bill.account_id]
        if account.purse.left <= 0:
            account.tell(call)
        return account.purse.is_low(bill)

    def sent(self, bills: Sequence[UsageRecord]) -> None:
        for account_id, of_account in groupby(bills, lambda bill: bill.account_id):
            if (account := self._accounts.get(account_id)) is not None:
                account.purse.sent(bill.id for bill in of_account)

    def balance_known(self, balance: Balance, posted: Collection[str] = ()) -> None:
        self.balances_told += 1
        account = self._accounts.get(balance.account_id)
        if account is None:
            return
        account.purse.known(balance.credits, posted)
        if account.purse.left <= 0:
            account.tell()
        self._let_go(balance.account_id, account)

    def _let_go(self, account_id: str, account: "_Account") -> None:
        """A purse outlives its calls while it owes: who comes next must not get that twice."""
        if not account.calls and not account.purse.owes:
            self._accounts.pop(account_id, None)


class _Account:
    def __init__(self, purse: Purse) -> None:
        self.purse = purse
        self.calls: set[Conductor] = set()

    def tell(self, but: Conductor | None = None) -> None:
        """The purse is empty: every call that shares it stops."""
        for call in list(self.calls):  # a call that ends leaves the set
            if call is not but:
                call.purse_changed()
