"""Who ended a call, and how it is named: in its line of the log and in the metrics."""

from msgspec import Struct

from ..accounts.errors import ErrorCode
from ..session.steps import End

BROKE_THE_PROTOCOL = "The client broke the WebSocket protocol."
STOPPING = "The gateway is stopping. Connect again."

_BY_PROVIDER = (ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE, ErrorCode.EXTERNAL_MODEL_NOT_FOUND)


class HowItEnded(Struct, frozen=True):
    by: str  # client, provider or gateway
    end: str  # few and known
    code: int  # of the WebSocket close
    reason: str


def how_it_ended(end: End, left_with: tuple[int, str]) -> HowItEnded:
    """`left_with`: how the client closed, if it did."""
    if end.error is not None:
        by = "provider" if end.error in _BY_PROVIDER else "gateway"
        return HowItEnded(by, end.error.value, end.code, end.reason)
    if end.code == 1001:
        return HowItEnded("gateway", "STOPPING", end.code, end.reason)
    if end.code != 1000:
        return HowItEnded("gateway", "DIALECT", end.code, end.reason)  # as the provider itself would
    code, reason = left_with
    if reason == BROKE_THE_PROTOCOL:
        return HowItEnded("client", "BROKE_PROTOCOL", code, reason)
    return HowItEnded("client", "LOST" if code == 1006 else "LEFT", code, reason)
