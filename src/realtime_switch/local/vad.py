"""When somebody speaks: by the energy of the samples themselves, in audio time.

Time is counted in ticks of 1/24000 s since the first sample of the call; it moves only with audio, so a
client may send faster or slower than it speaks (OPENAI-REALTIME.md 4.4). Nothing here knows of items or
replies.
"""

from collections.abc import Iterator
from operator import mul

import msgspec

from realtime_switch.local.audio import Format, samples

TICKS_PER_MS = 24
TICKS_PER_S = 1000 * TICKS_PER_MS
_FRAME_MS = 20
_FRAME_TICKS = _FRAME_MS * TICKS_PER_MS
# A click is shorter than this, a syllable is not.
_LOUD_MS_MIN = 60


class Sensitivity(msgspec.Struct, frozen=True):
    threshold: float
    silence_ms: int
    # How long it must be loud before it counts as speech.
    loud_ms: int = _LOUD_MS_MIN

    @property
    def power(self) -> float:
        """Mean square of a sample from which a frame is loud: 0 to 1 is -60 to -20 dB of full scale, 0.5 is
        -40.
        """
        return float((32768 * 10 ** ((-60 + 40 * self.threshold) / 20)) ** 2)


class Began(msgspec.Struct, frozen=True):
    tick: int


class Ended(msgspec.Struct, frozen=True):
    tick: int


class Vad:
    """Fed with any chunks; tells when speech began and when it has been over for as long as the sensitivity
    says.
    """

    def __init__(self, format: Format, tick: int) -> None:
        self.speaking = False
        self._format = format
        self._frames = 0
        self._rest = bytearray()
        self._tick = tick
        self._loud_since = tick
        self._loud_frames = 0
        self._silent_ticks = 0

    def feed(self, data: bytes, sensitivity: Sensitivity) -> Iterator[Began | Ended]:
        self._rest += data
        start = 0
        while (end := start + self._frame_bytes) <= len(self._rest):
            linear = samples(self._rest[start:end], self._format.coding)
            start = end
            self._frames += 1
            yield from self._frame(sum(map(mul, linear, linear)) / len(linear), sensitivity)
        del self._rest[:start]

    @property
    def _frame_bytes(self) -> int:
        """Of the frame that is due: not every rate has whole samples in 20 ms."""
        begin_ms = self._frames * _FRAME_MS
        return self._format.size_bytes(begin_ms + _FRAME_MS) - self._format.size_bytes(begin_ms)

    def forget(self) -> None:
        """The turn was taken or thrown away: what comes next is new speech."""
        self.speaking = False
        self._loud_frames = 0
        self._silent_ticks = 0

    def _frame(self, power: float, sensitivity: Sensitivity) -> Iterator[Began | Ended]:
        begin, self._tick = self._tick, self._tick + _FRAME_TICKS
        # Speech fades: what keeps a turn open may be half as loud (a quarter of the power) as what opens it.
        loud = power >= sensitivity.power / (4 if self.speaking else 1)
        if not self.speaking:
            if self._loud_frames == 0:
                self._loud_since = begin
            self._loud_frames = self._loud_frames + 1 if loud else 0
            if self._loud_frames * _FRAME_MS >= sensitivity.loud_ms:
                self.speaking, self._loud_frames, self._silent_ticks = True, 0, 0
                yield Began(self._loud_since)
            return
        self._silent_ticks = 0 if loud else self._silent_ticks + _FRAME_TICKS
        if self._silent_ticks >= sensitivity.silence_ms * TICKS_PER_MS:
            self.forget()
            yield Ended(self._tick)
