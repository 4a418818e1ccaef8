"""The user's turns, as far as Gemini tells of them.

Some models say when speech begins and ends (voiceActivity), some never do; words come before, while and after
the answer, whole or in fragments, and nearly never say that they are finished (GEMINI-LIVE.md 4, 5). So a
turn may begin with a signal, with its words or with the interruption it causes, ends with a signal or where
the model begins to answer, and its words are whole when the answer is over or the next turn begins.
"""

from msgspec import Struct

from ..acts import Act, SpeechStarted, SpeechStopped, UserTranscript, UserTurn
from ..dialect import NewId

# Where only words tell that somebody speaks, they come about so long after the speech began.
_WORDS_LATE_MS = 300
# A transcript of so many words that is said again as a whole is a fault of the service (GEMINI-LIVE.md 5.12).
_REPEATED_WORDS_MIN = 3


class _Turn(Struct):
    item_id: str
    began_ms: int
    ended_ms: int = 0
    words: str = ""
    raw: str = ""  # the words with their leading blank, to know them again
    over: bool = False  # the place is fixed
    told: bool = False  # the words are whole


class Users:
    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._turn: _Turn | None = None  # the newest
        self._signals = False  # this model says when speech begins and ends
        # The client says itself where its turns begin and end: nothing is inferred.
        self.manual = False

    def signalled(self, start: bool, at_ms: int) -> list[Act]:
        if self.manual:
            return []
        self._signals = True
        return self.begin(at_ms) if start else self.end(at_ms)

    def begin(self, at_ms: int) -> list[Act]:
        if self.manual or (self._turn is not None and not self._turn.over):
            return []
        whole = self.words_whole()
        self._turn = _Turn(self._new_id("item"), at_ms)
        return [*whole, SpeechStarted(self._turn.item_id, at_ms)]

    def end(self, at_ms: int) -> list[Act]:
        """Also said whenever the model begins to answer."""
        turn = self._turn
        if turn is None or turn.over:
            return []
        turn.over, turn.ended_ms = True, at_ms
        return [SpeechStopped(turn.item_id, at_ms), UserTurn(turn.item_id)]

    def commit(self, began_ms: int, ended_ms: int, item_id: str = "") -> list[Act]:
        """The client says that what it sent is a turn; of its own name, if it gave it one."""
        turn = self._turn
        if turn is not None and not turn.over:
            return self.end(ended_ms)
        whole = self.words_whole()
        self._turn = _Turn(item_id or self._new_id("item"), began_ms, ended_ms, over=True)
        return [*whole, UserTurn(self._turn.item_id)]

    def heard(self, text: str, finished: bool, now_ms: int) -> list[Act]:
        """More words; they belong together as they are, but for one blank before the first."""
        acts: list[Act] = []
        turn = self._turn
        if turn is not None and turn.told and (self._signals or self.manual):
            turn.told = False  # late: without a signal nobody has spoken anew
        elif text and (turn is None or turn.told):
            began_ms = max(0, now_ms - _WORDS_LATE_MS)
            acts += self.commit(began_ms, now_ms) if self.manual else self.begin(began_ms)
            turn = self._turn
        if turn is None:
            return acts
        if text and text == turn.raw and len(text.split()) >= _REPEATED_WORDS_MIN:
            text = ""
        if text:
            shown = text if turn.words else text.removeprefix(" ")
            turn.words += shown
            turn.raw += text
            acts.append(UserTranscript(turn.item_id, shown))
        if finished:
            acts += [*self.end(now_ms), *self.words_whole()]
        return acts

    def words_whole(self) -> list[Act]:
        """No more of them are awaited."""
        turn = self._turn
        if turn is None or turn.told or not turn.over or not turn.words:
            return []
        turn.told = True
        audio_ms = max(0, turn.ended_ms - turn.began_ms)
        return [UserTranscript(turn.item_id, turn.words, final=True, audio_ms=audio_ms)]
