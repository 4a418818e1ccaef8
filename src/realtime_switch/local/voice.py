"""Text into sound. A voice is anything with `say`; two are here.

ToneVoice needs nothing but Python: a small melody, one soft note a syllable, as long as speech would be.
SpokenVoice is espeak-ng in a process of its own (voice_process.py says why), started by the first word.
"""

import functools
import math
import re
from array import array
from typing import Protocol

import msgspec
import structlog

from realtime_switch.local.audio import little_endian
from realtime_switch.local.worker import Worker, WorkerLost

log = structlog.get_logger()


class Voice(Protocol):
    async def say(self, text: str, *, voice: str, speed: float, rate_hz: int) -> bytes:
        """16-bit little-endian mono at the rate."""
        ...

    async def close(self) -> None: ...


class Speech(msgspec.Struct, frozen=True):
    """What the voice's process is asked."""

    text: str
    voice: str
    speed: float
    rate_hz: int


# A pentatonic scale sounds well in any order.
_SCALE_HZ = (261.63, 293.66, 329.63, 392.00, 440.00)
_SYLLABLE_MS, _WORD_GAP_MS, _SENTENCE_GAP_MS = 170, 60, 220
_LOUDNESS = 9000


class ToneVoice:
    async def say(self, text: str, *, voice: str, speed: float, rate_hz: int) -> bytes:
        return melody(text, voice=voice, speed=speed, rate_hz=rate_hz)

    async def close(self) -> None:
        pass


class SpokenVoice:
    """Falls back to the tone where the process is lost: a caller hears something, and the log says why."""

    def __init__(self) -> None:
        self._worker = Worker("realtime_switch.local.voice_process")
        self._tone = ToneVoice()

    async def say(self, text: str, *, voice: str, speed: float, rate_hz: int) -> bytes:
        wanted = msgspec.msgpack.encode(Speech(text, voice, speed, rate_hz))
        try:
            return await self._worker.ask(wanted)
        except WorkerLost as lost:
            log.warning("local.voice_lost", reason=str(lost))
            return await self._tone.say(text, voice=voice, speed=speed, rate_hz=rate_hz)

    async def close(self) -> None:
        await self._worker.close()


def melody(text: str, *, voice: str, speed: float, rate_hz: int) -> bytes:
    # Another voice is another key, so that two agents can be told apart.
    shift = 2 ** ((sum(map(ord, voice)) % 7 - 3) / 12)
    pieces = []
    for word in text.split():
        for syllable in re.findall(r"[^aeiouy\W]*[aeiouy]+|[^\W_]+", word.lower()) or [word]:
            hz = _SCALE_HZ[sum(map(ord, syllable)) % len(_SCALE_HZ)] * shift
            pieces.append(_note(hz, int(_SYLLABLE_MS / speed) * rate_hz // 1000, rate_hz))
        gap_ms = _SENTENCE_GAP_MS if word[-1] in ".!?;:" else _WORD_GAP_MS
        pieces.append(bytes(2 * (int(gap_ms / speed) * rate_hz // 1000)))
    return b"".join(pieces)


@functools.lru_cache(maxsize=256)
def _note(hz: float, count: int, rate_hz: int) -> bytes:
    turn = 2 * math.pi * hz / rate_hz
    samples = array("h")
    for index in range(count):
        # Rises and falls like a breath; a second partial makes it less of a whistle.
        envelope = math.sin(math.pi * index / count) ** 0.5
        wave = math.sin(turn * index) + 0.3 * math.sin(2 * turn * index)
        samples.append(int(_LOUDNESS * envelope * wave))
    return little_endian(samples)
