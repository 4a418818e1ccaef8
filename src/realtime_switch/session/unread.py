"""What has passed from a provider unread, until somebody must know it.

Its call is the proof: True says that the frame carries audio, which is counted,
or words or the bounds of a part, which are put by, or nothing that matters here;
the client gets it as it came. Where the proofs are Shapes, gateway/_compiled.pyx
matches them by itself, counts in `tally` and puts by in `put_by` and `parts_put_by`,
which are always the same objects.
"""

from array import array
from collections.abc import Callable, Sequence
from typing import Literal

from ..dialects.dialect import Dialect
from . import limits

Proof = Callable[[bytes], bool]
# True: it goes on as it came. False: it is to be read. Bytes: these go on instead (crossing.py).
Passes = Callable[[bytes], bool | bytes]


def nothing_passes(payload: bytes) -> Literal[False]:
    return False


def _to_nobody() -> None: ...


class Unread:
    def __init__(self, dialect: Dialect) -> None:
        self.audio: Proof = dialect.only_audio_from_provider
        self.words: Proof = dialect.only_words_from_provider
        self.idle: Proof = dialect.only_idle_from_provider
        self.parts: Proof = dialect.only_parts_from_provider
        self._envelope_bytes = dialect.envelope_bytes
        self.tally = array("q", (0, 0))  # frames of audio, and the bytes of all of them
        self._around_bytes = 0  # of the first of them: they are alike but for their audio
        self.on_audio: Callable[[], None] = _to_nobody  # the first since somebody asked
        # Nearly always the whole of the words comes before anybody asks.
        self.put_by: list[bytes] = []
        self.put_by_max = limits.UNREAD_WORDS_MAX
        self._words_to_read = dialect.words_to_read
        self._ends_item = dialect.ends_item
        self.parts_put_by: list[bytes] = []
        self._is_of_item = dialect.is_of_item

    def __call__(self, payload: bytes) -> bool:
        if self.audio(payload):
            if not self.tally[0]:
                self.first(payload)
            self.tally[0] += 1
            self.tally[1] += len(payload)
            return True
        if self.words(payload):
            return self._put(payload, self.put_by)
        return self.idle(payload) or (self.parts(payload) and self._put(payload, self.parts_put_by))

    def _put(self, payload: bytes, by: list[bytes]) -> bool:
        if len(by) >= self.put_by_max:
            return False
        by.append(payload)
        return True

    def first(self, payload: bytes) -> None:
        """Of the audio since somebody asked."""
        self._around_bytes = self._envelope_bytes(payload)
        self.on_audio()

    def take_words(self) -> Sequence[bytes]:
        """As many as must be read."""
        if not self.put_by:
            return ()
        words = self._words_to_read(self.put_by.copy())
        self.put_by.clear()
        return words

    @property
    def holds_end(self) -> bool:
        """An item's, among the words."""
        return any(map(self._ends_item, self.put_by))

    def take_parts(self) -> list[bytes]:
        parts = self.parts_put_by.copy()
        self.parts_put_by.clear()
        return parts

    def item_done(self, item_id: str) -> None:
        """It has no open part any more, so nobody needs to read of its parts."""
        self.parts_put_by[:] = [part for part in self.parts_put_by if not self._is_of_item(part, item_id)]

    def take_audio(self) -> int | None:
        """How many characters of base64 since the last time; None: no frame."""
        frames, size = self.tally
        if not frames:
            return None
        self.tally[0] = self.tally[1] = 0
        return max(0, size - frames * self._around_bytes)


class Counted:
    """Lets a client's audio pass unread, and counts it, until a second is full. gateway/_compiled.pyx does it
    by itself, if `audio` is Shapes: it counts what their cut holds, in `tally`, always the same object."""

    def __init__(self, audio: Passes, measure: Callable[[bytes], int]) -> None:
        self.audio = audio
        self._measure = measure
        # Bytes of audio since somebody asked, and how many there may be before the second is full.
        self.tally = array("q", (0, 0))
        self.begin(48_000)

    def begin(self, second_bytes: int) -> None:
        self._second_bytes = self.tally[1] = second_bytes

    def __call__(self, payload: bytes) -> bool:
        if not self.audio(payload):
            return False
        audio_bytes = self._measure(payload)
        if audio_bytes >= self.tally[1]:
            return False
        self.tally[0] += audio_bytes
        self.tally[1] -= audio_bytes
        return True

    def fill(self, payload: bytes) -> bool:
        """Of what did not pass: whether it is audio, with which a second is full. It is counted then, and the
        next second begins."""
        if not self.audio(payload):
            return False
        self.tally[0] += self._measure(payload)
        self.tally[1] = self._second_bytes
        return True

    def take(self) -> int:
        """How many bytes of audio since the last time."""
        taken, self.tally[0] = self.tally[0], 0
        return taken
