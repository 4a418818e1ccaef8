"""What a translation lets by unread: audio, and the agent's words, cut out of one envelope and put into the
other (dialects/envelopes.py).

A Crossing is asked as a proof is. It answers with the frame that goes on instead, b"" for one that goes
nowhere, False for one that is to be read. gateway/_crossing.pxi does the same by itself: it counts in `tally`
and puts words by in `texts`, which are always the same objects.
"""

from array import array
from typing import Literal

from ..dialects.acts import ReplyTranscript
from ..dialects.envelopes import Alike, Crossed, Envelope
from ..dialects.sound import standard_letters
from ..dialects.wishes import UserAudio
from . import limits
from .unread import Proof, nothing_passes


class Road:
    """For frames that are alike."""

    def __init__(self, alike: Alike, envelope: Envelope) -> None:
        self.shapes = alike.shapes
        self.said = alike.said
        self.envelope = envelope
        self.words = isinstance(alike.said, ReplyTranscript)
        self.from_client = isinstance(alike.said, UserAudio)  # who may lie
        # Frames, characters of base64, how many of them pad it; and the number of the next frame.
        self.tally = array("q", (0, 0, 0, envelope.number))
        self.texts: list[bytes] = []  # of the frames with words
        self.texts_max = limits.UNREAD_WORDS_MAX

    def __call__(self, cut: bytes) -> bytes | Literal[False]:
        around = self.envelope
        size = len(around.head) + len(around.middle) + len(cut) + len(around.tail)
        if not cut or size > limits.CROSSING_BYTES_MAX or b"\\" in cut:
            return False
        tally = self.tally
        if self.words:
            if len(self.texts) >= self.texts_max:
                return False
            self.texts.append(cut)
        else:
            if self.from_client and not (cut := standard_letters(cut)):
                return False
            tally[1] += len(cut)
            tally[2] += cut.endswith(b"=") + cut.endswith(b"==")
        number = b"%d" % tally[3] if around.middle else b""
        tally[0] += 1
        tally[3] += 1
        return b"".join((around.head, number, around.middle, cut, around.tail))

    def take(self) -> Crossed | None:
        """What has gone by since the last time; None: nothing."""
        frames, chars, padding, _ = self.tally
        if not frames:
            return None
        text = b"".join(self.texts).decode("utf-8", "replace")
        self.texts.clear()
        self.tally[0] = self.tally[1] = self.tally[2] = 0
        return Crossed(self.said, frames, chars // 4 * 3 - padding, chars, text)


class Crossing:
    """One of the two directions. Closed, nothing goes by: it has no roads."""

    def __init__(self, idle: Proof = nothing_passes) -> None:
        self.idle = idle  # of the frames that go nowhere
        self.roads: tuple[Road, ...] = ()

    def __call__(self, payload: bytes) -> bytes | Literal[False]:
        for road in self.roads:
            if (cut := road.shapes.cut(payload)) is not None:
                return road(payload[cut])
        return b"" if self.roads and self.idle(payload) else False

    def take(self) -> list[Crossed]:
        return [crossed for road in self.roads if (crossed := road.take()) is not None]
