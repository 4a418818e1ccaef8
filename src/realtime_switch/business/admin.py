"""What an operator does: accounts, keys, top-ups, and looking at it all.

Everything a person types comes in here and is checked here. Purses change only
with an entry that says why; `audit` works every balance out again from the
entries and the bills.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.keys import LABEL_CHARS_MAX, RANDOM_BYTES, hash_key, indicator, is_key, make_key
from ..accounts.questions import Group, UsageTotals
from ..accounts.records import Switched
from .audit import findings
from .credits import plan
from .forget import erase_account, forget_session
from .repos import (
    ACTIVE,
    CLOSED,
    KEYS,
    Account,
    ApiKey,
    Database,
    EntryKind,
    Repos,
    Retention,
    SessionSummary,
)

ACCOUNT_ID_BYTES = 12
EMAIL_CHARS_MAX = 254  # RFC 5321 4.5.3.1.3, less the angle brackets
TOKENS_MAX = 10**15  # as much again may be posted thousands of times before a bigint is full
REASON_CHARS_MAX = 200
HASH_PREFIX_CHARS_MIN = 8
RETENTION_DAYS_MAX = 36_500
EXPORT_ROWS = 1_000

# Only what would make it no address at all: whether mail arrives there is for mail to tell.
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\Z")


class WholeSession(Struct, frozen=True, kw_only=True):
    """All that is kept of a session but its bills, and all that is deleted with it."""

    summary: SessionSummary
    config: str | None
    conversation: str  # word for word, whatever has been summarised
    switches: tuple[Switched, ...]


class Erased(Struct, frozen=True, kw_only=True):
    """By table, how many rows the account had, and has."""

    account_id: str
    before: dict[str, int]
    after: dict[str, int]


class Administration:
    """Raises RealtimeSwitchError with a sentence for the operator, and has changed nothing then."""

    def __init__(
        self, database: Database, now_us: Callable[[], int], random_bytes: Callable[[int], bytes]
    ) -> None:
        self._database = database
        self._now_us = now_us
        self._random_bytes = random_bytes

    # -- Accounts ----------------------------------------------------------------------------------------

    async def create_account(
        self, email: str, plan_name: str = "Free", tokens: int | None = None, topup: int = 0
    ) -> Account:
        """`tokens` in place of what comes with the plan."""
        plan_name, plan_tokens = plan(plan_name)
        opening = plan_tokens if tokens is None else _amount("tokens", tokens, at_least=0)
        _amount("topup", topup, at_least=0)
        now_us = self._now_us()
        account = Account(
            id=f"acct_{self._random_bytes(ACCOUNT_ID_BYTES).hex()}",
            email=_email(email),
            plan_name=plan_name,
            token_remaining=0,
            topup_remaining=0,
            created_us=now_us,
            updated_us=now_us,
        )

        def create(repos: Repos) -> Account:
            repos.accounts.add(account)
            return repos.accounts.change_purses(
                account.id, EntryKind.OPENED, opening, topup, f"{plan_name} plan", now_us
            )

        return await self._database.write(create)

    async def accounts(self) -> list[Account]:
        return await self._database.read(lambda repos: repos.accounts.list())

    async def account(self, id_or_email: str) -> Account:
        return await self._database.read(lambda repos: _find(repos, id_or_email))

    async def topup(self, id_or_email: str, tokens: int, reason: str = "") -> Account:
        _amount("tokens", tokens, at_least=1)
        reason = reason.strip() or "top-up"
        if len(reason) > REASON_CHARS_MAX:
            raise _wrong(f"The reason has {len(reason)} characters; at most {REASON_CHARS_MAX} are kept.")
        now_us = self._now_us()

        def add(repos: Repos) -> Account:
            account = _find(repos, id_or_email)
            return repos.accounts.change_purses(account.id, EntryKind.TOPPED_UP, 0, tokens, reason, now_us)

        return await self._database.write(add)

    async def close_account(self, id_or_email: str) -> Account:
        """Its keys stop working at once, and calls that are up find nothing left to spend."""
        now_us = self._now_us()

        def close(repos: Repos) -> Account:
            account = _find(repos, id_or_email)
            repos.accounts.set_status(account.id, CLOSED, now_us)
            return _find(repos, account.id)

        return await self._database.write(close)

    async def retention(self, id_or_email: str) -> Retention:
        def find(repos: Repos) -> Retention:
            return repos.keeping.retentions().get(_find(repos, id_or_email).id, Retention())

        return await self._database.read(find)

    async def set_retention(self, id_or_email: str, retention: Retention) -> None:
        for days in (retention.transcripts_days, retention.usage_days):
            if days is not None and not 0 <= days <= RETENTION_DAYS_MAX:
                raise _wrong(f"Days to keep something are a whole number from 0 to {RETENTION_DAYS_MAX:,}.")
        await self._database.write(
            lambda repos: repos.keeping.set_retention(_find(repos, id_or_email).id, retention)
        )

    async def export_account(self, id_or_email: str) -> AsyncIterator[tuple[str, dict[str, object]]]:
        """Every row that is the account's, with its table's name; of a key not its hash. At the end it is
        made sure that none was missed."""
        account_id = (await self.account(id_or_email)).id
        before = await self._database.read(lambda repos: repos.keeping.counts(account_id))
        told = dict.fromkeys(before, 0)
        for table in before:
            after: Sequence[object] | None = None
            while page := await self._database.read(
                lambda repos, t=table, a=after: repos.keeping.rows(t, account_id, a, EXPORT_ROWS)  # type: ignore[misc]
            ):
                for row in page:
                    yield table, {name: value for name, value in row.items() if name != "key_hash"}
                told[table] += len(page)
                after = [page[-1][name] for name in KEYS[table]]
        now = await self._database.read(lambda repos: repos.keeping.counts(account_id))
        if not all(before[table] <= told[table] <= now[table] for table in before):
            raise RealtimeSwitchError(
                ErrorCode.INTERNAL_UNEXPECTED,
                "Something of the account was deleted while it was exported: export it again.",
            )

    async def erase_account(self, id_or_email: str) -> Erased:
        """See forget.py. Calls that are up end, because nothing is left to spend."""
        now_us = self._now_us()

        def erase(repos: Repos) -> Erased:
            account = _find(repos, id_or_email)
            before, after = erase_account(repos, account, now_us)
            return Erased(account_id=account.id, before=before, after=after)

        return await self._database.write(erase)

    # -- Keys --------------------------------------------------------------------------------------------

    async def create_key(
        self, id_or_email: str, label: str = "", expires_us: int | None = None
    ) -> tuple[str, ApiKey]:
        """The key itself, which nobody can show again, and what is kept of it."""
        label = label.strip()
        if len(label) > LABEL_CHARS_MAX:
            raise _wrong(f"The label has {len(label)} characters; choose one of at most {LABEL_CHARS_MAX}.")
        now_us = self._now_us()
        if expires_us is not None and expires_us <= now_us:
            raise _wrong("The key would expire before it is made; choose a time to come.")
        key = make_key(self._random_bytes(RANDOM_BYTES))

        def create(repos: Repos) -> ApiKey:
            account = _find(repos, id_or_email)
            if account.status != ACTIVE:
                raise RealtimeSwitchError(
                    ErrorCode.EXTERNAL_ACCOUNT_CLOSED,
                    f"The account {account.id} is closed; it gets no more keys.",
                )
            made = ApiKey(
                key_hash=hash_key(key),
                account_id=account.id,
                key_indicator=indicator(key),
                label=label,
                created_us=now_us,
                expires_us=expires_us,
            )
            repos.accounts.add_key(made)
            return made

        return key, await self._database.write(create)

    async def keys(self, id_or_email: str | None = None) -> list[ApiKey]:
        return await self._database.read(lambda repos: repos.accounts.keys(_id(repos, id_or_email)))

    async def revoke_key(self, what: str) -> ApiKey:
        """`what`: the key, its hash or the beginning of it, or its indicator, if only one key has it."""
        now_us = self._now_us()

        def revoke(repos: Repos) -> ApiKey:
            key = _the_key(repos.accounts.keys(), what)
            if key.expires_us is not None and key.expires_us <= now_us:
                return key  # it has stopped working already; when it did stays on record
            repos.accounts.expire_key(key.key_hash, now_us)
            return replace(key, expires_us=now_us)

        return await self._database.write(revoke)

    # -- Usage and sessions ------------------------------------------------------------------------------

    async def usage(self, by: str | None = None, id_or_email: str | None = None) -> list[UsageTotals]:
        if by is not None and by not in (*Group,):
            raise _wrong(f"Usage can be shown by {', '.join(Group)}, and not by anything else.")
        groups = () if by is None else (Group(by),)
        return await self._database.read(
            lambda repos: repos.usage.totals(*groups, account_id=_id(repos, id_or_email))
        )

    async def sessions(self, id_or_email: str | None = None) -> list[SessionSummary]:
        return await self._database.read(lambda repos: repos.sessions.list(_id(repos, id_or_email)))

    async def session(self, id_or_email: str, session_id: str) -> WholeSession:
        def find(repos: Repos) -> WholeSession:
            account_id = _find(repos, id_or_email).id
            found = repos.sessions.find(account_id, session_id)
            if found is None:
                raise _no_session(session_id)
            summary, config, conversation = found
            switches = tuple(repos.sessions.switches(account_id, session_id))
            return WholeSession(summary=summary, config=config, conversation=conversation, switches=switches)

        return await self._database.read(find)

    async def delete_session(self, id_or_email: str, session_id: str) -> None:
        """See forget.py."""
        now_us = self._now_us()

        def delete(repos: Repos) -> None:
            if not forget_session(repos, _find(repos, id_or_email).id, session_id, now_us):
                raise _no_session(session_id)

        await self._database.write(delete)

    async def audit(self) -> list[str]:
        """What is wrong with the ledger, in sentences; nothing when it is sound."""

        def check(repos: Repos) -> list[str]:
            return [
                finding
                for account in repos.accounts.list()
                for finding in findings(
                    account, repos.accounts.entries(account.id), repos.usage.credits_posted(account.id)
                )
            ]

        return await self._database.read(check)


def _find(repos: Repos, id_or_email: str) -> Account:
    found = repos.accounts.find(id_or_email.strip())
    if found is None:
        raise RealtimeSwitchError(
            ErrorCode.EXTERNAL_NOT_FOUND,
            "There is no account with that id or email; list them to see which there are.",
        )
    return found


def _id(repos: Repos, id_or_email: str | None) -> str | None:
    return None if id_or_email is None else _find(repos, id_or_email).id


def _the_key(keys: list[ApiKey], what: str) -> ApiKey:
    what = what.strip()
    wanted = hash_key(what) if is_key(what) else what.lower()
    long_enough = len(wanted) >= HASH_PREFIX_CHARS_MIN
    found = [
        key for key in keys if key.key_indicator == what or (long_enough and key.key_hash.startswith(wanted))
    ]
    if not found:
        # What was typed may be a whole key with a slip in it: it is not repeated here.
        raise RealtimeSwitchError(
            ErrorCode.EXTERNAL_NOT_FOUND,
            "There is no such key; name it by the key itself, by its indicator, or by at least "
            f"{HASH_PREFIX_CHARS_MIN} characters of its hash.",
        )
    if len(found) > 1:
        raise _wrong(f"{len(found)} keys answer to that; give more of the hash.")
    return found[0]


def _email(email: str) -> str:
    email = email.strip().lower()
    if len(email) > EMAIL_CHARS_MAX or not _EMAIL.match(email):
        raise _wrong("That is not an email address; it should look like name@example.com.")
    return email


def _amount(name: str, amount: int, at_least: int) -> int:
    if not at_least <= amount <= TOKENS_MAX:
        raise _wrong(f"{name} must be a whole number from {at_least} to {TOKENS_MAX:,}.")
    return amount


def _no_session(session_id: str) -> RealtimeSwitchError:
    return RealtimeSwitchError(
        ErrorCode.EXTERNAL_NOT_FOUND,
        f"The account has no session {session_id[:200]!r}; list them to see which it has.",
    )


def _wrong(message: str) -> RealtimeSwitchError:
    return RealtimeSwitchError(ErrorCode.EXTERNAL_INVALID_VALUE, message)
