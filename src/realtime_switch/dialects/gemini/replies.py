"""The life of Gemini's replies: turns without ids become replies with ids, each begun once and ended once.

One runs at a time; where it stands, and what moves it on:

    none --asked, or first output--> open --generationComplete--> made --turnComplete--> none
    open --toolCall--> none; what is said after it is another reply
    open, made --interrupted--> ... --turnComplete--> none
    asked again while made, or stopped --> none at once; the old turn's end is still to come and is not heard
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from ..acts import (
    Act,
    AudioPassed,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyMade,
    ReplyText,
    ReplyTranscript,
)
from ..dialect import NewId, NowUs
from ..envelopes import Alike, Crossed
from ..sound import PCM_24K, AudioFormat
from .calls import Calls
from .patience import LATE_WORDS_US, NO_END_US, NO_OUTPUT_US, OLD_TURN_US, Patience
from .proofs import only_audio_from_provider, words_from_provider
from .reasons import Status, ending
from .reply import Reply
from .usage import Unbilled
from .users import Users

_ITEMS_KEPT = 256  # of the past, so that a client may still say how much of one was heard


class Replies:
    def __init__(
        self, new_id: NewId, now_us: NowUs, users: Users, calls: Calls, input_ms: Callable[[], int]
    ) -> None:
        self._new_id = new_id
        self._now_us = now_us
        self._input_ms = input_ms
        self._users = users
        self._calls = calls
        self.reply: Reply | None = None
        self.has_spoken = False  # the model, on this connection
        # How the agent's words are wanted. None: nobody said (a relay), so it is told by what comes.
        self.text_only: bool | None = None
        self.writes: bool | None = None  # the model writes instead of speaking
        self.ends_when_made = False  # a reply, and not where the turn does
        self.unbilled = Unbilled()
        # Turns that nobody listens to any more; and whether the oldest of them has made all of its output.
        self._old_turns = 0
        self._old_made = False
        # We said something that interrupts: the next `interrupted` is no barge-in.
        self.interrupts = False
        self._bare_end_due = False  # after calls some backends end the turn with nothing in it
        self._said_items: deque[str] = deque(maxlen=_ITEMS_KEPT)
        self._cut_items: deque[str] = deque(maxlen=_ITEMS_KEPT)
        self._patience = Patience(now_us)

    # -- What the model says -----------------------------------------------------------------------------

    def audio(self, base64: str, audio_format: AudioFormat) -> list[Act]:
        acts = self._audio(len(base64))
        if acts is None or self.text_only:
            return acts or []
        assert self.reply is not None
        acts.append(ReplyAudio(self.reply.item_id, base64, audio_format))
        return acts

    def alike(self, act: ReplyAudio | ReplyTranscript) -> list[Alike]:
        """Nothing in a frame says what it belongs to, so all are alike that come while this lasts."""
        reply = self.reply
        lasts = reply is not None and reply.item_id == act.item_id and not reply.interrupted
        if not lasts or self._old_turns or self.text_only:
            return []
        audio, words = ReplyAudio(act.item_id, "", PCM_24K), ReplyTranscript(act.item_id, 0, "")
        return [Alike(only_audio_from_provider, audio), Alike(words_from_provider, words)]

    def heard_unread(self, crossed: Crossed) -> None:
        assert self.reply is not None
        self.reply.base64_chars += crossed.base64_chars
        self._patience.outputs += crossed.frames

    def passed(self, base64_chars: int) -> list[Act]:
        return [*(self._audio(base64_chars) or ()), AudioPassed(base64_chars)]

    def _audio(self, base64_chars: int) -> list[Act] | None:
        """None: of a turn that nobody listens to."""
        if self._old_turns and not self._old_is_past():
            return None
        self.interrupts = False
        reply, acts = self.reply, []
        if reply is None or not reply.item_id or reply.interrupted:
            acts = [*self._cut_short(), *self._message()]
            reply = self.reply
            assert reply is not None
        if not reply.base64_chars:
            reply.first_audio_us = self._now_us()
        reply.spoken = True
        reply.base64_chars += base64_chars
        self._patience.outputs += 1
        return acts

    def said(self, text: str) -> list[Act]:
        if not text or self._old_turns:
            return []
        acts = self._message()
        assert self.reply is not None
        self.reply.spoken = True
        words = ReplyText if self.text_only else ReplyTranscript
        return [*acts, words(self.reply.item_id, 0, text)]

    def written(self, text: str) -> list[Act]:
        """In a session that speaks, text is thoughts and remarks, never the spoken words (GEMINI-LIVE.md
        5.6). Where it is not known whether it speaks, that is seen at the end of the turn."""
        if not text or self.writes is False or (self._old_turns and not self._old_is_past()):
            return []
        acts = self._message()
        assert self.reply is not None
        if self.writes:
            return [*acts, ReplyText(self.reply.item_id, 0, text)]
        self.reply.written += text
        return acts

    def called(self, calls: list[dict[str, Any]]) -> list[Act]:
        """The reply ends with them, because clients run their tools when it has (TRANSLATION.md 4)."""
        if self._old_turns and not self._old_is_past():
            return []
        acts = [*self._cut_short(), *self._reply()]
        reply = self.reply
        assert reply is not None
        self.has_spoken = True
        acts += reply.end_message()
        for one in calls:
            acts += reply.call(self._calls.called(one), self._new_id("item"))
        self._bare_end_due = True
        return [*acts, *self._finish("completed")]

    def _message(self) -> list[Act]:
        """The reply and its message, begun if they are not."""
        self._patience.outputs += 1
        self.has_spoken = True
        acts = self._reply()
        reply = self.reply
        assert reply is not None
        if not reply.item_id:
            acts.append(reply.begin_message(self._new_id("item")))
            self._said_items.append(reply.item_id)
        return acts

    def _reply(self) -> list[Act]:
        """A reply's first output ends the user's turn."""
        if self.reply is None:
            acts = self._users.end(self._input_ms())
            acts.append(self._begin())
            self._patience.wait(NO_OUTPUT_US)
            return acts
        return self._users.end(self._input_ms()) if self.reply.silent else []

    def _cut_short(self) -> list[Act]:
        """Output after an interruption is of another turn: the end of this one got lost."""
        reply = self.reply
        if reply is None or not reply.interrupted:
            return []
        return self._finish("completed") if reply.made else self._finish("cancelled", "turn_detected")

    def _begin(self, metadata: dict[str, Any] | None = None) -> ReplyBegun:
        self.reply = Reply(self._new_id("resp"))
        return ReplyBegun(self.reply.id, metadata=metadata)

    # -- Ends --------------------------------------------------------------------------------------------

    def made(self) -> list[Act]:
        if self._old_turns and not self._old_made:
            self._old_made = True
            return []
        reply = self.reply
        if reply is None or reply.made:
            return []
        reply.made = True
        if self.ends_when_made:
            self._patience.wait(LATE_WORDS_US)
        else:
            self._patience.wait(NO_END_US, reply.played_us)
        return [ReplyMade(reply.id)]

    def interrupted(self) -> list[Act]:
        if self.interrupts:
            self.interrupts = False
            if not self._old_turns and self.reply is not None and self.reply.silent:
                self._old_turns = 1  # what our first words began, stopped by our next
            self._old_made = bool(self._old_turns)
            return []
        acts = self._users.begin(self._input_ms())
        if self._old_turns:
            self._old_made = True
            if self.ends_when_made:  # its end was told, and it is still being played
                self._cut_items.extend([*self._said_items][-1:])
        elif self.reply is not None:
            self.reply.interrupted = True
            if self.reply.item_id:
                self._cut_items.append(self.reply.item_id)
            self._patience.wait(NO_END_US)
        return acts

    def turn_over(self, reason: str, more: bool) -> list[Act]:
        if self._old_turns:
            return self._old_turn_over()
        bare, self._bare_end_due = self._bare_end_due, False
        reply = self.reply
        status, why = ending(reason)
        if reply is None:
            if status == "completed":
                return self._users.words_whole() if not bare else []
            # The user's turn was turned down: who waits for an answer is told so.
            return [*self._reply(), *self._users.words_whole(), *self._finish(status, why)]
        if bare and reply.silent and not reply.made and not reply.interrupted and not reason:
            return []
        if reply.interrupted and not reply.made:
            status, why = "cancelled", "turn_detected"
        return [*self._users.words_whole(), *self._finish(status, why, more)]

    def _old_turn_over(self) -> list[Act]:
        self._old_turns -= 1
        self._old_made = False
        self._await_again()
        return self.unbilled.later()

    def kept_silent(self) -> list[Act]:
        """The model waits for the user instead of answering."""
        return self._finish("completed") if self.reply is not None and self.reply.silent else []

    def _finish(self, status: Status, reason: str = "", more: bool = False) -> list[Act]:
        """A message is closed only if it is whole; else the end of its reply closes it."""
        reply = self.reply
        assert reply is not None
        acts = reply.end_message() if status == "completed" else reply.written_down()
        acts += self.unbilled.at_end(reply.id)
        self.reply = None
        self._patience.end()
        return [*acts, ReplyDone(reply.id, status, reason, more)]

    # -- By the client's wish ----------------------------------------------------------------------------

    def ask(self, metadata: dict[str, Any] | None) -> list[Act]:
        """The model was asked to answer."""
        begun = self._begin(metadata)
        self._patience.wait(NO_OUTPUT_US)
        return [begun]

    def leave(self, status: Status, reason: str = "") -> list[Act]:
        """End the reply here; what the model still says of that turn is not heard."""
        reply = self.reply
        assert reply is not None
        self._old_turns += 1
        self._old_made = reply.made
        if status == "cancelled" and reply.item_id:
            self._cut_items.append(reply.item_id)
        acts = self._finish(status, reason)
        self._await_again()
        return acts

    def leave_running(self) -> list[Act]:
        """The reply that runs, ended here: it has made all its output, or it is to be interrupted."""
        reply = self.reply
        if reply is None:
            return []
        if reply.made and not reply.interrupted:
            return self.leave("completed")
        return self.leave("cancelled", "client_cancelled")

    @property
    def old_turn(self) -> bool:
        """One is still to end that nobody listens to."""
        return bool(self._old_turns)

    def was_said(self, item_id: str) -> bool:
        return item_id in self._said_items

    def was_cut(self, item_id: str) -> bool:
        return item_id in self._cut_items

    def _old_is_past(self) -> bool:
        """New output after all of the old was made: its end got lost."""
        if self._old_made:
            self._old_turns = 0
            self._old_made = False
        return not self._old_turns

    # -- Patience ----------------------------------------------------------------------------------------

    @property
    def due_us(self) -> int | None:
        return self._patience.due_us

    def _await_again(self) -> None:
        if self.reply is not None:
            self._patience.wait(NO_OUTPUT_US)
        elif self._old_turns and not self._old_made:
            self._patience.wait(OLD_TURN_US)
        else:
            self._patience.end()

    def woke(self) -> list[Act]:
        if not self._patience.is_over:
            return []
        reply = self.reply
        if reply is None:
            self._old_turns = 0
            self._patience.end()
            return []
        whole = self._users.words_whole()
        if reply.interrupted and not reply.made:
            return [*whole, *self.leave("cancelled", "turn_detected")]
        if reply.made:
            return [*whole, *(self.leave("completed") if self.ends_when_made else self._finish("completed"))]
        if self._patience.was_rewarded:
            self._patience.wait(NO_OUTPUT_US)
            return []
        return [*whole, *self._finish("failed", "backend_timeout")]
