"""Server events as bytes, in the spelling that the client has asked for."""

from typing import Any

from ..dialect import NewId
from ..mending import write_any
from . import beta as beta_dialect
from .conversation import Item
from .requests import Mistake

# Messages that wait for an answer have a name in any case; this kind of name is ours alone.
UNNAMED = "unnamed"


class Writer:
    def __init__(self, new_id: NewId, beta: bool) -> None:
        self.new_id = new_id
        self.beta = beta

    def event(self, type: str, **members: Any) -> list[bytes]:
        """[] where the client's spelling has no such event."""
        frame = write_any({"type": type, "event_id": self.new_id("event"), **members})
        if not self.beta:
            return [frame]
        shown = beta_dialect.shown(frame)
        return [] if shown is None else [shown]

    def refuse(
        self, kind: str, code: str, message: str, request_id: str = "", param: str = ""
    ) -> list[bytes]:
        """OPENAI-REALTIME.md 10. `event_id` inside is the offender's, if it gave one."""
        if request_id.startswith(UNNAMED):
            request_id = ""
        if self.beta and (shown := beta_dialect.path_shown(param)) != param:
            param, message = shown, message.replace(param, shown)
        error = {
            "type": kind,
            "code": code,
            "message": message,
            "param": param or None,
            "event_id": request_id or None,
        }
        return self.event("error", error=error)

    def refuse_mistake(self, mistake: Mistake, request_id: str = "") -> list[bytes]:
        named = mistake.request_id or request_id
        return self.refuse("invalid_request_error", mistake.code, mistake.message, named, mistake.param)

    def item(self, what: str, item: Item, status: str = "") -> list[bytes]:
        """`what`: added or done."""
        return self.event(
            f"conversation.item.{what}", previous_item_id=item.previous_id, item=item.shown(status)
        )

    def delta_head(self, kind: str, reply_id: str, item_id: str, index: int) -> bytes:
        """Of the deltas of one kind and item, as far as the number that makes the event's id its own."""
        name = f"response.{kind}.delta" if self.beta else f"response.output_{kind}.delta"
        place = {"response_id": reply_id, "item_id": item_id, "output_index": index, "content_index": 0}
        event_id = self.new_id("event").encode()
        return b'{"type":"%b",%b,"event_id":"%b-' % (name.encode(), write_any(place)[1:-1], event_id)
