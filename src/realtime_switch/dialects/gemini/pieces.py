"""Answers of tools that come in pieces (`willContinue`, GEMINI-LIVE.md 3.4): kept until the last one is here.

The last is often empty, and silent: it only says that there is no more. So all of them together are what the
tool has said, and what one of them wants spoken of is spoken of.
"""

from typing import Literal

from msgspec.structs import replace

from ..wishes import AnswerTool

CHARS_MAX = 1 << 20  # of one call; the oldest piece goes first

_URGENCY: dict[Literal["", "silent", "when_idle", "interrupt"], int] = {
    "silent": 0,
    "": 1,
    "when_idle": 1,
    "interrupt": 2,
}
_EMPTY = ("", "{}")


class Pieces:
    def __init__(self) -> None:
        self._held: dict[str, list[AnswerTool]] = {}

    def add(self, answer: AnswerTool) -> None:
        held = self._held.setdefault(answer.call_id, [])
        held.append(answer)
        while len(held) > 1 and sum(len(one.output) for one in held) > CHARS_MAX:
            del held[0]

    def whole(self, last: AnswerTool) -> AnswerTool:
        held = self._held.pop(last.call_id, None)
        if held is None:
            return last
        said = [one for one in (*held, last) if one.output not in _EMPTY]
        wanted = max((one.scheduling for one in (*said, last)), key=lambda one: _URGENCY[one])
        return replace(last, output="\n".join(one.output for one in said) or last.output, scheduling=wanted)

    def forget(self, call_id: str) -> None:
        self._held.pop(call_id, None)
