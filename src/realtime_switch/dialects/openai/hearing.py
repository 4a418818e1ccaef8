"""The user's turns as they come in: how much audio there is of each, and what of its words was told."""

from msgspec import Struct

from ..acts import UserTranscript

COMMITTED_MS_MIN = 100  # OPENAI-REALTIME.md 6.2
TURNS_MAX = 100  # whose words may still come


class Turn(Struct):
    began_ms: int = 0
    audio_ms: int = 0
    words: str = ""
    told: str | None = None  # what was told as the whole of them; "" too where there will be none


class Words(Struct, frozen=True):
    """Of a turn: what is new, and what is known of it by now."""

    delta: str
    whole: str
    audio_ms: int


class Hearing:
    def __init__(self) -> None:
        self.buffered_ms = 0.0  # of audio that belongs to no turn yet
        self._turns: dict[str, Turn] = {}

    def _turn(self, item_id: str) -> Turn:
        turn = self._turns.get(item_id)
        if turn is None:
            turn = self._turns[item_id] = Turn()
            if len(self._turns) > TURNS_MAX:
                del self._turns[next(iter(self._turns))]
        return turn

    def speech_began(self, item_id: str, at_ms: int) -> None:
        self._turn(item_id).began_ms = at_ms

    def speech_ended(self, item_id: str, at_ms: int) -> None:
        turn = self._turn(item_id)
        turn.audio_ms = max(0, at_ms - turn.began_ms)

    def committed(self, item_id: str) -> str | None:
        """The words that were told of it before."""
        turn = self._turn(item_id)
        turn.audio_ms = turn.audio_ms or int(self.buffered_ms)
        self.buffered_ms = 0.0
        return turn.words or None

    def words(self, act: UserTranscript) -> Words | None:
        """None: nothing is new. Words that come late are told late, and the whole once more."""
        turn = self._turn(act.item_id)
        before = turn.words
        turn.words = (act.text or before) if act.final else before + act.text
        if turn.told == turn.words:
            return None
        if act.final:
            turn.told = turn.words
        new = turn.words[len(before) :] if turn.words.startswith(before) else ""
        return Words(new, turn.words, act.audio_ms or turn.audio_ms)

    def words_failed(self, item_id: str) -> bool:
        """False: they were told."""
        turn = self._turn(item_id)
        if turn.told is not None:
            return False
        turn.told = ""
        return True
