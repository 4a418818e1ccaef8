"""The tool calls of a connection, and their answers.

An answer must repeat the call's name, which an OpenAI client does not say again, and a call's id only if it
came with one (Vertex leaves it out: GEMINI-LIVE.md 4). One whose call was taken back is kept to ourselves.
"""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import Struct

from ..dialect import NewId
from ..members import object_of, text_of
from ..mending import UNREADABLE
from ..wishes import AnswerTool
from . import frames

_CALLS_KEPT = 1_000  # of the past, in case an answer comes late


class Call(Struct):
    id: str
    name: str
    arguments: str
    named: bool  # the id is the service's own
    state: Literal["open", "answered", "cancelled"] = "open"


class Calls:
    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._calls: dict[str, Call] = {}

    def called(self, call: dict[str, Any]) -> Call:
        given = text_of(call.get("id"))
        made = Call(
            given or self._new_id("call"),
            text_of(call.get("name")),
            frames.compact(object_of(call.get("args"))),
            named=bool(given),
        )
        self._calls.pop(made.id, None)  # one that is called again counts anew
        self._calls[made.id] = made
        while len(self._calls) > _CALLS_KEPT:
            del self._calls[next(iter(self._calls))]
        return made

    def cancelled(self, ids: Iterable[str]) -> None:
        for call_id in ids:
            if (call := self._calls.get(call_id)) is not None and call.state == "open":
                call.state = "cancelled"

    def get(self, call_id: str) -> Call | None:
        return self._calls.get(call_id)

    @property
    def any_open(self) -> bool:
        return any(call.state == "open" for call in self._calls.values())


def answer(call: Call, wish: AnswerTool) -> dict[str, Any]:
    """One of the functionResponses."""
    told: dict[str, Any] = {"id": call.id} if call.named else {}
    told |= {"name": call.name, "response": response(wish.output)}
    if wish.scheduling:
        told["scheduling"] = wish.scheduling.upper()
    return told


def response(output: str) -> dict[str, Any]:
    """It must be an object; `output` is the name that the service knows (GEMINI-LIVE.md 3.4)."""
    try:
        value = msgspec.json.decode(output)
    except (*UNREADABLE, UnicodeEncodeError):
        return {"output": output}
    return value if isinstance(value, dict) else {"output": value}
