"""KeepingRepo in memory."""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import asdict, replace

from ...accounts.errors import ErrorCode, RealtimeSwitchError
from ...accounts.records import TIME_MAX_US
from ...business.repos import CLOSED, EVERY_SESSION, KEYS, PostedUsage, Retention
from ..text import keepable
from .tables import SessionKey, Tables, last_number

Row = dict[str, object]


class MemoryKeeping:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def retentions(self) -> dict[str, Retention]:
        return dict(self._tables.retentions)

    def set_retention(self, account_id: str, retention: Retention) -> None:
        self._check(account_id)
        self._tables.retentions[account_id] = retention

    # -- Too old ----------------------------------------------------------------------------------------

    def stale(self, account_id: str, before_us: int, limit: int) -> Sequence[str]:
        tables = self._tables
        old = {s for s, said in tables.passages.items() if any(p.created_us < before_us for p in said)}
        old |= {_place(row) for row in tables.switches.values() if row.created_us < before_us}
        old |= {session for session in tables.configs if self._unused(session, before_us)}
        return sorted(session_id for owner, session_id in old if owner == account_id)[:limit]

    def expire(self, account_id: str, session_id: str, before_us: int) -> None:
        self._check(account_id)
        tables, session = self._tables, (account_id, keepable(session_id))
        last = last_number(tables, session)
        said = tables.passages.get(session, ())
        kept = tuple(passage for passage in said if passage.created_us >= before_us)
        gone = [passage for passage in said if passage.created_us < before_us]
        unused = self._unused(session, before_us)
        if gone:
            for passage in gone:
                del tables.passage_ids[passage.id]
            tables.passages[session] = kept
            if tables.summaries.get(session, (0, ""))[0] >= gone[0].number:
                del tables.summaries[session]
            if not kept:
                del tables.passages[session]
            if last > (kept[-1].number if kept else 0):
                tables.forgotten[session] = before_us, last
        for row in [*tables.switches.values()]:
            if _place(row) == session and row.created_us < before_us:
                del tables.switches[row.switched.id]
        if unused:
            del tables.configs[session]

    def unname_bills(self, account_id: str, before_us: int, limit: int) -> int:
        named = [
            bill
            for bill in self._bills(account_id)
            if bill.record.session_id and bill.record.born_us < before_us
        ]
        for bill in named[:limit]:
            self._unname(bill)
        return len(named[:limit])

    def prune(self, before_us: int) -> None:
        kept = {s: then for s, then in self._tables.forgotten.items() if then[0] >= before_us}
        self._tables.forgotten = kept
        uses = self._tables.token_uses
        self._tables.token_uses = {use: until_us for use, until_us in uses.items() if until_us >= before_us}

    # -- Everything -------------------------------------------------------------------------------------

    def counts(self, account_id: str) -> dict[str, int]:
        return {name: len([*rows(self._tables, account_id)]) for name, rows in _ROWS.items()}

    def rows(self, table: str, account_id: str, after: Sequence[object] | None, limit: int) -> Sequence[Row]:
        def key(row: Row) -> tuple[object, ...]:
            return tuple(row[name] for name in KEYS[table])

        every = sorted(_ROWS[table](self._tables, account_id), key=lambda row: [*key(row)])
        behind = None if after is None else tuple(after)
        return [row for row in every if behind is None or key(row) > behind][:limit]

    def erase(self, account_id: str, email: str, now_us: int) -> None:
        self._check(account_id)
        tables = self._tables
        for name in ("configs", "passages", "summaries", "forgotten", "token_uses"):
            setattr(tables, name, {s: row for s, row in getattr(tables, name).items() if s[0] != account_id})
        tables.passage_ids = {i: s for i, s in tables.passage_ids.items() if s[0] != account_id}
        tables.switches = {i: r for i, r in tables.switches.items() if r.switched.account_id != account_id}
        tables.keys = {h: key for h, key in tables.keys.items() if key.account_id != account_id}
        tables.retentions.pop(account_id, None)
        tables.forgotten[account_id, EVERY_SESSION] = TIME_MAX_US, 0
        for bill in self._bills(account_id):
            self._unname(bill)
        entries = tables.entries.get(account_id, ())
        tables.entries[account_id] = tuple(replace(entry, reason="") for entry in entries)
        account = tables.accounts[account_id]
        tables.accounts[account_id] = replace(account, email=email, status=CLOSED, updated_us=now_us)

    def _check(self, account_id: str) -> None:
        if account_id not in self._tables.accounts:
            raise RealtimeSwitchError(ErrorCode.EXTERNAL_NOT_FOUND, f"There is no account {account_id}.")

    def _bills(self, account_id: str) -> list[PostedUsage]:
        return [bill for bill in self._tables.usage.values() if bill.record.account_id == account_id]

    def _unname(self, bill: PostedUsage) -> None:
        nameless = replace(bill.record, session_id="", response_id="")
        self._tables.usage[nameless.id] = replace(bill, record=nameless)

    def _unused(self, session: SessionKey, before_us: int) -> bool:
        """Of a configuration: old, and no call has left anything newer."""
        config = self._tables.configs.get(session)
        newer = [passage.created_us for passage in self._tables.passages.get(session, ())]
        newer += [row.created_us for row in self._tables.switches.values() if _place(row) == session]
        return config is not None and max([config.updated_us, *newer]) < before_us


def _place(row: object) -> SessionKey:
    switched = row.switched  # type: ignore[attr-defined]
    return switched.account_id, switched.session_id


# -- Rows as SQL has them ------------------------------------------------------------------------------------


def _us(row: Row) -> Row:
    """Times are told as the columns are called."""
    return {f"{name.removesuffix('_us')}_at" if name.endswith("_us") else name: v for name, v in row.items()}


def _accounts(tables: Tables, account_id: str) -> Iterator[Row]:
    if account_id in tables.accounts:
        yield _us(asdict(tables.accounts[account_id]))


def _keys(tables: Tables, account_id: str) -> Iterator[Row]:
    return (_us(asdict(key)) for key in tables.keys.values() if key.account_id == account_id)


def _entries(tables: Tables, account_id: str) -> Iterator[Row]:
    return (_us({**asdict(entry), "kind": entry.kind.value}) for entry in tables.entries.get(account_id, ()))


def _usage(tables: Tables, account_id: str) -> Iterator[Row]:
    for bill in tables.usage.values():
        record, tokens = bill.record, bill.record.tokens
        if record.account_id == account_id:
            counted = {f"{name}_tokens": count for name, count in asdict(tokens).items()}
            yield {
                "id": record.id,
                "account_id": account_id,
                "session_id": record.session_id,
                "provider": record.provider,
                "model": record.model,
                "kind": record.kind.value,
                "response_id": record.response_id,
                **counted,
                "total_tokens": tokens.total,
                "reseed_tokens": record.reseed_input,
                "duration_ms": record.duration_ms,
                "fees": record.fees,
                "certainty": record.certainty.value,
                "credits": bill.credits,
                "rates": bill.rates,
                "created_at": record.born_us,
            }


def _configs(tables: Tables, account_id: str) -> Iterator[Row]:
    for (owner, session_id), config in tables.configs.items():
        if owner == account_id:
            yield _us({"account_id": owner, "session_id": session_id, **asdict(config)})


def _passages(tables: Tables, account_id: str) -> Iterator[Row]:
    for (owner, session_id), said in tables.passages.items():
        if owner == account_id:
            for passage in said:
                yield _us({"account_id": owner, "session_id": session_id, **asdict(passage)})


def _summaries(tables: Tables, account_id: str) -> Iterator[Row]:
    for (owner, session_id), (upto, data) in tables.summaries.items():
        if owner == account_id:
            yield {"account_id": owner, "session_id": session_id, "upto": upto, "data": data}


def _switches(tables: Tables, account_id: str) -> Iterator[Row]:
    for row in tables.switches.values():
        if row.switched.account_id == account_id:
            members = {**asdict(row.switched), "cause": row.switched.cause.value}
            silent_us = members.pop("silent_us")
            yield {**_us({**members, "created_us": row.created_us}), "silent_us": silent_us}


def _forgotten(tables: Tables, account_id: str) -> Iterator[Row]:
    for (owner, session_id), (until_us, number) in tables.forgotten.items():
        if owner == account_id:
            yield {"account_id": owner, "session_id": session_id, "until_at": until_us, "number": number}


def _retentions(tables: Tables, account_id: str) -> Iterator[Row]:
    if account_id in tables.retentions:
        yield {"account_id": account_id, **asdict(tables.retentions[account_id])}


def _token_uses(tables: Tables, account_id: str) -> Iterator[Row]:
    for (owner, token_id, call_id), until_us in tables.token_uses.items():
        if owner == account_id:
            yield {"account_id": owner, "token_id": token_id, "call_id": call_id, "until_at": until_us}


_ROWS: dict[str, Callable[[Tables, str], Iterator[Row]]] = {
    "accounts": _accounts,
    "api_keys": _keys,
    "entries": _entries,
    "usage_metrics": _usage,
    "session_configs": _configs,
    "passages": _passages,
    "summaries": _summaries,
    "switches": _switches,
    "forgotten": _forgotten,
    "retentions": _retentions,
    "token_uses": _token_uses,
}
