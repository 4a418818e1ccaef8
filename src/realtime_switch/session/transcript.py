"""Writes down what both sides say, in the order it was said, as text to be added at the end (A9).

    user: Is row four free?
    agent: Let me look.
    tool: seat_lookup({"row":4})
    tool: seat_lookup -> {"free":false}
    agent: It is taken.

What is kept is never rewritten, so a line waits until it is sure:

- The user's words arrive late, often after the reply to them has begun. Their place is taken when the turn
  ends, and what comes after waits for them, for a while.
- An agent's line waits until its audio must have been played, because until then the client may still say
  where it was interrupted; then it is cut there. Audio and text are not aligned (OPENAI-REALTIME.md 6.3),
  so the cut falls at the same share of the text as of the audio, at the end of a word before it.

When the call ends everything that waits is written as it stands.
"""

from collections.abc import Callable
from typing import Any

from ..accounts.records import Passage
from ..dialects.acts import (
    Act,
    AudioPassed,
    Configured,
    PastTold,
    Ready,
    Replayed,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyText,
    ReplyTranscript,
    ReplyTruncated,
    ToolAnswered,
    ToolCall,
    UserText,
    UserTranscript,
    UserTranscriptFailed,
    UserTurn,
)
from . import limits
from .held_line import AGENT, TOOL, USER, HeldLine
from .passages import Passages

LAST_MOMENT_MS = 20  # who heard all but this heard all: counts of the same audio may differ by as much


class Transcript:
    def __init__(
        self,
        who: tuple[str, str],
        record_id: Callable[[], str],
        now_us: Callable[[], int],
        continues: bool,
    ) -> None:
        self._passages = Passages(who, record_id, now_us, continues)
        self._now_us = now_us
        self._held: dict[str, HeldLine] = {}  # by item, in the order of the conversation
        self._written: set[str] = set()  # items that are past changing, whatever is still told of them
        self._newest = ""  # the item that audio passing by belongs to
        self._saying: dict[str, HeldLine] = {}  # the agent's lines that are not over, by item
        self._typed: list[HeldLine] = []  # the user's, until a reply begins
        self._tools: dict[str, str] = {}  # names of calls that wait for their answer
        self._open_replies: set[str] = set()
        self._asides: set[str] = set()  # replies outside of the conversation
        self._audio_bytes_per_ms = 48

    # -- Hearing --------------------------------------------------------------------------------------------

    def hear(self, act: Act) -> bool:
        """False: nothing can have become sure by this, so there is no need to ask what is due. Most of what
        is heard is of a reply that goes on."""
        kind = type(act)
        hear = _HEARERS.get(kind)
        if hear is None:
            return False
        hear(self, act)
        return kind not in _SETTLE_NOTHING

    def due(self) -> list[Passage]:
        """What has become sure."""
        self._settle()
        return self._passages.due(nothing_waits=not self._held)

    def due_us(self) -> int | None:
        """When the oldest line that waits becomes sure by time alone."""
        line = next(iter(self._held.values()), None)
        return None if line is None else line.due_us

    def flush(self) -> list[Passage]:
        """Everything that is left, as it stands: the call is over."""
        for item_id in list(self._held):
            self._write(item_id)
        return [*self.due(), *self._passages.rest()]

    def cut_off(self) -> None:
        """The provider is gone: what it began it will not finish, and nothing waits for that."""
        for line in self._held.values():
            if line.speaker == USER:
                line.sure = True
            elif line.played_us is None:
                line.finish(self._audio_bytes_per_ms)
        self._open_replies.clear()
        self._saying.clear()

    @property
    def said(self) -> str:
        """What was said in this call, the lines that wait included."""
        waiting = ((line.speaker, line.text) for line in self._held.values() if line.text)
        return self._passages.said(waiting)

    # -- The user ----------------------------------------------------------------------------------------

    def _user_turn(self, act: UserTurn) -> None:
        self._held.setdefault(act.item_id, HeldLine(USER, {}, born_us=self._now_us()))

    def _user_transcript(self, act: UserTranscript) -> None:
        if act.item_id in self._written:
            return
        line = self._held.get(act.item_id)
        if line is None:  # too late for its place, or a provider that does not say when a turn ends
            line = self._held[act.item_id] = HeldLine(USER, {}, born_us=self._now_us())
        line.parts[0] = act.text if act.final else line.parts.get(0, "") + act.text
        line.sure = act.final

    def _user_transcript_failed(self, act: UserTranscriptFailed) -> None:
        if line := self._held.get(act.item_id):
            line.sure = True

    def _user_text(self, act: UserText) -> None:
        """Sure only when a reply begins: a client that goes on to tell the agent's part is telling the
        past."""
        line = HeldLine(USER, {0: act.text}, typed=True, born_us=self._now_us())
        # Some providers say both item.added and item.created.
        if act.item_id not in self._written and act.item_id not in self._held:
            self._held[act.item_id] = line
            self._typed.append(line)

    def _past_told(self, act: PastTold) -> None:
        if act.item_id in self._held or act.item_id in self._written:
            return  # the model's own line, told again by a provider that fills items at once
        for item_id, line in list(self._held.items()):
            if line.typed and not line.sure:
                del self._held[item_id]

    # -- The agent ---------------------------------------------------------------------------------------

    def _reply_begun(self, act: ReplyBegun) -> None:
        self._open_replies.add(act.reply_id)
        if act.aside:
            self._asides.add(act.reply_id)
            return
        for line in self._typed:
            line.sure = True
        self._typed.clear()

    def _reply_item(self, act: ReplyItem) -> None:
        if act.reply_id in self._asides:
            self._written.add(act.item_id)
        elif act.kind == "message":
            self._newest = act.item_id
            if act.item_id not in self._held:
                self._say(act.item_id)

    def _say(self, item_id: str) -> HeldLine:
        line = self._held[item_id] = self._saying[item_id] = HeldLine(AGENT, {}, born_us=self._now_us())
        return line

    def _reply_words(self, act: ReplyTranscript | ReplyText) -> None:
        if act.item_id in self._written:
            return
        line = self._held.get(act.item_id)
        if line is None:
            line = self._say(act.item_id)
        if line.sure or line.speaker != AGENT:
            return  # it was cut already: what still comes was not heard
        self._newest = act.item_id
        line.parts[act.part] = act.text if act.final else line.parts.get(act.part, "") + act.text

    def _audio_passed(self, act: AudioPassed) -> None:
        if line := self._held.get(self._newest):
            line.base64_chars += act.base64_chars

    def _reply_audio(self, act: ReplyAudio) -> None:
        if line := self._held.get(act.item_id):
            line.base64_chars += len(act.base64)

    def _reply_item_done(self, act: ReplyItemDone) -> None:
        self._saying.pop(act.item_id, None)
        if (line := self._held.get(act.item_id)) is not None:
            line.finish(self._audio_bytes_per_ms)

    def _reply_done(self, act: ReplyDone) -> None:
        self._open_replies.discard(act.reply_id)
        self._asides.discard(act.reply_id)
        if not self._open_replies:
            for line in self._saying.values():  # of a reply that ended without closing its items
                line.finish(self._audio_bytes_per_ms)
            self._saying.clear()

    def _truncated(self, act: ReplyTruncated) -> None:
        line = self._held.get(act.item_id)
        if line is None or line.sure:
            return
        audio_ms = line.audio_ms(self._audio_bytes_per_ms)
        if act.heard_ms < audio_ms - LAST_MOMENT_MS:
            line.cut(act.heard_ms / audio_ms)
        line.sure = True

    # -- Tools -------------------------------------------------------------------------------------------

    def _tool_call(self, act: ToolCall) -> None:
        self._tools[act.call_id] = act.name
        self._tool_line(f"call {act.call_id}", f"{act.name}({act.arguments}")

    def _tool_answered(self, act: ToolAnswered) -> None:
        name = self._tools.pop(act.call_id, None)
        if name is not None:  # else an answer to a call of the past, told again
            self._tool_line(f"answer {act.call_id}", f"{name} -> {act.output}")

    def _tool_line(self, key: str, text: str) -> None:
        text = " ".join(text.split())
        if len(text) > limits.TOOL_LINE_CHARS_MAX:
            text = text[: limits.TOOL_LINE_CHARS_MAX] + "…"
        closed = ")" if key.startswith("call ") else ""
        self._held[key] = HeldLine(TOOL, {0: text + closed}, sure=True)

    # -- Formats -----------------------------------------------------------------------------------------

    def _format(self, act: Ready | Configured | Replayed) -> None:
        self._audio_bytes_per_ms = act.audio_bytes_per_ms

    # -- Writing -----------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Write the lines from the oldest on, up to the first that may still change."""
        while self._held:
            item_id = next(iter(self._held))
            sure = self._held[item_id].is_sure(self._now_us())
            if not sure and len(self._held) <= limits.HELD_LINES_MAX:
                return
            self._write(item_id)

    def _write(self, item_id: str) -> None:
        line = self._held.pop(item_id)
        if line.text or line.sure:
            self._written.add(item_id)
        if line.text:
            self._passages.write(line.speaker, line.text)


# Each is given the acts that it is filed under.
_HEARERS: dict[type[Act], Callable[[Transcript, Any], None]] = {
    Ready: Transcript._format,
    Configured: Transcript._format,
    Replayed: Transcript._format,
    UserTurn: Transcript._user_turn,
    UserTranscript: Transcript._user_transcript,
    UserTranscriptFailed: Transcript._user_transcript_failed,
    UserText: Transcript._user_text,
    PastTold: Transcript._past_told,
    ToolCall: Transcript._tool_call,
    ToolAnswered: Transcript._tool_answered,
    ReplyBegun: Transcript._reply_begun,
    ReplyItem: Transcript._reply_item,
    ReplyTranscript: Transcript._reply_words,
    ReplyText: Transcript._reply_words,
    ReplyAudio: Transcript._reply_audio,
    AudioPassed: Transcript._audio_passed,
    ReplyItemDone: Transcript._reply_item_done,
    ReplyDone: Transcript._reply_done,
    ReplyTruncated: Transcript._truncated,
}
# By these no line becomes sure, and none that is held becomes sure at another time.
_SETTLE_NOTHING = frozenset({ReplyItem, ReplyTranscript, ReplyText, ReplyAudio, AudioPassed})
