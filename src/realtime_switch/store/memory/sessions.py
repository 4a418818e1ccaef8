"""Configurations, what was said, and its summaries, in dictionaries."""

from collections.abc import Sequence

import msgspec

from ...accounts.questions import Said
from ...accounts.records import Passage, SavedConfig, Switched
from ...business.repos import (
    EVERY_SESSION,
    Backlog,
    SessionSummary,
)
from ..text import ascii_lower, keepable, spellings
from .tables import (
    Config,
    SaidThen,
    SessionKey,
    SwitchThen,
    Tables,
    birth,
    conversation_of,
    last_number,
    no_account,
)


class MemorySessions:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def save_config(self, saved: SavedConfig, now_us: int) -> None:
        if saved.account_id not in self._tables.accounts:
            raise no_account(saved.account_id)
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
                raise no_account(passage.account_id)
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
                raise no_account(switched.account_id)
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
        return *head, "".join(passage.text for passage in sorted(said, key=birth))

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
        said = sorted(self._tables.passages.get((account_id, keepable(session_id)), ()), key=birth)
        later = [p for p in said if after is None or birth(p) > after]
        return [Said(number=p.number, id=p.id, text=p.text, born_us=p.born_us) for p in later[:limit]]

    def passage_with(self, account_id: str, session_id: str, search: str) -> str:
        for passage in sorted(self._tables.passages.get((account_id, keepable(session_id)), ()), key=birth):
            text = ascii_lower(passage.text)
            if any(one in text for one in spellings(search)):
                return passage.text
        return ""

    def delete(self, account_id: str, session_id: str, now_us: int) -> bool:
        if account_id not in self._tables.accounts:
            raise no_account(account_id)
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
            raise no_account(account_id)
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
        return sorted(s for s in self._tables.passages if len(conversation_of(self._tables, s)) > chars)

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
