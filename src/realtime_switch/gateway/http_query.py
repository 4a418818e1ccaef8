"""The query of an address, read strictly: a misspelt name must not quietly ask for everything."""

from collections.abc import Collection
from datetime import UTC, datetime

from starlette.requests import Request

from ..accounts.records import TIME_MAX_US
from .http_answers import Refused

# Where a credential may stand, in any query (arrival/openai.py, find_secret).
_CREDENTIALS = frozenset({"api-key", "rs_key", "key"})


def check_names(request: Request, known: Collection[str]) -> None:
    for name in request.query_params:
        if name not in known and name not in _CREDENTIALS:
            message = f"This address knows no {name[:50]!r} in its query, but {', '.join(sorted(known))}."
            raise _invalid(message, name[:50])


def whole_number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        raise _invalid(f"'{name}' is a whole number from 1 to {most}.", name)
    return int(text)


def moment_us(request: Request, name: str, default: int) -> int:
    """Seconds since 1970, or a date or time of ISO 8601; without an offset it is UTC."""
    text = request.query_params.get(name, "")
    if not text:
        return default
    try:
        if text.isascii() and text.isdigit():
            us = int(text[:20]) * 1_000_000
        else:
            # In a query a plus sign is a blank, and an offset has a plus sign.
            at = datetime.fromisoformat(text.replace(" ", "+"))
            us = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        us = -1
    if not 0 <= us <= TIME_MAX_US:
        message = f"'{name}' is a time: seconds since 1970, or like 2026-11-26 or 2026-11-26T12:00:00Z."
        raise _invalid(message, name)
    return us


def one_of(request: Request, name: str, known: Collection[str], default: str) -> str:
    text = request.query_params.get(name, "") or default
    if text not in known:
        raise _invalid(f"'{name}' is one of {', '.join(known)}.", name)
    return text


def _invalid(message: str, param: str) -> Refused:
    return Refused(400, "invalid_value", message, param=param)
