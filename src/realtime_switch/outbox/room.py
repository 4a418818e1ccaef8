"""How much room an outbox has left, and so for what. Pure."""

import enum

from msgspec import Struct

ROWS_MAX = 100_000
BYTES_MAX = 256 * 1024 * 1024
NEARLY_FULL = 0.8  # of either: no new calls
FULL = 0.9  # of either: what is left is for bills


class Room(enum.Enum):
    """How much is left, and so for what."""

    ENOUGH = "enough"
    FOR_RUNNING_CALLS = "nearly full"
    FOR_BILLS = "full but for bills"
    NONE = "full"


class Bounds(Struct, frozen=True, kw_only=True):
    rows_max: int = ROWS_MAX
    bytes_max: int = BYTES_MAX

    def room(self, rows: int, size_bytes: int) -> Room:
        filled = max(rows / self.rows_max, size_bytes / self.bytes_max)
        if filled < NEARLY_FULL:
            return Room.ENOUGH
        if filled < FULL:
            return Room.FOR_RUNNING_CALLS
        return Room.FOR_BILLS if filled < 1 else Room.NONE
