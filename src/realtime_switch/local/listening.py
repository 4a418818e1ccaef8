"""The audio of a call: what was appended and not yet taken, and where in it somebody spoke.

Positions are ticks of audio time (vad.py) and run on through every commit, clear and change of format.
"""

from collections.abc import Iterator

import msgspec

from realtime_switch.local.audio import Format, Sound
from realtime_switch.local.vad import TICKS_PER_MS, TICKS_PER_S, Began, Ended, Sensitivity, Vad

# With nobody deciding when a turn ends, the oldest audio goes first: 10 minutes of PCM.
BUFFER_MS_MAX = 600_000
# A start is told a few frames after it happened; what lies before it must still be there.
_MARGIN_MS = 200


class Detection(msgspec.Struct, frozen=True):
    sensitivity: Sensitivity
    # How much before the speech belongs to the turn.
    prefix_ms: int


class InputBuffer:
    def __init__(self, format: Format) -> None:
        self._format = format
        self._data = bytearray()
        self._spare = b""
        # Where the format began, and how many of its samples were dropped since: exact at any rate.
        self._format_tick = 0
        self._dropped = 0
        self._vad: Vad | None = None

    @property
    def start_tick(self) -> int:
        return self._tick(self._dropped)

    @property
    def end_tick(self) -> int:
        return self._tick(self._dropped + len(self._data) // self._format.bytes_per_sample)

    @property
    def position_ms(self) -> int:
        return self.end_tick // TICKS_PER_MS

    @property
    def size_ms(self) -> float:
        return (self.end_tick - self.start_tick) / TICKS_PER_MS

    @property
    def speaking(self) -> bool:
        return self._vad is not None and self._vad.speaking

    def append(self, data: bytes, detection: Detection | None) -> Iterator[Began | Ended]:
        """Yields what is found while it is found: whoever hears of an end takes the turn before asking for
        more.
        """
        data = self._spare + data
        # An odd byte is half a sample (OPENAI-REALTIME.md 4.3): its other half comes next.
        whole = len(data) // self._format.bytes_per_sample * self._format.bytes_per_sample
        data, self._spare = data[:whole], data[whole:]
        before_tick = self.end_tick
        self._data += data
        if detection is None:
            self._vad = None
        else:
            if self._vad is None:
                self._vad = Vad(self._format, before_tick)
            yield from self._vad.feed(data, detection.sensitivity)
        if not self.speaking:
            kept_ms = BUFFER_MS_MAX if detection is None else detection.prefix_ms + _MARGIN_MS
            self._drop_until(self.end_tick - kept_ms * TICKS_PER_MS)

    def take(self, from_tick: int | None = None, until_tick: int | None = None) -> Sound:
        """The turn; nothing before its end stays."""
        begin = self.start_tick if from_tick is None else max(from_tick, self.start_tick)
        end = self.end_tick if until_tick is None else until_tick
        data = bytes(self._data[self._offset(begin) : self._offset(end)])
        self._drop_until(end)
        if self._vad is not None:
            self._vad.forget()
        return Sound(data, self._format, self._format.ms(len(data)))

    def clear(self) -> None:
        self._drop_until(self.end_tick)
        self._spare = b""
        if self._vad is not None:
            self._vad.forget()

    def reformat(self, format: Format) -> None:
        if format != self._format:
            end_tick = self.end_tick
            self._data, self._spare, self._vad = bytearray(), b"", None
            self._format_tick, self._dropped, self._format = end_tick, 0, format

    def _tick(self, sample: int) -> int:
        return self._format_tick + sample * TICKS_PER_S // self._format.rate_hz

    def _offset(self, tick: int) -> int:
        sample = -(-(tick - self._format_tick) * self._format.rate_hz // TICKS_PER_S)
        return max(sample - self._dropped, 0) * self._format.bytes_per_sample

    def _drop_until(self, tick: int) -> None:
        dropped = min(self._offset(tick), len(self._data))
        del self._data[:dropped]
        self._dropped += dropped // self._format.bytes_per_sample
