"""A call from the terminal: one WebSocket, one turn after the other, whatever its dialect.

It does what any voice app does and nothing more, so it works against the gateway, against the local provider
alone, and against the providers themselves. What is said in which words: openai_call.py, gemini_call.py,
live_call.py.
"""

import asyncio
import itertools
import time
from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSTransport,
    ws_connect,
)

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from .wav import FRAME_BYTES, FRAME_MS, RATE_HZ, frames, last_audible

PATIENCE_S = 30.0  # how long a turn may be silent before we say that nothing comes

Event = dict[str, Any]


class Turn(msgspec.Struct, kw_only=True):
    """What was said and heard in one turn, and what it cost."""

    you: str = ""
    agent: str = ""
    first_audio_ms: int | None = None
    audio_ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    status: str = ""


class Said(msgspec.Struct):
    """How far the user's side of a turn has come."""

    ended_at: float | None = None  # when the last audible word was spoken
    whole: bool = False


class _Events(WSListener):
    """Puts every event of the server into a queue; None says that the call is over."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.closed = "the connection was lost"

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            code = frame.get_close_code()
            self.closed = f"{getattr(code, 'value', code)} {frame.get_close_reason() or ''}".strip(" .")
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif frame.msg_type in (WSMsgType.TEXT, WSMsgType.BINARY):
            self.queue.put_nowait(msgspec.json.decode(frame.get_payload_as_bytes()))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.queue.put_nowait(None)


def _why_not(error: Exception, key: str) -> str:
    """What went wrong, and what to do."""
    if not isinstance(error, WSHandshakeError) or error.response is None:
        return f"{error or 'it did not answer in time'}. Is it running, and is the address right?"
    status = int(error.response.status)
    if status == 401 and not key:
        return "it asks for a key. Put one into RTS_API_KEY, or use --key."
    try:
        return msgspec.json.decode(error.raw_body or b"", type=_Refusal).error.message
    except msgspec.MsgspecError:
        return f"it answered with HTTP status {status}.{' Is the key right?' if status in (401, 403) else ''}"


class _Told(msgspec.Struct):
    message: str


class _Refusal(msgspec.Struct):
    """OpenAI's shape of an HTTP error, and the gateway's."""

    error: _Told


class VoiceCall(ABC):
    def __init__(self, transport: WSTransport, events: _Events, tell: Callable[[str], None]) -> None:
        self._transport = transport
        self._events = events
        self._tell = tell
        self.heard = bytearray()
        self.seconds: float | None = None  # how long the session was, where it is billed by time
        self.session_id = dict(transport.response.headers).get("x-session-id", "")

    @classmethod
    async def open(
        cls, url: str, key: str, model: str, session_id: str | None, tell: Callable[[str], None]
    ) -> "VoiceCall":
        url, headers = cls.where(url, key, model, session_id)
        try:
            transport, listener = await ws_connect(
                _Events, url, extra_headers=headers, max_frame_size=16 * 1024 * 1024
            )
        except (TimeoutError, OSError, WSError) as error:
            raise RealtimeSwitchError(
                ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
                f"No call with {urlsplit(url).netloc}: {_why_not(error, key)}",
            ) from None
        assert isinstance(listener, _Events)
        call = cls(transport, listener, tell)
        await call.begin(model)
        return call

    @staticmethod
    @abstractmethod
    def where(url: str, key: str, model: str, session_id: str | None) -> tuple[str, dict[str, str]]:
        """The address and the headers."""

    @abstractmethod
    async def begin(self, model: str) -> None:
        """Whatever is to be settled before the first turn."""

    @abstractmethod
    async def say_text(self, text: str) -> Turn: ...

    @abstractmethod
    def send_audio(self, pcm: bytes) -> None:
        """One frame of 20 ms."""

    @abstractmethod
    async def listen(self, turn: Turn, said: Said) -> Turn:
        """Take in events until all was said, the answer is complete and the user's words are known."""

    async def say_audio(self, pcm: bytes) -> Turn:
        """Speak as a microphone does: 20 ms every 20 ms, and silence once nothing more is to be said."""
        return await self.answered(Turn(), frames(pcm), Said())

    async def answered(self, turn: Turn, spoken: list[bytes], said: Said) -> Turn:
        speaking = asyncio.create_task(self._speak(spoken, said))
        try:
            return await self.listen(turn, said)
        finally:
            speaking.cancel()

    async def close(self) -> None:
        self._transport.send_close(WSCloseCode.OK)
        self._transport.disconnect()
        await self._transport.wait_disconnected()

    async def event(self) -> Event:
        event = await self.event_within(PATIENCE_S)
        if event is None:
            raise RealtimeSwitchError(
                ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
                f"The other side has said nothing for {PATIENCE_S:.0f} s; the call was given up.",
            )
        return event

    async def event_within(self, seconds: float) -> Event | None:
        """None where nothing was said for so long."""
        try:
            event = await asyncio.wait_for(self._events.queue.get(), seconds)
        except TimeoutError:
            return None
        if event is None:
            raise RealtimeSwitchError(
                ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE, f"The call was ended: {self._events.closed}."
            )
        return event

    def send(self, event: Event) -> None:
        self._transport.send(WSMsgType.TEXT, msgspec.json.encode(event))

    def tell(self, state: str) -> None:
        self._tell(state)

    def take_audio(self, turn: Turn, base64: str, asked_at: float | None) -> None:
        pcm = b64decode(base64)
        if turn.first_audio_ms is None and asked_at is not None:
            turn.first_audio_ms = round((time.monotonic() - asked_at) * 1000)
        self.heard += pcm
        turn.audio_ms += len(pcm) * 1000 // (RATE_HZ * 2)
        self._tell(f"speaks, {turn.audio_ms / 1000:.1f} s")

    async def _speak(self, spoken: list[bytes], said: Said) -> None:
        start = time.monotonic()
        last = last_audible(spoken)
        for number in itertools.count():
            frame = spoken[number] if number < len(spoken) else bytes(FRAME_BYTES)
            self.send_audio(frame)
            if number == last:
                said.ended_at = time.monotonic()
            said.whole = number + 1 >= len(spoken)
            await asyncio.sleep(max(0.0, start + (number + 1) * FRAME_MS / 1000 - time.monotonic()))
