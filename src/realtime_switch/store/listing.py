"""How sessions are listed: which there are, how much of each, and when it began."""

from typing import Any

from sqlalchemy import BigInteger, Select, Subquery, cast, func, literal, select, true, union_all

from ..business.repos import SessionSummary
from .schema import passages, session_configs, switches


def listing(account_id: str | None = None, session_id: str | None = None) -> Select[Any]:
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


def beginnings(account_id: str) -> Subquery:
    """When each session of an account began. From indexes alone: what was said is not read."""
    parts = union_all(
        *(
            select(table.c.session_id, func.min(table.c.created_at).label("first"))
            .where(table.c.account_id == account_id)
            .group_by(table.c.session_id)
            for table in (session_configs, passages, switches)
        )
    ).subquery()
    return (
        select(parts.c.session_id, func.min(parts.c.first).label("first"))
        .group_by(parts.c.session_id)
        .subquery()
    )


def summary_of(row: Any) -> SessionSummary:
    account_id, session_id, configs, chars, created_us, updated_us = row
    return SessionSummary(
        account_id=account_id,
        session_id=session_id,
        has_config=configs > 0,
        conversation_chars=chars,
        created_us=created_us,
        updated_us=updated_us,
    )
