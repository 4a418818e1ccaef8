"""Conversation items: as they go over the wire, what is known of their audio, and their order.

An item on the wire never carries audio bytes, only a retrieved one does (OPENAI-REALTIME.md 5); its
transcript on the wire stays as it was announced, what was understood since is kept beside it.
"""

import base64
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from realtime_switch.local.audio import Sound
from realtime_switch.local.openai.shape import Refused
from realtime_switch.local.thought import Called, Returned, Said, Turn

Json = dict[str, Any]
# What a connection may keep to answer conversation.item.retrieve: 11 minutes of PCM. Older audio is
# forgotten, words stay.
AUDIO_KEPT_BYTES_MAX = 32 * 1024 * 1024


class Item:
    """One item; `sounds` and the `words` understood in them are by content index."""

    def __init__(self, wire: Json) -> None:
        self.wire = wire
        self.sounds: dict[int, Sound] = {}
        self.words: dict[int, str] = {}
        self.truncated_ms: int | None = None

    @property
    def id(self) -> str:
        return str(self.wire["id"])

    def announced(self) -> Json:
        """A copy, because what an event said must not change when the item does."""
        copied = dict(self.wire)
        if "content" in copied:
            copied["content"] = [dict(part) for part in copied["content"]]
        return copied

    def retrieved(self) -> Json:
        item = self.announced()
        for index, sound in self.sounds.items():
            if index >= len(item.get("content", ())):
                continue  # a reply that is still being said
            if index in self.words:
                item["content"][index]["transcript"] = self.spoken_words(index)
            item["content"][index]["audio"] = base64.b64encode(self._audible(sound)).decode()
        return item

    def spoken_words(self, index: int) -> str | None:
        # 6.3: which words had been heard is not known, so truncation forgets them all.
        return "" if self.truncated_ms is not None else self.words.get(index)

    def turns(self) -> list[Turn]:
        """What the brain is to know of it."""
        match self.wire["type"]:
            case "message":
                role = self.wire["role"]
                texts = (self._text(index, part) for index, part in enumerate(self.wire["content"]))
                said = " ".join(filter(None, texts))
                return [Said("agent" if role == "assistant" else role, said)] if said else []
            case "function_call":
                return [Called(self.wire["name"], self.wire["arguments"], self.wire.get("call_id") or "")]
            case "function_call_output":
                return [Returned(self.wire["call_id"], self.wire["output"])]
            case _:
                return []

    def written(self) -> str:
        """All that counts as text when this item is read again."""
        pieces = [str(self.wire.get(name) or "") for name in ("name", "arguments", "output")]
        content = self.wire.get("content", ())
        pieces += [part["text"] for part in content if part["type"] in ("input_text", "output_text")]
        if self.wire.get("role") == "assistant":
            pieces += [self.spoken_words(index) or "" for index in self.sounds]
        return "".join(pieces)

    def audible_ms(self) -> int:
        total_ms = sum(sound.ms for sound in self.sounds.values())
        return total_ms if self.truncated_ms is None else min(total_ms, self.truncated_ms)

    def images(self) -> int:
        return sum(part["type"] == "input_image" for part in self.wire.get("content", ()))

    def _text(self, index: int, part: Json) -> str | None:
        if part["type"] in ("input_audio", "output_audio"):
            return self.spoken_words(index) if index in self.words else part["transcript"]
        text: str | None = part.get("text")
        return text

    def _audible(self, sound: Sound) -> bytes:
        return (
            sound.data
            if self.truncated_ms is None
            else sound.data[: sound.format.size_bytes(self.truncated_ms)]
        )


class Items:
    """The conversation in order. A predecessor is told as it is in the resulting order (16, point 5)."""

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id
        # Told or about to be told, but not placed: a client that reads them may not take them for its own
        # items.
        self._minted: set[str] = set()
        self._order: list[Item] = []
        self._by_id: dict[str, Item] = {}
        self._sounding: deque[Item] = deque()
        self._audio_bytes = 0

    def __iter__(self) -> Iterator[Item]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)

    @property
    def last_id(self) -> str | None:
        return self._order[-1].id if self._order else None

    def get(self, item_id: str) -> Item | None:
        return self._by_id.get(item_id)

    def mint(self) -> str:
        """An id that is nobody's, and stays so until its item is placed."""
        item_id = self._new_id("item")
        while item_id in self._by_id or item_id in self._minted:
            item_id = self._new_id("item")
        self._minted.add(item_id)
        return item_id

    def place(self, item: Item, after: str | None = None, *, own_id: bool = False) -> str | None:
        """Puts it in and answers the id before it: None is the end, "root" the beginning.

        `own_id` says that the client chose the id, and may have chosen one that is taken.
        """
        if own_id and (item.id in self._by_id or item.id in self._minted):
            message = f"Error adding item: an item with id '{item.id}' already exists."
            raise Refused("item_create_duplicate_item_id", message)
        if after is None:
            position = len(self._order)
        elif after == "root":
            position = 0
        elif (predecessor := self._by_id.get(after)) is not None:
            position = self._order.index(predecessor) + 1
        else:
            message = f"Error adding item: the previous item with id '{after}' does not exist."
            raise Refused("item_create_invalid_previous_item_id", message)
        self._minted.discard(item.id)
        self._order.insert(position, item)
        self._by_id[item.id] = item
        for index, sound in item.sounds.items():
            self.keep_sound(item, index, sound)
        return self._order[position - 1].id if position else None

    def remove(self, item: Item) -> None:
        self._order.remove(item)
        del self._by_id[item.id]
        if item in self._sounding:
            self._sounding.remove(item)
            self._audio_bytes -= sum(len(sound.data) for sound in item.sounds.values())

    def keep_sound(self, item: Item, index: int, sound: Sound) -> None:
        item.sounds[index] = sound
        if self._by_id.get(item.id) is not item:
            return  # deleted while it was being said, or never part of the conversation
        if item not in self._sounding:
            self._sounding.append(item)
        self._audio_bytes += len(sound.data)
        while self._audio_bytes > AUDIO_KEPT_BYTES_MAX:
            oldest = self._sounding.popleft()
            for forgotten in oldest.sounds.values():
                self._audio_bytes -= len(forgotten.data)
                forgotten.data = b""
