"""A call from the terminal in the OpenAI dialect."""

import time
from base64 import b64encode
from urllib.parse import urlencode, urlsplit, urlunsplit

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from .voice_call import Event, Said, Turn, VoiceCall

_PATHS = ("", "/", "/v1", "/v1/")


def call_url(url: str, model: str, session_id: str | None) -> str:
    """Where to connect: a bare address gets the usual path, http becomes ws."""
    parts = urlsplit(url if "://" in url else f"ws://{url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = "/v1/realtime" if parts.path in _PATHS else parts.path
    query = {"model": model} | ({"session_id": session_id} if session_id else {})
    given = f"{parts.query}&" if parts.query else ""
    return urlunsplit((scheme, parts.netloc, path, given + urlencode(query), ""))


class OpenAICall(VoiceCall):
    @staticmethod
    def where(url: str, key: str, model: str, session_id: str | None) -> tuple[str, dict[str, str]]:
        return call_url(url, model, session_id), {"Authorization": f"Bearer {key}"} if key else {}

    async def begin(self, model: str) -> None:
        await self._next("session.created")
        self.send({"type": "session.update", "session": _SETTINGS})
        await self._next("session.updated")

    async def say_text(self, text: str) -> Turn:
        content = [{"type": "input_text", "text": text}]
        self.send(
            {
                "type": "conversation.item.create",
                "item": {"type": "message", "role": "user", "content": content},
            }
        )
        self.send({"type": "response.create"})
        return await self.listen(Turn(you=text), Said(ended_at=time.monotonic(), whole=True))

    def send_audio(self, pcm: bytes) -> None:
        self.send({"type": "input_audio_buffer.append", "audio": b64encode(pcm).decode()})

    async def listen(self, turn: Turn, said: Said) -> Turn:
        words_due = answered = False
        while not (answered and said.whole and not words_due):
            event = await self.event()
            match event["type"]:
                case "input_audio_buffer.speech_started":
                    answered = False
                    self.tell("hears you")
                case "input_audio_buffer.committed":
                    words_due = True
                    self.tell("thinks")
                case "conversation.item.input_audio_transcription.completed":
                    words_due = False
                    turn.you = f"{turn.you} {event['transcript'].strip()}".strip()
                case "conversation.item.input_audio_transcription.failed":
                    words_due = False
                case "response.output_audio.delta" | "response.audio.delta":
                    self.take_audio(turn, event["delta"], said.ended_at)
                case "response.output_audio_transcript.done" | "response.output_text.done":
                    turn.agent = f"{turn.agent} {event.get('transcript', event.get('text', ''))}".strip()
                case "response.done":
                    self._take_bill(turn, event["response"])
                    answered = turn.status != "cancelled"  # talked over: another answer follows
                case "error":
                    raise _told(event["error"])
        return turn

    def _take_bill(self, turn: Turn, response: Event) -> None:
        usage = response.get("usage") or {}
        turn.input_tokens += usage.get("input_tokens", 0)
        turn.output_tokens += usage.get("output_tokens", 0)
        turn.status = response["status"]
        if turn.status == "failed":
            raise _told((response.get("status_details") or {}).get("error") or {})

    async def _next(self, kind: str) -> Event:
        while True:
            event = await self.event()
            if event["type"] == "error":
                raise _told(event["error"])
            if event["type"] == kind:
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
