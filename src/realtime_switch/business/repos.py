"""What the business side asks of a database: four repositories and two ways to reach them.

A repository is pure data access: it decides nothing, it only reads and writes
rows. What belongs together is done in one unit of work, which the database
runs in one transaction:

    await database.write(lambda repos: repos.accounts.add(account))

Work is a plain function of the repositories and does nothing else, because it
may be run twice: the writer commits what arrives together as one transaction,
and when one of a group fails, the others are run again without it.

Implemented by store/database.py over SQLite and PostgreSQL, and by
store/memory/ for tests; tests/conformance runs one suite over all of them.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

from msgspec import Struct

from ..accounts.questions import Group, Said, UsageTotals
from ..accounts.records import TIME_MAX_US, Passage, SavedConfig, Switched, UsageRecord

Result = TypeVar("Result")


# -- Rows ------------------------------------------------------------------------------------------------

ACTIVE = "active"
CLOSED = "closed"


class Account(Struct, frozen=True, kw_only=True):
    id: str
    email: str  # unique without regard to case; kept in lower case
    plan_name: str
    token_remaining: int  # the plan's purse; may go below zero
    topup_remaining: int  # the bought purse; never below zero
    status: str = ACTIVE
    created_us: int
    updated_us: int

    @property
    def credits(self) -> int:
        return self.token_remaining + self.topup_remaining


class ApiKey(Struct, frozen=True, kw_only=True):
    key_hash: str
    account_id: str
    key_indicator: str
    label: str
    created_us: int
    expires_us: int | None = None
    last_used_us: int | None = None


class Loaded(Struct, frozen=True, kw_only=True):
    """The one row that a connect reads (A6)."""

    account: Account
    config: str | None
    conversation: str
    conversation_chars: int


class PostedUsage(Struct, frozen=True, kw_only=True):
    """A bill with what it cost and why: the line of an entry."""

    record: UsageRecord
    credits: int
    rates: str  # the rates that were used, as JSON; "" means one credit a token


class EntryKind(StrEnum):
    """Why purses changed."""

    OPENED = "opened"
    TOPPED_UP = "topped_up"
    USED = "used"
    ADJUSTED = "adjusted"


class Entry(Struct, frozen=True, kw_only=True):
    """One change of an account's purses. Entries of an account are numbered from 1 without a gap, and each
    says what was left after it, so a missing or altered one shows."""

    account_id: str
    number: int
    kind: EntryKind
    plan_change: int
    topup_change: int
    token_remaining: int
    topup_remaining: int
    reason: str
    created_us: int


class SessionSummary(Struct, frozen=True, kw_only=True):
    """A session as a list shows it."""

    account_id: str
    session_id: str
    has_config: bool
    conversation_chars: int
    created_us: int
    updated_us: int


class Backlog(Struct, frozen=True, kw_only=True):
    """A conversation that has grown over its bound, and where a summary of it would end."""

    account_id: str
    session_id: str
    summary: str  # the summary so far, "" before the first
    passages: tuple[tuple[int, str], ...]  # number and text, oldest first, those after the summary

    @property
    def text(self) -> str:
        return self.summary + "".join(text for _, text in self.passages)


class Retention(Struct, frozen=True, kw_only=True):
    """For how many days; None: as the settings say."""

    transcripts_days: int | None = None
    usage_days: int | None = None


EVERY_SESSION = ""  # among those that were forgotten: the account was erased

# By what rows of an account's tables are told apart, and come in pages.
KEYS: dict[str, tuple[str, ...]] = {
    "accounts": ("id",),
    "api_keys": ("key_hash",),
    "entries": ("number",),
    "usage_metrics": ("id",),
    "session_configs": ("session_id",),
    "passages": ("session_id", "number"),
    "summaries": ("session_id",),
    "switches": ("id",),
    "forgotten": ("session_id",),
    "retentions": ("account_id",),
    "token_uses": ("token_id", "call_id"),
}


# -- Repositories ----------------------------------------------------------------------------------------


class AccountRepo(Protocol):
    """Accounts with their keys and their entries."""

    def add(self, account: Account) -> None:
        """Raises RealtimeSwitchError EXTERNAL_ALREADY_EXISTS when the email is taken. Purses start at zero:
        what the account begins with comes by `change_purses`, so that an entry says it."""
        ...

    def find(self, id_or_email: str) -> Account | None: ...

    def known(self, account_ids: Sequence[str]) -> set[str]:
        """Those of the ids that are accounts."""
        ...

    def set_status(self, account_id: str, status: str, now_us: int) -> None: ...

    def spend(self, account_id: str, credits: int, reason: str, now_us: int) -> Account:
        """Lower the purses by one statement (A14): top-up first down to zero, then the plan. Adds the
        entry."""
        ...

    def change_purses(
        self, account_id: str, kind: EntryKind, plan: int, topup: int, reason: str, now_us: int
    ) -> Account:
        """Add to (or take from) each purse by name, by one statement. Adds the entry."""
        ...

    def entries(self, account_id: str) -> list[Entry]: ...

    def add_key(self, key: ApiKey) -> None: ...

    def keys(self, account_id: str | None = None) -> list[ApiKey]: ...

    def expire_key(self, key_hash: str, expires_us: int) -> None: ...

    def note_used(self, used_us: dict[str, int]) -> None:
        """Raise last_used_at of each key hash to the time given; never lower it."""
        ...

    def holder(self, key_hash: str, now_us: int) -> tuple[Account, ApiKey] | None:
        """The key and whose it is. None: there is no such key, or it has expired."""
        ...

    def load(self, key_hash: str, session_id: str, now_us: int) -> Loaded | None:
        """Everything a connect needs, in one SQL statement (A6). None: there is no such key, or it has
        expired; the statement says so itself, so that the one takes as long as the other."""
        ...

    # Last in its class, because from here on `list` means this.
    def list(self) -> list[Account]: ...


class UsageRepo(Protocol):
    def post(self, bills: Sequence[PostedUsage], now_us: int) -> list[str]:
        """Insert the bills whose id is new; say which were. Ids that are there already stay as they are."""
        ...

    def totals(
        self,
        *by: Group,
        account_id: str | None = None,
        session_id: str | None = None,
        since_us: int = 0,
        until_us: int = TIME_MAX_US,
        after: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[UsageTotals]:
        """A row for each group, in their order; without `by` always one row. `after` are the groups of the
        row behind which to begin, as they were told."""
        ...

    def forget_session(self, account_id: str, session_id: str) -> int:
        """Let the bills of a session stay without its name and the provider's names of its replies. How many
        there were."""
        ...

    def credits_posted(self, account_id: str) -> int:
        """The sum of what the bills of an account cost: what its USED entries must add up to."""
        ...


class SessionRepo(Protocol):
    """Session configurations, conversations, where calls went on, and which of them tokens have opened."""

    def save_config(self, saved: SavedConfig, now_us: int) -> None: ...

    def append(self, passages: Sequence[Passage], now_us: int) -> None:
        """Add passages whose id is new, in order, at the cost of their own length. They are numbered as they
        arrive and told as they were born: with several gateways, what was said first may arrive last."""
        ...

    def add_switches(self, switches: Sequence[Switched], now_us: int) -> None:
        """Insert those whose id is new. A session may have switches and nothing else: nobody could be
        reached."""
        ...

    def switches(self, account_id: str, session_id: str) -> Sequence[Switched]:
        """As they were born."""
        ...

    def find(self, account_id: str, session_id: str) -> tuple[SessionSummary, str | None, str] | None:
        """A session with its configuration and everything that was said, whole, no summary in it."""
        ...

    def head(self, account_id: str, session_id: str) -> tuple[SessionSummary, str | None] | None:
        """The same without what was said."""
        ...

    def page(
        self, account_id: str, search: str, after: tuple[int, str] | None, limit: int
    ) -> Sequence[SessionSummary]:
        """Those that began before `after` (when, and its id), the last one first; with `search` only those
        in which a passage has it. Letters of ASCII are found however they are spelt, others as given, in
        small letters, in capitals, or with a capital first: more not all engines can do alike."""
        ...

    def said(
        self, account_id: str, session_id: str, after: tuple[int, int] | None, limit: int
    ) -> Sequence[Said]:
        """A page of what was said, as it is told: by birth, then by number."""
        ...

    def passage_with(self, account_id: str, session_id: str, search: str) -> str:
        """The first one that has it, whole; "" when none has."""
        ...

    def delete(self, account_id: str, session_id: str, now_us: int) -> bool:
        """Everything but bills, for good: what was born until now and arrives later is not kept. False:
        there was nothing."""
        ...

    def token_uses(self, account_id: str, token_id: str) -> Sequence[str]:
        """Which calls a token has opened; until this unit of work is over it opens no other."""
        ...

    def use_token(self, account_id: str, token_id: str, call_id: str, until_us: int) -> None:
        """`until_us`: for so long it has to be known."""
        ...

    def backlog(self, account_id: str, session_id: str) -> Backlog | None: ...

    def overlong(self, chars: int) -> list[tuple[str, str]]:
        """Account and session id of every conversation that would be told at more than `chars`."""
        ...

    def summarise(self, account_id: str, session_id: str, upto: int, summary: str, now_us: int) -> None:
        """Let `summary` stand for everything up to passage number `upto`. What was said stays."""
        ...

    # Last in its class, because from here on `list` means this.
    def list(self, account_id: str | None = None) -> list[SessionSummary]: ...


class KeepingRepo(Protocol):
    """How long rows stay, and all rows of an account, whatever they are."""

    def retentions(self) -> dict[str, Retention]:
        """Of the accounts that have one of their own."""
        ...

    def set_retention(self, account_id: str, retention: Retention) -> None: ...

    def stale(self, account_id: str, before_us: int, limit: int) -> Sequence[str]:
        """Sessions of which `expire` would delete something."""
        ...

    def expire(self, account_id: str, session_id: str, before_us: int) -> None:
        """Delete what got here before: passages, with a summary that stands for one of them, and switches;
        the configuration when it is as old and nothing else is left."""
        ...

    def unname_bills(self, account_id: str, before_us: int, limit: int) -> int:
        """Let bills of before lose the names of their sessions and replies. How many did."""
        ...

    def prune(self, before_us: int) -> None:
        """No longer remember which sessions were deleted before: nothing of them is on its way any more; nor
        the uses of tokens that expired before."""
        ...

    def counts(self, account_id: str) -> dict[str, int]:
        """How many rows of each table are the account's; of all tables that hold anything of anybody's."""
        ...

    def rows(
        self, table: str, account_id: str, after: Sequence[object] | None, limit: int
    ) -> Sequence[dict[str, object]]:
        """A page of them, in the order of their keys; `after` is the key of the last row, see KEYS."""
        ...

    def erase(self, account_id: str, email: str, now_us: int) -> None:
        """Close the account, let `email` stand for the one it had, and delete all but what says what was
        paid: entries and bills, without names and reasons. Nothing that arrives later is kept."""
        ...


class Repos(Protocol):
    @property
    def accounts(self) -> AccountRepo: ...
    @property
    def usage(self) -> UsageRepo: ...
    @property
    def sessions(self) -> SessionRepo: ...
    @property
    def keeping(self) -> KeepingRepo: ...


class Database(Protocol):
    async def read(self, work: Callable[[Repos], Result]) -> Result:
        """Run work that only reads; it sees one consistent state."""
        ...

    async def write(self, work: Callable[[Repos], Result]) -> Result:
        """Run work in a transaction; returns once it is committed, raises and changes nothing otherwise."""
        ...

    async def close(self) -> None:
        """Finish what was begun, refuse what comes after, let go of every connection."""
        ...
