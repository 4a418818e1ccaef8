"""Who has the floor: whether the user speaks, a reply is due or under way, or a tool is at work.

So it is known when a provider can be changed without anybody noticing, when one has stalled, and how long one
takes to answer.
"""

from collections.abc import Callable
from typing import Any

from ..dialects.acts import (
    Act,
    AudioCleared,
    AudioPassed,
    Configured,
    KeptSilent,
    Ready,
    Refused,
    Replayed,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyMade,
    SpeechStarted,
    ToolAnswered,
    ToolCall,
    ToolCallsCancelled,
    Trouble,
    UserTurn,
)
from . import limits


class Floor:
    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self.turn_open = False  # the provider has heard the user begin, and made no turn of it yet
        self._turn_due = False  # the client has said that its turn is over, and the provider not yet
        self._due_since_us: int | None = None  # a reply is awaited
        self._due_unasked = False  # by what the user said, and nothing else
        self.replying = False
        self._unanswered_since_us: int | None = None  # no sound of a reply has come since it was asked for
        self._made = False  # all of the reply is here; it is only being played
        self.sign_us = 0  # when anything was heard last
        self.heard_until_us = 0  # by then all that the agent has said must have been played
        self._audio_bytes_per_ms = 48
        self.open_calls: dict[str, ToolCall] = {}  # whose answers are awaited
        self.answered_calls: dict[str, ToolCall] = {}  # and no reply has begun since
        self._answered_us = 0  # when the last of them was
        self.stalls = 0  # told by whoever judges that (stall.py); no reply has begun since

    def hear(self, act: Act, answered_unasked: bool) -> int | None:
        """How many milliseconds the reply took that begins with this, if one does."""
        self.sign_us = self._now_us()
        hear = _HEARERS.get(type(act))
        return None if hear is None else hear(self, act, answered_unasked)

    def _speech_started(self, act: SpeechStarted, answered_unasked: bool) -> None:
        self.turn_open = True
        self.heard_until_us = 0  # whoever speaks now is the user

    def _audio_cleared(self, act: AudioCleared, answered_unasked: bool) -> None:
        self.turn_open = self._turn_due = False

    def _user_turn(self, act: UserTurn, answered_unasked: bool) -> None:
        self.turn_open = self._turn_due = False
        if answered_unasked:
            self.asked()
            self._due_unasked = True

    def _kept_silent(self, act: KeptSilent, answered_unasked: bool) -> None:
        if not self.replying:
            self._due_since_us = None

    def _reply_begun(self, act: ReplyBegun, answered_unasked: bool) -> None:
        self.replying, self._made = not act.aside, False
        self.answered_calls.clear()
        self.stalls = 0

    def _reply_item(self, act: ReplyItem, answered_unasked: bool) -> int | None:
        due_since_us, self._due_since_us = self._due_since_us, None
        return None if due_since_us is None else (self.sign_us - due_since_us) // 1000

    def _reply_made(self, act: ReplyMade, answered_unasked: bool) -> None:
        self._made = True

    def _reply_done(self, act: ReplyDone, answered_unasked: bool) -> None:
        self.replying = self._made = act.more
        self._due_since_us = None
        if act.status == "cancelled":
            self.heard_until_us = 0

    def _audio_passed(self, act: AudioPassed, answered_unasked: bool) -> None:
        self._plays(act.base64_chars)

    def _reply_audio(self, act: ReplyAudio, answered_unasked: bool) -> None:
        self._plays(len(act.base64))

    def _plays(self, base64_chars: int) -> None:
        takes_ms = base64_chars * 3 / 4 / self._audio_bytes_per_ms
        self.heard_until_us = max(self.heard_until_us, self.sign_us) + int(takes_ms * 1000)

    def _format(self, act: Ready | Configured | Replayed, answered_unasked: bool) -> None:
        self._audio_bytes_per_ms = act.audio_bytes_per_ms

    def _tool_call(self, act: ToolCall, answered_unasked: bool) -> None:
        self.open_calls[act.call_id] = act

    def _tool_answered(self, act: ToolAnswered, answered_unasked: bool) -> None:
        if (call := self.open_calls.pop(act.call_id, None)) is not None:
            self.answered_calls[act.call_id] = call
            self._answered_us = self.sign_us

    def _calls_cancelled(self, act: ToolCallsCancelled, answered_unasked: bool) -> None:
        for call_id in act.call_ids:
            self.open_calls.pop(call_id, None)

    def _no(self, act: Trouble | Refused, answered_unasked: bool) -> None:
        self._turn_due = False  # it may have been no turn

    def asked(self) -> None:
        """Somebody wants a reply."""
        self._due_since_us = self._unanswered_since_us = self.sign_us = self._now_us()
        self._due_unasked = False

    def committed(self) -> None:
        """The client says that its turn is over."""
        self._turn_due = True
        self.sign_us = self._now_us()

    def answered(self) -> int | None:
        """Sound of a reply is here: how many microseconds it took, if it is the first of it."""
        since_us, self._unanswered_since_us = self._unanswered_since_us, None
        return None if since_us is None else self._now_us() - since_us

    def lost(self) -> bool:
        """The provider is gone. Whether it owes the user a reply, or the rest of one."""
        owes = self.replying or self._due_since_us is not None
        self.turn_open = self._turn_due = self.replying = self._made = False
        self.heard_until_us = 0
        self._due_since_us = None
        return owes

    @property
    def quiet_us(self) -> int:
        """How long nothing was heard that matters."""
        return self._now_us() - self.sign_us

    @property
    def is_free(self) -> bool:
        at_work = bool(self.open_calls)
        if self.answered_calls:  # and the client will ask for what is to be said of it, or it will not
            at_work |= self._now_us() < self._answered_us + limits.ANSWERS_SPOKEN_OF_S * 1e6
        return not (self.turn_open or self.replying or self.owes or at_work)

    @property
    def owes(self) -> bool:
        """The provider owes a reply, or the rest of one, or a word about a turn."""
        running = self.replying and not self._made
        return running or self._due_since_us is not None or self._turn_due

    @property
    def owes_unasked(self) -> bool:
        """It owes a reply to what the user said, and nobody asked for one."""
        return self._due_since_us is not None and self._due_unasked and not self.replying


# Each is given the acts that it is filed under, and whether the provider answers a turn by itself.
_HEARERS: dict[type[Act], Callable[[Floor, Any, bool], int | None]] = {
    SpeechStarted: Floor._speech_started,
    AudioCleared: Floor._audio_cleared,
    UserTurn: Floor._user_turn,
    KeptSilent: Floor._kept_silent,
    ReplyBegun: Floor._reply_begun,
    ReplyItem: Floor._reply_item,
    ReplyMade: Floor._reply_made,
    ReplyDone: Floor._reply_done,
    AudioPassed: Floor._audio_passed,
    ReplyAudio: Floor._reply_audio,
    Ready: Floor._format,
    Configured: Floor._format,
    Replayed: Floor._format,
    ToolCall: Floor._tool_call,
    ToolAnswered: Floor._tool_answered,
    ToolCallsCancelled: Floor._calls_cancelled,
    Trouble: Floor._no,
    Refused: Floor._no,
}
