"""A reply, told as OpenAI tells it (OPENAI-REALTIME.md 7.3, 9; TRANSLATION.md 4).

    response.created
      response.output_item.added, conversation.item.added, response.content_part.added
        deltas
      .done of audio, transcript and part; conversation.item.done, response.output_item.done
    response.done, exactly once

An item is closed as whole when it is said to be done; what is open when its reply ends was cut off.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from ..acts import (
    Act,
    Bill,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyMade,
    ReplyText,
    ReplyTranscript,
    ToolCall,
    Usage,
    summed,
)
from ..envelopes import Crossed, Envelope
from ..mending import write_any
from ..sound import Converter, base64_bytes, standard
from .conversation import Conversation, Item, Reply
from .session import Session
from .writing import Writer

_Frames = list[bytes]
_Members = dict[str, Any]


class _Deltas(Struct):
    """Of one kind, of the item that is spoken now. Numbered, so that their ids need no throw of the dice."""

    kind: str
    item_id: str = ""
    head: bytes = b""
    told: int = 0


_MIDDLE = b'","delta":"'
_TAIL = b'"}'


class Replying:
    def __init__(self, writer: Writer, conversation: Conversation, session: Session) -> None:
        self._new_id = writer.new_id
        self._event = writer.event
        self._writer = writer
        self._conversation = conversation
        self._session = session
        self._conversation_id = ""
        self._untold: Usage | None = None
        self._audio_deltas = _Deltas("audio")
        self._word_deltas = _Deltas("audio_transcript")

    def _begin(self, act: ReplyBegun) -> _Frames:
        if act.reply_id in self._conversation.replies:
            return []
        if not self._conversation_id:
            self._conversation_id = act.conversation_id or self._new_id("conv")
        conversation_id = "" if act.aside else act.conversation_id or self._conversation_id
        manner = self._session.reply_manner()
        reply = self._conversation.begin(act.reply_id, conversation_id, act.aside, manner)
        reply.metadata = act.metadata
        return self._event("response.created", response=reply.shown("in_progress"))

    def _begin_item(self, act: ReplyItem) -> _Frames:
        item = self._conversation.begin_item(act)
        if item is None:
            return []
        added = self._output_item("added", item, "in_progress")
        return added if item.aside else added + self._writer.item("added", item, "in_progress")

    def _output_item(self, what: str, item: Item, status: str = "") -> _Frames:
        return self._event(
            f"response.output_item.{what}",
            response_id=item.reply_id,
            output_index=item.index,
            item=item.shown(status),
        )

    def _begin_part(self, item: Item, text: bool) -> _Frames:
        """Which kind it is shows only in what comes first."""
        if item.part:
            return []
        item.part = "text" if text or self._session.config.text_only else "audio"
        return self._part("response.content_part.added", item, part=_part(item))

    def _part(self, kind: str, item: Item, **members: Any) -> _Frames:
        return self._event(
            kind,
            response_id=item.reply_id,
            item_id=item.id,
            output_index=item.index,
            content_index=0,
            **members,
        )

    def _audio(self, act: ReplyAudio) -> _Frames:
        item = self._conversation.open_items.get(act.item_id)
        if item is None or item.done or item.kind != "message":
            return []
        if item.part == "audio":
            begun: _Frames = []
        elif item.part or self._session.config.text_only:
            return []  # billed all the same (TRANSLATION.md 12, B11)
        else:
            begun = self._begin_part(item, text=False)
        output = self._session.config.output
        if item.converts is None or item.converts[0] is not act.format or item.converts[1] is not output:
            begun += self._sound_changes(item, act)
        assert item.converter is not None
        return begun + self._sound(item, item.converter.convert(act.base64))

    def _sound_changes(self, item: Item, act: ReplyAudio) -> _Frames:
        converts = (act.format, self._session.config.output)
        if item.converts == converts:
            item.converts = converts  # equal but not the same: the next look is shorter
            return []
        rest = self._end_of_sound(item)
        item.converter, item.converts = Converter(*converts), converts
        item.audio_bytes_per_ms = converts[1].bytes_per_ms
        return rest

    def _end_of_sound(self, item: Item) -> _Frames:
        return [] if item.converter is None else self._sound(item, item.converter.flush())

    def _sound(self, item: Item, base64: str) -> _Frames:
        """Most of what a call is. The audio is copied and nothing else is done with it."""
        if not base64:
            return []
        if not base64.isascii():
            return []
        audio = base64.encode()
        if b'"' in audio or b"\\" in audio or b"\n" in audio:
            audio = standard(audio).encode()
        self._conversation.spoken = True
        item.audio_bytes += base64_bytes(base64)
        return [self._delta(self._audio_deltas, item, audio)]

    def _delta(self, deltas: _Deltas, item: Item, text: bytes) -> bytes:
        self._turn_to(deltas, item)
        deltas.told += 1
        return b"%b%d%b%b%b" % (deltas.head, deltas.told, _MIDDLE, text, _TAIL)

    def _turn_to(self, deltas: _Deltas, item: Item) -> None:
        if deltas.item_id != item.id:
            deltas.item_id, deltas.told = item.id, 0
            deltas.head = self._writer.delta_head(deltas.kind, item.reply_id, item.id, item.index)

    def _words(self, act: ReplyTranscript | ReplyText) -> _Frames:
        item = self._conversation.open_items.get(act.item_id)
        if item is None or item.done or item.kind != "message":
            return []
        frames = self._begin_part(item, text=isinstance(act, ReplyText))
        said, new = item.words, act.text
        if act.final:  # nearly always what its parts have said already
            new = new[len(said) :] if new.startswith(said) else ""
        if not new:
            return frames
        if item.part == "text":
            item.written = said + new
            return frames + self._part("response.output_text.delta", item, delta=new)
        item.said = said + new
        return [*frames, self._delta(self._word_deltas, item, write_any(new)[1:-1])]

    # -- Unread ----------------------------------------------------------------------------------------------

    def envelope(self, act: ReplyAudio | ReplyTranscript) -> Envelope | None:
        item = self._conversation.open_items.get(act.item_id)
        if item is None or item.done or item.kind != "message" or item.part != "audio":
            return None
        deltas = self._word_deltas
        if isinstance(act, ReplyAudio):
            deltas = self._audio_deltas
            if act.format != self._session.config.output or item.converts != (act.format, act.format):
                return None
        self._turn_to(deltas, item)
        return Envelope(deltas.head, _TAIL, _MIDDLE, deltas.told + 1)

    def told_unread(self, crossed: Crossed) -> None:
        spoken = isinstance(crossed.said, ReplyAudio)
        deltas = self._audio_deltas if spoken else self._word_deltas
        deltas.told += crossed.frames
        item = self._conversation.open_items[deltas.item_id]
        item.audio_bytes += crossed.audio_bytes
        item.said += crossed.text

    def _tool_call(self, act: ToolCall) -> _Frames:
        item = self._conversation.open_items.get(act.item_id)
        if item is None or item.done or item.kind != "function_call" or item.arguments:
            return []
        item.arguments = act.arguments or "{}"
        return self._arguments("delta", item, delta=item.arguments) + self._arguments(
            "done", item, name=item.name, arguments=item.arguments
        )

    def _arguments(self, what: str, item: Item, **members: Any) -> _Frames:
        return self._event(
            f"response.function_call_arguments.{what}",
            response_id=item.reply_id,
            item_id=item.id,
            output_index=item.index,
            call_id=item.call_id,
            **members,
        )

    def _item_done(self, act: ReplyItemDone) -> _Frames:
        item = self._conversation.open_items.get(act.item_id)
        if item is None or item.done:
            return []
        # Clients run a tool when its item is done (CLIENTS-OPENAI.md 4, 5): without arguments there is none.
        return self.close_item(item, whole=item.kind == "message" or bool(item.arguments))

    def _made(self, act: ReplyMade) -> _Frames:
        """What a filter still holds is not to wait until the reply must have been heard."""
        reply = self._conversation.replies.get(act.reply_id)
        if reply is None:
            return []
        reply.made = True
        return [frame for item in reply.items for frame in self._end_of_sound(item)]

    def _usage(self, act: Usage) -> _Frames:
        """What no open reply is told of is told with the next (TRANSLATION.md 5)."""
        bill = act if self._untold is None else summed(self._untold, act)
        reply = self._conversation.replies.get(act.reply_id)
        self._untold = bill if reply is None else None
        if reply is not None:
            reply.usage = usage_shown(bill)
        return []

    def _done(self, act: ReplyDone) -> _Frames:
        reply = self._conversation.replies.get(act.reply_id)
        return [] if reply is None else self.close_reply(reply, act.status, _details(act))

    # -- Closing ---------------------------------------------------------------------------------------------

    def close_reply(self, reply: Reply, status: str, details: _Members | None) -> _Frames:
        whole = status == "completed"
        frames = [
            frame
            for item in reply.items
            if not item.done and (item.kind == "message" or item.arguments)
            for frame in self.close_item(item, whole or item.kind != "message")
        ]
        self._conversation.end(reply.id)
        return frames + self._event("response.done", response=reply.shown(status, details))

    def close_item(self, item: Item, whole: bool) -> _Frames:
        frames: _Frames = []
        if item.part == "audio":
            frames += self._end_of_sound(item)
            frames += self._part("response.output_audio.done", item)
            frames += self._part("response.output_audio_transcript.done", item, transcript=item.said)
        elif item.part == "text":
            frames += self._part("response.output_text.done", item, text=item.written)
        if item.part:
            frames += self._part("response.content_part.done", item, part=_part(item))
        item.done, item.whole = True, whole
        if not item.aside:
            frames += self._writer.item("done", item)
        return frames + self._output_item("done", item)


def _part(item: Item) -> _Members:
    """Without nulls (CLIENTS-OPENAI.md 4)."""
    if item.part == "text":
        return {"type": "text", "text": item.written}
    return {"type": "audio", "transcript": item.said}


def _details(act: ReplyDone) -> _Members | None:
    """OPENAI-REALTIME.md 8."""
    if act.status == "completed":
        return None
    if act.status == "failed":
        return {"type": "failed", "error": {"type": "server_error", "code": act.reason or "server_error"}}
    return {"type": act.status, "reason": act.reason} if act.reason else {"type": act.status}


def usage_shown(bill: Bill) -> _Members:
    """OPENAI-REALTIME.md 8: the kinds sum up, and `total` is the two together."""
    return {
        "total_tokens": bill.input + bill.output,
        "input_tokens": bill.input,
        "output_tokens": bill.output,
        "input_token_details": {
            "text_tokens": bill.input_text,
            "audio_tokens": bill.input_audio,
            "image_tokens": bill.input_image,
            "cached_tokens": bill.cached_text + bill.cached_audio + bill.cached_image,
            "cached_tokens_details": {
                "text_tokens": bill.cached_text,
                "audio_tokens": bill.cached_audio,
                "image_tokens": bill.cached_image,
            },
        },
        "output_token_details": {"text_tokens": bill.output_text, "audio_tokens": bill.output_audio},
    }


# Each is given the acts that it is filed under.
TELLERS: dict[type[Act], Callable[[Replying, Any], _Frames]] = {
    ReplyBegun: Replying._begin,
    ReplyItem: Replying._begin_item,
    ReplyAudio: Replying._audio,
    ReplyTranscript: Replying._words,
    ReplyText: Replying._words,
    ToolCall: Replying._tool_call,
    ReplyItemDone: Replying._item_done,
    ReplyMade: Replying._made,
    Usage: Replying._usage,
    ReplyDone: Replying._done,
}
