"""KeepingRepo in SQL: what has become too old, and everything of an account."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    not_,
    select,
    tuple_,
    union,
    update,
)

from ..accounts.records import TIME_MAX_US
from ..business.repos import CLOSED, EVERY_SESSION, KEYS, Retention
from . import schema
from .accounts import no_account
from .guard import Guard
from .schema import (
    accounts,
    api_keys,
    entries,
    forgotten,
    passages,
    retentions,
    session_configs,
    summaries,
    switches,
    token_uses,
    usage_metrics,
)

_TABLES: dict[str, Table] = {name: getattr(schema, name) for name in KEYS}
# What only the database needs of its rows.
_INNER = {
    "accounts": {"entry_count", "last_plan_change", "last_topup_change"},
    "usage_metrics": {"posted_at"},
    "summaries": {"created_at"},
}


class SqlKeeping:
    def __init__(self, connection: Connection, guard: Guard) -> None:
        self._connection = connection
        self._guard = guard
        self._insert = schema.insert_into[connection.dialect.name]

    def retentions(self) -> dict[str, Retention]:
        rows = self._connection.execute(select(retentions))
        return {row[0]: Retention(transcripts_days=row[1], usage_days=row[2]) for row in rows}

    def set_retention(self, account_id: str, retention: Retention) -> None:
        self._guard.lock(account_id)
        days = {"transcripts_days": retention.transcripts_days, "usage_days": retention.usage_days}
        new = self._insert(retentions).values(account_id=account_id, **days)
        self._connection.execute(new.on_conflict_do_update(index_elements=["account_id"], set_=days))

    # -- Too old ----------------------------------------------------------------------------------------

    def stale(self, account_id: str, before_us: int, limit: int) -> Sequence[str]:
        old = union(
            _sessions_of(passages, account_id).where(passages.c.created_at < before_us),
            _sessions_of(switches, account_id).where(switches.c.created_at < before_us),
            _sessions_of(session_configs, account_id).where(*_unused(before_us)),
        ).subquery()
        query = select(old.c.session_id).order_by(old.c.session_id).limit(limit)
        return self._connection.execute(query).scalars().all()

    def expire(self, account_id: str, session_id: str, before_us: int) -> None:
        self._guard.lock(account_id)
        last = self._guard.last_number(account_id, session_id)
        old = and_(_is_of(passages, account_id, session_id), passages.c.created_at < before_us)
        first = self._connection.execute(select(func.min(passages.c.number)).where(old)).scalar()
        self._connection.execute(delete(passages).where(old))
        if first is not None:
            stands_for_it = _is_of(summaries, account_id, session_id), summaries.c.upto >= first
            self._connection.execute(delete(summaries).where(*stands_for_it))
        for table, too_old in (
            (switches, [switches.c.created_at < before_us]),
            (session_configs, _unused(before_us)),
        ):
            self._connection.execute(delete(table).where(_is_of(table, account_id, session_id), *too_old))
        if first is not None and last > self._guard.last_kept(account_id, session_id):
            self._guard.forget(account_id, session_id, before_us, last)

    def unname_bills(self, account_id: str, before_us: int, limit: int) -> int:
        named = (
            select(usage_metrics.c.id)
            .where(usage_metrics.c.account_id == account_id, usage_metrics.c.session_id > "")
            .where(usage_metrics.c.created_at < before_us)
            .limit(limit)
        )
        change = update(usage_metrics).where(usage_metrics.c.id.in_(named))
        return self._connection.execute(change.values(session_id="", response_id="")).rowcount

    def prune(self, before_us: int) -> None:
        for table in (forgotten, token_uses):
            self._connection.execute(delete(table).where(table.c.until_at < before_us))

    # -- Everything -------------------------------------------------------------------------------------

    def counts(self, account_id: str) -> dict[str, int]:
        counts = {}
        for name, table in _TABLES.items():
            query = select(func.count()).select_from(table).where(_owner(table) == account_id)
            counts[name] = self._connection.execute(query).scalar_one()
        return counts

    def rows(
        self, table: str, account_id: str, after: Sequence[object] | None, limit: int
    ) -> Sequence[dict[str, object]]:
        of = _TABLES[table]
        key = [of.c[name] for name in KEYS[table]]
        inner = _INNER.get(table, set())
        query = select(*(column for column in of.c if column.name not in inner))
        query = query.where(_owner(of) == account_id).order_by(*key).limit(limit)
        if after is not None:
            query = query.where(tuple_(*key) > tuple_(*after))
        return [dict(row._mapping) for row in self._connection.execute(query)]

    def erase(self, account_id: str, email: str, now_us: int) -> None:
        self._guard.lock(account_id)
        theirs = (session_configs, passages, summaries, switches, forgotten, api_keys, retentions, token_uses)
        for table in theirs:
            self._connection.execute(delete(table).where(table.c.account_id == account_id))
        self._guard.forget(account_id, EVERY_SESSION, TIME_MAX_US, 0)
        for table, values in (
            (usage_metrics, {"session_id": "", "response_id": ""}),
            (entries, {"reason": ""}),
        ):
            self._connection.execute(update(table).where(table.c.account_id == account_id).values(**values))
        closed = {"email": email, "status": CLOSED, "updated_at": now_us}
        change = update(accounts).where(accounts.c.id == account_id).values(**closed)
        if self._connection.execute(change).rowcount == 0:
            raise no_account(account_id)


def _owner(table: Table) -> ColumnElement[Any]:
    return table.c.id if table is accounts else table.c.account_id


def _is_of(table: Table, account_id: str, session_id: str) -> ColumnElement[bool]:
    return and_(table.c.account_id == account_id, table.c.session_id == session_id)


def _sessions_of(table: Table, account_id: str) -> Select[Any]:
    return select(table.c.session_id).where(table.c.account_id == account_id)


def _unused(before_us: int) -> list[ColumnElement[bool]]:
    """Of a configuration: old, and no call has left anything newer."""
    newer = (
        exists().where(
            table.c.account_id == session_configs.c.account_id,
            table.c.session_id == session_configs.c.session_id,
            table.c.created_at >= before_us,
        )
        for table in (passages, switches)
    )
    return [session_configs.c.updated_at < before_us, *(not_(one) for one in newer)]
