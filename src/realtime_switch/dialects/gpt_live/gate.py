"""Between a GPT-Live client and a GPT-Live provider.

Frames pass as the bytes they came as, event types that nobody here knows among them. Written here are a
session's `session.start` (the route's model in place of the client's name for it, and what was said before),
and the provider's three events that show the model's name. What a client types, and what its tools answer, no
provider says again: it is heard here. Its audio that was not proven to be such is counted.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..acts import Act, AudioSent, Garbled, Ready, ToolAnswered, ToolCall, UserTranscript
from ..dialect import Judgement, NewId, ToClient, ToProvider
from ..members import list_of, object_of, text_of
from ..mending import UNREADABLE, read_any, write_any
from ..sound import base64_bytes
from ..terms import Target, Terms
from ..unambiguous import read_object
from . import frames, history
from .start import session_of, start

if TYPE_CHECKING:
    from .client_side import ClientSide

_Members = dict[str, Any]
_Shown = tuple[bytes | None, Sequence[Act]]


class Gate:
    def __init__(self, target: Target, terms: Terms, client_side: "ClientSide", new_id: NewId) -> None:
        self._target = target
        self._client_side = client_side
        self._new_id = new_id
        self._hearers: dict[str, Callable[[_Members], list[Act]]] = {
            "session.input_audio.append": self._audio,
            "response.item.create": self._item,
        }

    # -- Towards the provider ------------------------------------------------------------------------------

    def turn_to(self, target: Target, terms: Terms) -> None:
        self._target = target

    def told_before(self, calls: Sequence[ToolCall]) -> None:
        """Never of any: a session does not outlive its provider."""

    def opening(self, config: str | None, history_text: str, handle: str = "") -> list[bytes]:
        said = (config or "").encode("utf-8", "replace")
        session = session_of(config)
        items = list_of(session.get("input"))
        told = (
            []
            if history.tells_the_past(items)
            else history.messages(history_text, history.MESSAGES_MAX - len(items))
        )
        if session.get("model") == self._target.model and not told:
            return [said]
        session["model"] = self._target.model
        if told:
            session["input"] = [*told, *items]
        return [start(session, object_of(read_any(said)).get("event_id") if said else None)]

    def admit(self, payload: bytes) -> Judgement:
        message = read_object(payload)
        if isinstance(message, str):
            return [ToClient(frames.error(self._new_id, "invalid_request_error", "invalid_value", message))]
        hear = self._hearers.get(text_of(message.get("type")))
        return [ToProvider(payload), *(hear(message) if hear is not None else ())]

    def _audio(self, message: _Members) -> list[Act]:
        return [AudioSent(base64_bytes(text_of(message.get("audio"))))]

    def _item(self, message: _Members) -> list[Act]:
        item = object_of(message.get("item"))
        if item.get("type") == "function_call_output":
            return [ToolAnswered(text_of(item.get("call_id")), _written(item.get("output")))]
        if item.get("type", "message") != "message" or item.get("role") != "user":
            return []
        content = item.get("content")
        parts = (
            [content]
            if isinstance(content, str)
            else [text_of(object_of(part).get("text")) for part in list_of(content)]
        )
        text = "\n".join(filter(None, parts))
        return [UserTranscript(self._new_id("item"), text, final=True)] if text.strip() else []

    # -- Towards the client --------------------------------------------------------------------------------

    def greeted(self) -> None:
        pass  # it is greeted once, or the call is over

    def shown(self, payload: bytes, acts: Sequence[Act]) -> _Shown:
        if any(isinstance(act, Garbled) for act in acts):
            return None, acts
        shown = self._renamed(payload)
        if any(isinstance(act, Ready) for act in acts):
            self._client_side.greeting = shown
        return shown, acts

    def _renamed(self, payload: bytes) -> bytes:
        """The client sees the name that it gave."""
        named = self._client_side.model
        if named == self._target.model or payload.find(b'"session":') < 0:
            return payload
        try:
            message = object_of(read_any(payload))
        except UNREADABLE:
            return payload
        session = message.get("session")
        if not isinstance(session, dict) or session.get("model") != self._target.model:
            return payload
        session["model"] = named
        return write_any(message)


def _written(output: Any) -> str:
    return output if isinstance(output, str) else write_any(output).decode()
