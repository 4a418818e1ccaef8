"""What the gateway itself has to say to an OpenAI client, and to whom a reply is owed.

It writes few messages, and only such as the real service writes, because every
client takes surprises differently (CLIENTS-OPENAI.md 7: any `error` makes
pipecat deaf). tests/dialects validates each against the SDK's own types.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from ..acts import (
    Act,
    Configured,
    Ready,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyText,
    ReplyTranscript,
)
from ..dialect import Edge, Farewell
from ..terms import Target, Terms
from . import beta as beta_dialect
from .endings import ending, kind_of, told_as
from .gate import Gate
from .resume import config_to_save
from .weight import answered_unasked


class _Item(Struct):
    kind: str
    index: int
    said: str = ""
    written: str = ""
    done: bool = False

    def shown(self, item_id: str) -> dict[str, Any]:
        content = []
        if self.said:
            content.append({"type": "output_audio", "transcript": self.said})
        if self.written:
            content.append({"type": "output_text", "text": self.written})
        return {
            "id": item_id,
            "type": "message",
            "status": "completed" if self.done else "incomplete",
            "role": "assistant",
            "content": content,
        }


class _Reply(Struct):
    conversation_id: str
    items: dict[str, _Item]


class ClientSide:
    def __init__(self, new_id: Callable[[str], str], beta: bool = False) -> None:
        self._new_id = new_id
        self.answered_unasked = True
        self.beta = beta
        self.edge: Edge | None = beta_dialect if beta else None
        self._replies: dict[str, _Reply] = {}  # those that the client has seen begin and not end
        self._items: dict[str, _Item] = {}  # of all of them

    # -- Following what the client is told -------------------------------------------------------------------

    @property
    def reply_open(self) -> bool:
        return bool(self._replies)

    def follow(self, act: Act) -> None:
        if isinstance(act, Ready | Configured) and act.raw:
            self.answered_unasked = answered_unasked(act.raw)
        follow = _FOLLOWERS.get(type(act))
        if follow is not None:
            follow(self, act)

    def _begin(self, act: ReplyBegun) -> None:
        self._replies[act.reply_id] = _Reply(act.conversation_id, {})

    def _begin_item(self, act: ReplyItem) -> None:
        if reply := self._replies.get(act.reply_id):
            self._items[act.item_id] = reply.items[act.item_id] = _Item(act.kind, act.index)

    def _grow_said(self, act: ReplyTranscript) -> None:
        if (item := self._items.get(act.item_id)) is not None:
            item.said = act.text if act.final else item.said + act.text

    def _grow_written(self, act: ReplyText) -> None:
        if (item := self._items.get(act.item_id)) is not None:
            item.written = act.text if act.final else item.written + act.text

    def _end_item(self, act: ReplyItemDone) -> None:
        if item := self._items.get(act.item_id):
            item.done = True

    def _end(self, act: ReplyDone) -> None:
        if reply := self._replies.pop(act.reply_id, None):
            for item_id in reply.items:
                self._items.pop(item_id, None)

    # -- Writing --------------------------------------------------------------------------------------------

    def close_replies(self) -> list[bytes]:
        """Messages are closed as incomplete, the reply as cancelled, as after a barge-in
        (OPENAI-REALTIME.md 9.6). A tool call that was cut off is not closed: livekit runs a call from its
        `output_item.done` whatever its status, and half of its arguments are no arguments
        (CLIENTS-OPENAI.md 6)."""
        frames: list[bytes] = []
        for reply_id, reply in self._replies.items():
            shown = {i: item.shown(i) for i, item in reply.items.items() if item.kind == "message"}
            for item_id, item in shown.items():
                if not reply.items[item_id].done:
                    frames += self._close_item(reply_id, reply.items[item_id].index, item)
            frames += self._close_reply(reply_id, reply.conversation_id, list(shown.values()))
        self._replies.clear()
        self._items.clear()
        return frames

    def _close_item(self, reply_id: str, index: int, item: dict[str, Any]) -> list[bytes]:
        return [
            *self._event("conversation.item.done", previous_item_id=None, item=item),
            *self._event("response.output_item.done", response_id=reply_id, output_index=index, item=item),
        ]

    def _close_reply(self, reply_id: str, conversation_id: str, output: list[Any]) -> list[bytes]:
        response = {
            "object": "realtime.response",
            "id": reply_id,
            "status": "cancelled",
            "status_details": {"type": "cancelled"},
            "output": output,
            "conversation_id": conversation_id or None,
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "usage": None,
            "metadata": None,
        }
        return self._event("response.done", response=response)

    def refuse(
        self, kind: str, code: str, message: str, request_id: str = "", param: str = ""
    ) -> list[bytes]:
        """OPENAI-REALTIME.md 10. `event_id` inside is the offender's, if it gave one."""
        error = {
            "type": kind,
            "code": code,
            "message": message,
            "param": param or None,
            "event_id": request_id or None,
        }
        return self._event("error", error=error)

    def gate(self, target: Target, terms: Terms) -> Gate:
        return Gate(target, terms, self, self._new_id)

    def farewell(self, code: str, message: str) -> Farewell:
        """An error event, then a close: what SDKs and browsers can read (OPENAI-REALTIME.md 2.4)."""
        told = told_as(code)
        named = message if told == code else f"{message} ({code})"
        return Farewell(self.refuse(kind_of(code), told, named), ending(code))

    def config_to_save(self, act: Ready | Configured) -> str | None:
        return config_to_save(act.raw) if isinstance(act, Configured) else None

    def ask_again(self) -> bytes:
        return msgspec.json.encode({"type": "response.create"})

    def switched(self, provider: str, model: str, request_id: str) -> list[bytes]:
        """An event type of ours, for a client that asked by one of ours."""
        return self._event(
            "realtime_switch.switched", provider=provider, model=model, request_event_id=request_id or None
        )

    def refuse_switch(self, message: str, request_id: str) -> list[bytes]:
        return self.refuse("invalid_request_error", "switch_refused", message, request_id, "target")

    def credits_low(self, credits: int) -> list[bytes]:
        """An event type of ours, for clients that know it; sent only where the route says so."""
        return self._event("realtime_switch.credits_low", credits=credits)

    def _event(self, type: str, **members: Any) -> list[bytes]:
        frame = msgspec.json.encode({"type": type, "event_id": self._new_id("event"), **members})
        if not self.beta:
            return [frame]
        shown = beta_dialect.shown(frame)
        return [] if shown is None else [shown]


# Each is given the acts that it is filed under.
_FOLLOWERS: dict[type[Act], Callable[[ClientSide, Any], None]] = {
    ReplyBegun: ClientSide._begin,
    ReplyItem: ClientSide._begin_item,
    ReplyTranscript: ClientSide._grow_said,
    ReplyText: ClientSide._grow_written,
    ReplyItemDone: ClientSide._end_item,
    ReplyDone: ClientSide._end,
}
