"""Posts a shipment to the business process: its requests side by side, each by its verb."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Protocol

import structlog

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.records import Balance, UsageRecord
from ..accounts.service import AccountService
from .delivery import Request, Shipment, Verb

_log = structlog.get_logger("outbox")


class Spending(Protocol):
    """Whoever watches what accounts have left while their bills are on the way."""

    def sent(self, bills: Sequence[UsageRecord]) -> None:
        """They are on their way: from now on a balance may hold them already."""
        ...

    def balance_known(self, balance: Balance, posted: Collection[str]) -> None:
        """It holds every bill that was taken so far; `posted` are the ids of the newest."""
        ...


async def post(shipment: Shipment, service: AccountService, spending: Spending) -> None:
    """Until nothing of it is left to ask. What fails is told to the shipment and not raised."""
    while requests := shipment.requests():
        answers = await asyncio.gather(*[_post(request, service, spending) for request in requests])
        shipment.answered(zip(requests, answers, strict=True))


async def _post(request: Request, service: AccountService, spending: Spending) -> ErrorCode | None:
    """None: it is committed. Otherwise why it is not."""
    try:
        match request.verb:
            case Verb.UPDATE_USAGE:
                await _post_bills([row.record for row in request.rows], service, spending)  # type: ignore[misc]
            case Verb.APPEND_CONVERSATION:
                await service.append_conversation([row.record for row in request.rows])  # type: ignore[misc]
            case Verb.SAVE_SESSION:
                await service.save_session(request.rows[-1].record)  # type: ignore[arg-type]
    except RealtimeSwitchError as error:
        _log.debug("records not taken", verb=request.verb.value, code=error.code, reason=error.message)
        return error.code
    except Exception:
        _log.exception("records could not be sent", verb=request.verb.value)
        return ErrorCode.INTERNAL_UNEXPECTED
    return None


async def _post_bills(bills: Sequence[UsageRecord], service: AccountService, spending: Spending) -> None:
    spending.sent(bills)
    posted = await service.update_usage(bills)
    if posted.unknown:
        _log.error("bills of accounts that do not exist were dropped", ids=posted.unknown)
    for balance in posted.balances:
        ids = {bill.id for bill in bills if bill.account_id == balance.account_id}
        spending.balance_known(balance, ids)
