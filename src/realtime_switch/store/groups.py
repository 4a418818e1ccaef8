"""How groups of usage are told, and found again: days and hours are numbers inside and dates outside."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.questions import Group

_HOUR_US = 60 * 60 * 1_000_000
WIDTH_US = {Group.DAY: 24 * _HOUR_US, Group.HOUR: _HOUR_US}
_FORM = {Group.DAY: "%Y-%m-%d", Group.HOUR: "%Y-%m-%dT%H:00Z"}


def told(by: Sequence[Group], values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(_told(group, value) for group, value in zip(by, values, strict=True))


def place(by: Sequence[Group], told: Sequence[str]) -> tuple[Any, ...]:
    """The other way round, of what somebody says that he was told."""
    try:
        return tuple(_number(group, text) for group, text in zip(by, told, strict=True))
    except ValueError:
        raise RealtimeSwitchError(
            ErrorCode.EXTERNAL_INVALID_VALUE, "That cursor does not belong to this list of usage."
        ) from None


def _told(group: Group, value: Any) -> str:
    if group not in WIDTH_US:
        return str(value)
    return datetime.fromtimestamp(value * (WIDTH_US[group] // 1_000_000), UTC).strftime(_FORM[group])


def _number(group: Group, text: str) -> Any:
    if group not in WIDTH_US:
        return text
    at = datetime.strptime(text, _FORM[group]).replace(tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000 // WIDTH_US[group]
