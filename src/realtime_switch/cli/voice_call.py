"""A call from the terminal: one WebSocket in the OpenAI dialect, one turn after the other.

It does what any voice app does and nothing more, so it works against the
gateway, against the local provider alone, and against OpenAI itself.
"""

import asyncio
import itertools
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec
from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from .wav import FRAME_BYTES, FRAME_MS, RATE_HZ, frames, last_audible

PATIENCE_S = 30.0  # how long a turn may be silent before we say that nothing comes
_PATHS = ("", "/", "/v1", "/v1/")

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


def call_url(url: str, model: str, session_id: str | None) -> str:
    """Where to connect: a bare address gets the usual path, http becomes ws."""
    parts = urlsplit(url if "://" in url else f"ws://{url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = "/v1/realtime" if parts.path in _PATHS else parts.path
    query = {"model": model} | ({"session_id": session_id} if session_id else {})
    given = f"{parts.query}&" if parts.query else ""
    return urlunsplit((scheme, parts.netloc, path, given + urlencode(query), ""))


class _Events(WSListener):
    """Puts every event of the server into a queue; None says that the call is over."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.closed = "the connection was lost"

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            code = frame.get_close_code()
            self.closed = f"{getattr(code, 'value', code)} {frame.get_close_reason() or ''}".strip()
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif frame.msg_type == WSMsgType.TEXT:
            self.queue.put_nowait(msgspec.json.decode(frame.get_payload_as_bytes()))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.queue.put_nowait(None)


class _Said(msgspec.Struct):
    """How far the user's side of a turn has come."""

    ended_at: float | None = None  # when the last audible word was spoken
    whole: bool = False


class VoiceCall:
    def __init__(self, transport: WSTransport, events: _Events, tell: Callable[[str], None]) -> None:
        self._transport = transport
        self._events = events
        self._tell = tell
        self.heard = bytearray()
        self.session_id = ""

    @classmethod
    async def open(cls, url: str, key: str, tell: Callable[[str], None]) -> "VoiceCall":
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            transport, listener = await ws_connect(
                _Events, url, extra_headers=headers, max_frame_size=16 * 1024 * 1024
            )
        except (TimeoutError, OSError, WSError) as error:
            where = urlsplit(url).netloc
            raise RealtimeSwitchError(
                ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
                f"No call with {where}: {error or 'it did not answer in time'}."
                " Is it running, and is the key right?",
            ) from None
        assert isinstance(listener, _Events)
        call = cls(transport, listener, tell)
        call.session_id = dict(transport.response.headers).get("x-session-id", "")
        await call._next("session.created")
        call._send({"type": "session.update", "session": _SETTINGS})
        await call._next("session.updated")
        return call

    async def close(self) -> None:
        self._transport.send_close(WSCloseCode.OK)
        self._transport.disconnect()
        await self._transport.wait_disconnected()

    async def say_text(self, text: str) -> Turn:
        content = [{"type": "input_text", "text": text}]
        self._send(
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "user", "content": content},
            }
        )
        self._send({"type": "response.create"})
        return await self._listen(Turn(you=text), _Said(ended_at=time.monotonic(), whole=True))

    async def say_audio(self, pcm: bytes) -> Turn:
        """Speak as a microphone does: 20 ms every 20 ms, and silence once nothing more is to be said."""
        said = _Said()
        speaking = asyncio.create_task(self._speak(frames(pcm), said))
        try:
            return await self._listen(Turn(), said)
        finally:
            speaking.cancel()

    async def _speak(self, spoken: list[bytes], said: "_Said") -> None:
        start = time.monotonic()
        last = last_audible(spoken)
        for number in itertools.count():
            frame = spoken[number] if number < len(spoken) else bytes(FRAME_BYTES)
            self._send({"type": "input_audio_buffer.append", "audio": b64encode(frame).decode()})
            if number == last:
                said.ended_at = time.monotonic()
            said.whole = number + 1 >= len(spoken)
            await asyncio.sleep(max(0.0, start + (number + 1) * FRAME_MS / 1000 - time.monotonic()))

    async def _listen(self, turn: Turn, said: "_Said") -> Turn:
        """Take in events until all was said, the answer is complete and the user's words are known."""
        words_due = answered = False
        while not (answered and said.whole and not words_due):
            event = await self._event()
            match event["type"]:
                case "input_audio_buffer.speech_started":
                    answered = False
                    self._tell("hears you")
                case "input_audio_buffer.committed":
                    words_due = True
                    self._tell("thinks")
                case "conversation.item.input_audio_transcription.completed":
                    words_due = False
                    turn.you = f"{turn.you} {event['transcript'].strip()}".strip()
                case "conversation.item.input_audio_transcription.failed":
                    words_due = False
                case "response.output_audio.delta" | "response.audio.delta":
                    self._take_audio(turn, event["delta"], said.ended_at)
                case "response.output_audio_transcript.done" | "response.output_text.done":
                    turn.agent = f"{turn.agent} {event.get('transcript', event.get('text', ''))}".strip()
                case "response.done":
                    self._take_bill(turn, event["response"])
                    answered = turn.status != "cancelled"  # talked over: another answer follows
                case "error":
                    raise _told(event["error"])
        return turn

    def _take_audio(self, turn: Turn, delta: str, asked_at: float | None) -> None:
        pcm = b64decode(delta)
        if turn.first_audio_ms is None and asked_at is not None:
            turn.first_audio_ms = round((time.monotonic() - asked_at) * 1000)
        self.heard += pcm
        turn.audio_ms += len(pcm) * 1000 // (RATE_HZ * 2)
        self._tell(f"speaks, {turn.audio_ms / 1000:.1f} s")

    def _take_bill(self, turn: Turn, response: Event) -> None:
        usage = response.get("usage") or {}
        turn.input_tokens += usage.get("input_tokens", 0)
        turn.output_tokens += usage.get("output_tokens", 0)
        turn.status = response["status"]
        if turn.status == "failed":
            raise _told((response.get("status_details") or {}).get("error") or {})

    def _send(self, event: Event) -> None:
        self._transport.send(WSMsgType.TEXT, msgspec.json.encode(event))

    async def _next(self, kind: str) -> Event:
        while True:
            event = await self._event()
            if event["type"] == "error":
                raise _told(event["error"])
            if event["type"] == kind:
                return event

    async def _event(self) -> Event:
        try:
            event = await asyncio.wait_for(self._events.queue.get(), PATIENCE_S)
        except TimeoutError:
            raise RealtimeSwitchError(
                ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
                f"The other side has said nothing for {PATIENCE_S:.0f} s; the call was given up.",
            ) from None
        if event is None:
            raise RealtimeSwitchError(
                ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE, f"The call was ended: {self._events.closed}."
            )
        return event


_SETTINGS: Event = {
    "type": "realtime",
    "audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}},
}


def _told(error: Event) -> RealtimeSwitchError:
    """What the other side said went wrong, in its own words."""
    named = error.get("code") or error.get("type") or "error"
    return RealtimeSwitchError(
        ErrorCode.INTERNAL_UNEXPECTED, f"The other side refused: {error.get('message', '')} [{named}]"
    )
