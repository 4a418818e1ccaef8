"""Members of any kind: one of an unexpected kind counts as absent."""

import math
from typing import Any

COUNT_MAX = 2**40  # what a record may hold (accounts/records.py)


def obj(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def count(value: Any) -> int:
    if type(value) is int:  # nearly always
        return min(max(0, value), COUNT_MAX)
    if not isinstance(value, float) or not math.isfinite(value):
        return 0
    return min(max(0, math.ceil(value)), COUNT_MAX)
