"""What the agent says, given out on the client's clock: a piece of 100 ms for each 100 ms of sound that the
client has sent, silence where there is nothing to say (TRANSLATION-GPT-LIVE.md 2).

Others make speech faster than it is played, so a queue is what is not yet spoken: an interruption drops it.
Words are spread over the sound that is queued with them; where they fall is an estimate.
"""

from collections import deque

from msgspec import Struct

from ..sound import AudioFormat, Converter, decoded, encoded, silence

PIECE_MS = 100
GRID_MS = 200  # of the words


class _Item(Struct):
    """One thing that the agent says."""

    id: str
    waits_bytes: int = 0  # of its sound, and not yet given out
    given_bytes: int = 0


class Piece(Struct, frozen=True):
    at_ms: int
    base64: str
    words: str = ""


class Pacer:
    def __init__(self, spoken: AudioFormat) -> None:
        self._format = spoken
        self._silence = silence(spoken, PIECE_MS)
        self._piece_bytes = spoken.bytes_per_ms * PIECE_MS
        self._sent_bytes = 0  # by the client: the clock
        self._given_ms = 0
        self._queue = bytearray()
        self._items: deque[_Item] = deque()
        self._words: deque[str] = deque()
        self._source = spoken
        self._converter = Converter(spoken, spoken)

    @property
    def now_ms(self) -> int:
        return self._sent_bytes // self._format.bytes_per_ms

    # -- What is to be said ------------------------------------------------------------------------------

    def add(self, item_id: str, base64: str, source: AudioFormat) -> None:
        if source != self._source:
            self._source, self._converter = source, Converter(source, self._format)
        self._queued(item_id, decoded(self._converter.convert(base64)))

    def whole(self, item_id: str) -> None:
        """Nothing more of it: what the filter still holds is part of it."""
        self._queued(item_id, decoded(self._converter.flush()))

    def _queued(self, item_id: str, sound: bytes) -> None:
        if not sound:
            return
        if not self._items or self._items[-1].id != item_id:
            self._items.append(_Item(item_id))
        self._items[-1].waits_bytes += len(sound)
        self._queue += sound

    def say(self, words: str) -> None:
        if words:
            self._words.append(words)

    def drop(self) -> list[tuple[str, int]]:
        """Speak no more. The items that were cut, and how many milliseconds of each were spoken."""
        cut = [(item.id, item.given_bytes // self._format.bytes_per_ms) for item in self._items]
        self._queue.clear()
        self._items.clear()
        self._words.clear()
        return cut

    # -- The clock ---------------------------------------------------------------------------------------

    def sent(self, audio_bytes: int) -> list[Piece]:
        """The client has sent so much: what it is told for it."""
        self._sent_bytes += audio_bytes
        pieces = []
        while self._given_ms + PIECE_MS <= self.now_ms:
            pieces.append(self._piece())
            self._given_ms += PIECE_MS
        return pieces

    def _piece(self) -> Piece:
        words = self._words_now()
        if not self._queue:
            return Piece(self._given_ms, self._silence, words)
        sound = bytes(self._queue[: self._piece_bytes])
        del self._queue[: self._piece_bytes]
        self._give(len(sound))
        missing = self._piece_bytes - len(sound)
        if missing:
            sound += decoded(self._silence)[:missing]
        return Piece(self._given_ms, encoded(sound), words)

    def _give(self, size: int) -> None:
        while size:
            item = self._items[0]
            given = min(size, item.waits_bytes)
            item.waits_bytes -= given
            item.given_bytes += given
            size -= given
            if not item.waits_bytes and len(self._items) > 1:
                self._items.popleft()
        if not self._queue:
            self._items.clear()

    def _words_now(self) -> str:
        """On the grid, and at most as many as are due by then; all of them once the sound is over."""
        if not self._words or self._given_ms % GRID_MS:
            return ""
        steps = max(1, len(self._queue) // (self._piece_bytes * (GRID_MS // PIECE_MS)))
        count = -(-len(self._words) // steps)
        return "".join(self._words.popleft() for _ in range(count))
