"""openai-python as a client, its beta namespace: it is answered in beta's words while the provider speaks GA.

What it hears is also held against beta's own types, strictly.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
from openai import AsyncOpenAI
from openai.resources.beta.realtime.realtime import AsyncRealtimeConnection
from openai.types.beta.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter

from conftest import Target
from heard import Heard, listening
from speech import TOLD_THE_TIME, speak

EVENTS: TypeAdapter[Any] = TypeAdapter(
    Annotated[RealtimeServerEvent.__origin__, Field(discriminator="type")]  # type: ignore[attr-defined]
)
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Call:
    def __init__(self, connection: AsyncRealtimeConnection, heard: Heard) -> None:
        self.connection = connection
        self.heard = heard

    async def configure(self, **session: Any) -> None:
        after = len(self.heard.all)
        await self.connection.session.update(session=session)  # type: ignore[arg-type]
        await self.heard.type("session.updated", after=after)

    async def say(self, text: str) -> None:
        await self.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        )
        await self.connection.response.create()

    async def speak(self, pcm: bytes) -> None:
        async def append(frame: bytes) -> None:
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())

        await speak(append, pcm)


async def events(connection: AsyncRealtimeConnection) -> AsyncIterator[Any]:
    """A session's model may be any: beta's types know those of their time only."""
    while True:
        event = msgspec.json.decode(await connection.recv_bytes())
        if "session" in event:
            event["session"]["model"] = "gpt-realtime"
        yield EVENTS.validate_json(msgspec.json.encode(event), strict=True)


@asynccontextmanager
async def calling(target: Target) -> AsyncIterator[Call]:
    client = AsyncOpenAI(api_key=target.key, websocket_base_url=target.ws_url)
    async with (
        client,
        client.beta.realtime.connect(model=target.model) as connection,
        listening(events(connection)) as heard,
    ):
        yield Call(connection, heard)
        assert not heard.every("error")


async def test_a_typed_question_is_answered_in_text(target: Target) -> None:
    async with calling(target) as call:
        await call.configure(modalities=["text"])
        await call.say("Hello there.")
        done = await call.heard.type("response.done")
        deltas = "".join(event.delta for event in call.heard.every("response.text.delta"))
        items = [event.item.role for event in call.heard.every("conversation.item.created")]
    assert deltas == done.response.output[0].content[0].text != ""
    assert items == ["user", "assistant"]


async def test_a_spoken_question_is_answered_in_speech(target: Target, question: bytes) -> None:
    async with calling(target) as call:
        await call.configure(input_audio_transcription={"model": "whisper-1"})
        await call.speak(question)
        done = await call.heard.type("response.done")
        started = await call.heard.type("input_audio_buffer.speech_started")
        transcribed = await call.heard.type("conversation.item.input_audio_transcription.completed")
        transcript = "".join(event.delta for event in call.heard.every("response.audio_transcript.delta"))
        assert call.heard.every("response.audio.delta")
    assert transcribed.item_id == started.item_id
    assert transcript == done.response.output[0].content[0].transcript
    assert TOLD_THE_TIME.search(transcript)


async def test_a_function_is_called_and_its_result_is_told(target: Target) -> None:
    async with calling(target) as call:
        await call.configure(modalities=["text"], tools=[WEATHER])
        await call.say("Use the weather tool for Pune.")
        done = await call.heard.type("response.done")
        (wanted,) = done.response.output
        assert (wanted.type, wanted.name, wanted.status) == ("function_call", "weather", "completed")
        after = len(call.heard.all)
        await call.connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": wanted.call_id, "output": '{"celsius": 31}'}
        )
        await call.connection.response.create()
        done = await call.heard.type("response.done", after=after)
    assert "31" in done.response.output[0].content[0].text


async def test_speaking_over_a_long_reply_ends_it_and_the_call_goes_on(
    target: Target, interruption: bytes
) -> None:
    async with calling(target) as call:
        await call.say("Count to one hundred.")
        playing = await call.heard.type("response.audio.delta")
        after = len(call.heard.all)
        await call.speak(interruption)
        cut_off = await call.heard.type("response.done", after=after)
        assert (cut_off.response.id, cut_off.response.status) == (playing.response_id, "cancelled")
        await call.connection.conversation.item.truncate(
            item_id=playing.item_id, content_index=0, audio_end_ms=100
        )
        await call.heard.type("conversation.item.truncated", after=after)
        await call.heard.next(
            lambda event: event.type == "response.done" and event.response.id != playing.response_id,
            after=after,
        )
