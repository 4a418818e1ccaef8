"""One reply of Gemini's: the messages and calls that it is made of, each begun once."""

from msgspec import Struct

from ..acts import Act, ReplyItem, ReplyItemDone, ReplyText, ToolCall
from ..sound import PCM_24K
from .calls import Call

_AUDIO_BYTES_PER_MS = PCM_24K.bytes_per_ms


class Reply(Struct):
    id: str
    items: int = 0
    item_id: str = ""  # the message that is being said
    made: bool = False
    interrupted: bool = False
    spoken: bool = False
    written: str = ""
    first_audio_us: int = 0
    base64_chars: int = 0

    @property
    def silent(self) -> bool:
        return not self.items

    @property
    def played_us(self) -> int:
        """When all of it must have been heard; 0 if none of it can be."""
        return self.first_audio_us + self.base64_chars * 3 // 4 * 1000 // _AUDIO_BYTES_PER_MS

    def begin_message(self, item_id: str) -> Act:
        begun = ReplyItem(self.id, item_id, self.items)
        self.item_id = item_id
        self.items += 1
        return begun

    def end_message(self) -> list[Act]:
        if not self.item_id:
            return []
        written = self.written_down()
        item_id, self.item_id = self.item_id, ""
        return [*written, ReplyItemDone(item_id)]

    def written_down(self) -> list[Act]:
        """What it wrote, if it said nothing aloud."""
        if self.spoken or not self.written:
            return []
        written, self.written = self.written, ""
        return [ReplyText(self.item_id, 0, written, final=True)]

    def call(self, call: Call, item_id: str) -> list[Act]:
        place = self.items
        self.items += 1
        return [
            ReplyItem(self.id, item_id, place, "function_call", call.id, call.name),
            ToolCall(call.id, call.name, call.arguments, item_id, self.id),
            ReplyItemDone(item_id),
        ]
