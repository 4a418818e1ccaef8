"""SessionRepo in SQL: a row a configuration, passage or switch; a summary that stands for older passages."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
)

from ..accounts.records import Passage, SavedConfig, SwitchCause, Switched
from ..business.repos import Backlog, SessionSummary
from .accounts import no_account
from .schema import Text, accounts, insert_into, passages, session_configs, summaries, switches
from .text import keepable

# Two processes that add to one session must not choose the same numbers, and a summary must not step over a
# passage that another is just adding: PostgreSQL locks the account's row; SQLite has one writer anyway.
_LOCK = (
    select(accounts.c.id)
    .where(accounts.c.id == bindparam("account", type_=Text))
    .with_for_update(key_share=True)
)
_LAST_NUMBER = select(func.coalesce(func.max(passages.c.number), 0)).where(
    passages.c.account_id == bindparam("account", type_=Text),
    passages.c.session_id == bindparam("session", type_=Text),
)
_KEPT = select(passages.c.id).where(passages.c.id.in_(bindparam("ids", type_=Text, expanding=True)))


class SqlSessions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._insert = insert_into[connection.dialect.name]

    def save_config(self, saved: SavedConfig, now_us: int) -> None:
        self._lock(saved.account_id)
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
            self._lock(account_id)
        kept = set(self._connection.execute(_KEPT, {"ids": [p.id for p in passages_]}).scalars())
        numbers: dict[tuple[str, str], int] = {}
        rows = []
        for passage in passages_:
            if keepable(passage.id) in kept:
                continue
            kept.add(keepable(passage.id))
            session = passage.account_id, passage.session_id
            number = numbers[session] = (numbers.get(session) or self._last_number(*session)) + 1
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
            for switched in sorted(switches_, key=lambda switched: switched.id)
        ]
        if rows:
            self._connection.execute(self._insert(switches).on_conflict_do_nothing(), rows)

    def switches(self, account_id: str, session_id: str) -> Sequence[Switched]:
        query = (
            select(switches)
            .where(switches.c.account_id == account_id, switches.c.session_id == session_id)
            .order_by(switches.c.born_at, switches.c.id)
        )
        return [_switched(row) for row in self._connection.execute(query)]

    def find(self, account_id: str, session_id: str) -> tuple[SessionSummary, str | None, str] | None:
        row = self._connection.execute(_listing(account_id, session_id)).first()
        if row is None:
            return None
        of_session = session_configs.c.account_id == account_id, session_configs.c.session_id == session_id
        config = self._connection.execute(select(session_configs.c.data).where(*of_session)).scalar()
        said = (
            select(passages.c.text)
            .where(passages.c.account_id == account_id, passages.c.session_id == session_id)
            .order_by(passages.c.born_at, passages.c.number)
        )
        return _session_summary(row), config, "".join(self._connection.execute(said).scalars())

    def delete(self, account_id: str, session_id: str) -> bool:
        gone = 0
        for table in (session_configs, passages, summaries, switches):
            of_session = table.c.account_id == account_id, table.c.session_id == session_id
            gone += self._connection.execute(delete(table).where(*of_session)).rowcount
        return gone > 0

    def backlog(self, account_id: str, session_id: str) -> Backlog | None:
        if self._last_number(account_id, session_id) == 0:
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
        self._lock(account_id)
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

    def _lock(self, account_id: str) -> None:
        if self._connection.execute(_LOCK, {"account": account_id}).first() is None:
            raise no_account(account_id)

    def _last_number(self, account_id: str, session_id: str) -> int:
        given = {"account": account_id, "session": session_id}
        number: int = self._connection.execute(_LAST_NUMBER, given).scalar_one()
        return number

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
        return [_session_summary(row) for row in self._connection.execute(_listing(account_id))]


def _listing(account_id: str | None = None, session_id: str | None = None) -> Select[Any]:
    """A row a session of which there is anything."""
    nothing = literal(0)
    parts = union_all(
        *(
            select(
                table.c.account_id,
                table.c.session_id,
                configs.label("configs"),
                chars.label("chars"),
                table.c.created_at.label("first"),
                last.label("last"),
            ).where(
                true() if account_id is None else table.c.account_id == account_id,
                true() if session_id is None else table.c.session_id == session_id,
            )
            for table, configs, chars, last in (
                (session_configs, literal(1), nothing, session_configs.c.updated_at),
                (passages, nothing, func.length(passages.c.text), passages.c.created_at),
                (switches, nothing, nothing, switches.c.created_at),
            )
        )
    ).subquery()
    of_session = parts.c.account_id, parts.c.session_id
    return (
        select(
            *of_session,
            func.max(parts.c.configs),
            # PostgreSQL sums bigints to a numeric, which would come back as a Decimal.
            cast(func.sum(parts.c.chars), BigInteger),
            func.min(parts.c.first),
            func.max(parts.c.last),
        )
        .group_by(*of_session)
        .order_by(*of_session)
    )


def _session_summary(row: Any) -> SessionSummary:
    account_id, session_id, configs, chars, created_us, updated_us = row
    return SessionSummary(
        account_id=account_id,
        session_id=session_id,
        has_config=configs > 0,
        conversation_chars=chars,
        created_us=created_us,
        updated_us=updated_us,
    )


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
