"""espeak-ng, alone in a process: it is GPL-3, keeps global state and is not thread-safe (LIBRARIES.md 8).

    python -m realtime_switch.local.voice_process

Questions are voice.Speech in MessagePack, answers 16-bit samples. Needs the extra `local`.
"""

import ctypes
import itertools
from collections.abc import Callable

import espeakng_loader
import msgspec
import numpy as np
import soxr

from realtime_switch.local.gemini.voices import NAMES
from realtime_switch.local.voice import Speech
from realtime_switch.local.worker_process import serve

# speak_lib.h
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_CHARS_UTF8 = 1
_RATE, _PITCH = 1, 3
_WORDS_PER_MINUTE = 150
# Each of OpenAI's names gets a way of speaking of its own: accent with variant, and pitch. American is
# understood best by the ears' acoustic model, so most are.
_ACCENT = "en-us"
_VOICES = {
    "alloy": ("", 45),
    "ash": ("+m3", 35),
    "ballad": ("+m7", 50),
    "cedar": ("+m1", 40),
    "coral": ("+f2", 55),
    "echo": ("+m4", 45),
    "marin": ("", 55),
    "sage": ("+f4", 50),
    "shimmer": ("+f3", 60),
    "verse": ("+m2", 55),
}
# Gemini's thirty share those ten ways.
_VOICES |= dict(zip(NAMES, itertools.cycle(_VOICES.values())))


def speaker() -> Callable[[bytes], bytes]:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data_path = espeakng_loader.get_data_path().encode()
    own_rate_hz = library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path, 0)
    if own_rate_hz <= 0:
        raise SystemExit("espeak-ng did not start")
    pieces: list[bytes] = []

    def take(samples: int | None, count: int, events: int | None) -> int:
        if samples and count > 0:
            pieces.append(ctypes.string_at(samples, 2 * count))
        return 0

    # Kept by the closure below, because it must live as long as the library may call it.
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)(take)
    library.espeak_SetSynthCallback(callback)

    def answer(question: bytes) -> bytes:
        assert callback is not None
        speech = msgspec.msgpack.decode(question, type=Speech)
        if not speech.text.strip():
            return b""  # espeak-ng would end the last sentence once more
        variant, pitch = _VOICES.get(speech.voice, ("", 50))
        library.espeak_SetVoiceByName(f"{_ACCENT}{variant}".encode())
        library.espeak_SetParameter(_RATE, int(_WORDS_PER_MINUTE * speech.speed), 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        pieces.clear()
        text = speech.text.replace("\0", " ").encode("utf-8", "replace")
        library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _CHARS_UTF8, None, None)
        library.espeak_Synchronize()
        samples = np.frombuffer(b"".join(pieces), np.int16)
        return bytes(soxr.resample(samples, own_rate_hz, speech.rate_hz).astype("<i2").tobytes())

    return answer


if __name__ == "__main__":
    serve(speaker())
