"""One call in the OpenAI dialect, pure: told what the client sent and what time it is, it answers with
orders.

Promises (tests/local/test_openai_conversation_laws.py): no message makes it raise; every response.created
gets exactly one response.done; at most one reply of the conversation is active; no id is used before it was
introduced.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from realtime_switch.local.faults import Faults
from realtime_switch.local.openai.client_events import check_event
from realtime_switch.local.openai.given import decoded, given_item
from realtime_switch.local.openai.hearing import Hearing
from realtime_switch.local.openai.items import Item, Items, Json
from realtime_switch.local.openai.outbox import Outbox
from realtime_switch.local.openai.part import PORTION_MS
from realtime_switch.local.openai.replies import Replies
from realtime_switch.local.openai.reply import Reply
from realtime_switch.local.openai.session import Kind, Session
from realtime_switch.local.openai.shape import Refused
from realtime_switch.local.openai.turns import Turns
from realtime_switch.local.orders import End, Order
from realtime_switch.local.thought import Think


class Conversation:
    def __init__(
        self,
        *,
        model: str,
        kind: Kind,
        think: Think,
        new_id: Callable[[str], str],
        now_us: Callable[[], int],
        pace: float,
        life_s: float,
    ) -> None:
        self._now_us = now_us
        self._life_s = life_s
        self._expires_us = now_us() + int(life_s * 1e6)
        self._session = Session(kind, new_id("sess"), model, self._expires_us // 1_000_000)
        self._outbox = Outbox(new_id)
        self._items = Items(new_id)
        self._hearing = Hearing(self._outbox)
        self._replies = Replies(
            self._items,
            self._hearing,
            self._outbox,
            think=think,
            now_us=now_us,
            interval_us=int(PORTION_MS * 1000 / pace),
            on_done=self._reply_done,
        )
        self._turns = Turns(self._session, self._items, self._hearing, self._replies, self._outbox, now_us)
        self._has_spoken = False
        self._ended = False

    # What the socket tells.

    @property
    def due_us(self) -> int | None:
        if self._ended:
            return None
        idle_us = self._turns.idle_due_us
        return min([self._expires_us, *([] if idle_us is None else [idle_us]), *self._replies.dues_us])

    def begin(self) -> list[Order]:
        self._outbox.emit("session.created", session=self._session.wire())
        return self._outbox.take()

    def receive(self, message: bytes) -> list[Order]:
        event: Any = None
        try:
            event = msgspec.json.decode(message)
            if not isinstance(event, dict):
                raise Refused("invalid_event", "The message is not a JSON object.")
            _OBEY[check_event(event)](self, event)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            self._refuse(Refused("invalid_event", "The message could not be parsed as JSON."), None)
        except Refused as refused:
            self._refuse(refused, event.get("event_id") if isinstance(event, dict) else None)
        return self._outbox.take()

    def heard(self, key: int, words: str | None) -> list[Order]:
        self._hearing.heard(key, words)
        self._replies.understood()
        return self._outbox.take()

    def voiced(self, key: str, pcm: bytes) -> list[Order]:
        if (reply := self._replies.get(key)) is not None:
            reply.voiced(pcm)
        return self._outbox.take()

    def tick(self) -> list[Order]:
        now = self._now_us()
        if self._ended:
            return []
        if now >= self._expires_us:
            reason = f"Your session hit the maximum duration of {self._life_s / 60:g} minutes."
            self._outbox.error("invalid_request_error", "session_expired", reason)
            self._outbox.order(End(1001, reason))
            self._ended = True
            return self._outbox.take()
        self._turns.tick()
        self._replies.tick()
        return self._outbox.take()

    def live_on(self, faults: Faults) -> None:
        if faults.expire_after_s is not None:
            self._expires_us = self._now_us() + int(faults.expire_after_s * 1e6)

    def gone(self) -> None:
        pass  # nothing outlives the socket

    # What the client asks.

    def _update_session(self, event: Json) -> None:
        self._session.update(event["session"], voice_is_fixed=self._has_spoken)
        self._turns.session_updated()
        self._outbox.emit("session.updated", session=self._session.wire())

    def _append(self, event: Json) -> None:
        self._turns.append(decoded(event["audio"], "audio"))

    def _commit(self, event: Json) -> None:
        self._turns.commit()

    def _clear(self, event: Json) -> None:
        self._turns.clear()

    def _create_item(self, event: Json) -> None:
        item = self._item(event["item"])
        chosen = event["item"].get("id") is not None
        before = self._items.place(item, event.get("previous_item_id"), own_id=chosen)
        self._outbox.placed(item, before)
        self._hearing.listen_to(item, self._session.transcription)

    def _retrieve_item(self, event: Json) -> None:
        item = self._known(event["item_id"], "retrieve", "retrieving")
        self._outbox.emit("conversation.item.retrieved", item=item.retrieved())

    def _delete_item(self, event: Json) -> None:
        item = self._known(event["item_id"], "delete", "deleting")
        self._items.remove(item)
        self._hearing.forget(item)
        self._outbox.emit("conversation.item.deleted", item_id=item.id)
        self._replies.understood()

    def _truncate_item(self, event: Json) -> None:
        item = self._known(event["item_id"], "truncate", "truncating")
        index, end_ms = event["content_index"], event["audio_end_ms"]
        audible_ms = self._audible_ms(item, index)
        # A millisecond of slack, because clients round up (CLIENTS-OPENAI.md 9, point 7).
        if end_ms > audible_ms + 1:
            message = f"Audio content of {audible_ms}ms is already shorter than {end_ms}ms"
            raise Refused("invalid_value", message, "audio_end_ms")
        item.truncated_ms = end_ms
        self._outbox.emit(
            "conversation.item.truncated", item_id=item.id, content_index=index, audio_end_ms=end_ms
        )

    def _audible_ms(self, item: Item, index: int) -> int:
        if item.wire.get("role") == "assistant" and index == 0:
            if (active := self._replies.active) is not None and (said_ms := active.said_ms(item)) is not None:
                return said_ms  # it is being said now
            if index in item.sounds:
                return item.audible_ms()
        raise Refused("unsupported_content_type", "Only model output audio messages can be truncated")

    def _create_response(self, event: Json) -> None:
        if self._session.kind == "transcription":
            raise Refused("invalid_value", "A transcription session makes no responses.", "type")
        wanted = event.get("response") or {}
        terms = self._session.terms(wanted)
        if terms.in_conversation and (active := self._replies.active) is not None:
            raise Refused(
                "conversation_already_has_active_response",
                f"Conversation already has an active response in progress: {active.id}. "
                "Wait until the response is finished before creating a new one.",
            )
        given = wanted.get("input")
        context = list(self._items) if given is None else [self._given(one, n) for n, one in enumerate(given)]
        self._turns.idle_due_us = None
        self._replies.start(terms, context)

    def _given(self, wire: Json, index: int) -> Item:
        if wire["type"] != "item_reference":
            item = self._item(wire)
            self._hearing.listen_to(item, None)
            return item
        referred = self._items.get(wire["id"])
        if referred is None:
            path = f"response.input[{index}].id"
            raise Refused("invalid_value", f"The item with id '{wire['id']}' does not exist.", path)
        return referred

    def _cancel_response(self, event: Json) -> None:
        named = event.get("response_id")
        reply = self._replies.active if named is None else self._replies.get(named)
        if reply is None:
            raise Refused("response_cancel_not_active", "Cancellation failed: no active response found")
        reply.stop("cancelled", "client_cancelled")

    # What both need.

    def _reply_done(self, reply: Reply) -> None:
        self._has_spoken = self._has_spoken or reply.audio_ms > 0
        self._turns.reply_done(reply)

    def _item(self, wire: Json) -> Item:
        return given_item(wire, self._session.input_format, self._items.mint)

    def _known(self, item_id: str, verb: str, doing: str) -> Item:
        item = self._items.get(item_id)
        if item is None:
            message = f"Error {doing} item: the item with id '{item_id}' does not exist."
            raise Refused(f"item_{verb}_invalid_item_id", message)
        return item

    def _refuse(self, refused: Refused, event_id: object) -> None:
        named = event_id if isinstance(event_id, str) else None
        self._outbox.error(
            "invalid_request_error", refused.code, refused.message, param=refused.param, event_id=named
        )


_OBEY: dict[str, Callable[[Conversation, Json], None]] = {
    "session.update": Conversation._update_session,
    "input_audio_buffer.append": Conversation._append,
    "input_audio_buffer.commit": Conversation._commit,
    "input_audio_buffer.clear": Conversation._clear,
    "conversation.item.create": Conversation._create_item,
    "conversation.item.retrieve": Conversation._retrieve_item,
    "conversation.item.delete": Conversation._delete_item,
    "conversation.item.truncate": Conversation._truncate_item,
    "response.create": Conversation._create_response,
    "response.cancel": Conversation._cancel_response,
}
