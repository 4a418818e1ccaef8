"""Accounts, keys and purses in dictionaries."""

import re
from collections.abc import Sequence

import msgspec

from ...accounts.errors import ErrorCode, RealtimeSwitchError
from ...accounts.keys import LABEL_CHARS_MAX
from ...business.repos import (
    Account,
    ApiKey,
    Entry,
    EntryKind,
    Loaded,
)
from ..text import keepable
from .tables import (
    Tables,
    conversation_of,
    no_account,
)

_KEY_HASH = re.compile(r"[0-9a-f]{64}\Z")


class MemoryAccounts:
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
        conversation = conversation_of(self._tables, session)
        return Loaded(
            account=self._account(key.account_id),
            config=None if config is None else config.data,
            conversation=conversation,
            conversation_chars=len(conversation),
        )

    def _account(self, account_id: str) -> Account:
        account = self._tables.accounts.get(account_id)
        if account is None:
            raise no_account(account_id)
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
