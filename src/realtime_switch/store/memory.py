"""The database in dictionaries, for tests of everything that stands on one.

It passes the same conformance suite as the others: work that raises changes
nothing, ids count once, text comes back as the SQL engines give it back.
Rows are frozen and a unit of work is done on copies of the tables, so undoing
one is forgetting the copies.
"""

import re
from collections.abc import Callable, Sequence

import msgspec

from ..accounts.errors import ErrorCode, RealtimeSwitchError, StorageError
from ..accounts.keys import LABEL_CHARS_MAX
from ..accounts.questions import Group, Said, UsageTotals
from ..accounts.records import TIME_MAX_US, Passage, SavedConfig, Switched, UsageKind, UsageRecord
from ..business.repos import (
    EVERY_SESSION,
    Account,
    ApiKey,
    Backlog,
    Entry,
    EntryKind,
    Loaded,
    PostedUsage,
    Repos,
    Result,
    SessionSummary,
)
from .groups import WIDTH_US, place, told
from .memory_keeping import MemoryKeeping
from .memory_tables import Config, SaidThen, SessionKey, SwitchThen, Tables, last_number
from .text import ascii_lower, keepable, spellings

_KEY_HASH = re.compile(r"[0-9a-f]{64}\Z")


def _no_account(account_id: str) -> RealtimeSwitchError:
    return RealtimeSwitchError(ErrorCode.EXTERNAL_NOT_FOUND, f"There is no account {account_id}.")


class _Accounts:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def add(self, account: Account) -> None:
        assert account.token_remaining == account.topup_remaining == 0, "purses are filled by change_purses"
        email = keepable(account.email).lower()
        if account.id in self._tables.accounts or self.find(email) is not None:
            raise RealtimeSwitchError(
                ErrorCode.EXTERNAL_ALREADY_EXISTS, f"There is already an account for {email}."
            )
        self._tables.accounts[account.id] = msgspec.structs.replace(account, email=email)

    def find(self, id_or_email: str) -> Account | None:
        name = keepable(id_or_email)
        found = self._tables.accounts.get(name)
        if found is None:
            found = next((a for a in self._tables.accounts.values() if a.email == name.lower()), None)
        return found

    def known(self, account_ids: Sequence[str]) -> set[str]:
        return {account_id for account_id in account_ids if account_id in self._tables.accounts}

    def set_status(self, account_id: str, status: str, now_us: int) -> None:
        account = self._account(account_id)
        self._tables.accounts[account_id] = msgspec.structs.replace(account, status=status, updated_us=now_us)

    def spend(self, account_id: str, credits: int, reason: str, now_us: int) -> Account:
        assert credits >= 0
        from_topup = min(credits, self._account(account_id).topup_remaining)
        return self._change(account_id, EntryKind.USED, from_topup - credits, -from_topup, reason, now_us)

    def change_purses(
        self, account_id: str, kind: EntryKind, plan: int, topup: int, reason: str, now_us: int
    ) -> Account:
        if self._account(account_id).topup_remaining + topup < 0:
            raise RealtimeSwitchError(
                ErrorCode.EXTERNAL_INVALID_VALUE, "The top-up purse holds less than is to be taken from it."
            )
        return self._change(account_id, kind, plan, topup, reason, now_us)

    def entries(self, account_id: str) -> list[Entry]:
        return [*self._tables.entries.get(account_id, ())]

    def add_key(self, key: ApiKey) -> None:
        assert _KEY_HASH.match(key.key_hash), "a key is kept as its SHA-256, see accounts/keys.py"
        assert len(key.label) <= LABEL_CHARS_MAX
        self._account(key.account_id)
        if key.key_hash in self._tables.keys:
            raise RealtimeSwitchError(ErrorCode.EXTERNAL_ALREADY_EXISTS, "There is already such a key.")
        self._tables.keys[key.key_hash] = msgspec.structs.replace(key, label=keepable(key.label))

    def keys(self, account_id: str | None = None) -> list[ApiKey]:
        keys = self._tables.keys.values()
        wanted = [key for key in keys if account_id in (None, key.account_id)]
        return sorted(wanted, key=lambda key: (key.created_us, key.key_hash))

    def expire_key(self, key_hash: str, expires_us: int) -> None:
        key = self._tables.keys.get(key_hash)
        if key is None:
            raise RealtimeSwitchError(ErrorCode.EXTERNAL_NOT_FOUND, "There is no such key.")
        self._tables.keys[key_hash] = msgspec.structs.replace(key, expires_us=expires_us)

    def note_used(self, used_us: dict[str, int]) -> None:
        for key_hash, us in used_us.items():
            key = self._tables.keys.get(key_hash)
            if key is not None and us > (key.last_used_us or -1):
                self._tables.keys[key_hash] = msgspec.structs.replace(key, last_used_us=us)

    def holder(self, key_hash: str, now_us: int) -> tuple[Account, ApiKey] | None:
        key = self._valid(key_hash, now_us)
        return None if key is None else (self._account(key.account_id), key)

    def _valid(self, key_hash: str, now_us: int) -> ApiKey | None:
        key = self._tables.keys.get(key_hash)
        return key if key is not None and (key.expires_us is None or key.expires_us > now_us) else None

    def load(self, key_hash: str, session_id: str, now_us: int) -> Loaded | None:
        key = self._valid(key_hash, now_us)
        if key is None:
            return None
        session = key.account_id, keepable(session_id)
        config = self._tables.configs.get(session)
        conversation = _told(self._tables, session)
        return Loaded(
            account=self._account(key.account_id),
            config=None if config is None else config.data,
            conversation=conversation,
            conversation_chars=len(conversation),
        )

    def _account(self, account_id: str) -> Account:
        account = self._tables.accounts.get(account_id)
        if account is None:
            raise _no_account(account_id)
        return account

    def _change(
        self, account_id: str, kind: EntryKind, plan: int, topup: int, reason: str, now_us: int
    ) -> Account:
        before = self._account(account_id)
        after = msgspec.structs.replace(
            before,
            token_remaining=before.token_remaining + plan,
            topup_remaining=before.topup_remaining + topup,
            updated_us=now_us,
        )
        entries = self._tables.entries.get(account_id, ())
        entry = Entry(
            account_id=account_id,
            number=len(entries) + 1,
            kind=kind,
            plan_change=plan,
            topup_change=topup,
            token_remaining=after.token_remaining,
            topup_remaining=after.topup_remaining,
            reason=keepable(reason),
            created_us=now_us,
        )
        self._tables.accounts[account_id] = after
        self._tables.entries[account_id] = (*entries, entry)
        return after

    def list(self) -> list[Account]:
        return sorted(self._tables.accounts.values(), key=lambda a: (a.created_us, a.id))


class _Usage:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def post(self, bills: Sequence[PostedUsage], now_us: int) -> list[str]:
        new = []
        for bill in bills:
            if bill.record.account_id not in self._tables.accounts:
                raise _no_account(bill.record.account_id)
            if keepable(bill.record.id) not in self._tables.usage:
                self._tables.usage[keepable(bill.record.id)] = _kept(bill, now_us)
                new.append(bill.record.id)
        return new

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
        groups: dict[tuple[object, ...], dict[str, int]] = {} if by else {(): {}}
        behind = None if after is None else place(by, after)
        name = None if session_id is None else keepable(session_id)
        for bill in self._tables.usage.values():
            record = bill.record
            if account_id not in (None, record.account_id) or name not in (None, record.session_id):
                continue
            group = tuple(_group(record, one) for one in by)
            if since_us <= record.born_us < until_us and (behind is None or group > behind):
                sums = groups.setdefault(group, {})
                for what, value in _counted(bill).items():
                    sums[what] = sums.get(what, 0) + value
        rows = sorted(groups.items())[:limit]
        return [UsageTotals(groups=told(by, group), **sums) for group, sums in rows]

    def forget_session(self, account_id: str, session_id: str) -> int:
        named = [
            bill
            for bill in self._tables.usage.values()
            if (bill.record.account_id, bill.record.session_id) == (account_id, keepable(session_id))
        ]
        for bill in named:
            nameless = msgspec.structs.replace(bill.record, session_id="", response_id="")
            self._tables.usage[nameless.id] = msgspec.structs.replace(bill, record=nameless)
        return len(named)

    def credits_posted(self, account_id: str) -> int:
        return sum(b.credits for b in self._tables.usage.values() if b.record.account_id == account_id)


def _kept(bill: PostedUsage, now_us: int) -> PostedUsage:
    texts = {
        name: keepable(getattr(bill.record, name))
        for name in ("id", "session_id", "provider", "model", "response_id")
    }
    record = msgspec.structs.replace(bill.record, born_us=bill.record.born_us or now_us, **texts)
    return msgspec.structs.replace(bill, record=record)


def _group(record: UsageRecord, by: Group) -> str | int:
    if by in WIDTH_US:
        return record.born_us // WIDTH_US[by]
    names = {
        Group.ACCOUNT: record.account_id,
        Group.PROVIDER: record.provider,
        Group.MODEL: record.model,
        Group.KIND: record.kind.value,
        Group.SESSION: record.session_id,
    }
    return names[by]


def _counted(bill: PostedUsage) -> dict[str, int]:
    """What one bill adds to the sums: its kind says to which."""
    record, tokens = bill.record, bill.record.tokens
    counted: dict[str, int] = {"fees": record.fees, "credits": bill.credits}
    match record.kind:
        case UsageKind.RESPONSE:
            counted |= {
                "responses": 1,
                "input_tokens": tokens.input,
                "output_tokens": tokens.output,
                "total_tokens": tokens.total,
                "input_text_tokens": tokens.input_text,
                "input_audio_tokens": tokens.input_audio,
                "input_image_tokens": tokens.input_image,
                "cached_tokens": tokens.cached_text + tokens.cached_audio + tokens.cached_image,
                "output_text_tokens": tokens.output_text,
                "output_audio_tokens": tokens.output_audio,
                "reseed_tokens": record.reseed_input,
            }
        case UsageKind.TRANSCRIPTION:
            counted |= {"transcription_tokens": tokens.total, "transcription_ms": record.duration_ms}
        case UsageKind.SESSION:
            counted |= {"session_ms": record.duration_ms}
    return counted


class _Sessions:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def save_config(self, saved: SavedConfig, now_us: int) -> None:
        if saved.account_id not in self._tables.accounts:
            raise _no_account(saved.account_id)
        session = saved.account_id, keepable(saved.session_id)
        if saved.born_us <= self._forgotten_us(session):
            return
        before = self._tables.configs.get(session)
        if before is None or saved.born_us >= before.born_us:
            self._tables.configs[session] = Config(
                id=keepable(saved.id),
                data=keepable(saved.config),
                born_us=saved.born_us,
                created_us=before.created_us if before else now_us,
                updated_us=now_us,
            )

    def append(self, passages: Sequence[Passage], now_us: int) -> None:
        for passage in passages:
            if passage.account_id not in self._tables.accounts:
                raise _no_account(passage.account_id)
            if keepable(passage.id) in self._tables.passage_ids:
                continue
            session = passage.account_id, keepable(passage.session_id)
            if passage.born_us <= self._forgotten_us(session):
                continue
            said = self._tables.passages.get(session, ())
            number = self._last_number(session) + 1
            self._tables.passage_ids[keepable(passage.id)] = session
            kept = SaidThen(number, keepable(passage.id), keepable(passage.text), passage.born_us, now_us)
            self._tables.passages[session] = (*said, kept)

    def add_switches(self, switches: Sequence[Switched], now_us: int) -> None:
        for switched in switches:
            if switched.account_id not in self._tables.accounts:
                raise _no_account(switched.account_id)
            texts = {
                name: keepable(getattr(switched, name))
                for name in ("id", "session_id", "from_provider", "from_model", "to_provider", "to_model")
            }
            kept = msgspec.structs.replace(switched, **texts)
            if kept.born_us <= self._forgotten_us((kept.account_id, kept.session_id)):
                continue
            self._tables.switches.setdefault(kept.id, SwitchThen(kept, now_us))

    def switches(self, account_id: str, session_id: str) -> Sequence[Switched]:
        found = [row.switched for row in _switches(self._tables, (account_id, keepable(session_id)))]
        return sorted(found, key=lambda switched: (switched.born_us, switched.id))

    def find(self, account_id: str, session_id: str) -> tuple[SessionSummary, str | None, str] | None:
        head = self.head(account_id, session_id)
        if head is None:
            return None
        said = self._tables.passages.get((account_id, keepable(session_id)), ())
        return *head, "".join(passage.text for passage in sorted(said, key=_birth))

    def head(self, account_id: str, session_id: str) -> tuple[SessionSummary, str | None] | None:
        session = account_id, keepable(session_id)
        if session not in _sessions(self._tables):
            return None
        config = self._tables.configs.get(session)
        return _summary(self._tables, session), None if config is None else config.data

    def page(
        self, account_id: str, search: str, after: tuple[int, str] | None, limit: int
    ) -> Sequence[SessionSummary]:
        found = [_summary(self._tables, s) for s in _sessions(self._tables) if s[0] == account_id]
        found = [s for s in found if after is None or (s.created_us, s.session_id) < after]
        if search:
            found = [s for s in found if self.passage_with(account_id, s.session_id, search)]
        return sorted(found, key=lambda s: (s.created_us, s.session_id), reverse=True)[:limit]

    def said(
        self, account_id: str, session_id: str, after: tuple[int, int] | None, limit: int
    ) -> Sequence[Said]:
        said = sorted(self._tables.passages.get((account_id, keepable(session_id)), ()), key=_birth)
        later = [p for p in said if after is None or _birth(p) > after]
        return [Said(number=p.number, id=p.id, text=p.text, born_us=p.born_us) for p in later[:limit]]

    def passage_with(self, account_id: str, session_id: str, search: str) -> str:
        for passage in sorted(self._tables.passages.get((account_id, keepable(session_id)), ()), key=_birth):
            text = ascii_lower(passage.text)
            if any(one in text for one in spellings(search)):
                return passage.text
        return ""

    def delete(self, account_id: str, session_id: str, now_us: int) -> bool:
        if account_id not in self._tables.accounts:
            raise _no_account(account_id)
        session = account_id, keepable(session_id)
        there = self.head(*session) is not None
        self._tables.forgotten[session] = now_us, self._last_number(session)
        self._tables.configs.pop(session, None)
        self._tables.passages.pop(session, None)
        self._tables.summaries.pop(session, None)
        ids = self._tables.passage_ids
        self._tables.passage_ids = {passage_id: of for passage_id, of in ids.items() if of != session}
        for row in _switches(self._tables, session):
            del self._tables.switches[row.switched.id]
        return there

    def token_uses(self, account_id: str, token_id: str) -> Sequence[str]:
        if account_id not in self._tables.accounts:
            raise _no_account(account_id)
        of_token = account_id, keepable(token_id)
        return sorted(use[2] for use in self._tables.token_uses if use[:2] == of_token)

    def use_token(self, account_id: str, token_id: str, call_id: str, until_us: int) -> None:
        self._tables.token_uses[account_id, keepable(token_id), keepable(call_id)] = until_us

    def _forgotten_us(self, session: SessionKey) -> int:
        names = session, (session[0], EVERY_SESSION)
        return max(self._tables.forgotten.get(name, (-1, 0))[0] for name in names)

    def _last_number(self, session: SessionKey) -> int:
        return last_number(self._tables, session)

    def backlog(self, account_id: str, session_id: str) -> Backlog | None:
        session = account_id, keepable(session_id)
        if session not in self._tables.passages:
            return None
        upto, summary = self._tables.summaries.get(session, (0, ""))
        later = tuple((p.number, p.text) for p in self._tables.passages[session] if p.number > upto)
        return Backlog(account_id=session[0], session_id=session[1], summary=summary, passages=later)

    def overlong(self, chars: int) -> list[tuple[str, str]]:
        return sorted(s for s in self._tables.passages if len(_told(self._tables, s)) > chars)

    def summarise(self, account_id: str, session_id: str, upto: int, summary: str, now_us: int) -> None:
        session = account_id, keepable(session_id)
        there = any(passage.number == upto for passage in self._tables.passages.get(session, ()))
        if there and upto >= self._tables.summaries.get(session, (0, ""))[0]:
            self._tables.summaries[session] = upto, keepable(summary)

    def list(self, account_id: str | None = None) -> list[SessionSummary]:
        sessions = sorted(_sessions(self._tables))
        return [_summary(self._tables, s) for s in sessions if account_id in (None, s[0])]


def _sessions(tables: Tables) -> set[SessionKey]:
    """Those of which there is anything."""
    switched = {(row.switched.account_id, row.switched.session_id) for row in tables.switches.values()}
    return {*tables.configs, *tables.passages, *switched}


def _switches(tables: Tables, session: SessionKey) -> list[SwitchThen]:
    rows = tables.switches.values()
    return [row for row in rows if (row.switched.account_id, row.switched.session_id) == session]


def _told(tables: Tables, session: SessionKey) -> str:
    upto, summary = tables.summaries.get(session, (0, ""))
    later = [passage for passage in tables.passages.get(session, ()) if passage.number > upto]
    return summary + "".join(passage.text for passage in sorted(later, key=_birth))


def _birth(passage: SaidThen) -> tuple[int, int]:
    return passage.born_us, passage.number


def _summary(tables: Tables, session: SessionKey) -> SessionSummary:
    config = tables.configs.get(session)
    said = tables.passages.get(session, ())
    times = [passage.created_us for passage in said]
    times += [row.created_us for row in _switches(tables, session)]
    if config is not None:
        times += [config.created_us, config.updated_us]
    return SessionSummary(
        account_id=session[0],
        session_id=session[1],
        has_config=config is not None,
        conversation_chars=sum(len(passage.text) for passage in said),
        created_us=min(times),
        updated_us=max(times),
    )


class _MemoryRepos:
    def __init__(self, tables: Tables) -> None:
        self.accounts = _Accounts(tables)
        self.usage = _Usage(tables)
        self.sessions = _Sessions(tables)
        self.keeping = MemoryKeeping(tables)


class MemoryDatabase:
    def __init__(self) -> None:
        self._tables = Tables()
        self._closed = False

    async def read(self, work: Callable[[Repos], Result]) -> Result:
        self._check_open()
        return work(_MemoryRepos(self._tables))

    async def write(self, work: Callable[[Repos], Result]) -> Result:
        self._check_open()
        draft = self._tables.copy()
        result = work(_MemoryRepos(draft))
        self._tables = draft
        return result

    async def close(self) -> None:
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StorageError(ErrorCode.INTERNAL_DATABASE_UNAVAILABLE, "The database is closed.")
