"""The user's speech: where it is in the audio, by VAD or by the client's brackets, and what it says
(GEMINI-LIVE.md 3.3, 5).

Positions are audio time, so bursts faster than real time are understood as what they are.
"""

import re
from collections.abc import Callable

from realtime_switch.local.audio import Format, Sound
from realtime_switch.local.gemini import closes
from realtime_switch.local.gemini.billing import IMAGE_TOKENS, audio_tokens
from realtime_switch.local.gemini.habits import Habits
from realtime_switch.local.gemini.outbox import Outbox
from realtime_switch.local.gemini.past import Entry, Past, written
from realtime_switch.local.gemini.proto import Json, Refused, invalid
from realtime_switch.local.gemini.setup import Setup
from realtime_switch.local.listening import InputBuffer
from realtime_switch.local.orders import Listen
from realtime_switch.local.thought import Said, unintelligible
from realtime_switch.local.vad import TICKS_PER_MS, Began

_RATE_HZ = 16_000
_RATES_HZ = range(4_000, 192_001)
# 3.3: no more than one picture a second is used.
_FRAME_EVERY_US = 1_000_000


class Hearing:
    def __init__(
        self,
        setup: Setup,
        habits: Habits,
        past: Past,
        outbox: Outbox,
        *,
        now_us: Callable[[], int],
        on_start: Callable[[], None],
        on_turn: Callable[[], None],
    ) -> None:
        self._setup = setup
        self._habits = habits
        self._past = past
        self._outbox = outbox
        self._now_us = now_us
        self._on_start = on_start
        self._on_turn = on_turn
        self._buffer = InputBuffer(Format("pcm16", _RATE_HZ))
        self._rate_hz = _RATE_HZ
        self._begin_tick: int | None = None
        self._asked: dict[int, tuple[Entry, Sound]] = {}
        self._count = 0
        # The end that is told after what was said before it (5.5).
        self._end_ms: int | None = None
        self._frames = 0
        self._frame_us = 0

    @property
    def pending(self) -> bool:
        """Whether something that was said is still being understood."""
        return bool(self._asked)

    def audio(self, blob: Json) -> None:
        self._at_rate(_rate_hz(blob.get("mimeType", "")))
        data = blob.get("data", b"")
        for mark in self._buffer.append(data, self._setup.detection):
            if isinstance(mark, Began):
                assert self._setup.detection is not None
                self._start(mark.tick - self._setup.detection.prefix_ms * TICKS_PER_MS, mark.tick)
            else:
                self._stop(mark.tick)
        if self._setup.detection is None and self._begin_tick is None:
            self._buffer.clear()  # outside of the client's brackets

    def activity_start(self) -> None:
        if self._setup.detection is not None:
            raise invalid()
        if self._begin_tick is None:
            self._start(self._buffer.end_tick, self._buffer.end_tick)

    def activity_end(self) -> None:
        if self._setup.detection is not None:
            raise invalid()
        if self._begin_tick is None:
            return
        if self._begin_tick == self._buffer.end_tick:
            self._outbox.emit({"serverContent": {"turnComplete": True}, "usageMetadata": {}})
            raise Refused(closes.PRECONDITION)
        self._stop(self._buffer.end_tick)

    def stream_end(self) -> None:
        """The microphone pauses: nothing more of this turn will come."""
        if self._setup.detection is not None and self._begin_tick is not None:
            self._stop(self._buffer.end_tick)

    def video(self, blob: Json) -> None:
        if not blob.get("mimeType", "").startswith("image/"):
            raise invalid()
        now = self._now_us()
        wanted = self._setup.video_outside_activity or self._begin_tick is not None
        if wanted and now - self._frame_us >= _FRAME_EVERY_US:
            self._frame_us = now
            self._frames += 1

    def text(self, text: str) -> None:
        entry = written(text)
        entry.image = self._pictures()
        self._past.add(entry)

    def heard(self, key: int, words: str | None) -> None:
        if key not in self._asked:
            return
        entry, sound = self._asked.pop(key)
        said = words if words is not None else unintelligible(sound.ms / 1000)
        entry.turn = Said("user", said)
        if self._setup.hears:
            pieces = [said] if self._habits.whole_transcripts else re.findall(r"\S+", said)
            for piece in pieces:
                blank = "" if self._habits.whole_transcripts else " "
                self._outbox.content(inputTranscription={"text": f"{blank}{piece}"})
        self._tell_end()
        if self._habits.heartbeats:
            self._outbox.emit({})
            self._outbox.content()

    def _at_rate(self, rate_hz: int) -> None:
        if rate_hz != self._rate_hz:
            if self._begin_tick is not None and self._setup.detection is not None:
                self._stop(self._buffer.end_tick)  # another microphone
            self._rate_hz = rate_hz
            self._buffer.reformat(Format("pcm16", rate_hz))

    def _start(self, from_tick: int, tick: int) -> None:
        self._tell_end()
        self._begin_tick = max(from_tick, self._buffer.start_tick)
        self._mark("ACTIVITY_START", tick // TICKS_PER_MS)
        self._on_start()

    def _stop(self, tick: int) -> None:
        self._tell_end()
        sound = self._buffer.take(self._begin_tick, tick)
        self._begin_tick, self._end_ms = None, tick // TICKS_PER_MS
        entry = self._past.add(Entry(None, audio=audio_tokens(sound.ms), image=self._pictures()))
        self._count += 1
        self._asked[self._count] = (entry, sound)
        self._outbox.order(Listen(self._count, sound.data, sound.format.rate_hz))
        self._on_turn()

    def _pictures(self) -> int:
        frames, self._frames = self._frames, 0
        return frames * IMAGE_TOKENS

    def _tell_end(self) -> None:
        if self._end_ms is not None:
            self._mark("ACTIVITY_END", self._end_ms)
            self._end_ms = None

    def _mark(self, kind: str, ms: int) -> None:
        if self._setup.marks:
            activity = {"type": kind, "audioOffset": duration(ms)}
            with_content: Json = {} if self._setup.detection is not None else {"serverContent": {}}
            self._outbox.emit({**with_content, "voiceActivity": activity})


def duration(ms: int) -> str:
    """As proto3's JSON has it: no digits after the point, or three."""
    return f"{ms // 1000}s" if ms % 1000 == 0 else f"{ms // 1000}.{ms % 1000:03}s"


def _rate_hz(mime: str) -> int:
    kind, *parameters = (part.strip() for part in mime.lower().split(";"))
    if kind not in ("audio/pcm", "audio/l16"):
        raise invalid()
    rates = [one.removeprefix("rate=") for one in parameters if one.startswith("rate=")]
    if not rates:
        return _RATE_HZ
    if not (rates[0].isascii() and rates[0].isdigit()) or int(rates[0][:7]) not in _RATES_HZ:
        raise invalid()
    return int(rates[0])
