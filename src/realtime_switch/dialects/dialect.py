"""The shape every dialect has: proofs, a gate, and two sides that read and write.

    client ── ClientSide ─ wishes ▶ ProviderSide ── provider     two dialects: session/translation.py
                         ◀ acts ──
    client ────────────── Gate ──────────────────── provider     one dialect: session/lane.py

A ClientSide faces the client in a provider's place and lives as long as the call. A ProviderSide faces a
provider in a client's place and lives as long as that connection. Each is told what comes on its own socket
(`hear`) and what the other side has to say (`tell`), and answers with a list: bytes are a frame for its own
socket, anything else is for the other side. Nobody here knows a socket, a clock or a random number: time
and ids come in as arguments.

A frame is the payload of one WebSocket message. Whether it travels as text or as binary is the conductor's
to remember.
"""

import enum
from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct

from .acts import Act, Configured, Ready, ReplyAudio, ReplyTranscript, ToolCall
from .envelopes import Alike, Crossed, Envelope
from .terms import Target, Terms
from .wishes import Config, UserAudio, Wish


class Hangup(Struct, frozen=True):
    """The client's connection has to end: code and reason of the close, in its dialect's manner."""

    code: int
    reason: str


class ToClient(Struct, frozen=True, gc=False):
    payload: bytes


class ToProvider(Struct, frozen=True, gc=False):
    payload: bytes


class AskSwitch(Struct, frozen=True):
    """The client wants to be with another target of its route; "" for the next."""

    target: str
    request_id: str = ""


# What a Gate answers: an act is heard, though no provider tells it.
Judgement = list[ToClient | ToProvider | Hangup | AskSwitch | Act]
ClientSaid = list[bytes | Wish | Hangup | AskSwitch]  # what a ClientSide answers
ProviderSaid = list[bytes | Act]  # what a ProviderSide answers

NewId = Callable[[str], str]  # a fresh id of a kind: "item", "resp", "event", ...
NowUs = Callable[[], int]


class FirstWord(Struct, frozen=True, kw_only=True):
    """What a client's first message says, in a dialect where it speaks first."""

    model: str = ""  # as it named it; "" for none
    session_id: str = ""  # of ours, if it comes back by a handle that we gave it
    config: str = ""  # the message, where the client speaks second it is Grant.config


class Farewell(Struct, frozen=True):
    """How a client is told that its call is over."""

    frames: list[bytes]
    close: Hangup


class Manner(enum.Enum):
    """How a provider begins."""

    GREETS = "greets"  # it speaks first, then hears the configuration
    ANSWERS = "answers"  # it hears the configuration at once and confirms it before anything else
    LISTENS = "listens"  # it hears all there is at once and confirms nothing


class Edge(Protocol):
    """An older spelling at the client's edge, while everything behind it speaks the new one."""

    def audio_shown(self, payload: bytes) -> bytes:
        """A proven audio frame."""
        ...

    def shown(self, payload: bytes) -> bytes | None:
        """None: the older spelling has no such message."""
        ...


class Weight(enum.Enum):
    """What becomes of a client's message when the provider goes before it has shown to have taken it in."""

    AUDIO = "audio"  # told again until the turn is settled
    MARK = "mark"  # likewise: what it says about the audio around it
    COMMIT = "commit"  # likewise: the end of a turn, by the client's own judgement
    HANDOVER = "handover"  # likewise, and the turn is to be answered
    ITEM = "item"  # told again until it is part of the conversation
    ASK = "ask"  # told again until the reply begins
    TURN = "turn"  # item and ask in one
    CLEAR = "clear"  # the audio before it is not to be told any more
    CONFIG = "config"  # told again until it is confirmed
    MOMENT = "moment"  # it meant the moment, which is over


class ClientSide(Protocol):
    """Towards a client, in a provider's place."""

    edge: Edge | None
    session_id: str  # of ours, once the call is granted
    greeting: (
        bytes  # what the client was told when its session began; b"": nobody may join it beside the client
    )

    # -- Of any call -----------------------------------------------------------------------------------

    def first_word(self, payload: bytes) -> "FirstWord | Farewell | Hangup":
        """Asked only where `Dialect.CLIENT_SPEAKS_FIRST`, with the client's first message."""
        ...

    def follow(self, act: Act) -> None:
        """Know what the client has been told by the provider itself, so that a reply that breaks off can be
        closed. In a translation `tell` does that."""
        ...

    @property
    def reply_open(self) -> bool:
        """A reply has begun before the client's eyes and is not over."""
        ...

    def close_replies(self) -> list[bytes]:
        """End every open reply as interrupted, so that no client waits for the rest."""
        ...

    def credits_low(self, credits: int) -> list[bytes]: ...
    def cap_near(self, what: str, left: int) -> list[bytes]: ...

    @property
    def answered_unasked(self) -> bool:
        """As the client has it, a provider answers a turn by itself."""
        ...

    def ask_again(self) -> bytes:
        """What a client of this dialect would say to have its last turn answered."""
        ...

    def switched(self, provider: str, model: str, request_id: str) -> list[bytes]:
        """The call is with another provider now; only for a client that asked for it in this dialect
        (`request_id`: by which message), or whose route says that it is told."""
        ...

    def refuse_switch(self, message: str, request_id: str) -> list[bytes]: ...

    def going_away(self, left_ms: int) -> list[bytes]:
        """The connection will be closed within so long, by no fault of anybody's; [] where a dialect has no
        word for it."""
        ...

    def farewell(self, code: str, message: str) -> Farewell:
        """`code` is an ErrorCode's name; `message` is for people."""
        ...

    def gate(self, target: Target, terms: Terms) -> "Gate":
        """What stands between this client and a provider of its own dialect."""
        ...

    # -- Of a translation ------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """The whole of what the client has asked for so far."""
        ...

    def restore(self, config: str) -> None:
        """Begin with what was saved of an earlier call (`config_to_save` of any dialect)."""
        ...

    def greet(self, model: str) -> list[bytes]:
        """What a client of this dialect is told before it says a word; [] where it speaks first."""
        ...

    def hears_again(self, calls: Sequence[ToolCall]) -> None:
        """What the client has said and no provider has taken in is about to be heard once more, and the
        answers to these calls are still to come."""
        ...

    def hear(self, payload: bytes) -> ClientSaid:
        """Total: what cannot be read or meant is answered in the dialect's own way, never by an exception."""
        ...

    def hear_audio(self, payload: bytes) -> ClientSaid | None:
        """As `hear`, of a frame that is audio and nothing else, as most are. None: it is not, or is not
        proven to be, and nothing was done."""
        ...

    def tell(self, act: Act) -> ClientSaid: ...

    def alike(self, payload: bytes, wish: UserAudio) -> list[Alike]:
        """`wish` and nothing else was heard of this frame. Which would be heard in the same way, as long as
        nothing else is heard or told."""
        ...

    def envelope(self, act: ReplyAudio | ReplyTranscript) -> Envelope | None:
        """What stands around it in the one frame that `tell` would write of such an act now, and for as long.
        None: it would do something else."""
        ...

    def heard_unread(self, crossed: Crossed) -> None:
        """Of what is alike."""
        ...

    def told_unread(self, crossed: Crossed) -> None:
        """In the envelope."""
        ...

    def config_to_save(self, act: Ready | Configured) -> str | None:
        """What `restore` and Gate.opening take (A8): this dialect's own message, without any history. None:
        by this act nothing was configured that the client wished for."""
        ...


class ProviderSide(Protocol):
    """Towards a provider, in a client's place."""

    manner: Manner
    last_word: bytes  # what it is told before it is let go, so that it says what the call was; b"": nothing
    stop_reply: bytes  # what ends a reply before its time, so that its bill comes; b"": nothing does

    def hear(self, payload: bytes) -> ProviderSaid:
        """Total: anything a provider may send gives acts or none, never an exception. In a relay, where the
        client answers by itself, it gives acts alone."""
        ...

    def hear_audio(self, payload: bytes) -> ProviderSaid | None:
        """As `hear`, in a translation, of a frame that is audio and nothing else. None: nothing was done."""
        ...

    def passed(self, base64_chars: int) -> Sequence[Act]:
        """So much audio went by unread (a relay). What is to be heard of it: AudioPassed, and before it the
        beginning of a reply where a dialect does not say when one begins."""
        ...

    def closed(self, code: int, reason: str) -> Sequence[Act]:
        """The provider hung up: a Trouble that says why, where the close says it."""
        ...

    # -- Of a translation ------------------------------------------------------------------------------

    def opening(self, config: Config, history: str, handle: str = "") -> list[bytes]:
        """What a fresh connection hears first: how the call is to be held, and what was said before (A10).
        With a `handle` the provider itself remembers."""
        ...

    def tell(self, wish: Wish) -> ProviderSaid: ...

    # These four as the client's side has them.
    def alike(self, payload: bytes, act: ReplyAudio | ReplyTranscript) -> list[Alike]: ...
    def envelope(self, wish: UserAudio) -> Envelope | None: ...
    def heard_unread(self, crossed: Crossed) -> None: ...
    def told_unread(self, crossed: Crossed) -> None: ...

    @property
    def due_us(self) -> int | None:
        """When to say `woke`, if nothing else happens before."""
        ...

    def woke(self) -> ProviderSaid: ...


class Gate(Protocol):
    """Between a client and a provider of one dialect: what the client may ask for, and what it is shown."""

    def turn_to(self, target: Target, terms: Terms) -> None:
        """The provider of now. What the client has asked for and been told stays known."""
        ...

    def opening(self, config: str | None, history: str, handle: str = "") -> list[bytes]:
        """A10: what a fresh provider hears before anything else. With a `handle` it remembers by itself."""
        ...

    def told_before(self, calls: Sequence[ToolCall]) -> None:
        """Tool calls of an earlier provider whose answers are still to come: the one of now does not know
        them."""
        ...

    def admit(self, payload: bytes) -> Judgement:
        """A client's frame that is not proven to be audio."""
        ...

    def greeted(self) -> None:
        """The client has seen a provider's greeting."""
        ...

    def shown(self, payload: bytes, acts: Sequence[Act]) -> tuple[bytes | None, Sequence[Act]]:
        """A provider's frame as the client is to see it, None if it is not, and what is to be heard of it."""
        ...


class Dialect(Protocol):
    """One provider's message language; a package like dialects/openai is one.

    The `only_` tests are proofs, not guesses: True means that the frame carries that and nothing else. When
    in doubt they say False, and the frame is read. A provider is trusted to be well-formed; a client is not.
    """

    NAME: str  # as the configuration has it
    CLIENT_SPEAKS_FIRST: bool  # and its first message says which model it wants
    BINARY_TO_CLIENT: bool  # frames that we make for a client travel as binary
    OUTLIVES_PROVIDER: bool  # a client's call goes on elsewhere when its provider is gone

    @property
    def measure(self) -> Callable[[bytes], int] | None:
        """Where providers bill by time: how many bytes of audio are in a proven frame of a client."""
        ...

    def only_audio_from_client(self, payload: bytes) -> bool: ...
    def only_audio_from_provider(self, payload: bytes) -> bool: ...

    def only_words_from_provider(self, payload: bytes) -> bool:
        """The agent's words, or the end of the message that they are in, and nothing else, so that reading
        it may be put off."""
        ...

    def weight(self, payload: bytes) -> Weight:
        """Of a client's frame. Total: what cannot be read is of the moment."""
        ...

    def words_to_read(self, frames: Sequence[bytes]) -> Sequence[bytes]:
        """Of proven words, at least one frame: those without which something would be missed."""
        ...

    def only_parts_from_provider(self, payload: bytes) -> bool:
        """A part of an item was opened or closed before the client's eyes, and nothing else."""
        ...

    def ends_item(self, payload: bytes) -> bool:
        """Of proven words: the item that they belong to is over with it."""
        ...

    def is_of_item(self, payload: bytes, item_id: str) -> bool:
        """Of a proven part: True only if it is that item's."""
        ...

    def only_idle_from_provider(self, payload: bytes) -> bool:
        """Nothing that anybody here listens for: reading it would give no act."""
        ...

    def envelope_bytes(self, payload: bytes) -> int:
        """How much of a proven provider frame is not audio."""
        ...

    def provider_side(self, target: Target, terms: Terms, new_id: NewId, now_us: NowUs) -> ProviderSide: ...

    def read_config(self, saved: str) -> Config | None:
        """What `config_to_save` wrote; None: it is not of this dialect."""
        ...

    def write_config(self, config: Config) -> str:
        """As `config_to_save` would have written it."""
        ...
