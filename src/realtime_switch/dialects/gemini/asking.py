"""What a client adds to the conversation, kept until the model is asked to answer.

Gemini has no items: what is given to it interrupts what it says, and most of it makes it answer
(GEMINI-LIVE.md 3.2, 3.3). So whatever an OpenAI client creates waits here for its response.create, and then
goes out as one.
"""

from typing import Any

from msgspec import Struct

from ..members import object_of
from ..sound import AudioFormat, base64_bytes
from ..wishes import AnswerTool, Say, SayCall
from . import frames
from .calls import Call, answer, response

TOO_MUCH = "More is waiting to be told to this backend than can be kept; ask for a response first."

_ROLES = {"user": "user", "agent": "model"}


class _Held(Struct):
    item_id: str
    content: dict[str, Any] | None = None  # a turn of the conversation
    call: Call | None = None
    answer: dict[str, Any] | None = None
    size: int = 0


class Queue:
    """In the order in which it came; of bounded size."""

    def __init__(self, bytes_max: int) -> None:
        self._held: list[_Held] = []
        self._bytes_max = bytes_max
        self._size = 0
        self._past_calls: dict[str, str] = {}  # told as history: id -> name

    def say(self, wish: Say) -> bool:
        parts: list[dict[str, Any]] = [{"text": wish.text}] if wish.text else []
        parts += [
            {"inlineData": {"mimeType": picture.mime_type, "data": picture.base64}}
            for picture in wish.pictures
        ]
        size = len(wish.text) + sum(len(picture.base64) for picture in wish.pictures)
        content = {"role": _ROLES.get(wish.role, "user"), "parts": parts} if parts else None
        return self._add(_Held(wish.item_id, content, size=size))

    def say_call(self, wish: SayCall) -> bool:
        called = {"id": wish.call_id, "name": wish.name, "args": object_of(response(wish.arguments))}
        content = {"role": "model", "parts": [{"functionCall": called}]}
        if not self._add(_Held(wish.item_id, content, size=len(wish.arguments))):
            return False
        self._past_calls[wish.call_id] = wish.name
        return True

    def answer_past(self, wish: AnswerTool) -> bool | None:
        """None: no such call is of the past."""
        name = self._past_calls.get(wish.call_id)
        if name is None:
            return None
        told = {"id": wish.call_id, "name": name, "response": response(wish.output)}
        content = {"role": "user", "parts": [{"functionResponse": told}]}
        return self._add(_Held(wish.item_id, content, size=len(wish.output)))

    def answer(self, call: Call, wish: AnswerTool) -> bool:
        told = answer(call, wish)
        return self._add(_Held(wish.item_id, call=call, answer=told, size=len(wish.output)))

    def _add(self, held: _Held) -> bool:
        """False: there is no more room."""
        size = held.size + 200
        if self._size + size > self._bytes_max:
            return False
        held.size = size
        self._size += size
        self._held.append(held)
        return True

    def take_back(self) -> None:
        """What came last."""
        self._size -= self._held.pop().size

    def delete(self, item_id: str) -> bool:
        """False: it is not here, or not any more."""
        for place, held in enumerate(self._held):
            if held.item_id == item_id:
                self._size -= held.size
                del self._held[place]
                if held.call is not None:
                    held.call.state = "open"
                return True
        return False

    def take_answers(self) -> list[dict[str, Any]]:
        """Of calls that were not taken back meanwhile."""
        taken = [one for one in self._held if one.answer is not None]
        self._keep([one for one in self._held if one.answer is None])
        return [
            one.answer
            for one in taken
            if one.answer is not None and one.call is not None and one.call.state == "answered"
        ]

    def take_turns(self) -> list[dict[str, Any]]:
        taken = [one.content for one in self._held if one.content is not None]
        self._keep([one for one in self._held if one.answer is not None])
        return taken

    @property
    def has_turns(self) -> bool:
        return bool(self._held) and any(one.content is not None for one in self._held)

    def _keep(self, held: list[_Held]) -> None:
        self._held = held
        self._size = sum(one.size for one in held)


def typed(turns: list[dict[str, Any]]) -> list[bytes]:
    """For models that take no content any more once they have spoken (GEMINI-LIVE.md 3.2): pictures first,
    then one text, which makes them answer."""
    parts = [part for turn in turns for part in turn["parts"]]
    blobs = [part["inlineData"] for part in parts if "inlineData" in part]
    said = "\n".join(part["text"] for part in parts if "text" in part)
    return [*(frames.video(blob["data"], blob["mimeType"]) for blob in blobs), frames.text(said or " ")]


class Buffer:
    """The user's audio in manual turns: sent when an answer is asked for, because the end of an activity is
    what makes Gemini answer."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._pieces: list[tuple[str, AudioFormat]] = []
        self._committed = 0  # of the pieces
        self._size = 0
        self.waiting_ms = 0.0  # not committed yet

    def add(self, base64: str, audio_format: AudioFormat) -> bool:
        """False: there is no more room."""
        if self._size + len(base64) > self._bytes_max:
            return False
        self._size += len(base64)
        self._pieces.append((base64, audio_format))
        self.waiting_ms += base64_bytes(base64) / audio_format.bytes_per_ms
        return True

    def add_turn(self, pieces: list[tuple[str, AudioFormat]]) -> bool:
        """Before what is not committed yet. False: there is no more room."""
        size = sum(len(base64) for base64, _ in pieces)
        if self._size + size > self._bytes_max:
            return False
        self._size += size
        self._pieces[self._committed : self._committed] = pieces
        self._committed += len(pieces)
        return True

    def commit(self) -> None:
        self._committed = len(self._pieces)
        self.waiting_ms = 0.0

    def clear(self) -> None:
        del self._pieces[self._committed :]
        self._size = sum(len(base64) for base64, _ in self._pieces)
        self.waiting_ms = 0.0

    def take(self) -> list[bytes]:
        """What is committed, as one activity; [] for none."""
        pieces, self._pieces = self._pieces[: self._committed], self._pieces[self._committed :]
        self._committed = 0
        self._size = sum(len(base64) for base64, _ in self._pieces)
        if not pieces:
            return []
        audio = [frames.audio(base64, audio_format) for base64, audio_format in pieces]
        return [frames.ACTIVITY_START, *audio, frames.ACTIVITY_END]
