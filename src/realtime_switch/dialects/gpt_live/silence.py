"""Silence: told from speech in what a session says, and said to it where a client says nothing.

A session's clock is the sound that it is sent, and it sends sound all the time (GPT-LIVE.md 6). Other
dialects do neither.
"""

import array

from ..sound import AudioFormat, Coding, decoded, silence
from ..wishes import UserAudio

RMS_MIN = 20  # of 32,768, which is LiveKit's gate of 0.0006 (GPT-LIVE.md 6)
_QUIET = {"pcmu": b"\xff\x7f\xfe\x7e\xfd\x7d", "pcma": b"\xd5\x55"}  # the codes of samples below that


def is_silent(base64: str, coding: Coding) -> bool:
    """Nearly always one look: silence is exact zeros, and speech is loud within its first samples."""
    if coding != "pcm":
        return not decoded(base64).translate(None, _QUIET[coding])
    if not base64.strip("A="):
        return True
    data = decoded(base64)
    samples = array.array("h", data[: len(data) & ~1])
    left = RMS_MIN * RMS_MIN * len(samples)
    for sample in samples:
        left -= sample * sample
        if left < 0:
            return False
    return True


# -- Fed ---------------------------------------------------------------------------------------------------

AFTER_US = 200_000  # of nothing from the client, as LiveKit has it
PIECE_MS = 100
# A client that says nothing for so long pays for no more of it.
LONGEST_MS = 600_000


class Feeder:
    """Silence at the pace of the clock while a client sends no sound."""

    def __init__(self, audio_format: AudioFormat, now_us: int) -> None:
        self._piece = UserAudio(silence(audio_format, PIECE_MS), audio_format)
        self._heard_us = now_us
        self._fed_ms = 0
        self.due_us: int | None = now_us + AFTER_US

    def heard(self, now_us: int) -> None:
        """The client itself. The alarm that is set may ring for nothing: that is cheaper than to set it anew
        for every piece."""
        self._heard_us = now_us
        self._fed_ms = 0
        if self.due_us is None:
            self.due_us = now_us + AFTER_US

    def woke(self, now_us: int) -> UserAudio | None:
        if self.due_us is None or now_us < self.due_us:
            return None
        if now_us < self._heard_us + AFTER_US:
            self.due_us = self._heard_us + AFTER_US
            return None
        if self._fed_ms >= LONGEST_MS:
            self.due_us = None
            return None
        self._fed_ms += PIECE_MS
        # One that came late is made up for, a long sleep is not.
        self.due_us = max(self.due_us, now_us - AFTER_US) + PIECE_MS * 1000
        return self._piece
