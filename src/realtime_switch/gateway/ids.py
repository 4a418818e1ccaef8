"""Names that must be new: of runs, sessions, events. And the clock of records."""

import secrets
import time

ID_BYTES = 12  # 96 random bits: no two alike in the life of an installation


def new_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(ID_BYTES)}"


def now_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000
