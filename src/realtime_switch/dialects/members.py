"""Members of any kind, read as what they should be: one of an unexpected kind counts as absent."""

import math
from typing import Any

COUNT_MAX = 2**40  # what a record may hold (accounts/records.py)


def object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def count_of(value: Any) -> int:
    """proto3 prints int64 as a string (GEMINI-LIVE.md 2)."""
    if type(value) is int:  # nearly always
        return value if 0 <= value <= COUNT_MAX else min(max(0, value), COUNT_MAX)
    if isinstance(value, str):
        return min(int(value), COUNT_MAX) if value.isascii() and value.isdigit() and len(value) < 20 else 0
    if not isinstance(value, float) or not math.isfinite(value):
        return 0
    return min(max(0, math.ceil(value)), COUNT_MAX)
