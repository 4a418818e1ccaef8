"""A frame of a client's audio as it is kept, where the short way is compiled.

What is kept of a call that talks is mostly its client's audio, some sixty frames on the average. Base64 takes
a third more than what it stands for, and that much more memory is written to for each frame. So it is kept as
the bytes it stands for, and printed again for whoever must know. gateway/_packed.pxi packs:

    head    0 · number of what stands around the audio · how many characters are left
    audio   24 bytes for each 32 characters of the standard alphabet, which are those 24 and nothing else
    left    the characters that fill no 32, the padding too, as they came

A payload is a JSON text and begins with no 0, so bytes are enough to tell the two apart.
"""

import binascii

from ..dialects.shapes import Shapes

HEAD_BYTES = 3
AROUND_MAX = 256

_around: list[tuple[bytes, bytes]] = []  # by their numbers; as many as clients have ways to spell audio


def known_around(audio: Shapes) -> list[tuple[int, bytes, bytes]]:
    """With their numbers, what stands before and after the audio where nothing else changes from frame to
    frame."""
    fixed = [shape for shape in audio.shapes if len(shape.parts) == 2 and not shape.open]
    pairs = [(shape.parts[0], shape.parts[1]) for shape in fixed]
    _around.extend(pair for pair in pairs if pair not in _around)
    assert len(_around) <= AROUND_MAX
    return [(_around.index(pair), *pair) for pair in pairs]


def is_packed(kept: bytes) -> bool:
    return kept.startswith(b"\0")


def unpack(kept: bytes) -> bytes:
    """The payload, to the byte."""
    if not is_packed(kept):
        return kept
    before, after = _around[kept[1]]
    audio_end = len(kept) - kept[2]
    audio = binascii.b2a_base64(kept[HEAD_BYTES:audio_end], newline=False)
    return b"".join((before, audio, kept[audio_end:], after))


def payload_bytes(kept: bytes) -> int:
    if not is_packed(kept):
        return len(kept)
    before, after = _around[kept[1]]
    audio_bytes = len(kept) - HEAD_BYTES - kept[2]
    return len(before) + audio_bytes // 3 * 4 + kept[2] + len(after)
