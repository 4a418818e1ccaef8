"""Timed fragments of both voices, as lines of a conversation.

Nobody takes turns here: fragments of both come interleaved, each with its place on the session's clock, and
nothing says that a line is over (GPT-LIVE.md 6). It is once its speaker has said nothing for GAP_MS of that
clock. Both may have one open at a time; a line stands where it began.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from ..acts import Act, ReplyItemDone, ReplyTranscript, UserTranscript
from ..dialect import NewId

Speaker = Literal["user", "agent"]

# What LiveKit and Pipecat take for the end of a turn (GPT-LIVE.md 6).
GAP_MS = 800
# A fragment may come so long after the sound of the same moment; text and audio need not arrive together.
LATE_MS = 400


class _Line(Struct):
    item_id: str
    end_ms: int
    text: str = ""


class Lines:
    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._open: dict[Speaker, _Line] = {}

    def said(self, speaker: Speaker, text: str, start_ms: int, end_ms: int) -> list[Act]:
        acts = self.silent_until(start_ms)
        line = self._open.get(speaker)
        if line is None:
            text = text.lstrip()
            if not text:
                return acts
            line = self._open[speaker] = _Line(self._new_id("item"), end_ms)
        line.end_ms = max(line.end_ms, end_ms)
        line.text += text
        words = UserTranscript(line.item_id, text) if speaker == "user" else _spoken(line.item_id, text)
        return [*acts, words]

    def silent_until(self, ms: int) -> list[Act]:
        """Nobody has said anything since, up to here: which lines are over by that."""
        over = [speaker for speaker, line in self._open.items() if ms - line.end_ms > GAP_MS]
        return [act for speaker in over for act in _ended(speaker, self._open.pop(speaker))]

    def heard_until(self, ms: int) -> list[Act]:
        """The session's clock, as its sound tells it."""
        return self.silent_until(ms - LATE_MS)


def _spoken(item_id: str, text: str) -> Act:
    return ReplyTranscript(item_id, 0, text)


def _ended(speaker: Speaker, line: _Line) -> Sequence[Act]:
    if speaker == "user":
        return (UserTranscript(line.item_id, line.text.rstrip(), final=True),)
    return (ReplyItemDone(line.item_id),)
