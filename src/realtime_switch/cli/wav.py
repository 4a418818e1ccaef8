"""WAV files in, WAV files out: what a call from the terminal says and hears.

A call speaks 16-bit mono PCM at 24 kHz (OPENAI-REALTIME.md 4.3). Files of other
rates are converted where soxr is installed (extra `local`), and refused in one
sentence where it is not: a wrong rate sounds like speech and is understood as noise.
"""

import array
import sys
import wave
from pathlib import Path

from ..accounts.errors import ErrorCode, RealtimeSwitchError

RATE_HZ = 24_000
FRAME_MS = 20
FRAME_BYTES = RATE_HZ * FRAME_MS // 1000 * 2

_AUDIBLE = 500  # of 32,768: above the noise of a quiet room, below any speech


def read_wav(path: Path) -> bytes:
    """The file as 24 kHz mono PCM."""
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate_hz = file.getnchannels(), file.getsampwidth(), file.getframerate()
            samples = file.readframes(file.getnframes())
    except FileNotFoundError:
        raise _refused(f"There is no file {path}.") from None
    except (wave.Error, EOFError, OSError) as error:
        raise _refused(f"{path} cannot be read as a WAV file: {error}.") from None
    if width != 2:
        raise _refused(f"{path} has {width * 8}-bit samples; convert it to 16-bit PCM first.")
    if channels > 1:
        samples = _mono(samples, channels)
    return samples if rate_hz == RATE_HZ else _resampled(samples, rate_hz, path)


def write_wav(path: Path, pcm: bytes) -> None:
    try:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(pcm)
    except OSError as error:
        raise _refused(f"{path} cannot be written: {error.strerror or error}.") from None


def frames(pcm: bytes) -> list[bytes]:
    """Cut into frames of 20 ms, the last one filled up with silence."""
    return [pcm[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for at in range(0, len(pcm), FRAME_BYTES)]


def last_audible(cut: list[bytes]) -> int:
    """The number of the last frame that holds sound: where somebody stopped speaking."""
    for number in range(len(cut) - 1, -1, -1):
        if max(map(abs, _samples(cut[number])), default=0) > _AUDIBLE:
            return number
    return len(cut) - 1


def _samples(pcm: bytes) -> "array.array[int]":
    samples = array.array("h", pcm)
    if sys.byteorder == "big":  # WAV and the wire are little-endian
        samples.byteswap()
    return samples


def _mono(pcm: bytes, channels: int) -> bytes:
    samples = _samples(pcm)
    whole = len(samples) // channels * channels
    mixed = array.array(
        "h", (sum(samples[at : at + channels]) // channels for at in range(0, whole, channels))
    )
    if sys.byteorder == "big":
        mixed.byteswap()
    return mixed.tobytes()


def _resampled(pcm: bytes, rate_hz: int, path: Path) -> bytes:
    try:
        import numpy
        import soxr
    except ImportError:
        raise _refused(
            f"{path} has {rate_hz} samples a second and a call needs {RATE_HZ}; convert it, or install"
            " realtime-switch[local], which can."
        ) from None
    converted: bytes = soxr.resample(numpy.frombuffer(pcm, "<i2"), rate_hz, RATE_HZ).astype("<i2").tobytes()
    return converted


def _refused(message: str) -> RealtimeSwitchError:
    return RealtimeSwitchError(ErrorCode.EXTERNAL_INVALID_VALUE, message)
