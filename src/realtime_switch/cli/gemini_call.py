"""A call from the terminal in the Gemini Live dialect (GEMINI-LIVE.md 3, 4)."""

import time
from base64 import b64encode
from urllib.parse import urlsplit, urlunsplit

from .voice_call import Event, Said, Turn, VoiceCall
from .wav import RATE_HZ

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
# Nothing says that a pause was only a pause, or that the user's words come late: once there is an answer, so
# long a silence means that this was the turn.
_SETTLED_S = 2.0


def gemini_url(url: str) -> str:
    """Where to connect: a bare address gets the usual path, http becomes ws."""
    parts = urlsplit(url if "://" in url else f"ws://{url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path if "/ws/" in parts.path else f"{parts.path.rstrip('/')}{PATH}"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


class GeminiCall(VoiceCall):
    @staticmethod
    def where(url: str, key: str, model: str, session_id: str | None) -> tuple[str, dict[str, str]]:
        headers = {"x-goog-api-key": key, "x-session-id": session_id or ""}
        return gemini_url(url), {name: value for name, value in headers.items() if value}

    async def begin(self, model: str) -> None:
        setup = {
            "model": f"models/{model}",
            "generationConfig": {"responseModalities": ["AUDIO"]},
            "inputAudioTranscription": {},
            "outputAudioTranscription": {},
        }
        self.send({"setup": setup})
        while "setupComplete" not in await self.event():
            pass

    async def say_text(self, text: str) -> Turn:
        self.send({"realtimeInput": {"text": text}})
        return await self.listen(Turn(you=text), Said(ended_at=time.monotonic(), whole=True))

    def send_audio(self, pcm: bytes) -> None:
        data = b64encode(pcm).decode()
        self.send({"realtimeInput": {"audio": {"mimeType": f"audio/pcm;rate={RATE_HZ}", "data": data}}})

    async def listen(self, turn: Turn, said: Said) -> Turn:
        hearing = _Hearing(spoken=not turn.you)
        while not hearing.over(turn, said):
            settling = hearing.answered and said.whole
            event = await (self.event_within(_SETTLED_S) if settling else self.event())
            if event is None:
                break
            self._take(event, turn, said, hearing)
        turn.you, turn.agent = (" ".join(words.split()) for words in (turn.you, turn.agent))
        return turn

    def _take(self, event: Event, turn: Turn, said: Said, hearing: "_Hearing") -> None:
        if event.get("voiceActivity", {}).get("type") == "ACTIVITY_START":
            hearing.answered = False
            self.tell("hears you")
        self._take_bill(turn, event.get("usageMetadata", {}))
        content = event.get("serverContent", {})
        if hearing.spoken:
            turn.you += content.get("inputTranscription", {}).get("text", "")
        if "modelTurn" in content or "outputTranscription" in content:
            hearing.output(said)
        for part in content.get("modelTurn", {}).get("parts", ()):
            if "inlineData" in part:
                self.take_audio(turn, part["inlineData"]["data"], said.ended_at)
        turn.agent += content.get("outputTranscription", {}).get("text", "")
        if content.get("interrupted"):
            hearing.interrupted = True
        if content.get("turnComplete"):
            hearing.complete()
            turn.you, turn.agent = f"{turn.you} ", f"{turn.agent} "  # what follows is another sentence
            turn.status = "completed" if hearing.answered else "interrupted"

    def _take_bill(self, turn: Turn, usage: Event) -> None:
        """As the gateway counts: thoughts are output, whatever the total says (5.11)."""
        turn.input_tokens += usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0)
        answer = usage.get("responseTokenCount", usage.get("candidatesTokenCount", 0))
        turn.output_tokens += answer + usage.get("thoughtsTokenCount", 0)


class _Hearing:
    """What of the answer was heard."""

    def __init__(self, *, spoken: bool) -> None:
        self.spoken = spoken
        self.interrupted = False
        self.answered = False
        # The answer began after the last word, so it is the answer to all of it.
        self._to_all = False
        self._begun = False

    def output(self, said: Said) -> None:
        if not self._begun:
            self._begun, self._to_all = True, said.ended_at is not None

    def complete(self) -> None:
        self.answered = self._begun and not self.interrupted
        self._begun = self.interrupted = False

    def over(self, turn: Turn, said: Said) -> bool:
        return self.answered and self._to_all and said.whole and bool(turn.you.strip())
