"""SessionRepo in SQL: a row a configuration, passage or switch; a summary that stands for older passages."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from ..accounts.questions import Said
from ..accounts.records import Passage, SavedConfig, SwitchCause, Switched
from ..business.repos import Backlog, SessionSummary
from .guard import Guard
from .listing import beginnings, listing, summary_of
from .schema import Text, insert_into, passages, session_configs, summaries, switches, token_uses
from .text import keepable, spellings

_TOLD = passages.c.born_at, passages.c.number


class SqlSessions:
    def __init__(self, connection: Connection, guard: Guard) -> None:
        self._connection = connection
        self._guard = guard
        self._insert = insert_into[connection.dialect.name]

    # -- What is added -----------------------------------------------------------------------------------

    def save_config(self, saved: SavedConfig, now_us: int) -> None:
        self._guard.lock(saved.account_id)
        if not self._guard.unforgotten([saved]):
            return
        new = self._insert(session_configs).values(
            account_id=saved.account_id,
            session_id=saved.session_id,
            id=saved.id,
            data=saved.config,
            born_at=saved.born_us,
            created_at=now_us,
            updated_at=now_us,
        )
        # A copy that was sent again may come late; what was born after it stays.
        save = new.on_conflict_do_update(
            index_elements=["account_id", "session_id"],
            set_={name: new.excluded[name] for name in ("id", "data", "born_at", "updated_at")},
            where=new.excluded.born_at >= session_configs.c.born_at,
        )
        self._connection.execute(save)

    def append(self, passages_: Sequence[Passage], now_us: int) -> None:
        for account_id in sorted({passage.account_id for passage in passages_}):
            self._guard.lock(account_id)
        passages_ = self._guard.unforgotten(passages_)
        kept = self._guard.kept([keepable(passage.id) for passage in passages_])
        numbers: dict[tuple[str, str], int] = {}
        rows = []
        for passage in passages_:
            if keepable(passage.id) in kept:
                continue
            kept.add(keepable(passage.id))
            session = passage.account_id, passage.session_id
            number = numbers[session] = (numbers.get(session) or self._guard.last_number(*session)) + 1
            rows.append(
                {
                    "account_id": passage.account_id,
                    "session_id": passage.session_id,
                    "number": number,
                    "id": passage.id,
                    "text": passage.text,
                    "born_at": passage.born_us,
                    "created_at": now_us,
                }
            )
        if rows:
            self._connection.execute(insert(passages), rows)

    def add_switches(self, switches_: Sequence[Switched], now_us: int) -> None:
        for account_id in sorted({switched.account_id for switched in switches_}):
            self._guard.lock(account_id)
        # In order of id, so that two processes that insert the same cannot lock each other out.
        rows = [
            {
                "id": switched.id,
                "account_id": switched.account_id,
                "session_id": switched.session_id,
                "from_provider": switched.from_provider,
                "from_model": switched.from_model,
                "to_provider": switched.to_provider,
                "to_model": switched.to_model,
                "cause": switched.cause.value,
                "silent_us": switched.silent_us,
                "attempts": switched.attempts,
                "born_at": switched.born_us,
                "created_at": now_us,
            }
            for switched in sorted(self._guard.unforgotten(switches_), key=lambda switched: switched.id)
        ]
        if rows:
            self._connection.execute(self._insert(switches).on_conflict_do_nothing(), rows)

    # -- What is asked ------------------------------------------------------------------------------------

    def switches(self, account_id: str, session_id: str) -> Sequence[Switched]:
        query = (
            select(switches)
            .where(switches.c.account_id == account_id, switches.c.session_id == session_id)
            .order_by(switches.c.born_at, switches.c.id)
        )
        return [_switched(row) for row in self._connection.execute(query)]

    def find(self, account_id: str, session_id: str) -> tuple[SessionSummary, str | None, str] | None:
        head = self.head(account_id, session_id)
        if head is None:
            return None
        of_session = passages.c.account_id == account_id, passages.c.session_id == session_id
        said = select(passages.c.text).where(*of_session).order_by(*_TOLD)
        return *head, "".join(self._connection.execute(said).scalars())

    def head(self, account_id: str, session_id: str) -> tuple[SessionSummary, str | None] | None:
        row = self._connection.execute(listing(account_id, session_id)).first()
        if row is None:
            return None
        of_session = session_configs.c.account_id == account_id, session_configs.c.session_id == session_id
        config = self._connection.execute(select(session_configs.c.data).where(*of_session)).scalar()
        return summary_of(row), config

    def page(
        self, account_id: str, search: str, after: tuple[int, str] | None, limit: int
    ) -> Sequence[SessionSummary]:
        began = beginnings(account_id)
        query = select(began.c.session_id).order_by(began.c.first.desc(), began.c.session_id.desc())
        if after is not None:
            at, session_id = literal(after[0], BigInteger), literal(after[1], Text)
            query = query.where(tuple_(began.c.first, began.c.session_id) < tuple_(at, session_id))
        if search:
            of_session = passages.c.account_id == account_id, passages.c.session_id == began.c.session_id
            query = query.where(exists().where(*of_session, self._holds(search)))
        ids = self._connection.execute(query.limit(limit)).scalars().all()
        rows = (self._connection.execute(listing(account_id, i)).first() for i in ids)
        return [summary_of(row) for row in rows]

    def said(
        self, account_id: str, session_id: str, after: tuple[int, int] | None, limit: int
    ) -> Sequence[Said]:
        query = (
            select(passages.c.number, passages.c.id, passages.c.text, passages.c.born_at)
            .where(passages.c.account_id == account_id, passages.c.session_id == session_id)
            .order_by(*_TOLD)
            .limit(limit)
        )
        if after is not None:
            query = query.where(tuple_(*_TOLD) > tuple_(*after))
        return [
            Said(number=row[0], id=row[1], text=row[2], born_us=row[3])
            for row in self._connection.execute(query)
        ]

    def passage_with(self, account_id: str, session_id: str, search: str) -> str:
        query = (
            select(passages.c.text)
            .where(passages.c.account_id == account_id, passages.c.session_id == session_id)
            .where(self._holds(search) if search else true())
            .order_by(*_TOLD)
            .limit(1)
        )
        return self._connection.execute(query).scalar() or ""

    def _holds(self, search: str) -> ColumnElement[bool]:
        # SQLite's `lower` knows ASCII only, and so does PostgreSQL's for text of the collation "C".
        place = func.strpos if self._connection.dialect.name == "postgresql" else func.instr
        text = func.lower(passages.c.text)
        return or_(*(place(text, literal(one, Text)) > 0 for one in spellings(search)))

    # -- What goes ----------------------------------------------------------------------------------------

    def delete(self, account_id: str, session_id: str, now_us: int) -> bool:
        self._guard.lock(account_id)
        self._guard.forget(account_id, session_id, now_us, self._guard.last_number(account_id, session_id))
        gone = 0
        for table in (session_configs, passages, summaries, switches):
            of_session = table.c.account_id == account_id, table.c.session_id == session_id
            gone += self._connection.execute(delete(table).where(*of_session)).rowcount
        return gone > 0

    # -- Tokens -------------------------------------------------------------------------------------------

    def token_uses(self, account_id: str, token_id: str) -> Sequence[str]:
        self._guard.lock(account_id)
        of_token = token_uses.c.account_id == account_id, token_uses.c.token_id == token_id
        query = select(token_uses.c.call_id).where(*of_token).order_by(token_uses.c.call_id)
        return self._connection.execute(query).scalars().all()

    def use_token(self, account_id: str, token_id: str, call_id: str, until_us: int) -> None:
        row = {"account_id": account_id, "token_id": token_id, "call_id": call_id, "until_at": until_us}
        self._connection.execute(insert(token_uses), row)

    # -- Summaries ----------------------------------------------------------------------------------------

    def backlog(self, account_id: str, session_id: str) -> Backlog | None:
        of_session = passages.c.account_id == account_id, passages.c.session_id == session_id
        if self._connection.execute(select(passages.c.number).where(*of_session).limit(1)).first() is None:
            return None
        of_session = summaries.c.account_id == account_id, summaries.c.session_id == session_id
        row = self._connection.execute(select(summaries.c.upto, summaries.c.data).where(*of_session)).first()
        upto, summary = (0, "") if row is None else (row[0], row[1])
        later = self._said_after(account_id, session_id, upto)
        return Backlog(account_id=account_id, session_id=session_id, summary=summary, passages=later)

    def overlong(self, chars: int) -> list[tuple[str, str]]:
        of_session = passages.c.account_id, passages.c.session_id
        summary_of_session = and_(
            summaries.c.account_id == passages.c.account_id, summaries.c.session_id == passages.c.session_id
        )
        later = func.sum(func.length(passages.c.text)).filter(
            passages.c.number > func.coalesce(summaries.c.upto, 0)
        )
        summary = func.max(func.length(summaries.c.data))
        query = (
            select(*of_session)
            .select_from(passages.outerjoin(summaries, summary_of_session))
            .group_by(*of_session)
            .having(func.coalesce(later, 0) + func.coalesce(summary, 0) > chars)
            .order_by(*of_session)
        )
        return [(row[0], row[1]) for row in self._connection.execute(query)]

    def summarise(self, account_id: str, session_id: str, upto: int, summary: str, now_us: int) -> None:
        self._guard.lock(account_id)
        last = select(passages.c.number).where(
            passages.c.account_id == account_id,
            passages.c.session_id == session_id,
            passages.c.number == upto,
        )
        # What was deleted while its summary was being written does not come back by it.
        if self._connection.execute(last).first() is None:
            return
        new = self._insert(summaries).values(
            account_id=account_id, session_id=session_id, upto=upto, data=summary, created_at=now_us
        )
        replace = new.on_conflict_do_update(
            index_elements=["account_id", "session_id"],
            set_={name: new.excluded[name] for name in ("upto", "data", "created_at")},
            where=new.excluded.upto >= summaries.c.upto,
        )
        self._connection.execute(replace)

    def _said_after(self, account_id: str, session_id: str, number: int) -> tuple[tuple[int, str], ...]:
        query = (
            select(passages.c.number, passages.c.text)
            .where(passages.c.account_id == account_id, passages.c.session_id == session_id)
            .where(passages.c.number > number)
            .order_by(passages.c.number)
        )
        return tuple((row[0], row[1]) for row in self._connection.execute(query))

    # Last in its class, because from here on `list` means this.
    def list(self, account_id: str | None = None) -> list[SessionSummary]:
        return [summary_of(row) for row in self._connection.execute(listing(account_id))]


def _switched(row: Any) -> Switched:
    return Switched(
        id=row.id,
        account_id=row.account_id,
        session_id=row.session_id,
        from_provider=row.from_provider,
        from_model=row.from_model,
        to_provider=row.to_provider,
        to_model=row.to_model,
        cause=SwitchCause(row.cause),
        silent_us=row.silent_us,
        attempts=row.attempts,
        born_us=row.born_at,
    )
