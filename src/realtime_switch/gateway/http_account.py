"""`GET /v1/account`, `GET /v1/usage`: what the holder of a key has left, and what was used."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ..accounts.questions import ROWS_MAX, AboutUsage, Group, UsageFacts, UsageTotals
from ..accounts.records import TIME_MAX_US
from . import http_answers as http
from .cursors import cursor, place
from .holder import Holders
from .http_answers import Refused
from .http_query import check_names, moment_us, whole_number

GROUPS = tuple(group for group in Group if group is not Group.ACCOUNT)
GROUPS_MAX = 3


class Account:
    def __init__(self, holders: Holders, settle: Callable[[str], Awaitable[None]]) -> None:
        self._holders = holders
        self._settle = settle

    async def show(self, request: Request) -> Response:
        """Bills of calls that have just ended on this gateway included."""
        check_names(request, ())
        await self._holders.account(request)
        await self._settle("")
        facts = await self._holders.account(request)
        credits = facts.plan_credits + facts.topup_credits
        said = {
            "object": "account",
            "id": facts.id,
            "email": facts.email,
            "plan": facts.plan_name,
            "status": facts.status,
            "credits": credits,
            "plan_credits": facts.plan_credits,
            "topup_credits": facts.topup_credits,
            "overdraft": max(0, -credits),
            "created_at": seconds(facts.created_us),
            "key": {
                "indicator": facts.key.indicator,
                "label": facts.key.label,
                "created_at": seconds(facts.key.created_us),
                "expires_at": seconds(facts.key.expires_us),
                "last_used_at": seconds(facts.key.last_used_us),
            },
        }
        return http.answer(said)

    async def usage(self, request: Request) -> Response:
        check_names(request, ("start_time", "end_time", "group_by", "after", "limit"))
        by = _groups(request)
        after = request.query_params.get("after", "")
        question = AboutUsage(
            by=by,
            since_us=moment_us(request, "start_time", 0),
            until_us=moment_us(request, "end_time", TIME_MAX_US),
            after=place(after, tuple[str, ...]) if after else None,
            limit=whole_number(request, "limit", ROWS_MAX, ROWS_MAX),
        )
        if question.after is not None and len(question.after) != len(by):
            raise Refused(
                400, "invalid_value", "That cursor is of a list with another 'group_by'.", param="after"
            )
        await self._holders.account(request)
        await self._settle("")
        facts = await self._holders.ask(request, question, UsageFacts)
        said = {
            "object": "usage",
            "start_time": seconds(question.since_us) if question.since_us else None,
            "end_time": seconds(question.until_us) if question.until_us < TIME_MAX_US else None,
            "group_by": by,
            "total": totals(facts.whole),
            "data": [{**dict(zip(by, row.groups, strict=True)), **totals(row)} for row in facts.rows],
            "has_more": facts.more,
            "next": cursor(facts.rows[-1].groups) if facts.more else None,
        }
        return http.answer(said)


def seconds(us: int | None) -> int | None:
    return None if us is None else us // 1_000_000


def totals(usage: UsageTotals) -> dict[str, Any]:
    members = msgspec.structs.asdict(usage)
    del members["groups"]
    return members


def _groups(request: Request) -> tuple[Group, ...]:
    names = [name for name in request.query_params.get("group_by", "").split(",") if name]
    if len(names) > GROUPS_MAX or len({*names}) < len(names) or not {*names} <= {*GROUPS}:
        message = f"'group_by' names up to {GROUPS_MAX} of {', '.join(GROUPS)}, with commas between them."
        raise Refused(400, "invalid_value", message, param="group_by")
    return tuple(Group(name) for name in names)
