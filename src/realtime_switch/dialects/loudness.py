"""Whether a client's frame of audio has sound in it: a glance at its first milliseconds, in few microseconds.

Not a judgement of speech: that is the provider's. It is asked seldom, of frames that are kept anyway, where a
provider says nothing and somebody must know whether the user does (session/stall.py).
"""

import binascii
from collections.abc import Callable
from functools import partial

from .sound import Coding

# A microphone's noise, after the suppression that clients have, stays far below; a voice at -40 dB of full
# scale is beyond it in a good part of its samples.
LOUD = 512  # of 32,768
LOUD_SHARE = 1 / 16  # of the samples

GLANCE_CHARS = 512  # of base64: 8 ms at 24 kHz, about as long as one swing of a low voice
_STANDARD = bytes.maketrans(b"-_", b"+/")  # Google's SDK for Python writes the other alphabet


def is_loud_pcm(payload: bytes) -> bool:
    """Total; of what is no base64 it says anything. gateway/_glance.pxi says the same of what is surely
    audio.

    Eight characters are three samples, and the eighth holds the upper half of the third, but for two bits:
    where a sample has no others it passes for quiet, one in twenty."""
    samples = _first_base64(payload)[7::8]
    return len(samples.translate(None, QUIET_CHARS)) > len(samples) * LOUD_SHARE


def _is_loud_g711(quiet: bytes, payload: bytes) -> bool:
    base64 = _first_base64(payload)
    try:
        data = binascii.a2b_base64(base64[: len(base64) // 4 * 4].translate(_STANDARD))
    except binascii.Error:
        return False
    return len(data.translate(None, quiet)) > len(data) * LOUD_SHARE


def _first_base64(payload: bytes) -> bytes:
    start = _start_of_longest_string(payload)
    base64 = payload[start : start + GLANCE_CHARS]
    if (quote := base64.find(b'"')) >= 0:
        base64 = base64[:quote]
    if base64.find(b"\\") >= 0:  # some print / as \/
        base64 = base64.replace(b"\\", b"")
    return base64


def _start_of_longest_string(payload: bytes) -> int:
    """In a message that is audio that is the audio, by far, however the message is spelt."""
    end = payload.rfind(b'"')
    start = payload.rfind(b'"', 0, max(0, end)) + 1
    if end - start > len(payload) // 2:  # nearly always: it is the last one
        return start
    longest = max(payload.split(b'"'), key=len)
    return payload.find(longest)


# What is not loud: upper halves of 16-bit samples from -2 to 1, as the lower six bits are written in either
# alphabet; codes of G.711, whose lower seven bits grow with the size.
QUIET_CHARS = b"AB+/-_"
_QUIET_PCMU = bytes(code for code in range(256) if (code ^ 0xFF) & 0x7F < 0x24)
_QUIET_PCMA = bytes(code for code in range(256) if (code ^ 0x55) & 0x7F < 0x20)

IS_LOUD: dict[Coding, Callable[[bytes], bool]] = {
    "pcm": is_loud_pcm,
    "pcmu": partial(_is_loud_g711, _QUIET_PCMU),
    "pcma": partial(_is_loud_g711, _QUIET_PCMA),
}
