"""A call from the terminal in GPT-Live's dialect: nobody takes turns there, so one is over when everything
was said and the agent, who has spoken, is silent again."""

import array
import asyncio
import contextlib
import time
from base64 import b64decode, b64encode
from urllib.parse import urlsplit, urlunsplit

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from .voice_call import Event, Said, Turn, VoiceCall

_PATHS = ("", "/", "/v1", "/v1/")
SILENCE_MS = 1_000  # of the agent, after which it has finished
LOUD = 20  # of 32,768; what is below is a tick, not speech (GPT-LIVE.md 6)
LAST_WORD_S = 15.0
BACKEND = "gpt-5.6-terra"  # what is written goes to the model behind the voice; on the page as well


class LiveCall(VoiceCall):
    @staticmethod
    def where(url: str, key: str, model: str, session_id: str | None) -> tuple[str, dict[str, str]]:
        parts = urlsplit(url if "://" in url else f"ws://{url}")
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        path = "/v1/live/sessions" if parts.path in _PATHS else parts.path
        headers = {"Authorization": f"Bearer {key}" if key else "", "x-session-id": session_id or ""}
        address = urlunsplit((scheme, parts.netloc, path, parts.query, ""))
        return address, {name: value for name, value in headers.items() if value}

    async def begin(self, model: str) -> None:
        delegation = {"type": "responses", "responses": {"model": BACKEND}}
        self.send({"type": "session.start", "session": {"model": model, "delegation": delegation}})
        while (await self._heard())["type"] != "session.started":
            pass

    async def say_text(self, text: str) -> Turn:
        """The voice says what the backend makes of it, on the clock of the silence that is sent meanwhile."""
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        self.send({"type": "response.item.create", "item": item})
        self.send({"type": "response.create"})
        return await self.answered(Turn(you=text), [], Said(ended_at=time.monotonic(), whole=True))

    def send_audio(self, pcm: bytes) -> None:
        self.send({"type": "session.input_audio.append", "audio": b64encode(pcm).decode()})

    async def listen(self, turn: Turn, said: Said) -> Turn:
        silent_ms = 0
        while not (said.whole and turn.audio_ms and silent_ms >= SILENCE_MS):
            event = await self._heard()
            match event["type"]:
                case "session.input_transcript.delta":
                    self.tell("hears you")
                    turn.you += event["delta"]
                case "session.output_transcript.delta":
                    turn.agent += event["delta"]
                case "session.output_audio.delta":
                    loud = _is_loud(event["delta"])
                    silent_ms = 0 if loud else silent_ms + 100
                    if loud:
                        self.take_audio(turn, event["delta"], said.ended_at)
                case "response.event" if (inner := event["event"])["type"] == "response.completed":
                    usage = inner["response"]["usage"] or {}
                    turn.input_tokens += usage.get("input_tokens", 0)
                    turn.output_tokens += usage.get("output_tokens", 0)
        turn.you, turn.agent, turn.status = turn.you.strip(), turn.agent.strip(), "completed"
        return turn

    async def close(self) -> None:
        """The last word says how long the call was."""
        self.send({"type": "session.close"})
        with contextlib.suppress(RealtimeSwitchError, TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                while (await self._heard())["type"] != "session.closed":
                    pass
        await super().close()

    async def _heard(self) -> Event:
        event = await self.event()
        if event["type"] in ("session.usage.updated", "session.closed"):
            self.seconds = event["usage"]["seconds"]
        if event["type"] == "error":
            error = event["error"]
            raise RealtimeSwitchError(
                ErrorCode.INTERNAL_UNEXPECTED,
                f"The other side refused: {error.get('message', '')} [{error.get('code') or 'error'}]",
            )
        return event


def _is_loud(base64: str) -> bool:
    samples = array.array("h", b64decode(base64))
    return max(map(abs, samples), default=0) > LOUD
