"""Hears what Gemini says, message by message: it reads what each holds, and replies.py makes replies of it.

One frame may hold several things, and an order is promised for none of them; they are taken in that of
TRANSLATION.md 4.
"""

from collections.abc import Callable
from typing import Any

from ..acts import Act, Garbled, GoingAway, Handle, Ready, ToolCallsCancelled
from ..dialect import NewId, NowUs
from ..members import list_of, object_of, text_of
from ..sound import PCM_24K, AudioFormat
from . import frames
from .calls import Calls
from .casing import duration_ms
from .replies import Replies
from .users import Users

_MIME = "audio/pcm"
_MIME_24K = "audio/pcm;rate=24000"


class Hearing:
    def __init__(self, new_id: NewId, now_us: NowUs, users: Users, input_ms: Callable[[], int]) -> None:
        """`input_ms`: how much audio of the user was sent."""
        self._input_ms = input_ms
        self._users = users
        self.calls = Calls(new_id)
        self.replies = Replies(new_id, now_us, users, self.calls, input_ms)
        self.ready = False

    def hear(self, payload: bytes, raw: bytes) -> list[Act]:
        """`raw`: what of the greeting is kept."""
        message = frames.read(payload)
        if message is None:
            return [Garbled()]
        acts: list[Act] = []
        if message.usageMetadata is not None:
            self.replies.unbilled.add(message.usageMetadata)
        if message.setupComplete is not None and not self.ready:
            self.ready = True
            acts.append(Ready(raw, PCM_24K.bytes_per_ms))
        if message.voiceActivity is not None:
            acts += self._voice_activity(object_of(message.voiceActivity))
        content = message.serverContent
        if isinstance(content, dict) and content:
            acts += self._content(content)
        if message.toolCall is not None:
            acts += self._tool_calls(object_of(message.toolCall))
        if message.toolCallCancellation is not None:
            acts += self._cancellation(object_of(message.toolCallCancellation))
        if isinstance(content, dict) and content:
            acts += self._ends(content)
        if self.replies.reply is None:
            acts += self.replies.unbilled.later()
        if message.goAway is not None:
            acts.append(GoingAway(duration_ms(object_of(message.goAway).get("timeLeft"))))
        if message.sessionResumptionUpdate is not None:
            update = object_of(message.sessionResumptionUpdate)
            acts.append(Handle(text_of(update.get("newHandle")), update.get("resumable") is True))
        return acts

    def _voice_activity(self, activity: dict[str, Any]) -> list[Act]:
        kind = activity.get("type")
        if kind not in ("ACTIVITY_START", "ACTIVITY_END"):
            return []
        offset = activity.get("audioOffset")
        at_ms = duration_ms(offset) if isinstance(offset, str) else self._input_ms()
        return self._users.signalled(kind == "ACTIVITY_START", at_ms)

    def _content(self, content: dict[str, Any]) -> list[Act]:
        acts: list[Act] = []
        if (words := content.get("inputTranscription")) is not None:
            words = object_of(words)
            finished = words.get("finished") is True
            acts += self._users.heard(text_of(words.get("text")), finished, self._input_ms())
        if content.get("interrupted") is True:
            acts += self.replies.interrupted()
        if (turn := content.get("modelTurn")) is not None:
            for part in list_of(object_of(turn).get("parts")):
                if isinstance(part, dict):
                    acts += self._part(part)
        if (words := content.get("outputTranscription")) is not None:
            acts += self.replies.said(text_of(object_of(words).get("text")))
        return acts

    def _part(self, part: dict[str, Any]) -> list[Act]:
        if isinstance(blob := part.get("inlineData"), dict):
            mime, base64 = blob.get("mimeType"), blob.get("data")
            if not isinstance(mime, str) or not isinstance(base64, str) or not mime.startswith(_MIME):
                return []
            return self.replies.audio(base64, PCM_24K if mime == _MIME_24K else _format(mime))
        if isinstance(text := part.get("text"), str) and part.get("thought") is not True:
            return self.replies.written(text)
        return []

    def _tool_calls(self, tool_call: dict[str, Any]) -> list[Act]:
        calls = [one for one in list_of(tool_call.get("functionCalls")) if isinstance(one, dict)]
        return self.replies.called(calls) if calls else []

    def _cancellation(self, cancellation: dict[str, Any]) -> list[Act]:
        ids = tuple(one for one in list_of(cancellation.get("ids")) if isinstance(one, str))
        self.calls.cancelled(ids)
        return [ToolCallsCancelled(ids)] if ids else []

    def _ends(self, content: dict[str, Any]) -> list[Act]:
        acts: list[Act] = []
        if content.get("generationComplete") is True:
            acts += self.replies.made()
        if content.get("turnComplete") is True:
            more = content.get("interactionStatus") == "IN_PROGRESS"
            acts += self.replies.turn_over(text_of(content.get("turnCompleteReason")), more)
        elif content.get("waitingForInput") is True:
            acts += self.replies.kept_silent()
        return acts


def _format(mime: str) -> AudioFormat:
    rate = mime.partition("rate=")[2]
    rate_hz = int(rate) if rate.isascii() and rate.isdigit() and len(rate) < 7 else 0
    return AudioFormat("pcm", rate_hz) if rate_hz else PCM_24K
