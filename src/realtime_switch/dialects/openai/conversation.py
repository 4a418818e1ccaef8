"""The conversation as the client has been told it: its items in their order, and the replies that are not
over.

One for the whole call, whichever way it goes: in a relay the client was told by the provider itself and
this only follows; in a translation it is what the client is told from. So a call may change from one to the
other in the middle of a reply.
"""

from typing import Any, Literal

from msgspec import Struct

from ..acts import (
    ReplyAudio,
    ReplyItem,
    ReplyItemDone,
    ReplyPart,
    ReplyText,
    ReplyTranscript,
    ReplyTruncated,
)
from ..sound import AudioFormat, Converter, base64_bytes

_Members = dict[str, Any]

# A client may ask for any item again (CLIENTS-OPENAI.md 9.7), but not for those of hours ago.
ITEMS_MAX = 2_000


class Item(Struct):
    id: str
    kind: str = "message"
    role: str = "assistant"
    previous_id: str | None = None
    given: _Members | None = None  # as the client wrote it
    request_id: str = ""  # of the client's message, as long as it waits for its answer
    heard: str | None = None  # the user's words
    # Of a reply:
    reply_id: str = ""
    index: int = 0
    aside: bool = False  # outside of the conversation
    part: Literal["", "audio", "text"] = ""  # the content part that was begun before the client's eyes
    said: str = ""
    written: str = ""
    connection: int = 0  # to which provider it was said, or by which
    audio_bytes: int = 0  # as the client was sent them
    audio_bytes_per_ms: int = 48
    converter: Converter | None = None
    converts: tuple[AudioFormat, AudioFormat] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    done: bool = False
    whole: bool = True  # as far as is known

    @property
    def audio_ms(self) -> int:
        return self.audio_bytes // self.audio_bytes_per_ms

    @property
    def words(self) -> str:
        return self.written if self.part == "text" else self.said

    def shown(self, status: str = "") -> _Members:
        item: _Members = {"id": self.id, "object": "realtime.item", "type": self.kind}
        item["status"] = status or ("completed" if self.done and self.whole else "incomplete")
        if self.given is not None:
            return {**item, **self.given}
        if self.kind == "function_call":
            return {**item, "call_id": self.call_id, "name": self.name, "arguments": self.arguments}
        return {**item, "role": self.role, "content": self._content()}

    def _content(self) -> list[_Members]:
        if self.role == "user":
            return [{"type": "input_audio", "transcript": self.heard}]
        content: list[_Members] = []
        if self.said or self.part == "audio":
            content.append({"type": "output_audio", "transcript": self.said})
        if self.written or self.part == "text":
            content.append({"type": "output_text", "text": self.written})
        return content


class Reply(Struct):
    id: str
    conversation_id: str | None
    manner: _Members  # how it is made, as response objects say it
    aside: bool = False
    items: list[Item] = []
    metadata: _Members | None = None
    usage: _Members | None = None
    made: bool = False  # all of it is here

    def shown(self, status: str, details: _Members | None = None) -> _Members:
        over = status != "in_progress"
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [item.shown() for item in self.items if _is_shown(item)] if over else [],
            "conversation_id": self.conversation_id,
            **self.manner,
            "usage": self.usage,
            "metadata": self.metadata,
        }


def _is_shown(item: Item) -> bool:
    """A call that was cut off is none: its arguments are not whole (CLIENTS-OPENAI.md 6)."""
    return item.kind == "message" or (item.done and bool(item.arguments))


# Of a reply that a provider made itself, only so much is known.
_ANY_MANNER: _Members = {"output_modalities": ["audio"], "max_output_tokens": "inf"}


class Conversation:
    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.waiting: dict[str, Item] = {}  # the client's, not yet taken
        self.replies: dict[str, Reply] = {}  # those that the client has seen begin and not end
        self.open_items: dict[str, Item] = {}  # of all of them
        self.calls: dict[str, Item] = {}  # of tools, by call id
        self.cancelled: set[str] = set()  # of them, those whose answer nobody awaits
        self.last_id: str | None = None
        self.truncating: dict[str, str] = {}  # items that the client asked to be truncated, by which message
        self.spoken = False  # there is audio of the agent
        self.audio_bytes_per_ms = 48  # as a provider itself sends it to the client
        self._connection = 0
        self._newest: Item | None = None

    # -- Items -----------------------------------------------------------------------------------------------

    def place(self, item: Item) -> Item:
        """At the end."""
        if item.id in self.items:
            return self.items[item.id]
        item.previous_id, self.last_id = self.last_id, item.id
        item.connection = self._connection
        self.items[item.id] = item
        if item.kind == "function_call" and item.call_id:
            self.calls[item.call_id] = item
        if len(self.items) > ITEMS_MAX:
            oldest = self.items.pop(next(iter(self.items)))
            self.calls.pop(oldest.call_id, None)
            self.cancelled.discard(oldest.call_id)
        return item

    def another_provider(self) -> None:
        """One that knows none of these items, whatever it was told of them."""
        self._connection += 1

    def is_known_there(self, item: Item) -> bool:
        """To the provider of now."""
        return item.connection == self._connection

    def remove(self, item_id: str) -> None:
        item = self.items.pop(item_id, None)
        if item is None:
            return
        if self.last_id == item_id:
            self.last_id = item.previous_id
        for other in self.items.values():
            if other.previous_id == item_id:
                other.previous_id = item.previous_id

    @property
    def end_id(self) -> str | None:
        """After which a client's new item comes."""
        return next(reversed(self.waiting), self.last_id)

    def add(self, item: Item) -> None:
        """The client's own; it takes its place when the provider has taken it."""
        self.waiting[item.id] = item

    def take(self, item_id: str) -> Item | None:
        item = self.waiting.pop(item_id, None)
        return None if item is None else self.place(item)

    def take_back(self, request_id: str) -> None:
        """What a client's message would have done is refused."""
        for item in self.waiting.values():
            if item.request_id == request_id:
                del self.waiting[item.id]
                return
        for item_id, name in self.truncating.items():
            if name == request_id:
                del self.truncating[item_id]
                return

    # -- Replies ---------------------------------------------------------------------------------------------

    def begin(
        self, reply_id: str, conversation_id: str, aside: bool, manner: _Members = _ANY_MANNER
    ) -> Reply:
        reply = self.replies[reply_id] = Reply(reply_id, conversation_id or None, manner, aside)
        return reply

    def begin_item(self, act: ReplyItem) -> Item | None:
        reply = self.replies.get(act.reply_id)
        if reply is None or act.item_id in self.open_items:
            return None
        self.remove(act.item_id)  # a provider that counts its items begins anew with each connection
        item = Item(act.item_id, act.kind, reply_id=reply.id, index=act.index, aside=reply.aside)
        item.call_id, item.name = act.call_id, act.name
        item.audio_bytes_per_ms = self.audio_bytes_per_ms
        reply.items.append(item)
        self._newest = self.open_items[item.id] = item
        # What is said outside of the conversation takes no place in it (OPENAI-REALTIME.md 6.1).
        return item if item.aside else self.place(item)

    def end(self, reply_id: str) -> Reply | None:
        reply = self.replies.pop(reply_id, None)
        for item in reply.items if reply is not None else ():
            self.open_items.pop(item.id, None)
            item.converter = item.converts = None
        return reply

    def truncate(self, item_id: str) -> bool:
        """Audio and words are not aligned, so none of the words stay (OPENAI-REALTIME.md 6.3). False: the
        client has not asked for it."""
        asked = self.truncating.pop(item_id, None) is not None
        if asked and (item := self.items.get(item_id)) is not None:
            item.said = ""
        return asked

    # -- A reply that the provider itself tells the client of ------------------------------------------------

    def follow_part(self, act: ReplyPart) -> None:
        if (item := self.open_items.get(act.item_id)) is not None:
            item.part = "" if act.over else act.kind

    def grow_said(self, act: ReplyTranscript) -> None:
        if (item := self.open_items.get(act.item_id)) is not None:
            item.said = act.text if act.final else item.said + act.text

    def grow_written(self, act: ReplyText) -> None:
        if (item := self.open_items.get(act.item_id)) is not None:
            item.written = act.text if act.final else item.written + act.text

    def end_item(self, act: ReplyItemDone) -> None:
        if (item := self.open_items.get(act.item_id)) is not None:
            item.done, item.part = True, ""

    def audio_passed(self, base64_chars: int) -> None:
        self.spoken = True
        if self._newest is not None:
            self._newest.audio_bytes += base64_chars * 3 // 4

    def audio_told(self, act: ReplyAudio) -> None:
        self.spoken = True
        if (item := self.open_items.get(act.item_id)) is not None:
            item.audio_bytes += base64_bytes(act.base64)

    def truncated(self, act: ReplyTruncated) -> None:
        if (item := self.items.get(act.item_id)) is not None:
            item.said = ""
            item.audio_bytes = min(item.audio_bytes, act.heard_ms * item.audio_bytes_per_ms)
