"""How audio is written, and how it is written another way: rates, G.711, base64.

Streams are converted, not pieces: what does not make a whole sample yet, and what the filter still holds,
waits for the next piece, so it makes no difference how a stream is cut up (tests/dialects/test_sound.py).
Most audio never comes here: where both ends write it alike, the base64 goes from one message into the
other. So what only a conversion needs (numpy, soxr: 20 MB, 0.1 s) is loaded when the first one begins.
"""

import binascii
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

Coding = Literal["pcm", "pcmu", "pcma"]  # 16-bit little-endian; G.711 mu-law; G.711 A-law


class AudioFormat(Struct, frozen=True):
    coding: Coding = "pcm"
    rate_hz: int = 24_000

    @property
    def bytes_per_ms(self) -> int:
        return max(1, self.rate_hz * (2 if self.coding == "pcm" else 1) // 1000)


PCM_24K = AudioFormat("pcm", 24_000)
PCM_16K = AudioFormat("pcm", 16_000)
G711_RATE_HZ = 8_000

# Measured for pieces of 20 ms: soxr's filters cost alike (some 5 us) and differ in what they hold back until
# more comes. This one holds at most 20 ms between 16 and 24 kHz and 40 where one end is 8 kHz, the next
# better twice as much; it is flat up to three quarters of the narrower band and lets nothing through beyond.
_QUALITY = "LQ"


class Converter:
    """One stream. Whoever hears that a format has changed takes a fresh one."""

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        self._source = source
        self._target = target
        self._same = source == target
        self._spare = b""  # half of a sample
        self._resampler: Any = None  # soxr.ResampleStream, while it is in mid-stream

    def convert(self, base64: str) -> str:
        """Standard, padded base64 in and out. Total: what cannot be read counts as silence of no length."""
        return base64 if self._same else self._recoded(decoded(base64), last=False)

    def flush(self) -> str:
        """The end of a stream: what was still held back. The next piece begins another."""
        if self._same:
            return ""
        rest = self._recoded(b"", last=True) if self._resampler is not None else ""
        self._spare, self._resampler = b"", None
        return rest

    def _recoded(self, data: bytes, last: bool) -> str:
        samples = self._resampled(self._samples(data), last)
        return encoded(_written(samples, self._target.coding)) if len(samples) else ""

    def _samples(self, data: bytes) -> "Samples":
        import numpy

        if self._source.coding != "pcm":
            decoding: Samples = _decodings()[self._source.coding][numpy.frombuffer(data, numpy.uint8)]
            return decoding
        data = self._spare + data
        whole = len(data) & ~1
        self._spare = data[whole:]
        return numpy.frombuffer(data, "<i2", whole // 2)

    def _resampled(self, samples: "Samples", last: bool) -> "Samples":
        if self._source.rate_hz == self._target.rate_hz:
            return samples
        if self._resampler is None:
            import soxr

            # In whole numbers it adds noise (dither), and other noise for every way to cut the stream.
            self._resampler = soxr.ResampleStream(
                self._source.rate_hz, self._target.rate_hz, 1, dtype="float32", quality=_QUALITY
            )
        import numpy

        resampled = self._resampler.resample_chunk(samples.astype(numpy.float32), last=last)
        whole: Samples = numpy.rint(resampled).clip(-32_768, 32_767).astype(numpy.int16)
        return whole


def duration_ms(base64: str, audio_format: AudioFormat) -> float:
    return audio_ms(base64_bytes(base64), audio_format)


def audio_ms(audio_bytes: int, audio_format: AudioFormat) -> float:
    return audio_bytes / (audio_format.rate_hz * _SAMPLE_BYTES[audio_format.coding]) * 1000


def silence(audio_format: AudioFormat, ms: int) -> str:
    samples = audio_format.rate_hz * ms // 1000
    return encoded(_SILENCE[audio_format.coding] * samples)


_SAMPLE_BYTES = {"pcm": 2, "pcmu": 1, "pcma": 1}
_SILENCE = {"pcm": b"\0\0", "pcmu": b"\xff", "pcma": b"\xd5"}

# -- Base64 ----------------------------------------------------------------------------------------------


def decoded(base64: str) -> bytes:
    """Total; of a broken piece nothing is used, because no one knows where its samples begin."""
    try:
        return binascii.a2b_base64(base64, strict_mode=True)
    except ValueError:
        return b""


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def standard(base64: bytes) -> str:
    """What somebody sent as base64, in the standard alphabet and padded; "" if it is none.

    Looked through but not decoded (0.3 ns a byte instead of 2): this is done for every piece of audio.
    """
    if not (found := standard_letters(base64)):
        bare = base64.translate(None, b"\r\n").rstrip(b"=")
        found = standard_letters(bare + b"=" * (-len(bare) % 4))
    return found.decode("ascii")


def standard_letters(base64: bytes) -> bytes:
    """Padded base64 of either alphabet, in the standard one; b"" if it is not that."""
    base64 = base64.translate(_FROM_URL_SAFE)
    return base64 if _is_standard(base64) else b""


def _is_standard(base64: bytes) -> bool:
    if len(base64) % 4 or base64.translate(None, _ALPHABET):
        return False
    padding = base64.find(b"=")
    return padding < 0 or base64[padding:] in (b"=", b"==")


def encoded(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def base64_bytes(base64: str) -> int:
    """How many bytes there are in it, without decoding."""
    return len(base64) // 4 * 3 - (base64.endswith("=") + base64.endswith("=="))


# -- G.711 -----------------------------------------------------------------------------------------------
#
# A sample is a sign, a segment (a power of two) and four bits within it: mu-law of 14 bits, A-law of 13.
# Both are written with bits inverted, so that silence is no row of zeros.


def _written(samples: "Samples", coding: Coding) -> bytes:
    import numpy

    if coding == "pcm":
        return samples.astype("<i2", copy=False).tobytes()
    data: bytes = _encodings()[coding][samples.astype(numpy.int16, copy=False).view(numpy.uint16)].tobytes()
    return data


@cache
def _decodings() -> dict[str, Any]:
    """By byte, the sample that it stands for."""
    import numpy

    byte = numpy.arange(256, dtype=numpy.int32)

    bits = byte ^ 0xFF
    # 33 is added before and taken away after, so that the first segment is a power of two as well.
    size = (((bits & 0x0F) * 2 + 33) << (bits >> 4 & 7)) - 33
    mu_law = numpy.where(bits & 0x80, -size, size) * 4

    bits = byte ^ 0x55
    segment = bits >> 4 & 7
    # The two lowest segments are one straight line; the upper ones begin with a bit that is not written.
    steps = (bits & 0x0F) * 2 + 1
    size = numpy.where(segment, (steps + 32) << numpy.maximum(segment - 1, 0), steps)
    a_law = numpy.where(bits & 0x80, size, -size) * 8

    return {"pcmu": mu_law.astype(numpy.int16), "pcma": a_law.astype(numpy.int16)}


@cache
def _encodings() -> dict[str, Any]:
    """By sample (its bits read as unsigned), the byte that stands for it."""
    import numpy

    sample = numpy.arange(65_536, dtype=numpy.uint16).view(numpy.int16).astype(numpy.int32)

    value = sample >> 2
    size = numpy.minimum(numpy.abs(value), 8158) + 33
    segment = _segment(size, 6)
    bits = segment << 4 | (size >> (segment + 1) & 0x0F)
    mu_law = bits ^ numpy.where(value < 0, 0x7F, 0xFF)

    value = sample >> 3
    size = numpy.where(value < 0, ~value, value)
    segment = _segment(size, 5)
    bits = segment << 4 | (size >> numpy.maximum(segment, 1) & 0x0F)
    a_law = bits ^ numpy.where(value < 0, 0x55, 0xD5)

    return {"pcmu": mu_law.astype(numpy.uint8), "pcma": a_law.astype(numpy.uint8)}


def _segment(size: Any, first_bits: int) -> Any:
    """How many bits it has more than fit into the first segment."""
    import numpy

    return numpy.searchsorted(1 << numpy.arange(first_bits, first_bits + 7), size, side="right")
