"""How long a call has lasted at a provider that bills by time, in stretches: each is put down once, and all
of them together are the call.

Two clocks. The provider's own is the bill; it is told now and then, in full, and once more at the end. Ours
is the audio that was sent, because that is what moves a session on (GPT-LIVE.md 6): it says what the provider
has not said yet, and all there is to say when it never does.
"""

from ..accounts.records import Certainty
from ..dialects.acts import SessionTime
from . import limits


class Timing:
    """Of one session of a provider."""

    def __init__(self, audio_bytes_per_ms: int = 48) -> None:
        self._audio_bytes_per_ms = audio_bytes_per_ms
        self._sent_bytes = 0
        self._down_ms = 0  # put down so far
        self._confirmed = False

    def sent(self, audio_bytes: int) -> None:
        self._sent_bytes += audio_bytes

    @property
    def own_ms(self) -> int:
        return self._sent_bytes // self._audio_bytes_per_ms

    def told(self, time: SessionTime) -> tuple[int, Certainty] | None:
        """What the provider's word adds to what is put down. None: nothing; a total that is smaller than an
        earlier one adds nothing either."""
        self._confirmed = time.certainty == "confirmed"
        more_ms = max(0, time.total_ms - self._down_ms)
        self._down_ms += more_ms
        return (more_ms, Certainty(time.certainty)) if more_ms or self._confirmed else None

    def drifts(self, time: SessionTime) -> bool:
        apart_ms = abs(time.total_ms - self.own_ms)
        return apart_ms > max(limits.TIME_DRIFT_MS, time.total_ms * limits.TIME_DRIFT_SHARE)

    def due(self) -> tuple[int, Certainty] | None:
        """So much of the call that the provider has said nothing of it for too long."""
        return self.rest() if self.own_ms - self._down_ms >= limits.TIME_ESTIMATED_AFTER_MS else None

    def rest(self) -> tuple[int, Certainty] | None:
        """The call is over: what nobody has put down, unless the provider has had the last word."""
        more_ms = 0 if self._confirmed else self.own_ms - self._down_ms
        if more_ms <= 0:
            return None
        self._down_ms += more_ms
        return more_ms, Certainty.ESTIMATED
