"""A client of a relay says how much of a reply was heard (OPENAI-REALTIME.md 6.3).

Its player counts in its own way, and its provider may have changed since. An error in return makes pipecat
deaf for the rest of the call (CLIENTS-OPENAI.md 7), so a provider is asked only for what it can do: at most
for what went to the client, and only of items that it made itself. Everything else is answered here, and
remembered likewise. Where our count and the provider's differ by a moment it may refuse all the same; then
its refusal is not shown.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from ..acts import Act, ReplyTruncated
from ..dialect import Judgement, NewId, ToClient, ToProvider
from .requests import Mistake, request_id
from .rules import quoted
from .writing import UNNAMED

if TYPE_CHECKING:
    from .client_side import ClientSide

_Members = dict[str, Any]

# A provider's own count is never further from ours: base64's padding, and ids that are not of equal length,
# over minutes of a reply.
DOUBT_MS = 200


class Truncating:
    def __init__(self, client_side: "ClientSide", new_id: NewId) -> None:
        self._client_side = client_side
        self._new_id = new_id
        # What the provider was asked and may refuse, by the message's name.
        self._asked: dict[str, ReplyTruncated] = {}

    def another_provider(self) -> None:
        self._asked.clear()

    def judge(self, payload: bytes, request: _Members) -> Judgement | Mistake:
        item_id, asked_ms = request.get("item_id"), request.get("audio_end_ms")
        if not isinstance(item_id, str) or type(asked_ms) is not int or asked_ms < 0:
            return [ToProvider(payload)]  # the provider says what is wrong
        conversation = self._client_side.conversation
        name = request_id(request)
        item = conversation.items.get(item_id)
        if item is None:
            words = f"Error truncating item: the item with id {quoted(item_id)} does not exist."
            return Mistake("item_truncate_invalid_item_id", words, "item_id", name)
        spoken = item.kind == "message" and bool(item.reply_id) and not request.get("content_index")
        heard = ReplyTruncated(item_id, min(asked_ms, item.audio_ms))
        if not conversation.is_known_there(item):
            if spoken:
                return [*map(ToClient, self._told(heard)), heard]
            words = "Only model output audio messages can be truncated"
            return Mistake("unsupported_content_type", words, "", name)
        if not spoken or asked_ms < item.audio_ms - DOUBT_MS:
            return [ToProvider(payload)]
        name = name or self._new_id(UNNAMED)
        self._asked[name] = heard
        asked = {**request, "event_id": name, "audio_end_ms": heard.heard_ms}
        return [ToProvider(payload if asked == request else msgspec.json.encode(asked))]

    def done(self, act: ReplyTruncated) -> None:
        for name, asked in self._asked.items():
            if asked.item_id == act.item_id:
                del self._asked[name]
                return

    def refused(self, name: str) -> tuple[bytes | None, tuple[Act, ...]] | None:
        """What the client is told instead, and what is to be heard; None: it is about something else."""
        heard = self._asked.pop(name, None)
        if heard is None:
            return None
        return next(iter(self._told(heard)), None), (heard,)

    def _told(self, heard: ReplyTruncated) -> list[bytes]:
        return self._client_side.truncated(heard.item_id, heard.heard_ms)
