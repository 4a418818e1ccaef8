"""Who has the floor: whether the user speaks, a reply is due or under way, or a tool is at work.

So it is known when a provider can be changed without anybody noticing, when one has stalled, and how long one
takes to answer.
"""

from collections.abc import Callable
from typing import Any

from ..dialects.acts import (
    Act,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyMade,
    SpeechStarted,
    SpeechStopped,
    ToolAnswered,
    ToolCall,
    ToolCallsCancelled,
    UserTurn,
)
from . import limits


class Floor:
    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self.stall_s = limits.STALL_S
        self._speaking = False
        self._due_since_us: int | None = None  # a reply is awaited
        self._replying = False
        self._unanswered_since_us: int | None = None  # no sound of a reply has come since it was asked for
        self._made = False  # all of the reply is here; it is only being played
        self._sign_us = 0  # when anything was heard last
        self.open_calls: dict[str, ToolCall] = {}  # whose answers are awaited
        self.answered_calls: dict[str, ToolCall] = {}  # and no reply has begun since

    def hear(self, act: Act, answered_unasked: bool) -> int | None:
        """How many milliseconds the reply took that begins with this, if one does."""
        self._sign_us = self._now_us()
        hear = _HEARERS.get(type(act))
        return None if hear is None else hear(self, act, answered_unasked)

    def _speech_started(self, act: SpeechStarted, answered_unasked: bool) -> None:
        self._speaking = True

    def _speech_stopped(self, act: SpeechStopped, answered_unasked: bool) -> None:
        self._speaking = False

    def _user_turn(self, act: UserTurn, answered_unasked: bool) -> None:
        self._speaking = False
        if answered_unasked:
            self.asked()

    def _reply_begun(self, act: ReplyBegun, answered_unasked: bool) -> None:
        self._replying, self._made = not act.aside, False
        self.answered_calls.clear()

    def _reply_item(self, act: ReplyItem, answered_unasked: bool) -> int | None:
        due_since_us, self._due_since_us = self._due_since_us, None
        return None if due_since_us is None else (self._sign_us - due_since_us) // 1000

    def _reply_made(self, act: ReplyMade, answered_unasked: bool) -> None:
        self._made = True

    def _reply_done(self, act: ReplyDone, answered_unasked: bool) -> None:
        self._replying = self._made = act.more
        self._due_since_us = None

    def _tool_call(self, act: ToolCall, answered_unasked: bool) -> None:
        self.open_calls[act.call_id] = act

    def _tool_answered(self, act: ToolAnswered, answered_unasked: bool) -> None:
        if (call := self.open_calls.pop(act.call_id, None)) is not None:
            self.answered_calls[act.call_id] = call

    def _calls_cancelled(self, act: ToolCallsCancelled, answered_unasked: bool) -> None:
        for call_id in act.call_ids:
            self.open_calls.pop(call_id, None)

    def asked(self) -> None:
        """Somebody wants a reply."""
        self._due_since_us = self._unanswered_since_us = self._sign_us = self._now_us()

    def answered(self) -> int | None:
        """Sound of a reply is here: how many microseconds it took, if it is the first of it."""
        since_us, self._unanswered_since_us = self._unanswered_since_us, None
        return None if since_us is None else self._now_us() - since_us

    def lost(self) -> bool:
        """The provider is gone. Whether it owes the user a reply, or the rest of one."""
        owes = self._replying or self._due_since_us is not None
        self._speaking = self._replying = self._made = False
        self._due_since_us = None
        return owes

    @property
    def is_free(self) -> bool:
        # Once its tools have answered a client asks for what is to be said of it.
        at_work = self.open_calls or self.answered_calls
        return not (self._speaking or self._replying or self._due_since_us is not None or at_work)

    @property
    def stalled_at_us(self) -> int | None:
        """When a provider that still says nothing counts as stalled."""
        if (self._replying and not self._made) or self._due_since_us is not None:
            return self._sign_us + int(self.stall_s * 1e6)
        return None


# Each is given the acts that it is filed under, and whether the provider answers a turn by itself.
_HEARERS: dict[type[Act], Callable[[Floor, Any, bool], int | None]] = {
    SpeechStarted: Floor._speech_started,
    SpeechStopped: Floor._speech_stopped,
    UserTurn: Floor._user_turn,
    ReplyBegun: Floor._reply_begun,
    ReplyItem: Floor._reply_item,
    ReplyMade: Floor._reply_made,
    ReplyDone: Floor._reply_done,
    ToolCall: Floor._tool_call,
    ToolAnswered: Floor._tool_answered,
    ToolCallsCancelled: Floor._calls_cancelled,
}
