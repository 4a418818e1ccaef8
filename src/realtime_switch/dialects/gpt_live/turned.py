"""What a voice without turns says, told in turns to clients that are made of them (TRANSLATION-GPT-LIVE.md
2).

All by the session's clock, which is the sound that it sends. The agent's turn opens with its first sound or
word, and is over after GAP_MS of silence; between its turns silence is not told. The user's turn opens with
its first words, and is over after GAP_MS without any, or where the agent begins.

What the user says over the agent is held back while it may be a back-channel ("mm-hm"), because these clients
stop playing when speech begins. It is told once it is longer than one, or the agent falls silent for it: then
the agent was interrupted.
"""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from ..acts import (
    Act,
    Interrupted,
    KeptSilent,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyMade,
    ReplyTranscript,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    UserTranscript,
    UserTurn,
)
from ..dialect import NewId
from ..sound import AudioFormat, base64_bytes
from .lines import GAP_MS, LATE_MS, Speaker
from .silence import is_silent

# TRANSLATION-GPT-LIVE.md 2: more than that is no back-channel; and so long after the user's words the agent
# may fall silent because of them.
BACK_CHANNEL_MS = 1_000
YIELDS_WITHIN_MS = 1_000
# Between two words of one who goes on speaking there is less.
PAUSE_MS = 300
# A model without turns need not answer. So long after the user's turn, or after it was asked, it will not.
PATIENCE_MS = 10_000

_Status = Literal["completed", "cancelled", "incomplete", "failed"]


class _Reply(Struct):
    id: str
    began_ms: int
    item_id: str = ""  # the message that is being said
    items: int = 0
    worded: bool = False  # of that message
    sign_ms: int = 0  # when there was sound or a word of it last


class _Turn(Struct):
    """The user's."""

    item_id: str
    start_ms: int
    end_ms: int
    told: bool = False
    text: str = ""


class Turned:
    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self.format = AudioFormat()
        self._bytes = 0
        self._reply: _Reply | None = None
        self._turn: _Turn | None = None
        self._awaits_ms: int | None = None  # since when the user's turn waits for an answer
        self._muted = False  # the agent, to its next pause
        self._loud_ms = 0  # when there was sound last
        self.untouched = True  # nobody has said anything yet
        self.spoken = 0  # so many messages of the agent

    @property
    def now_ms(self) -> int:
        return self._bytes // self.format.bytes_per_ms

    @property
    def reply_id(self) -> str:
        return self._reply.id if self._reply is not None else ""

    # -- The agent -----------------------------------------------------------------------------------------

    def sound(self, base64: str) -> list[Act]:
        loud = not is_silent(base64, self.format.coding)
        acts = self._speaks() if loud and not self._muted else []
        self._bytes += base64_bytes(base64)
        if loud:
            self._loud_ms = self.now_ms
        if self._muted:
            self._muted = self.now_ms - self._loud_ms < PAUSE_MS
        elif (reply := self._reply) is not None and reply.item_id:
            if loud:
                reply.sign_ms = self.now_ms
            acts.append(ReplyAudio(reply.item_id, base64, self.format))
        return acts + self._time_passes()

    def said(self, speaker: Speaker, text: str, start_ms: int, end_ms: int) -> list[Act]:
        if speaker == "user":
            return self._user_says(text, start_ms, end_ms)
        if self._muted or not (text.strip() or (self._reply is not None and self._reply.worded)):
            return []
        acts = self._speaks()
        reply = self._reply
        assert reply is not None
        shown = text if reply.worded else text.lstrip()
        reply.worded, reply.sign_ms = True, self.now_ms
        return [*acts, ReplyTranscript(reply.item_id, 0, shown)]

    def _speaks(self) -> list[Act]:
        """The reply and its message, begun if they are not."""
        self.untouched = False
        acts: list[Act] = []
        reply = self._reply
        if reply is None or not reply.items:
            acts += self._user_over()
        if reply is None:
            acts += self._begin()
            reply = self._reply
            assert reply is not None
        if not reply.item_id:
            reply.item_id, reply.worded = self._new_id("item"), False
            acts.append(ReplyItem(reply.id, reply.item_id, reply.items))
            reply.items += 1
            self.spoken += 1
            reply.sign_ms = self._loud_ms = self.now_ms
        self._awaits_ms = None
        return acts

    def _begin(self, metadata: dict[str, Any] | None = None) -> list[Act]:
        self._reply = _Reply(self._new_id("resp"), self.now_ms, sign_ms=self.now_ms)
        self._awaits_ms = None
        return [ReplyBegun(self._reply.id, metadata=metadata)]

    def called(self, calls: Sequence[ToolCall]) -> list[Act]:
        """The reply ends with them, because clients run their tools when it has. What the voice says
        meanwhile is another."""
        acts = [] if self._reply is not None else [*self._user_over(), *self._begin()]
        reply = self._reply
        assert reply is not None
        self.untouched = False
        acts += self._message_over(reply)
        for call in calls:
            item_id = self._new_id("item")
            acts += [
                ReplyItem(reply.id, item_id, reply.items, "function_call", call.call_id, call.name),
                ToolCall(call.call_id, call.name, call.arguments, item_id, reply.id),
                ReplyItemDone(item_id),
            ]
            reply.items += 1
        return [*acts, *self.over("completed")]

    def ask(self, metadata: dict[str, Any] | None) -> list[Act]:
        """It was asked to speak, and nothing is being said."""
        return self._begin(metadata)

    def sign(self) -> None:
        """It is at work."""
        if self._reply is not None:
            self._reply.sign_ms = self.now_ms

    def leave(self) -> list[Act]:
        """Nobody wants to hear the rest. Nothing stops the voice; it is not told until it pauses."""
        self._muted = self._reply is not None and bool(self._reply.item_id)
        return self.over("cancelled", "client_cancelled")

    def over(self, status: _Status, reason: str = "") -> list[Act]:
        reply, self._reply = self._reply, None
        if reply is None:
            return []
        whole: list[Act] = []
        if status == "completed":
            whole = [ReplyMade(reply.id), *self._message_over(reply)]
        return [*whole, ReplyDone(reply.id, status, reason)]

    def _message_over(self, reply: _Reply) -> list[Act]:
        item_id, reply.item_id = reply.item_id, ""
        return [ReplyItemDone(item_id)] if item_id else []

    # -- The user ------------------------------------------------------------------------------------------

    def _user_says(self, text: str, start_ms: int, end_ms: int) -> list[Act]:
        self.untouched = False
        acts = self._silent_until(start_ms)
        turn = self._turn
        if turn is None:
            text = text.lstrip()
            if not text:
                return acts
            turn = self._turn = _Turn(self._new_id("item"), start_ms, end_ms)
            if not self._agent_speaks:
                turn.told = True
                acts.append(SpeechStarted(turn.item_id, start_ms))
        turn.end_ms = max(turn.end_ms, end_ms)
        turn.text += text
        if turn.told:
            return [*acts, UserTranscript(turn.item_id, text)]
        longer = turn.end_ms - turn.start_ms > BACK_CHANNEL_MS
        return [*acts, *self._user_told()] if longer else acts

    @property
    def _agent_speaks(self) -> bool:
        reply = self._reply
        return reply is not None and bool(reply.item_id) and self.now_ms - self._loud_ms < PAUSE_MS

    def _user_told(self) -> list[Act]:
        """What was held back."""
        turn = self._turn
        if turn is None or turn.told:
            return []
        turn.told = True
        return [SpeechStarted(turn.item_id, turn.start_ms), UserTranscript(turn.item_id, turn.text)]

    def _user_over(self) -> list[Act]:
        turn, self._turn = self._turn, None
        if turn is None:
            return []
        if self._reply is None:
            self._awaits_ms = self.now_ms
        stopped = [SpeechStopped(turn.item_id, turn.end_ms)] if turn.told else []
        audio_ms = max(0, turn.end_ms - turn.start_ms)
        whole = UserTranscript(turn.item_id, turn.text.rstrip(), final=True, audio_ms=audio_ms)
        return [*stopped, UserTurn(turn.item_id), whole]

    def _silent_until(self, ms: int) -> list[Act]:
        turn = self._turn
        return self._user_over() if turn is not None and ms - turn.end_ms > GAP_MS else []

    # -- The clock -----------------------------------------------------------------------------------------

    def _time_passes(self) -> list[Act]:
        now_ms = self.now_ms
        acts = [*self._silent_until(now_ms - LATE_MS), *self._reply_may_be_over(now_ms)]
        if self._awaits_ms is not None and now_ms - self._awaits_ms >= PATIENCE_MS:
            self._awaits_ms = None
            acts.append(KeptSilent())
        return acts

    def _reply_may_be_over(self, now_ms: int) -> list[Act]:
        reply, turn = self._reply, self._turn
        if reply is None:
            return []
        if not reply.item_id:
            return self.over("completed") if now_ms - reply.sign_ms >= PATIENCE_MS else []
        if turn is not None and now_ms - self._loud_ms >= PAUSE_MS:
            over_it = turn.start_ms < self._loud_ms <= turn.end_ms + YIELDS_WITHIN_MS
            if over_it:
                return [*self._user_told(), Interrupted(), *self.over("cancelled", "turn_detected")]
            return [*self.over("completed"), *self._user_told()]
        return self.over("completed") if now_ms - reply.sign_ms >= GAP_MS else []
