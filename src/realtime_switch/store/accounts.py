"""AccountRepo in SQL: accounts with their keys and entries.

Purses change by one UPDATE that computes from what is in the row, so any
number of processes may do it at once. The same statement numbers the entry
and notes what was taken from which purse, and the entry is written from what
it returns: nothing is read before.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, bindparam, case, insert, or_, select, text, update

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..business.repos import Account, ApiKey, Entry, EntryKind, Loaded
from .prepared import Prepared, driver_of
from .schema import Text, accounts, api_keys, entries, insert_into
from .text import keepable

_ACCOUNT = accounts.c[
    "id", "email", "plan_name", "token_remaining", "topup_remaining", "status", "created_at", "updated_at"
]
_KEY = api_keys.c[
    "key_hash", "account_id", "key_indicator", "label", "created_at", "expires_at", "last_used_at"
]
_ENTRY = entries.c[
    "account_id",
    "number",
    "kind",
    "plan_change",
    "topup_change",
    "token_remaining",
    "topup_remaining",
    "reason",
    "created_at",
]


def _change(plan: ColumnElement[int], topup: ColumnElement[int]) -> Update:
    return (
        update(accounts)
        .where(accounts.c.id == bindparam("account", type_=Text))
        # Nothing may be taken from an empty purse; a spend never tries, see below.
        .where(accounts.c.topup_remaining + topup >= 0)
        .values(
            token_remaining=accounts.c.token_remaining + plan,
            topup_remaining=accounts.c.topup_remaining + topup,
            entry_count=accounts.c.entry_count + 1,
            last_plan_change=plan,
            last_topup_change=topup,
            updated_at=bindparam("now"),
        )
        .returning(
            *_ACCOUNT, accounts.c.entry_count, accounts.c.last_plan_change, accounts.c.last_topup_change
        )
    )


_cost: ColumnElement[int] = bindparam("credits", type_=accounts.c.topup_remaining.type)
_from_topup = case((accounts.c.topup_remaining < _cost, accounts.c.topup_remaining), else_=_cost)

_SPEND = _change(plan=_from_topup - _cost, topup=-_from_topup)
_CHANGE = _change(
    plan=bindparam("plan", type_=accounts.c.token_remaining.type),
    topup=bindparam("topup", type_=accounts.c.topup_remaining.type),
)
_ENTER = insert(entries).values({column: bindparam(column.name) for column in _ENTRY})

# A6: one statement. The summary stands for the passages up to its number; what came after it is told in the
# order in which it was said (repos.py, SessionRepo.append).
_LOAD = text(
    """
    SELECT a.id, a.email, a.plan_name, a.token_remaining, a.topup_remaining, a.status,
           a.created_at, a.updated_at, c.data,
           coalesce(s.data, '') || coalesce((SELECT string_agg(p.text, '' ORDER BY p.born_at, p.number)
                                               FROM passages p
                                              WHERE p.account_id = k.account_id AND p.session_id = :session
                                                AND p.number > coalesce(s.upto, 0)), '')
      FROM api_keys k
      JOIN accounts a ON a.id = k.account_id
      LEFT JOIN session_configs c ON c.account_id = k.account_id AND c.session_id = :session
      LEFT JOIN summaries s ON s.account_id = k.account_id AND s.session_id = :session
     WHERE k.key_hash = :key_hash AND (k.expires_at IS NULL OR k.expires_at > :now)
    """
)


class SqlAccounts:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._insert = insert_into[connection.dialect.name]
        self._spend = Prepared(connection, _SPEND)
        self._change = Prepared(connection, _CHANGE)
        self._write_entry = Prepared(connection, _ENTER)
        self._load = Prepared(connection, _LOAD)

    def add(self, account: Account) -> None:
        assert account.token_remaining == account.topup_remaining == 0, "purses are filled by change_purses"
        email = account.email.lower()
        new = (
            self._insert(accounts)
            .values(
                id=account.id,
                email=email,
                plan_name=account.plan_name,
                token_remaining=0,
                topup_remaining=0,
                status=account.status,
                created_at=account.created_us,
                updated_at=account.updated_us,
            )
            .on_conflict_do_nothing()
            .returning(accounts.c.id)
        )
        if self._connection.execute(new).first() is None:
            raise RealtimeSwitchError(
                ErrorCode.EXTERNAL_ALREADY_EXISTS, f"There is already an account for {email}."
            )

    def find(self, id_or_email: str) -> Account | None:
        wanted = or_(accounts.c.id == id_or_email, accounts.c.email == id_or_email.lower())
        # An id comes before an email that happens to be spelt like it.
        query = select(*_ACCOUNT).where(wanted).order_by(accounts.c.id != id_or_email)
        row = self._connection.execute(query).first()
        return None if row is None else _account(row)

    def known(self, account_ids: Sequence[str]) -> set[str]:
        if not account_ids:
            return set()
        place = "%s" if self._connection.dialect.name == "postgresql" else "?"
        sql = f"SELECT id FROM accounts WHERE id IN ({', '.join([place] * len(account_ids))})"
        rows = driver_of(self._connection).execute(sql, [keepable(i) for i in account_ids])
        return {row[0] for row in rows}

    def set_status(self, account_id: str, status: str, now_us: int) -> None:
        change = update(accounts).where(accounts.c.id == account_id).values(status=status, updated_at=now_us)
        if self._connection.execute(change).rowcount == 0:
            raise no_account(account_id)

    def spend(self, account_id: str, credits: int, reason: str, now_us: int) -> Account:
        assert credits >= 0
        rows = self._spend.rows(account=keepable(account_id), credits=credits, now=now_us)
        if not rows:
            raise no_account(account_id)
        return self._enter(rows[0], EntryKind.USED, reason, now_us)

    def change_purses(
        self, account_id: str, kind: EntryKind, plan: int, topup: int, reason: str, now_us: int
    ) -> Account:
        rows = self._change.rows(account=keepable(account_id), plan=plan, topup=topup, now=now_us)
        if not rows:
            if not self.known([account_id]):
                raise no_account(account_id)
            raise RealtimeSwitchError(
                ErrorCode.EXTERNAL_INVALID_VALUE, "The top-up purse holds less than is to be taken from it."
            )
        return self._enter(rows[0], kind, reason, now_us)

    def entries(self, account_id: str) -> list[Entry]:
        query = select(*_ENTRY).where(entries.c.account_id == account_id).order_by(entries.c.number)
        return [
            Entry(
                account_id=row[0],
                number=row[1],
                kind=EntryKind(row[2]),
                plan_change=row[3],
                topup_change=row[4],
                token_remaining=row[5],
                topup_remaining=row[6],
                reason=row[7],
                created_us=row[8],
            )
            for row in self._connection.execute(query)
        ]

    def add_key(self, key: ApiKey) -> None:
        new = (
            self._insert(api_keys)
            .values(
                key_hash=key.key_hash,
                account_id=key.account_id,
                key_indicator=key.key_indicator,
                label=key.label,
                created_at=key.created_us,
                expires_at=key.expires_us,
                last_used_at=key.last_used_us,
            )
            .on_conflict_do_nothing()
            .returning(api_keys.c.key_hash)
        )
        if self._connection.execute(new).first() is None:
            raise RealtimeSwitchError(ErrorCode.EXTERNAL_ALREADY_EXISTS, "There is already such a key.")

    def keys(self, account_id: str | None = None) -> list[ApiKey]:
        query = select(*_KEY).order_by(api_keys.c.created_at, api_keys.c.key_hash)
        if account_id is not None:
            query = query.where(api_keys.c.account_id == account_id)
        return [_key(row) for row in self._connection.execute(query)]

    def expire_key(self, key_hash: str, expires_us: int) -> None:
        change = update(api_keys).where(api_keys.c.key_hash == key_hash).values(expires_at=expires_us)
        if self._connection.execute(change).rowcount == 0:
            raise RealtimeSwitchError(ErrorCode.EXTERNAL_NOT_FOUND, "There is no such key.")

    def note_used(self, used_us: dict[str, int]) -> None:
        later = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("used"))
        change = update(api_keys).where(api_keys.c.key_hash == bindparam("key"), later)
        # In order of hash, so that two processes that note the same keys cannot lock each other out.
        rows = [{"key": key_hash, "used": us} for key_hash, us in sorted(used_us.items())]
        if rows:
            self._connection.execute(change.values(last_used_at=bindparam("used")), rows)

    def holder(self, key_hash: str, now_us: int) -> tuple[Account, ApiKey] | None:
        query = (
            select(*_ACCOUNT, *_KEY)
            .join_from(api_keys, accounts, accounts.c.id == api_keys.c.account_id)
            .where(api_keys.c.key_hash == key_hash)
            .where(or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > now_us))
        )
        row = self._connection.execute(query).first()
        return None if row is None else (_account(row), _key(row[len(_ACCOUNT) :]))

    def load(self, key_hash: str, session_id: str, now_us: int) -> Loaded | None:
        rows = self._load.rows(key_hash=keepable(key_hash), session=keepable(session_id), now=now_us)
        if not rows:
            return None
        [row] = rows
        conversation = row[9]
        return Loaded(
            account=_account(row),
            config=row[8],
            conversation=conversation,
            conversation_chars=len(conversation),
        )

    def _enter(self, row: Any, kind: EntryKind, reason: str, now_us: int) -> Account:
        account = _account(row)
        number, plan_change, topup_change = row[8:11]
        self._write_entry.run(
            account_id=account.id,
            number=number,
            kind=kind.value,
            plan_change=plan_change,
            topup_change=topup_change,
            token_remaining=account.token_remaining,
            topup_remaining=account.topup_remaining,
            reason=keepable(reason),
            created_at=now_us,
        )
        return account

    # Last in its class, because from here on `list` means this.
    def list(self) -> list[Account]:
        query = select(*_ACCOUNT).order_by(accounts.c.created_at, accounts.c.id)
        return [_account(row) for row in self._connection.execute(query)]


def no_account(account_id: str) -> RealtimeSwitchError:
    return RealtimeSwitchError(ErrorCode.EXTERNAL_NOT_FOUND, f"There is no account {account_id}.")


def _account(row: Any) -> Account:
    return Account(
        id=row[0],
        email=row[1],
        plan_name=row[2],
        token_remaining=row[3],
        topup_remaining=row[4],
        status=row[5],
        created_us=row[6],
        updated_us=row[7],
    )


def _key(row: Any) -> ApiKey:
    return ApiKey(
        key_hash=row[0],
        account_id=row[1],
        key_indicator=row[2],
        label=row[3],
        created_us=row[4],
        expires_us=row[5],
        last_used_us=row[6],
    )
