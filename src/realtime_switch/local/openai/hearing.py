"""What users said aloud: asked for as soon as it is in the conversation, told to the client only where it
wanted a transcript.

Understanding runs on its own clock (OPENAI-REALTIME.md 7.2); a reply waits for the speech it is to answer,
nothing else does.
"""

import re

from realtime_switch.local.audio import pcm16
from realtime_switch.local.openai.billing import transcription_usage
from realtime_switch.local.openai.items import Item, Json
from realtime_switch.local.openai.outbox import Outbox
from realtime_switch.local.orders import Listen
from realtime_switch.local.thought import unintelligible

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


class Hearing:
    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._asked: dict[int, tuple[Item, int, Json | None]] = {}
        self._count = 0

    def listen_to(self, item: Item, transcription: Json | None) -> None:
        """Every sound in it that came without its words; `transcription` says whether the client wants
        them, and how.
        """
        for index in item.sounds:
            if item.wire["content"][index]["transcript"] is None:
                self._listen(item, index, transcription)

    def _listen(self, item: Item, index: int, transcription: Json | None) -> None:
        self._count += 1
        self._asked[self._count] = (item, index, transcription)
        sound = item.sounds[index]
        pcm = pcm16(sound.data, sound.format.coding)
        self._outbox.order(Listen(self._count, pcm, sound.format.rate_hz))

    def missing(self, items: list[Item]) -> bool:
        """Whether any of these is still being understood."""
        return any(item in items for item, _, _ in self._asked.values())

    def heard(self, key: int, words: str | None) -> None:
        if key not in self._asked:
            return
        item, index, transcription = self._asked.pop(key)
        known = words if words is not None else unintelligible(item.sounds[index].ms / 1000)
        item.words[index] = known
        if transcription is not None:
            self._tell(item, index, transcription.get("model"), known)

    def forget(self, item: Item) -> None:
        """The item was deleted: nobody waits for it, and nobody is told."""
        self._asked = {key: asked for key, asked in self._asked.items() if asked[0] is not item}

    def _tell(self, item: Item, index: int, model: str | None, words: str) -> None:
        place: Json = {"item_id": item.id, "content_index": index}
        # 7.2: whisper-1 sends everything at once, its successors piece by piece.
        pieces = [words] if model == "whisper-1" else re.split(r"(?= )", words)
        for piece in filter(None, pieces):
            self._outbox.emit(f"{_TRANSCRIPTION}.delta", **place, delta=piece)
        spent = transcription_usage(model, item.sounds[index].ms, words)
        self._outbox.emit(f"{_TRANSCRIPTION}.completed", **place, transcript=words, usage=spent)
