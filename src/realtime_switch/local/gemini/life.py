"""How long a connection lasts, and what is said before it ends (GEMINI-LIVE.md 9)."""

import msgspec

from realtime_switch.local.faults import Faults
from realtime_switch.local.gemini import closes
from realtime_switch.local.orders import End

# As it was measured: told at 540 s that 50 s are left.
_NOTICE_S, _TOLD_AT_S = 50.0, 540.0
# Who asks for a goAway at once wants time to act on it all the same.
_NOTICE_S_MIN = 5.0


class Life(msgspec.Struct, frozen=True):
    """Seconds since the upgrade; without `goaway_s` the end comes unannounced."""

    goaway_s: float | None
    end_s: float
    end: End


def life(life_s: float, faults: Faults) -> Life:
    if faults.expire_after_s is not None:
        return Life(None, faults.expire_after_s, closes.DEADLINE)
    if faults.goaway_after_s is not None:
        left_s = min(max(faults.goaway_after_s * _NOTICE_S / _TOLD_AT_S, _NOTICE_S_MIN), _NOTICE_S)
        return Life(faults.goaway_after_s, faults.goaway_after_s + left_s, closes.STAYED_TOO_LONG)
    left_s = min(life_s * _NOTICE_S / (_TOLD_AT_S + _NOTICE_S), _NOTICE_S)
    return Life(life_s - left_s, life_s, closes.STAYED_TOO_LONG)
