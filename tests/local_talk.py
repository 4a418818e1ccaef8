"""Talking to the offline provider in tests: without a socket and a clock (PureCall), and over a real socket
(SocketCall).

Whatever the provider says is validated strictly against the types of OpenAI's own SDK, in every test, as it
arrives.
"""

import asyncio
import base64
import math
from array import array
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Union, get_args

import msgspec
import websockets
from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel, Field, TypeAdapter

from realtime_switch.local import brain
from realtime_switch.local.openai.conversation import Conversation
from realtime_switch.local.orders import Conversation as AnyConversation
from realtime_switch.local.orders import End, Listen, Order, Send, Speak
from realtime_switch.local.thought import Answer, Think, Thought, Tokens

Event = dict[str, Any]
NOON = datetime(2026, 11, 21, 12, 0)
RATE_HZ = 24_000
WITHIN_S = 10
# Real on the wire and in every capture, but not declared by the SDK (OPENAI-REALTIME.md 17).
_UNDECLARED = {"session.id", "session.object", "session.expires_at"}


def _adapter() -> TypeAdapter[Any]:
    union: Any = RealtimeServerEvent
    while hasattr(union, "__metadata__"):
        union = union.__origin__
    return TypeAdapter(Annotated[Union[get_args(union)], Field(discriminator="type")])  # noqa: UP007


_SERVER_EVENT = _adapter()


def validated(event: Event) -> Event:
    model = _SERVER_EVENT.validate_python(event, strict=True)
    undeclared = set(_extras(model, "")) - _UNDECLARED
    assert not undeclared, f"{event['type']} has fields the SDK does not know: {undeclared}"
    return event


def _extras(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from (f"{path}{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from _extras(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for one in value:
            yield from _extras(one, path)


def think(thought: Thought) -> Answer:
    return brain.answer(thought, NOON)


class EarsFor:
    """Ears of a test: they hear what they were told to, in order."""

    def __init__(self, *words: str) -> None:
        self._words = iter(words)

    async def hear(self, pcm: bytes, rate_hz: int) -> str | None:
        return next(self._words, None)

    async def close(self) -> None:
        pass


class Pure:
    """A conversation with a clock that only runs when told to, a voice of 200 ms a word and ears that hear
    what is given.
    """

    conversation: AnyConversation

    def __init__(self, hears: Iterable[str | None], validated: Callable[[Event], Event]) -> None:
        self.now_us = 1_795_230_000_000_000
        self.events: list[Event] = []
        self.bills: list[Tokens] = []
        self.ended: End | None = None
        self.listening: list[Listen] = []
        self.holds_ears = False
        self._hears = iter(hears)
        self._validated = validated
        self._numbers: dict[str, int] = {}

    def begin(self, conversation: AnyConversation) -> None:
        self.conversation = conversation
        self._take(conversation.begin())

    def send_raw(self, message: bytes) -> list[Event]:
        return self._new(lambda: self._take(self.conversation.receive(message)))

    def hear(self, words: str | None) -> list[Event]:
        listen = self.listening.pop(0)
        return self._new(lambda: self._take(self.conversation.heard(listen.key, words)))

    def run(self, ms: int = 60_000) -> list[Event]:
        return self._new(lambda: self._run(self.now_us + ms * 1000))

    def tick(self) -> list[Event]:
        """The one thing that is due next."""
        return self._new(lambda: self._run(self.now_us, at_least_once=True))

    def new_id(self, kind: str) -> str:
        self._numbers[kind] = self._numbers.get(kind, 0) + 1
        return f"{kind}_{self._numbers[kind]}"

    def _run(self, until_us: int, *, at_least_once: bool = False) -> None:
        while (due := self.conversation.due_us) is not None and (due <= until_us or at_least_once):
            self.now_us = max(self.now_us, due)
            self._take(self.conversation.tick())
            if at_least_once:
                return
        self.now_us = max(self.now_us, until_us)

    def _new(self, step: Callable[[], object]) -> list[Event]:
        start = len(self.events)
        step()
        return self.events[start:]

    def _take(self, orders: Iterable[Order]) -> None:
        asked: list[Listen | Speak] = []
        for order in orders:
            assert self.ended is None, "nothing follows a close"
            match order:
                case Send(event, bill):
                    self.events.append(self._validated(event))
                    if bill is not None:
                        self.bills.append(bill)
                case End():
                    self.ended = order
                case Listen() if self.holds_ears:
                    self.listening.append(order)
                case Listen() | Speak():
                    asked.append(order)
        for order in asked:  # never before what was said in the same breath
            if isinstance(order, Listen):
                self._take(self.conversation.heard(order.key, next(self._hears, None)))
            else:
                pcm = bytes(2 * order.rate_hz * 200 // 1000 * len(order.text.split()))
                self._take(self.conversation.voiced(order.key, pcm))


class PureCall(Pure):
    """In OpenAI's dialect."""

    def __init__(
        self,
        *,
        hears: Iterable[str | None] = (),
        kind: Any = "realtime",
        think: Think = think,
        pace: float = 5.0,
        life_s: float = 3600.0,
    ) -> None:
        super().__init__(hears, validated)
        self.begin(
            Conversation(
                model="gpt-realtime",
                kind=kind,
                think=think,
                new_id=self.new_id,
                now_us=lambda: self.now_us,
                pace=pace,
                life_s=life_s,
            )
        )

    def send(self, kind: str, **fields: Any) -> list[Event]:
        return self.send_raw(msgspec.json.encode({"type": kind, **fields}))

    def say(self, text: str) -> list[Event]:
        """A text turn, to its end."""
        content = [{"type": "input_text", "text": text}]
        self.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        return self.reply()

    def reply(self, **response: Any) -> list[Event]:
        def step() -> None:
            self.send("response.create", response=response)
            self.run_until("rate_limits.updated")

        return self._new(step)

    def append(self, pcm: bytes) -> list[Event]:
        return self.send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())

    def run_until(self, kind: str) -> list[Event]:
        def step() -> None:
            start = len(self.events)
            while not any(event["type"] == kind for event in self.events[start:]):
                self.tick()

        return self._new(step)


class SocketCall:
    """A client of a few lines over a real socket. Every wait has its deadline."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.events: list[Event] = []

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(msgspec.json.encode({"type": kind, **fields}).decode())

    async def receive(self) -> Event:
        async with asyncio.timeout(WITHIN_S):
            event: Event = msgspec.json.decode(await self.socket.recv())
        self.events.append(validated(event))
        return event

    async def until(self, kind: str) -> list[Event]:
        """Everything up to the next event of this kind, and it."""
        start = len(self.events)
        while (await self.receive())["type"] != kind:
            pass
        return self.events[start:]

    async def say(self, text: str, **response: Any) -> list[Event]:
        content = [{"type": "input_text", "text": text}]
        await self.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        await self.send("response.create", response=response)
        return await self.until("response.done")

    async def append(self, pcm: bytes, chunk_ms: int = 100) -> None:
        size = chunk_ms * RATE_HZ // 1000 * 2
        for start in range(0, len(pcm), size):
            await self.send(
                "input_audio_buffer.append", audio=base64.b64encode(pcm[start : start + size]).decode()
            )


def speech(ms: int, rate_hz: int = RATE_HZ) -> bytes:
    """Loud enough to be speech, to ears that count energy."""
    wave = (int(8000 * math.sin(index / 12)) for index in range(ms * rate_hz // 1000))
    return array("h", wave).tobytes()


def silence(ms: int, rate_hz: int = RATE_HZ) -> bytes:
    return bytes(2 * (ms * rate_hz // 1000))


def kinds(events: Iterable[Event]) -> list[str]:
    """The types, with a run of deltas of one kind told once."""
    found: list[str] = []
    for event in events:
        if not found or found[-1] != event["type"] or not event["type"].endswith(".delta"):
            found.append(event["type"])
    return found


def only(events: Iterable[Event], kind: str) -> Event:
    found = [event for event in events if event["type"] == kind]
    assert len(found) == 1, f"{len(found)} of {kind}"
    return found[0]


def error(events: Iterable[Event]) -> Event:
    said: Event = only(events, "error")["error"]
    return said


def transcript(events: Iterable[Event]) -> str:
    """What the one reply in these events said."""
    done = only(events, "response.done")["response"]
    parts = [part for item in done["output"] for part in item.get("content", ())]
    return " ".join(part.get("transcript", part.get("text")) for part in parts)
