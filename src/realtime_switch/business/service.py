"""The account service for real: the six verbs as rules over repositories.

Every verb is one unit of work. None keeps anything between calls but the times
at which keys were used, which reach the database by `flush`, not by a write
for each connect.

Text is made keepable by the repositories (store/), not here.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby

import structlog

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.questions import AboutAccount, Answer, DeleteSession, Question, UseToken
from ..accounts.records import Balance, Grant, Passage, Posted, Refusal, SavedConfig, Switched, UsageRecord
from .credits import RateBook
from .history import TOLD_CHARS_MAX, recent
from .metrics import Metrics
from .posting import Posting
from .questions import ACCOUNT_CLOSED, INVALID_KEY, answer
from .repos import ACTIVE, Account, Database, PostedUsage, Repos
from .summary import Summariser

SESSION_ID_CHARS_MAX = 200  # as accounts/records.py bounds it

log = structlog.get_logger(part="accounts")


class Accounts:
    """Implements accounts.service.AccountService."""

    def __init__(
        self, database: Database, rates: RateBook, summariser: Summariser, now_us: Callable[[], int]
    ) -> None:
        self._database = database
        self._rates = rates
        self._summariser = summariser
        self._now_us = now_us
        self.metrics = Metrics()
        self._used_us: dict[str, int] = {}  # by key hash, since the last flush
        self._posting = Posting(self._post)
        # A connect must find a reader free, so of all that read much only one at a time does.
        self._reading_much = asyncio.Semaphore(1)

    async def validate_and_load(self, key_hash: str, session_id: str) -> Grant | Refusal:
        """A5-A7, A10, A11. An empty session id remembers nothing."""
        if len(session_id) > SESSION_ID_CHARS_MAX:
            return Refusal(
                code=ErrorCode.EXTERNAL_INVALID_VALUE,
                message=f"A session id has at most {SESSION_ID_CHARS_MAX} characters; choose a shorter one.",
            )
        now_us = self._now_us()
        loaded = await self._database.read(lambda repos: repos.accounts.load(key_hash, session_id, now_us))
        # Unknown, expired and revoked are one answer: which it was is nobody's business but the owner's.
        if loaded is None:
            return INVALID_KEY
        account = loaded.account
        if account.status != ACTIVE:
            return ACCOUNT_CLOSED
        if account.credits <= 0:
            return Refusal(
                code=ErrorCode.EXTERNAL_NO_CREDITS,
                message="The account has no credits left; top it up to go on.",
            )
        self._used_us[key_hash] = now_us
        config, history = None, ""
        if session_id:
            config, history = (
                loaded.config,
                recent(loaded.conversation, whole_chars=loaded.conversation_chars),
            )
            if loaded.conversation_chars > TOLD_CHARS_MAX:
                self._summariser.begin(account.id, session_id)
        return Grant(
            account_id=account.id,
            session_id=session_id,
            credits=account.credits,
            config=config,
            history=history,
        )

    async def get_credits(self, account_id: str) -> int:
        found = await self._database.read(lambda repos: repos.accounts.find(account_id))
        return _spendable(found) if found is not None and found.id == account_id else 0

    async def update_usage(self, records: Sequence[UsageRecord]) -> Posted:
        return await self._posting.add(records)

    async def _post(self, records: Sequence[UsageRecord]) -> Posted:
        """A13, A14: bills and purses change together in one write, or not at all."""
        now_us = self._now_us()
        # By account, because locks that everybody takes in one order cannot deadlock; by id, so that the
        # same batch sent twice is the same write twice.
        ordered = sorted({record.id: record for record in reversed(records)}.values(), key=_by_account)
        bills = [self._rates.bill(record) for record in ordered]
        posted = await self._database.write(lambda repos: _post(repos, bills, now_us))
        self.metrics.posted([bill.record for bill in bills], self._now_us())
        if posted.unknown:
            log.error("usage_of_unknown_accounts", count=len(posted.unknown), ids=posted.unknown[:10])
        return posted

    async def save_session(self, saved: SavedConfig) -> None:
        """Of an account that nobody knows: logged and dropped, for it can never be kept."""
        now_us = self._now_us()

        def save(repos: Repos) -> bool:
            if not repos.accounts.known([saved.account_id]):
                return False
            repos.sessions.save_config(saved, now_us)
            return True

        if not await self._database.write(save):
            log.error("session_of_unknown_account", account=saved.account_id)

    async def append_conversation(self, parts: Sequence[Passage | Switched]) -> None:
        """Of accounts that nobody knows: logged and dropped, so that they cannot hold up the others."""
        now_us = self._now_us()

        def append(repos: Repos) -> int:
            known = repos.accounts.known([part.account_id for part in parts])
            kept = [part for part in parts if part.account_id in known]
            repos.sessions.append([part for part in kept if isinstance(part, Passage)], now_us)
            repos.sessions.add_switches([part for part in kept if isinstance(part, Switched)], now_us)
            return len(parts) - len(kept)

        dropped = await self._database.write(append)
        if dropped:
            log.error("conversation_of_unknown_accounts", count=dropped)

    async def ask(self, key_hash: str, question: Question) -> Answer | Refusal:
        now_us = self._now_us()
        work = partial(answer, key_hash=key_hash, question=question, now_us=now_us)
        match question:
            case AboutAccount():
                answered = await self._database.read(work)
            case DeleteSession() | UseToken():
                answered = await self._database.write(work)
            case _:
                async with self._reading_much:
                    answered = await self._database.read(work)
        if answered != INVALID_KEY:
            self._used_us[key_hash] = now_us
        return answered

    async def flush(self) -> None:
        """Write down when keys were used; every few seconds, and at the end."""
        used_us, self._used_us = self._used_us, {}
        if not used_us:
            return
        try:
            await self._database.write(lambda repos: repos.accounts.note_used(used_us))
        except RealtimeSwitchError:
            self._used_us = {**used_us, **self._used_us}
            raise


def _by_account(record: UsageRecord) -> tuple[str, str]:
    return record.account_id, record.id


def _spendable(account: Account) -> int:
    """What calls may still spend: nothing once the account is closed, so that closing it ends them."""
    return account.credits if account.status == ACTIVE else min(account.credits, 0)


def _post(repos: Repos, bills: Sequence[PostedUsage], now_us: int) -> Posted:
    """Bills in the order of their accounts: insert them, then lower each purse by what was new."""
    known = repos.accounts.known([bill.record.account_id for bill in bills])
    owned = [bill for bill in bills if bill.record.account_id in known]
    new = set(repos.usage.post(owned, now_us))
    balances = []
    for account_id, of_account in groupby(owned, key=lambda bill: bill.record.account_id):
        charged = [bill for bill in of_account if bill.record.id in new and bill.credits]
        if charged:
            first, others = charged[0].record.id, len(charged) - 1
            reason = f"usage {first} and {others} more" if others else f"usage {first}"
            credits = sum(bill.credits for bill in charged)
            account = repos.accounts.spend(account_id, credits, reason, now_us)
        else:
            found = repos.accounts.find(account_id)
            assert found is not None, "known a moment ago, in the same transaction"
            account = found
        balances.append(Balance(account_id=account_id, credits=_spendable(account)))
    unknown = tuple(bill.record.id for bill in bills if bill.record.account_id not in known)
    return Posted(balances=tuple(balances), unknown=unknown)
