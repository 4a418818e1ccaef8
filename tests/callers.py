"""Clients of either dialect on a real socket, as small as can be, and strict.

Whatever they are told is validated by the types of the dialect's own SDK as it arrives, and `judge` says in
the end whether the stream as a whole was one that a client can follow. Both speak the same few phrases, so a
test need not know which it has.
"""

import asyncio
import base64
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import websockets

from gemini_client_frames import is_for_client as is_for_gemini
from local_talk import silence, speech, validated

Event = dict[str, Any]
WITHIN_S = 8.0
CHUNK_MS = 20
TOOL = "get_weather"
_PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_ABOUT = "Tells the weather in a city."
GEMINI_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


class Caller:
    """What both have. `heard` is all that came."""

    RATE_HZ: int

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.heard: list[Event] = []
        self._read = 0  # so many of them a test has asked for

    async def next(self) -> Event:
        async with asyncio.timeout(WITHIN_S):
            event = self.checked(await self.socket.recv())
        self.heard.append(event)
        return event

    async def until(self, told: Callable[[Event], bool]) -> list[Event]:
        """Everything up to the next event that is so."""
        start = len(self.heard)
        while not told(await self.next()):
            pass
        return self.heard[start:]

    async def send(self, message: Event) -> None:
        await self.socket.send(msgspec.json.encode(message).decode())

    async def speak(self, ms: int) -> None:
        await self.sound(speech(ms, self.RATE_HZ))

    async def pause(self, ms: int) -> None:
        await self.sound(silence(ms, self.RATE_HZ))

    async def sound(self, pcm: bytes) -> None:
        size = 2 * self.RATE_HZ * CHUNK_MS // 1000
        for start in range(0, len(pcm), size):
            await self.append(base64.b64encode(pcm[start : start + size]).decode())

    @property
    def words(self) -> str:
        """All that the agent was heard to say, whatever became of it."""
        raise NotImplementedError

    @property
    def spoken_ms(self) -> int:
        """How long all that takes which the agent has said."""
        return sum(len(audio) for audio in self.sounds()) * 3 // 4 // 48

    async def ask(self, text: str) -> str:
        await self.say(text)
        return await self.answer()

    # What each has of its own.

    def sounds(self) -> Iterator[str]:
        raise NotImplementedError

    def checked(self, frame: str | bytes) -> Event:
        raise NotImplementedError

    async def begin(self) -> None:
        raise NotImplementedError

    async def say(self, text: str) -> None:
        raise NotImplementedError

    async def append(self, audio: str) -> None:
        raise NotImplementedError

    async def answer(self) -> str:
        """The words of the next reply that was not broken off."""
        raise NotImplementedError

    async def first_sound(self) -> None:
        raise NotImplementedError

    async def called(self) -> str:
        """The id of the next tool call, when the reply that makes it is over."""
        raise NotImplementedError

    async def return_value(self, call_id: str, celsius: int) -> None:
        raise NotImplementedError

    def judge(self, *excused: str) -> None:
        """`excused`: codes of errors that it may have been told; "*" for any."""
        raise NotImplementedError

    def billed(self) -> tuple[int, int, int]:
        """Bills, and what they say of input and of output."""
        raise NotImplementedError


class OpenAICaller(Caller):
    RATE_HZ = 24_000

    @staticmethod
    def connect(url: str, key: str, session_id: str) -> Any:
        where = f"{url}/v1/realtime?model=voice&session_id={session_id}"
        return _connect(where, {"Authorization": f"Bearer {key}"})

    def checked(self, frame: str | bytes) -> Event:
        assert isinstance(frame, str)
        return validated(msgspec.json.decode(frame))

    async def begin(self) -> None:
        await self.until(_of_type("session.created"))
        session = {
            "type": "realtime",
            "instructions": "Be brief.",
            "audio": {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}},
            "tools": [
                {"type": "function", "name": TOOL, "description": _ABOUT, "parameters": _PARAMETERS},
            ],
        }
        await self.send({"type": "session.update", "session": session})
        await self.until(_of_type("session.updated"))

    async def say(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        await self.send({"type": "conversation.item.create", "item": item})
        await self.send({"type": "response.create"})

    async def append(self, audio: str) -> None:
        await self.send({"type": "input_audio_buffer.append", "audio": audio})

    async def answer(self) -> str:
        return _openai_words((await self._completed())["output"])

    async def _completed(self) -> Event:
        while True:
            response: Event = (await self.until(_of_type("response.done")))[-1]["response"]
            if response["status"] == "completed":
                return response

    @property
    def words(self) -> str:
        return "".join(
            event["delta"]
            for event in self.heard
            if event["type"] in ("response.output_audio_transcript.delta", "response.output_text.delta")
        )

    def sounds(self) -> Iterator[str]:
        return (event["delta"] for event in self.heard if event["type"] == "response.output_audio.delta")

    async def first_sound(self) -> None:
        await self.until(_of_type("response.output_audio.delta"))

    async def called(self) -> str:
        while True:
            for item in (await self._completed())["output"]:
                if item["type"] == "function_call":
                    assert item["name"] == TOOL
                    return str(item["call_id"])

    async def return_value(self, call_id: str, celsius: int) -> None:
        output = msgspec.json.encode({"celsius": celsius}).decode()
        item = {"type": "function_call_output", "call_id": call_id, "output": output}
        await self.send({"type": "conversation.item.create", "item": item})
        await self.send({"type": "response.create"})

    def billed(self) -> tuple[int, int, int]:
        usages = [
            event["response"]["usage"]
            for event in self.heard
            if event["type"] == "response.done" and event["response"].get("usage")
        ]
        return (
            len(usages),
            sum(one["input_tokens"] for one in usages),
            sum(one["output_tokens"] for one in usages),
        )

    def judge(self, *excused: str) -> None:
        reply = _Reply()
        seen: set[str] = set()
        errors = [event["error"] for event in self.heard if event["type"] == "error"]
        assert "*" in excused or not [one for one in errors if one["code"] not in excused], errors
        for event in self.heard:
            assert event["event_id"] not in seen, f"{event['event_id']} twice"
            seen.add(event["event_id"])
            reply.hear(event)
        assert reply.id is None, f"{reply.id} never ended"


class _Reply:
    """The one that is open, as a client has to understand it."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.items: set[str] = set()
        self.parts: set[tuple[str, int]] = set()
        self.over: set[str] = set()

    def hear(self, event: Event) -> None:
        kind = event["type"]
        if kind == "response.created":
            assert self.id is None, f"{event['response']['id']} begins in {self.id}"
            self.id = event["response"]["id"]
            assert self.id not in self.over, f"{self.id} begins twice"
        elif kind == "response.done":
            assert event["response"]["id"] == self.id, f"{event['response']['id']} ends in {self.id}"
            assert not self.items, f"{self.items} never ended"
            assert not self.parts, f"{self.parts} never ended"
            self.over.add(event["response"]["id"])
            self.id = None
        elif kind.startswith("response."):
            assert event["response_id"] == self.id, f"{kind} of {event['response_id']} in {self.id}"
            self._hear_within(kind, event)

    def _hear_within(self, kind: str, event: Event) -> None:
        if kind == "response.output_item.added":
            self.items.add(event["item"]["id"])
        elif kind == "response.output_item.done":
            self.items.remove(event["item"]["id"])
        else:
            item = event["item_id"]
            assert item in self.items, f"{kind} of {item} in {self.items}"
            place = (item, event.get("content_index", 0))
            if kind == "response.content_part.added":
                self.parts.add(place)
            elif kind == "response.content_part.done":
                self.parts.remove(place)
            elif not kind.startswith("response.function_call_arguments"):
                assert place in self.parts, f"{kind} of {place} in {self.parts}"


class GeminiCaller(Caller):
    RATE_HZ = 16_000

    @staticmethod
    def connect(url: str, key: str, session_id: str) -> Any:
        return _connect(f"{url}{GEMINI_PATH}", {"x-goog-api-key": key, "x-session-id": session_id})

    def checked(self, frame: str | bytes) -> Event:
        raw = frame if isinstance(frame, bytes) else frame.encode()
        event: Event = msgspec.json.decode(raw)
        assert event == {} or is_for_gemini(raw)
        return event

    async def begin(self) -> None:
        setup = {
            "model": "models/voice",
            "generationConfig": {"responseModalities": ["AUDIO"]},
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "inputAudioTranscription": {},
            "outputAudioTranscription": {},
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": TOOL, "description": _ABOUT, "parametersJsonSchema": _PARAMETERS}
                    ]
                }
            ],
        }
        await self.send({"setup": setup})
        await self.until(lambda event: "setupComplete" in event)

    async def say(self, text: str) -> None:
        await self.send({"realtimeInput": {"text": text}})

    async def append(self, audio: str) -> None:
        mime = f"audio/pcm;rate={self.RATE_HZ}"
        await self.send({"realtimeInput": {"audio": {"mimeType": mime, "data": audio}}})

    async def answer(self) -> str:
        while True:
            turn = [event.get("serverContent", {}) for event in await self.until(_is_complete)]
            begun = next((number for number, content in enumerate(turn) if content.keys() & _OUTPUT), 0)
            # Before it begins, it is the turn before that is interrupted: its sound was still being played.
            if not any(content.get("interrupted") for content in turn[begun:]):
                return "".join(content.get("outputTranscription", {}).get("text", "") for content in turn)

    @property
    def words(self) -> str:
        contents = (event.get("serverContent", {}) for event in self.heard)
        return "".join(content.get("outputTranscription", {}).get("text", "") for content in contents)

    def sounds(self) -> Iterator[str]:
        for event in self.heard:
            for part in event.get("serverContent", {}).get("modelTurn", {}).get("parts", ()):
                yield part.get("inlineData", {}).get("data", "")

    async def first_sound(self) -> None:
        await self.until(lambda event: "modelTurn" in event.get("serverContent", {}))

    async def called(self) -> str:
        (call,) = (await self.until(lambda event: "toolCall" in event))[-1]["toolCall"]["functionCalls"]
        assert call["name"] == TOOL
        return str(call["id"])

    async def return_value(self, call_id: str, celsius: int) -> None:
        answer = {"id": call_id, "name": TOOL, "response": {"celsius": celsius}}
        await self.send({"toolResponse": {"functionResponses": [answer]}})

    def billed(self) -> tuple[int, int, int]:
        usages = [event["usageMetadata"] for event in self.heard if "usageMetadata" in event]
        return (
            len(usages),
            sum(one.get("promptTokenCount", 0) + one.get("toolUsePromptTokenCount", 0) for one in usages),
            sum(one.get("responseTokenCount", 0) + one.get("thoughtsTokenCount", 0) for one in usages),
        )

    def judge(self, *excused: str) -> None:
        """A turn begins with the model's first sound, word or call, and has one end."""
        begun = made = interrupted = cut = waits = False
        for event in self.heard:
            content = event.get("serverContent", {})
            if "toolCall" in event or content.keys() & _OUTPUT:
                assert not made, f"{_cut(event)} after all of the turn was made"
                assert not interrupted, f"{_cut(event)} after the turn was interrupted"
                begun, waits = True, "toolCall" in event
            if content.get("generationComplete"):
                assert begun, "generationComplete of nothing"
                assert not made, "generationComplete twice"
                made = True
            if content.get("interrupted"):
                cut, interrupted = True, begun  # it may be the sound of the turn before, still being played
            if content.get("turnComplete"):
                assert begun or cut, "turnComplete of nothing"
                cut = False
                begun = made = interrupted = False
        # A turn that waits for tools has no end where the call has.
        assert not begun or (waits and "*" in excused), "the last turn never ended"


_OUTPUT = {"modelTurn", "outputTranscription"}

CALLERS: dict[str, type[Any]] = {"openai": OpenAICaller, "gemini": GeminiCaller}


def _connect(url: str, headers: dict[str, str]) -> Any:
    return websockets.connect(
        url, additional_headers=headers, compression=None, max_size=None, ping_interval=None, close_timeout=2
    )


def _of_type(kind: str) -> Callable[[Event], bool]:
    return lambda event: event["type"] == kind


def _is_complete(event: Event) -> bool:
    return bool(event.get("serverContent", {}).get("turnComplete"))


def _openai_words(output: list[Event]) -> str:
    parts = [part for item in output for part in item.get("content", ())]
    return " ".join(part.get("transcript", part.get("text", "")) for part in parts)


def _cut(event: Event) -> str:
    return str(event)[:200]
