"""Names that must be new: of runs, sessions, events. And the clocks."""

import secrets
import time
from collections.abc import Callable

ID_BYTES = 12  # 96 random bits: no two alike in the life of an installation


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(ID_BYTES)}"


def now_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def steady_clock() -> Callable[[], int]:
    """Begins as `now_us` and goes on evenly, however the machine's clock is set meanwhile: a call measures
    silence, patience and playback by it, and its records lie in the order in which they were made."""
    ahead_ns = time.time_ns() - time.monotonic_ns()
    return lambda: (time.monotonic_ns() + ahead_ns) // 1000
