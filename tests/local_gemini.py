"""Talking to the offline provider in Gemini's dialect: without a socket and a clock (PureGemini), and over a
real socket (SocketGemini).

Whatever the provider says is validated strictly against the types of Google's own SDK, in every test, as it
arrives.
"""

import asyncio
import base64
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import websockets
from google.genai import _live_converters as converters
from google.genai import types

from local_talk import WITHIN_S, Event, Pure, think
from realtime_switch.local.faults import NONE, Faults
from realtime_switch.local.gemini.auth_tokens import Grant
from realtime_switch.local.gemini.conversation import Conversation
from realtime_switch.local.gemini.habits import SHAPES, Habits
from realtime_switch.local.gemini.handles import Handles
from realtime_switch.local.gemini.life import life
from realtime_switch.local.gemini.proto import camel
from realtime_switch.local.gemini.reply import Tempo
from realtime_switch.local.orders import End
from realtime_switch.local.thought import Think

RATE_HZ = 16_000
MODEL = "models/gemini-3.8-live"
PLAIN = msgspec.structs.replace(SHAPES["3.8"], heartbeats=False, voice_activity=False, handles_unasked=False)
DONE = {"serverContent": {"turnComplete": True}}
MADE = {"serverContent": {"generationComplete": True}}
INTERRUPTED = {"serverContent": {"interrupted": True}}


def validated(frame: Event, *, vertex: bool = False) -> Event:
    read = converters._LiveServerMessage_from_vertex if vertex else converters._LiveServerMessage_from_mldev
    understood = read(frame)
    assert {camel(name) for name in understood} == set(frame), "the SDK leaves something out"
    types.LiveServerMessage.model_validate_json(msgspec.json.encode(understood), strict=True)
    return frame


class PureGemini(Pure):
    def __init__(
        self,
        habits: Habits = PLAIN,
        *,
        hears: Iterable[str | None] = (),
        think: Think = think,
        handles: Handles | None = None,
        models: tuple[str, ...] = (),
        admitted: Grant | End | None = None,
        pace: float = 5.0,
        life_s: float = 3600.0,
        faults: Faults = NONE,
        after: "PureGemini | None" = None,
        setup: Event | None = None,
    ) -> None:
        """`after` is the call before this one at the same provider; `setup` is sent at once."""
        super().__init__(hears, lambda frame: validated(frame, vertex=habits.vertex))
        if after is not None:
            self.now_us, self._numbers, handles = after.now_us, after._numbers, after.handles
        self.handles = handles or Handles(lambda: self.now_us, lambda: self.new_id("handle"))
        self.handles._now_us = lambda: self.now_us
        self.begin(
            Conversation(
                habits=habits,
                version="v1beta",
                models=models,
                admitted=admitted,
                handles=self.handles,
                life=life(life_s, faults),
                tempo=Tempo(pace, 1.0),
                think=think,
                new_id=self.new_id,
                now_us=lambda: self.now_us,
            )
        )
        if setup is not None:
            self.send(setup={"model": MODEL, **setup})

    def send(self, **message: Any) -> list[Event]:
        return self.send_raw(msgspec.json.encode(message))

    def text(self, text: str) -> list[Event]:
        return self.send(realtimeInput={"text": text})

    def audio(self, pcm: bytes, rate_hz: int = RATE_HZ) -> list[Event]:
        data = base64.urlsafe_b64encode(pcm).decode()
        return self.send(realtimeInput={"audio": {"mimeType": f"audio/pcm;rate={rate_hz}", "data": data}})

    def until(self, told: Callable[[Event], bool]) -> list[Event]:
        def step() -> None:
            start = len(self.events)
            while not any(map(told, self.events[start:])):
                self.tick()

        return self._new(step)

    def turn(self) -> list[Event]:
        """To the end of the turn that is running."""
        return self.until(is_done)

    def ask(self, text: str) -> list[Event]:
        return self.text(text) + self.turn()


class SocketGemini:
    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.events: list[Event] = []

    async def send(self, **message: Any) -> None:
        await self.socket.send(msgspec.json.encode(message).decode())

    async def receive(self) -> Event:
        async with asyncio.timeout(WITHIN_S):
            frame = await self.socket.recv()
        assert isinstance(frame, bytes)
        event: Event = msgspec.json.decode(frame)
        self.events.append(validated(event))
        return event

    async def until(self, told: Callable[[Event], bool]) -> list[Event]:
        start = len(self.events)
        while not told(await self.receive()):
            pass
        return self.events[start:]

    async def set_up(self, **setup: Any) -> None:
        await self.send(setup={"model": MODEL, "outputAudioTranscription": {}, **setup})
        await self.until(lambda event: "setupComplete" in event)

    async def ask(self, text: str) -> list[Event]:
        await self.send(realtimeInput={"text": text})
        return await self.until(is_done)


def is_done(event: Event) -> bool:
    return bool(event.get("serverContent", {}).get("turnComplete"))


def outline(events: Iterable[Event]) -> list[Any]:
    """What was said, but for sound and usage: a run of audio frames is one "audio"."""
    told: list[Any] = []
    for event in events:
        if "audio" in str(event.get("serverContent", {}).get("modelTurn")):
            if told[-1:] != ["audio"]:
                told.append("audio")
        else:
            told.append({name: value for name, value in event.items() if name != "usageMetadata"})
    return told


def said(events: Iterable[Event]) -> str:
    contents = [event.get("serverContent", {}) for event in events]
    return "".join(one["outputTranscription"]["text"] for one in contents if "outputTranscription" in one)


def sound(events: Iterable[Event]) -> bytes:
    parts = [
        part
        for event in events
        for part in event.get("serverContent", {}).get("modelTurn", {}).get("parts", ())
        if "inlineData" in part
    ]
    return b"".join(base64.b64decode(part["inlineData"]["data"]) for part in parts)


def usage(events: Iterable[Event]) -> Event:
    [found] = [event["usageMetadata"] for event in events if "usageMetadata" in event]
    return dict(found)
