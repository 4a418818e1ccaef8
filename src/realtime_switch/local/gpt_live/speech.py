"""What the voice says, piece by piece on the session's clock: never ahead of it, and silence where there is
nothing to say (GPT-LIVE.md 6)."""

from collections import deque
from collections.abc import Callable

from realtime_switch.local.audio import Format, encoded
from realtime_switch.local.gpt_live.outbox import Outbox
from realtime_switch.local.orders import Speak
from realtime_switch.local.portions import audio_portions

PIECE_MS = 100
GRID_MS = 200  # of the words


class Speech:
    def __init__(self, format: Format, voice: str, outbox: Outbox, new_id: Callable[[str], str]) -> None:
        self._format = format
        self._voice = voice
        self._outbox = outbox
        self._new_id = new_id
        self._texts: dict[str, str] = {}  # to be voiced, by key, in order
        self._made: dict[str, bytes] = {}
        self._pieces: deque[tuple[str, bytes]] = deque()  # words that begin with it, and PCM
        self.said = ""  # of what is being said, as far as it is

    @property
    def speaking(self) -> bool:
        return bool(self._pieces or self._texts)

    def say(self, text: str) -> None:
        key = self._new_id("speech")
        self._texts[key] = text
        self._outbox.order(Speak(key, text, self._voice, 1.0, self._format.rate_hz))

    def play(self, pcm: bytes) -> None:
        """A prepared clip at the session's rate, without words."""
        self._pieces.extend(("", piece) for piece in self._cut(pcm))

    def voiced(self, key: str, pcm: bytes) -> None:
        if key in self._texts:
            self._made[key] = pcm
        while self._texts and (first := next(iter(self._texts))) in self._made:
            self._queue(self._texts.pop(first), self._made.pop(first))

    def stop(self) -> None:
        """The user speaks: what is not said yet is not said any more."""
        self._texts.clear()
        self._made.clear()
        self._pieces.clear()

    def piece(self, at_ms: int) -> None:
        """The next of them, silence if there is none."""
        words, pcm = self._pieces.popleft() if self._pieces else ("", b"")
        whole = self._piece_bytes
        data = encoded(pcm + bytes(whole - len(pcm)), self._format.coding)
        if words:
            self.said += words
            self._outbox.emit(
                "session.output_transcript.delta", delta=words, start_ms=at_ms, end_ms=at_ms + GRID_MS
            )
        self._outbox.sound(data, at_ms, at_ms + PIECE_MS)

    @property
    def _piece_bytes(self) -> int:
        return self._format.rate_hz * PIECE_MS // 1000 * 2

    def _cut(self, pcm: bytes) -> list[bytes]:
        return [pcm[at : at + self._piece_bytes] for at in range(0, len(pcm), self._piece_bytes)]

    def _queue(self, text: str, pcm: bytes) -> None:
        for portion in audio_portions(f" {text}", pcm, self._piece_bytes * (GRID_MS // PIECE_MS)):
            first, *rest = self._cut(portion.audio) or [b""]
            self._pieces.append(("".join(portion.words), first))
            self._pieces.extend(("", piece) for piece in rest)
