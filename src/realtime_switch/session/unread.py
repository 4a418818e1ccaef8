"""What has passed from a provider unread, until somebody must know it.

Its call is the proof: True says that the frame carries audio, which is counted,
or words, which are put by, or nothing that matters here; the client gets it as it
came. Where the three proofs are Shapes, gateway/_compiled.pyx matches them by
itself, and says here only what is to be counted and put by.
"""

from collections.abc import Callable

from ..dialects.dialect import Dialect
from . import limits

Passes = Callable[[bytes], bool]


def nothing_passes(payload: bytes) -> bool:
    return False


def _to_nobody() -> None: ...


class Unread:
    def __init__(self, dialect: Dialect) -> None:
        self.audio: Passes = dialect.only_audio_from_provider
        self.words: Passes = dialect.only_words_from_provider
        self.idle: Passes = dialect.only_idle_from_provider
        self._envelope_bytes = dialect.envelope_bytes
        self._frames = 0
        self._bytes = 0
        self._sample = b""  # one of them: they are alike but for their audio
        self.on_audio: Callable[[], None] = _to_nobody  # the first since somebody asked
        # Nearly always the whole of the words comes before anybody asks.
        self.put_by: list[bytes] = []
        self._words_place = dialect.words_place
        self._place = b""  # of all that is put by, while
        self.one_place = False

    def __call__(self, payload: bytes) -> bool:
        if self.audio(payload):
            if self.count(len(payload)):
                self.sample = payload
            return True
        if self.words(payload):
            return self.put(payload)
        return self.idle(payload)

    def count(self, size: int) -> bool:
        """A frame of audio has passed. True: show it as the `sample`."""
        self._frames += 1
        self._bytes += size
        return not self._sample

    @property
    def sample(self) -> bytes:
        return self._sample

    @sample.setter
    def sample(self, payload: bytes) -> None:
        self._sample = payload
        self.on_audio()

    def put(self, payload: bytes) -> bool:
        """Words are put by, unless there are too many."""
        if len(self.put_by) >= limits.UNREAD_WORDS_MAX:
            return False
        place = self._words_place(payload)
        self.one_place = not self.put_by or (self.one_place and place == self._place)
        self._place = place
        self.put_by.append(payload)
        return True

    def take_words(self) -> list[bytes]:
        words, self.put_by = self.put_by, []
        return words

    def take_audio(self) -> int | None:
        """How many characters of base64 since the last time; None: no frame."""
        if not self._frames:
            return None
        chars = self._bytes - self._frames * self._envelope_bytes(self._sample)
        self._frames = self._bytes = 0
        self._sample = b""
        return max(0, chars)
