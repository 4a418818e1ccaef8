"""The tables of the database in memory: frozen rows in dictionaries."""

import msgspec

from ...accounts.errors import ErrorCode, RealtimeSwitchError
from ...accounts.records import Switched
from ...business.repos import Account, ApiKey, Entry, PostedUsage, Retention

SessionKey = tuple[str, str]  # account and session id


class Config(msgspec.Struct, frozen=True):
    id: str
    data: str
    born_us: int
    created_us: int
    updated_us: int


class SaidThen(msgspec.Struct, frozen=True):
    number: int
    id: str
    text: str
    born_us: int
    created_us: int


class SwitchThen(msgspec.Struct, frozen=True):
    switched: Switched
    created_us: int


class Tables:
    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.entries: dict[str, tuple[Entry, ...]] = {}
        self.keys: dict[str, ApiKey] = {}
        self.usage: dict[str, PostedUsage] = {}
        self.configs: dict[SessionKey, Config] = {}
        self.passage_ids: dict[str, SessionKey] = {}
        self.passages: dict[SessionKey, tuple[SaidThen, ...]] = {}
        self.summaries: dict[SessionKey, tuple[int, str]] = {}
        self.switches: dict[str, SwitchThen] = {}
        self.forgotten: dict[SessionKey, tuple[int, int]] = {}  # until when, and the last number
        self.retentions: dict[str, Retention] = {}
        self.token_uses: dict[tuple[str, str, str], int] = {}  # account, token, call: until when

    def copy(self) -> "Tables":
        twin = Tables()
        for name, table in vars(self).items():
            setattr(twin, name, dict(table))
        return twin


def last_number(tables: Tables, session: SessionKey) -> int:
    said = tables.passages.get(session, ())
    return said[-1].number if said else tables.forgotten.get(session, (-1, 0))[1]


def no_account(account_id: str) -> RealtimeSwitchError:
    return RealtimeSwitchError(ErrorCode.EXTERNAL_NOT_FOUND, f"There is no account {account_id}.")


def conversation_of(tables: Tables, session: SessionKey) -> str:
    upto, summary = tables.summaries.get(session, (0, ""))
    later = [passage for passage in tables.passages.get(session, ()) if passage.number > upto]
    return summary + "".join(passage.text for passage in sorted(later, key=birth))


def birth(passage: SaidThen) -> tuple[int, int]:
    return passage.born_us, passage.number
