"""pocketsphinx, alone in a process, because its 100 MB and its seconds of CPU are nobody else's.

    python -m realtime_switch.local.ears_process

Questions are ears.Sound in MessagePack, answers UTF-8. First the grammar of what the brain understands;
where that does not fit the sound, free dictation, whose decoder is loaded when it is first needed. Needs
the extra `local`.
"""

from typing import Any

import msgspec
import numpy as np
import pocketsphinx
import soxr

from realtime_switch.local.ears import Sound
from realtime_switch.local.grammar import PRONUNCIATIONS, jsgf
from realtime_switch.local.worker_process import serve

_RATE_HZ = 16_000
# The decoder wants to hear silence before and after, and digital silence upsets it.
_PADDING_S, _NOISE = 0.3, 8.0
# Speech has about 12 phones a second; a phrase that explains the sound with far fewer was forced upon it.
_PHONES_PER_S_MIN = 7.5
_SPOKEN_S_MIN = 0.1
_LOUD = 300  # root mean square of 10 ms that hold speech
# Wide beams and no best path: with pocketsphinx' own settings a third of the phrases lost their last word.
_SETTINGS: dict[str, Any] = {"loglevel": "FATAL", "cmn": "batch", "bestpath": False}
_GRAMMAR_BEAMS: dict[str, Any] = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}


class Listener:
    def __init__(self) -> None:
        self._expecting = pocketsphinx.Decoder(lm=None, **_GRAMMAR_BEAMS, **_SETTINGS)
        for word, phones in PRONUNCIATIONS.items():
            if self._expecting.lookup_word(word) is None:
                self._expecting.add_word(word, phones, False)
        self._expecting.add_jsgf_string("talk", jsgf())
        self._expecting.activate_search("talk")
        self._dictating: Any = None

    def answer(self, question: bytes) -> bytes:
        sound = msgspec.msgpack.decode(question, type=Sound)
        samples = np.frombuffer(sound.pcm[: len(sound.pcm) // 2 * 2], "<i2")
        if len(samples) == 0:
            return b""
        pcm = _prepared(samples, sound.rate_hz)
        if _spoken_s(pcm) < _SPOKEN_S_MIN:
            return b""  # a decoder finds words in silence, too
        return (self._expected(pcm) or self._dictated(pcm)).encode()

    def _expected(self, pcm: bytes) -> str | None:
        words = _decode(self._expecting, pcm)
        if not words:
            return None
        phones = sum(len((self._expecting.lookup_word(word) or "").split()) for word in words.split())
        return words if phones >= _PHONES_PER_S_MIN * _spoken_s(pcm) else None

    def _dictated(self, pcm: bytes) -> str:
        if self._dictating is None:
            self._dictating = pocketsphinx.Decoder(**_SETTINGS)
        return _decode(self._dictating, pcm)


def _prepared(samples: Any, rate_hz: int) -> bytes:
    heard = soxr.resample(samples, rate_hz, _RATE_HZ)
    silence = np.zeros(int(_PADDING_S * _RATE_HZ), np.int16)
    padded = np.concatenate([silence, heard, silence]).astype(np.float64)
    noise = np.random.default_rng(0).normal(0, _NOISE, len(padded))  # the same every time
    return bytes(np.clip(padded + noise, -32768, 32767).astype("<i2").tobytes())


def _spoken_s(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    frame = _RATE_HZ // 100
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    return float(np.count_nonzero(np.sqrt((frames**2).mean(axis=1)) >= _LOUD)) / 100


def _decode(decoder: Any, pcm: bytes) -> str:
    decoder.start_utt()
    decoder.process_raw(pcm, no_search=False, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return "" if found is None else str(found.hypstr)


if __name__ == "__main__":
    serve(Listener().answer)
