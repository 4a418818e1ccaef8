"""Whether a client's frame of audio has sound in it: a glance at its first milliseconds, in few microseconds.

Not a judgement of speech: that is the provider's. It is asked seldom, of frames that are kept anyway, where a
provider says nothing and somebody must know whether the user does (session/stall.py).
"""

import binascii

from .sound import Coding

# A microphone's noise, after the suppression that clients have, stays far below; a voice at -40 dB of full
# scale is beyond it in a good part of its samples.
LOUD = 512  # of 32,768
LOUD_SHARE = 1 / 16  # of the samples

_GLANCE_CHARS = 512  # of base64: 8 ms at 24 kHz, about as long as one swing of a low voice
_STANDARD = bytes.maketrans(b"-_", b"+/")  # Google's SDK for Python writes the other alphabet


def is_loud(payload: bytes, coding: Coding) -> bool:
    """Total; what is no base64 is silence."""
    base64 = _longest_string(payload)[:_GLANCE_CHARS].translate(_STANDARD, b"\\")  # some print / as \/
    try:
        data = binascii.a2b_base64(base64[: len(base64) // 4 * 4])
    except binascii.Error:
        return False
    # The upper halves of the samples say enough.
    samples = data[1::2] if coding == "pcm" else data
    return len(samples.translate(None, _QUIET[coding])) > len(samples) * LOUD_SHARE


def _longest_string(payload: bytes) -> bytes:
    """In a message that is audio that is the audio, by far, however the message is spelt."""
    end = payload.rfind(b'"')
    start = payload.rfind(b'"', 0, max(0, end)) + 1
    if end - start > len(payload) // 2:  # nearly always: it is the last one
        return payload[start:end]
    return max(payload.split(b'"'), key=len)


# What is not loud: upper halves of 16-bit samples; codes of G.711, whose lower seven bits grow with the size.
_QUIET: dict[Coding, bytes] = {
    "pcm": bytes((0x00, 0x01, 0xFE, 0xFF)),
    "pcmu": bytes(code for code in range(256) if (code ^ 0xFF) & 0x7F < 0x24),
    "pcma": bytes(code for code in range(256) if (code ^ 0x55) & 0x7F < 0x20),
}
