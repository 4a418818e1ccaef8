"""How audio and words go from one dialect into the other unread: out of one envelope, into another.

One side says which frames would be heard as one that was just read (Alike), the other what it would put
around what is cut out of them (Envelope). Both hold until anything else is heard or told. What has gone by in
this way the sides are told in one sum (Crossed), before anybody asks them for anything.
"""

from msgspec import Struct

from .acts import Act, ReplyAudio, ReplyTranscript
from .shapes import Shapes
from .wishes import UserAudio, Wish


class Alike(Struct, frozen=True):
    """Whole frames of these shapes, with nothing escaped in what is cut out of them."""

    shapes: Shapes
    said: ReplyAudio | ReplyTranscript | UserAudio  # as what they are heard, but for the cut


class Envelope(Struct, frozen=True):
    """A frame is `head`, then a number and `middle` if there is one, then what was cut out, then `tail`."""

    head: bytes
    tail: bytes
    middle: bytes = b""
    number: int = 0  # that of the first; each is one more than the one before


class Crossed(Struct, frozen=True):
    """So much of one thing, since this was last told."""

    said: Act | Wish
    frames: int
    audio_bytes: int = 0
    base64_chars: int = 0
    text: str = ""
