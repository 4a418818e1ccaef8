"""Towards an OpenAI client, in a provider's place.

In a relay it knows what the client has been told by the provider, and writes what the gateway itself has to
say; in a translation it reads what the client asks (asking.py) and tells it what happens (telling.py,
replying.py). Both ways keep what they know in one place (conversation.py, session.py), so a call may change
from one to the other.

It writes only such messages as the real service writes, because every client takes surprises differently
(CLIENTS-OPENAI.md 7: any `error` makes pipecat deaf). tests/dialects validates each against the SDK's own
types.
"""

from collections.abc import Callable, Sequence
from typing import Any

from ..acts import (
    Act,
    AudioPassed,
    Configured,
    ItemDeleted,
    ItemTaken,
    PastTold,
    Ready,
    Replayed,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyPart,
    ReplyText,
    ReplyTranscript,
    ReplyTruncated,
    ToolCall,
    UserText,
    UserTurn,
)
from ..dialect import ClientSaid, Edge, Farewell, FirstWord, Hangup, NewId
from ..envelopes import Alike, Crossed, Envelope
from ..terms import Target, Terms
from ..wishes import Config, UserAudio
from . import beta as beta_dialect
from . import replying, telling
from .asking import Asking
from .conversation import Conversation, Item
from .endings import ending, kind_of, told_as
from .gate import Gate
from .hearing import Hearing
from .proofs import only_audio_from_client
from .replying import Replying
from .resume import config_to_save
from .session import Session
from .telling import Telling
from .weight import answered_unasked
from .writing import Writer


class ClientSide:
    greeting = b""

    def __init__(self, new_id: NewId, beta: bool = False) -> None:
        self._new_id = new_id
        self.session_id = ""
        self.beta = beta
        self.edge: Edge | None = beta_dialect if beta else None
        self._writer = writer = Writer(new_id, beta)
        self._conversation = conversation = Conversation()
        self._session = session = Session(new_id)
        hearing = Hearing()
        self._asking = Asking(writer, conversation, session, hearing)
        self._replying = Replying(writer, conversation, session)
        self._telling = Telling(writer, conversation, session, hearing)
        self._tells = False  # the client hears of the call from here, not from the provider
        self._relayed_unasked = True  # the provider answers a turn by itself
        self._relayed_config = b""  # as the provider has told it to the client

    # -- Of any call -----------------------------------------------------------------------------------------

    def first_word(self, payload: bytes) -> FirstWord | Hangup:
        """Never asked: a client of this dialect is spoken to first."""
        return FirstWord()

    def gate(self, target: Target, terms: Terms) -> Gate:
        return Gate(target, terms, self, self._new_id)

    def is_relayed(self, model: str) -> None:
        """From now on the client hears of the call from a provider, until something is told here."""
        self._tells = False
        self._session.model = model
        self._conversation.another_provider()

    @property
    def reply_open(self) -> bool:
        return bool(self._conversation.replies)

    @property
    def conversation(self) -> Conversation:
        """As the client has been told it."""
        return self._conversation

    def truncated(self, item_id: str, heard_ms: int) -> list[bytes]:
        return self._writer.event(
            "conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=heard_ms
        )

    def close_replies(self) -> list[bytes]:
        """As after a barge-in (OPENAI-REALTIME.md 9.6). A tool call that was cut off is not closed: livekit
        runs a call from its `output_item.done` whatever its status, and half of its arguments are no
        arguments (CLIENTS-OPENAI.md 6)."""
        return [
            frame
            for reply in list(self._conversation.replies.values())
            for frame in self._replying.close_reply(reply, "cancelled", {"type": "cancelled"})
        ]

    def refuse(
        self, kind: str, code: str, message: str, request_id: str = "", param: str = ""
    ) -> list[bytes]:
        return self._writer.refuse(kind, code, message, request_id, param)

    def going_away(self, left_ms: int) -> list[bytes]:
        return []  # its server closes without notice (OPENAI-REALTIME.md 2.4)

    def farewell(self, code: str, message: str) -> Farewell:
        """An error event, then a close: what SDKs and browsers can read (OPENAI-REALTIME.md 2.4)."""
        told = told_as(code)
        named = message if told == code else f"{message} ({code})"
        return Farewell(self.refuse(kind_of(code), told, named), ending(code))

    def credits_low(self, credits: int) -> list[bytes]:
        """An event type of ours, for clients that know it; sent only where the route says so."""
        return self._writer.event("realtime_switch.credits_low", credits=credits)

    def cap_near(self, what: str, left: int) -> list[bytes]:
        return self._writer.event("realtime_switch.cap_near", what=what, left=left)

    @property
    def answered_unasked(self) -> bool:
        if not self._tells:
            return self._relayed_unasked
        config = self._session.config
        return not config.manual_turns and config.turns.replies

    def ask_again(self) -> bytes:
        return b'{"type":"response.create"}'

    def switched(self, provider: str, model: str, request_id: str) -> list[bytes]:
        """An event type of ours, for a client that asked by one of ours or whose route says so."""
        return self._writer.event(
            "realtime_switch.switched", provider=provider, model=model, request_event_id=request_id or None
        )

    def refuse_switch(self, message: str, request_id: str) -> list[bytes]:
        return self.refuse("invalid_request_error", "switch_refused", message, request_id, "target")

    def config_to_save(self, act: Ready | Configured) -> str | None:
        if act.raw:
            return config_to_save(act.raw) if isinstance(act, Configured) else None
        return self._session.to_save()

    # -- Of a relay: what the client has been told by the provider -------------------------------------------

    def follow(self, act: Act) -> None:
        """What this side told itself it knows already."""
        if self._tells:
            return
        if (follow := _FOLLOWERS.get(type(act))) is not None:
            follow(self._conversation, act)
        elif isinstance(act, Ready | Configured | Replayed):
            self._conversation.audio_bytes_per_ms = act.audio_bytes_per_ms
            if not isinstance(act, Replayed):
                self._relayed_unasked = answered_unasked(act.raw)
            if isinstance(act, Configured):
                self._relayed_config = act.raw

    # -- Of a translation ------------------------------------------------------------------------------------

    def _from_now_on_tell(self) -> None:
        self._tells = True
        self._know_config()

    def _know_config(self) -> None:
        if self._relayed_config:
            config, self._relayed_config = config_to_save(self._relayed_config), b""
            self._session.restore(config or "")

    @property
    def config(self) -> Config:
        self._know_config()
        return self._session.config

    def restore(self, config: str) -> None:
        self._session.restore(config)

    def greet(self, model: str) -> list[bytes]:
        self._session.model = model
        return self._writer.event("session.created", session=self._session.told())

    def hears_again(self, calls: Sequence[ToolCall]) -> None:
        self._conversation.waiting.clear()

    def hear(self, payload: bytes) -> ClientSaid:
        if not self._tells:
            self._from_now_on_tell()
        return self._asking.hear(payload)

    def hear_audio(self, payload: bytes) -> ClientSaid | None:
        if not self._tells:
            self._from_now_on_tell()
        return self._asking.hear_audio(payload)

    def tell(self, act: Act) -> ClientSaid:
        if not self._tells:
            self._from_now_on_tell()
        if (reply := replying.TELLERS.get(type(act))) is not None:
            return [*reply(self._replying, act)]
        if (tell := telling.TELLERS.get(type(act))) is not None:
            return [*tell(self._telling, act)]
        return []

    def alike(self, payload: bytes, wish: UserAudio) -> list[Alike]:
        """In manual turns each frame is counted, so that a turn which is too short can be refused."""
        return [] if self._session.config.manual_turns else [Alike(only_audio_from_client, wish)]

    def envelope(self, act: ReplyAudio | ReplyTranscript) -> Envelope | None:
        return self._replying.envelope(act)

    def heard_unread(self, crossed: Crossed) -> None: ...

    def told_unread(self, crossed: Crossed) -> None:
        self._replying.told_unread(crossed)


def _begin(conversation: Conversation, act: ReplyBegun) -> None:
    conversation.begin(act.reply_id, act.conversation_id, act.aside)


def _place_item(conversation: Conversation, act: UserTurn | UserText | PastTold | ItemTaken) -> None:
    role = "assistant" if isinstance(act, PastTold) else "user"
    conversation.place(Item(act.item_id, role=role, done=True))


# Each is given the acts that it is filed under.
_FOLLOWERS: dict[type[Act], Callable[[Conversation, Any], object]] = {
    UserTurn: _place_item,
    UserText: _place_item,
    PastTold: _place_item,
    ItemTaken: _place_item,
    ItemDeleted: lambda conversation, act: conversation.remove(act.item_id),
    ReplyBegun: _begin,
    ReplyItem: Conversation.begin_item,
    ReplyPart: Conversation.follow_part,
    ReplyTranscript: Conversation.grow_said,
    ReplyText: Conversation.grow_written,
    AudioPassed: lambda conversation, act: conversation.audio_passed(act.base64_chars),
    ReplyAudio: Conversation.audio_told,
    ReplyTruncated: Conversation.truncated,
    ReplyItemDone: Conversation.end_item,
    ReplyDone: lambda conversation, act: conversation.end(act.reply_id),
}
