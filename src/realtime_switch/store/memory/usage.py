"""Bills in a dictionary, by their ids."""

from collections.abc import Sequence

import msgspec

from ...accounts.questions import Group, UsageTotals
from ...accounts.records import TIME_MAX_US, UsageKind, UsageRecord
from ...business.repos import (
    PostedUsage,
)
from ..groups import WIDTH_US, place, told
from ..text import keepable
from .tables import (
    Tables,
    no_account,
)


class MemoryUsage:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def post(self, bills: Sequence[PostedUsage], now_us: int) -> list[str]:
        new = []
        for bill in bills:
            if bill.record.account_id not in self._tables.accounts:
                raise no_account(bill.record.account_id)
            if keepable(bill.record.id) not in self._tables.usage:
                self._tables.usage[keepable(bill.record.id)] = _kept(bill, now_us)
                new.append(bill.record.id)
        return new

    def totals(
        self,
        *by: Group,
        account_id: str | None = None,
        session_id: str | None = None,
        since_us: int = 0,
        until_us: int = TIME_MAX_US,
        after: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> list[UsageTotals]:
        groups: dict[tuple[object, ...], dict[str, int]] = {} if by else {(): {}}
        behind = None if after is None else place(by, after)
        name = None if session_id is None else keepable(session_id)
        for bill in self._tables.usage.values():
            record = bill.record
            if account_id not in (None, record.account_id) or name not in (None, record.session_id):
                continue
            group = tuple(_group(record, one) for one in by)
            if since_us <= record.born_us < until_us and (behind is None or group > behind):
                sums = groups.setdefault(group, {})
                for what, value in _counted(bill).items():
                    sums[what] = sums.get(what, 0) + value
        rows = sorted(groups.items())[:limit]
        return [UsageTotals(groups=told(by, group), **sums) for group, sums in rows]

    def forget_session(self, account_id: str, session_id: str) -> int:
        named = [
            bill
            for bill in self._tables.usage.values()
            if (bill.record.account_id, bill.record.session_id) == (account_id, keepable(session_id))
        ]
        for bill in named:
            nameless = msgspec.structs.replace(bill.record, session_id="", response_id="")
            self._tables.usage[nameless.id] = msgspec.structs.replace(bill, record=nameless)
        return len(named)

    def credits_posted(self, account_id: str) -> int:
        return sum(b.credits for b in self._tables.usage.values() if b.record.account_id == account_id)


def _kept(bill: PostedUsage, now_us: int) -> PostedUsage:
    texts = {
        name: keepable(getattr(bill.record, name))
        for name in ("id", "session_id", "provider", "model", "response_id")
    }
    record = msgspec.structs.replace(bill.record, born_us=bill.record.born_us or now_us, **texts)
    return msgspec.structs.replace(bill, record=record)


def _group(record: UsageRecord, by: Group) -> str | int:
    if by in WIDTH_US:
        return record.born_us // WIDTH_US[by]
    names = {
        Group.ACCOUNT: record.account_id,
        Group.PROVIDER: record.provider,
        Group.MODEL: record.model,
        Group.KIND: record.kind.value,
        Group.SESSION: record.session_id,
    }
    return names[by]


def _counted(bill: PostedUsage) -> dict[str, int]:
    """What one bill adds to the sums: its kind says to which."""
    record, tokens = bill.record, bill.record.tokens
    counted: dict[str, int] = {"fees": record.fees, "credits": bill.credits}
    match record.kind:
        case UsageKind.RESPONSE:
            counted |= {
                "responses": 1,
                "input_tokens": tokens.input,
                "output_tokens": tokens.output,
                "total_tokens": tokens.total,
                "input_text_tokens": tokens.input_text,
                "input_audio_tokens": tokens.input_audio,
                "input_image_tokens": tokens.input_image,
                "cached_tokens": tokens.cached_text + tokens.cached_audio + tokens.cached_image,
                "output_text_tokens": tokens.output_text,
                "output_audio_tokens": tokens.output_audio,
                "reseed_tokens": record.reseed_input,
            }
        case UsageKind.TRANSCRIPTION:
            counted |= {"transcription_tokens": tokens.total, "transcription_ms": record.duration_ms}
        case UsageKind.SESSION:
            counted |= {"session_ms": record.duration_ms}
    return counted
