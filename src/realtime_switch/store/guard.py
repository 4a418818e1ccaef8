"""What holds where several add to one session, and while it is deleted: an id counts once, no number is used
twice, and what was deleted does not come back by what arrives late.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, bindparam, func, select

from ..accounts.records import Passage, SavedConfig, Switched
from ..business.repos import EVERY_SESSION
from .accounts import no_account
from .prepared import Prepared, driver_of
from .schema import Text, accounts, forgotten, insert_into, passages
from .text import keepable

Part = TypeVar("Part", Passage, SavedConfig, Switched)

# Two processes that add to one session must not choose the same numbers, and a summary must not step over a
# passage that another is just adding: PostgreSQL locks the account's row; SQLite has one writer anyway.
_LOCK = (
    select(accounts.c.id)
    .where(accounts.c.id == bindparam("account", type_=Text))
    .with_for_update(key_share=True)
)
_LAST_NUMBER = select(
    *(
        select(func.coalesce(func.max(table.c.number), 0))
        .where(
            table.c.account_id == bindparam("account", type_=Text),
            table.c.session_id == bindparam("session", type_=Text),
        )
        .scalar_subquery()
        for table in (passages, forgotten)
    )
)


class Guard:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._insert = insert_into[connection.dialect.name]
        self._place = "%s" if connection.dialect.name == "postgresql" else "?"
        self._lock = Prepared(connection, _LOCK)
        self._last_number = Prepared(connection, _LAST_NUMBER)

    def lock(self, account_id: str) -> None:
        if not self._lock.rows(account=keepable(account_id)):
            raise no_account(account_id)

    def unforgotten(self, parts: Sequence[Part]) -> Sequence[Part]:
        if not parts:
            return parts
        accounts_: list[str] = sorted({keepable(part.account_id) for part in parts})
        names: list[str] = sorted({EVERY_SESSION, *(keepable(part.session_id) for part in parts)})
        # Straight to the driver, because this comes with every passage (prepared.py).
        sql = (
            "SELECT account_id, session_id, until_at FROM forgotten"
            f" WHERE account_id IN ({self._places(accounts_)}) AND session_id IN ({self._places(names)})"
        )
        rows = driver_of(self._connection).execute(sql, [*accounts_, *names])
        until_us = {(row[0], row[1]): row[2] for row in rows}
        if not until_us:
            return parts
        return [part for part in parts if part.born_us > _forgotten_us(part, until_us)]

    def kept(self, ids: Sequence[str]) -> set[str]:
        if not ids:
            return set()
        sql = f"SELECT id FROM passages WHERE id IN ({self._places(ids)})"
        return {row[0] for row in driver_of(self._connection).execute(sql, ids)}

    def _places(self, values: Sequence[str]) -> str:
        return ", ".join([self._place] * len(values))

    def forget(self, account_id: str, session_id: str, until_us: int, number: int) -> None:
        """What was born until then is not kept when it arrives, and no number is used twice: a summary that
        is being written of what has gone must find nothing that it could stand for."""
        new = self._insert(forgotten).values(
            account_id=account_id, session_id=session_id, until_at=until_us, number=number
        )
        replace = new.on_conflict_do_update(
            index_elements=["account_id", "session_id"],
            set_={name: new.excluded[name] for name in ("until_at", "number")},
        )
        self._connection.execute(replace)

    def last_number(self, account_id: str, session_id: str) -> int:
        """That a passage has, or had before it was deleted."""
        return max(self._last_numbers(account_id, session_id))

    def last_kept(self, account_id: str, session_id: str) -> int:
        return self._last_numbers(account_id, session_id)[0]

    def _last_numbers(self, account_id: str, session_id: str) -> tuple[int, int]:
        [row] = self._last_number.rows(account=keepable(account_id), session=keepable(session_id))
        return int(row[0]), int(row[1])


def _forgotten_us(part: Part, until_us: Mapping[tuple[str, str], int]) -> int:
    of_account = until_us.get((part.account_id, EVERY_SESSION), -1)
    return max(of_account, until_us.get((part.account_id, keepable(part.session_id)), -1))
