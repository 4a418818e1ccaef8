"""A frame of a client's audio as it is kept, where the short way is compiled.

What is kept of a call that talks is mostly its client's audio, some sixty frames on the average. Base64 takes
a third more than what it stands for, and that much more memory is written to for each frame. So it is kept as
the bytes it stands for, and printed again for whoever must know. gateway/_packed.pxi packs:

    head    0 · number of what stands around the audio · how many characters are left · length of the name
    name    the frame's own, where its spelling has one: the inside of the string before the audio
    audio   24 bytes for each 32 characters of the standard alphabet, which are those 24 and nothing else
    left    the characters that fill no 32, the padding too, as they came

A payload is a JSON text and begins with no 0, so bytes are enough to tell the two apart.
"""

import binascii

from ..dialects.shapes import Shape, Shapes

HEAD_BYTES = 4
AROUND_MAX = 256
NAME_BYTES_MAX = 255

# Before the name, between name and audio, after the audio. By their numbers; as many as clients have ways to
# spell audio.
_Around = tuple[bytes, bytes, bytes]
_around: list[_Around] = []


def known_around(audio: Shapes) -> list[tuple[int, bytes, bytes, bytes]]:
    """With their numbers, what stands around the audio where nothing else changes from frame to frame, or a
    name before it."""
    known = [one for shape in audio.shapes if (one := _fixed(shape)) is not None]
    _around.extend(one for one in known if one not in _around)
    assert len(_around) <= AROUND_MAX
    return [(_around.index(one), *one) for one in known]


def _fixed(shape: Shape) -> _Around | None:
    if shape.open or shape.cut != -1 or not 2 <= len(shape.parts) <= 3:
        return None
    before, *between, after = shape.parts
    return before, b"".join(between), after


def is_packed(kept: bytes) -> bool:
    return kept.startswith(b"\0")


def unpack(kept: bytes) -> bytes:
    """The payload, to the byte."""
    if not is_packed(kept):
        return kept
    before, between, after = _around[kept[1]]
    audio_start, audio_end = HEAD_BYTES + kept[3], len(kept) - kept[2]
    name = kept[HEAD_BYTES:audio_start]
    audio = binascii.b2a_base64(kept[audio_start:audio_end], newline=False)
    return b"".join((before, name, between, audio, kept[audio_end:], after))


def payload_bytes(kept: bytes) -> int:
    if not is_packed(kept):
        return len(kept)
    audio_bytes = len(kept) - HEAD_BYTES - kept[3] - kept[2]
    return sum(map(len, _around[kept[1]])) + kept[3] + audio_bytes // 3 * 4 + kept[2]
