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
        self._drafted_ms = 0  # of the stretch that runs: what its bill was last drafted with
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
        if not more_ms and not self._confirmed:
            return None
        return self._put_down(more_ms, Certainty(time.certainty))

    @property
    def second_bytes(self) -> int:
        return 1_000 * self._audio_bytes_per_ms

    def drifts(self, time: SessionTime) -> bool:
        apart_ms = abs(time.total_ms - self.own_ms)
        return apart_ms > max(limits.TIME_DRIFT_MS, time.total_ms * limits.TIME_DRIFT_SHARE)

    def due(self) -> tuple[int, Certainty] | None:
        """So much of the call that the provider has said nothing of it for too long."""
        return self.rest() if self._running_ms >= limits.TIME_ESTIMATED_AFTER_MS else None

    def rest(self) -> tuple[int, Certainty] | None:
        """The call is over: what nobody has put down, unless the provider has had the last word."""
        running_ms = self._running_ms
        return self._put_down(running_ms, Certainty.ESTIMATED) if running_ms > 0 else None

    @property
    def undrafted_ms(self) -> int:
        return self._running_ms - self._drafted_ms

    def draft(self) -> int | None:
        """How long the stretch that runs has become, if it has since the last time."""
        if self.undrafted_ms <= 0:
            return None
        self._drafted_ms = self._running_ms
        return self._drafted_ms

    @property
    def _running_ms(self) -> int:
        return 0 if self._confirmed else self.own_ms - self._down_ms

    def _put_down(self, stretch_ms: int, certainty: Certainty) -> tuple[int, Certainty]:
        self._down_ms += stretch_ms
        self._drafted_ms = 0
        return stretch_ms, certainty
