"""OpenAI's own SDK as the client, unmodified: what its users will do."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI

from local_talk import WITHIN_S, EarsFor, silence, speech, validated
from realtime_switch.local import LocalProvider
from realtime_switch.local.voice import ToneVoice


class Talk:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def until(self, kind: str) -> list[Any]:
        events = []
        async with asyncio.timeout(WITHIN_S):
            while not events or events[-1].type != kind:
                event = await self.connection.recv()
                validated(event.to_dict(mode="json"))
                events.append(event)
        return events

    async def append(self, sound: bytes) -> None:
        for start in range(0, len(sound), 4800):
            audio = base64.b64encode(sound[start : start + 4800]).decode()
            await self.connection.input_audio_buffer.append(audio=audio)


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    ears = EarsFor("my name is ada", "what is my name")
    async with (
        LocalProvider(voice=ToneVoice(), ears=ears, pace=10.0) as provider,
        AsyncOpenAI(api_key="any", base_url=provider.base_url) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        talk = Talk(connection)
        created = await talk.until("session.created")
        assert created[0].session.model == "gpt-realtime"
        yield talk


async def test_a_text_turn(talk: Talk) -> None:
    await talk.connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
    await talk.connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "count to three"}],
        }
    )
    await talk.connection.response.create()
    events = await talk.until("response.done")
    said = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert said == "One, two, three."
    assert events[-1].response.usage.total_tokens > 0


async def test_two_spoken_turns_with_vad_and_memory(talk: Talk) -> None:
    await talk.connection.session.update(
        session={"type": "realtime", "audio": {"input": {"transcription": {"model": "gpt-4o-transcribe"}}}}
    )
    said = []
    for _ in range(2):
        await talk.append(silence(300) + speech(800) + silence(400))
        events = await talk.until("response.done")
        said.append(events[-1].response.output[0].content[0].transcript)
        audio = [event.delta for event in events if event.type == "response.output_audio.delta"]
        assert len(base64.b64decode(audio[0])) == 200 * 48
    assert said == ["Nice to meet you, Ada!", "Your name is Ada."]


async def test_a_function_call(talk: Talk) -> None:
    weather = {
        "type": "function",
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
    await talk.connection.session.update(
        session={"type": "realtime", "tools": [weather], "output_modalities": ["text"]}
    )
    await talk.connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "What is the weather in Pune?"}],
        }
    )
    await talk.connection.response.create()
    call = (await talk.until("response.done"))[-1].response.output[0]
    assert (call.type, call.name, call.arguments) == ("function_call", "get_weather", '{"city":"Pune"}')
    await talk.connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": call.call_id, "output": '{"celsius":31}'}
    )
    await talk.connection.response.create()
    answer = (await talk.until("response.done"))[-1].response.output[0].content[0].text
    assert answer == "The result of get weather: celsius is 31."


async def test_barge_in_and_truncation(talk: Talk) -> None:
    await talk.connection.response.create(response={"instructions": "Say: " + "word " * 200})
    item_id = (await talk.until("response.output_audio.delta"))[-1].item_id
    await talk.append(silence(400) + speech(300))
    done = (await talk.until("response.done"))[-1].response
    assert (done.status, done.status_details.reason) == ("cancelled", "turn_detected")
    await talk.connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=120)
    assert (await talk.until("conversation.item.truncated"))[-1].audio_end_ms == 120
    await talk.connection.conversation.item.retrieve(item_id=item_id)
    part = (await talk.until("conversation.item.retrieved"))[-1].item.content[0]
    assert (part.transcript, len(base64.b64decode(part.audio))) == ("", 120 * 48)


async def test_a_cancel(talk: Talk) -> None:
    await talk.connection.response.create(response={"instructions": "Say: " + "word " * 200})
    await talk.until("response.output_audio.delta")
    await talk.connection.response.cancel()
    done = (await talk.until("response.done"))[-1].response
    assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")


async def test_push_to_talk(talk: Talk) -> None:
    await talk.connection.session.update(
        session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    )
    await talk.append(speech(500))
    await talk.connection.input_audio_buffer.commit()
    await talk.connection.response.create()
    done = (await talk.until("response.done"))[-1].response
    assert done.output[0].content[0].transcript == "Nice to meet you, Ada!"
