"""What was said and is sure, as the text of a conversation: handed out in passages, which are never
rewritten, and remembered for the next provider.
"""

from collections.abc import Callable, Iterable

from ..accounts.records import Passage
from . import limits
from .held_line import AGENT, TOOL


class Passages:
    def __init__(
        self,
        who: tuple[str, str],
        record_id: Callable[[], str],
        now_us: Callable[[], int],
        continues: bool,
    ) -> None:
        self._account_id, self._session_id = who
        self._record_id = record_id
        self._now_us = now_us
        self._speaker = ""
        self._text = ""  # not yet handed out
        self._begun = continues  # something stands before us, so our first line needs a line break
        self._said: list[str] = []  # as much of what was written as a provider may be told, and some more
        self._said_chars = 0
        self._born_us = 0  # of the last passage

    def write(self, speaker: str, text: str) -> None:
        written = _joined(speaker, text, self._speaker, self._begun)
        self._speaker, self._begun = speaker, True
        self._text += written
        self._said.append(written)
        self._said_chars += len(written)
        if self._said_chars > limits.HISTORY_CHARS_MAX * 4:
            self._said = ["".join(self._said)[-limits.HISTORY_CHARS_MAX * 2 :]]
            self._said_chars = len(self._said[0])

    def due(self, nothing_waits: bool) -> list[Passage]:
        """In pieces of about PASSAGE_CHARS, and when a turn is over what is left of it, so that a finished
        turn is never only here."""
        passages = []
        while len(self._text) >= limits.PASSAGE_CHARS:
            end = self._text.find(" ", limits.PASSAGE_CHARS)
            passages.append(self._cut(end if end >= 0 else len(self._text)))
        if self._text and nothing_waits and self._speaker == AGENT:
            passages.append(self._cut(len(self._text)))
        return passages

    def rest(self) -> list[Passage]:
        return [self._cut(len(self._text))] if self._text else []

    def _cut(self, end: int) -> Passage:
        text, self._text = self._text[:end], self._text[end:]
        # Passages are told in the order of their birth, so a clock that is set back must not disturb it.
        self._born_us = max(self._born_us + 1, self._now_us())
        return Passage(
            id=self._record_id(),
            account_id=self._account_id,
            session_id=self._session_id,
            text=text,
            born_us=self._born_us,
        )

    def said(self, waiting: Iterable[tuple[str, str]]) -> str:
        """What was said in this call, as a new provider would be told it; `waiting` are the speaker and the
        text of each line that is not written yet."""
        told, before, begun = "".join(self._said), self._speaker, self._begun
        for speaker, text in waiting:
            told += _joined(speaker, text, before, begun)
            before, begun = speaker, True
        return told[-limits.HISTORY_CHARS_MAX * 2 :]


def _joined(speaker: str, text: str, before: str, begun: bool) -> str:
    """Tool lines each stand alone; everybody else goes on where they were."""
    if speaker == before != TOOL:
        return f" {text}"
    return f"{chr(10) if begun else ''}{speaker}: {text}"
