"""openai-python as a client, GA. What it hears is also held against its own types, strictly."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Annotated, Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter
from websockets.exceptions import ConnectionClosed

from conftest import EMAIL, Server, Target
from heard import Heard, listening
from speech import TOLD_THE_TIME, speak

EVENTS: TypeAdapter[Any] = TypeAdapter(
    Annotated[RealtimeServerEvent.__origin__, Field(discriminator="type")]  # type: ignore[attr-defined]
)
WEATHER = {
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
        asked_at = len(self.heard.all)
        await self.connection.session.update(session={"type": "realtime", **session})
        await self.heard.type("session.updated", after=asked_at)

    async def say(self, text: str) -> None:
        await self.connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        )
        await self.connection.response.create()

    async def ask(self, text: str) -> str:
        """Says it and waits for the whole answer."""
        asked_at = len(self.heard.all)
        await self.say(text)
        done = await self.heard.type("response.done", after=asked_at)
        assert done.response.status == "completed", done
        return said(done)

    async def speak(self, pcm: bytes) -> None:
        async def append(frame: bytes) -> None:
            await self.connection.input_audio_buffer.append(audio=base64.b64encode(frame).decode())

        await speak(append, pcm)


def said(done: Any) -> str:
    return " ".join(
        part.transcript or part.text or ""
        for item in done.response.output
        if item.type == "message"
        for part in item.content
    )


async def events(connection: AsyncRealtimeConnection) -> AsyncIterator[Any]:
    while True:
        yield EVENTS.validate_json(await connection.recv_bytes(), strict=True)


@asynccontextmanager
async def calling(target: Target, session_id: str = "") -> AsyncIterator[Call]:
    client = AsyncOpenAI(api_key=target.key, base_url=target.http_url)
    query = {"rs_sessid": session_id} if session_id else {}
    async with (
        client,
        client.realtime.connect(model=target.model, extra_query=query) as connection,
        listening(events(connection)) as heard,
    ):
        yield Call(connection, heard)


async def test_a_typed_question_is_answered_in_text(target: Target) -> None:
    async with calling(target) as call:
        await call.configure(output_modalities=["text"])
        answer = await call.ask("Hello there.")
        deltas = "".join(event.delta for event in call.heard.every("response.output_text.delta"))
    assert answer
    assert deltas == answer


async def test_a_spoken_question_is_answered_in_speech(target: Target, question: bytes) -> None:
    async with calling(target) as call:
        await call.configure(audio={"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}})
        await call.speak(question)
        done = await call.heard.type("response.done")
        started = await call.heard.type("input_audio_buffer.speech_started")
        transcribed = await call.heard.type("conversation.item.input_audio_transcription.completed")
        audio = b"".join(
            base64.b64decode(event.delta) for event in call.heard.every("response.output_audio.delta")
        )
        transcript = "".join(
            event.delta for event in call.heard.every("response.output_audio_transcript.delta")
        )
    assert done.response.status == "completed"
    assert transcribed.item_id == started.item_id
    assert len(audio) > 4_800
    assert transcript == said(done)
    assert TOLD_THE_TIME.search(transcript)


async def test_a_function_is_called_and_its_result_is_told(target: Target) -> None:
    async with calling(target) as call:
        await call.configure(output_modalities=["text"], tools=[WEATHER])
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
    assert "31" in said(done)


async def test_speaking_over_a_long_reply_ends_it_and_the_call_goes_on(
    target: Target, interruption: bytes
) -> None:
    async with calling(target) as call:
        await call.say("Count to one hundred.")
        playing = await call.heard.type("response.output_audio.delta")
        after = len(call.heard.all)
        await call.speak(interruption)
        cut_off = await call.heard.type("response.done", after=after)
        assert (cut_off.response.id, cut_off.response.status) == (playing.response_id, "cancelled")
        await call.connection.conversation.item.truncate(
            item_id=playing.item_id, content_index=0, audio_end_ms=100
        )
        truncated = await call.heard.type("conversation.item.truncated", after=after)
        assert (truncated.item_id, truncated.audio_end_ms) == (playing.item_id, 100)
        await call.heard.next(
            lambda event: event.type == "response.done" and event.response.id != playing.response_id,
            after=after,
        )
        assert await call.ask("Hello again.")
        assert not call.heard.every("error")


async def test_what_an_interrupted_reply_had_no_time_to_say_is_not_remembered(
    server: Server, target: Target, session_id: str
) -> None:
    async with calling(target, session_id) as call:
        await call.ask("Count to ten.")
        playing = await call.heard.type("response.output_audio.delta")
        await call.connection.conversation.item.truncate(
            item_id=playing.item_id, content_index=0, audio_end_ms=1500
        )
        await call.heard.type("conversation.item.truncated")
    remembered = await conversation(server, session_id)
    assert "agent: One" in remembered
    assert "ten" not in remembered.partition("agent:")[2]


async def conversation(server: Server, session_id: str) -> str:
    """What is remembered, once the agent's last words have arrived: they are sent after the call (A9)."""
    remembered = ""
    for _ in range(20):
        known = {session["session_id"] for session in server.command("session", "list", EMAIL)}
        if session_id in known:
            remembered = server.command("session", "show", EMAIL, session_id)["conversation"]
        if "agent:" in remembered:
            break
        await asyncio.sleep(0.25)
    return remembered


async def test_a_name_told_in_one_call_is_known_in_the_next(target: Target, session_id: str) -> None:
    async with calling(target, session_id) as call:
        await call.configure(output_modalities=["text"], instructions="Be brief.")
        await call.ask("My name is Ottilie.")
    async with calling(target, session_id) as call:
        await call.configure(output_modalities=["text"], instructions="Be brief.")
        assert "Ottilie" in await call.ask("What is my name?")


async def test_a_client_secret_opens_a_call_as_it_was_configured(target: Target) -> None:
    session: Any = {"type": "realtime", "model": target.model, "instructions": "Say exactly: I was told so."}
    async with AsyncOpenAI(api_key=target.key, base_url=target.http_url) as client:
        secret = await client.realtime.client_secrets.create(session=session)
    assert secret.value.startswith("ek_")
    async with calling(replace(target, key=secret.value)) as call:
        assert await call.ask("Hello there.") == "I was told so."


async def test_the_models_are_the_routes_there_are(target: Target) -> None:
    async with AsyncOpenAI(api_key=target.key, base_url=target.http_url) as client:
        models = [model.id async for model in client.models.list()]
    assert models


async def test_a_wrong_key_is_refused_with_a_reason(wrong_key: Target) -> None:
    async with calling(wrong_key) as call:
        error = await call.heard.type("error")
        closed = await call.heard.next(lambda thing: isinstance(thing, ConnectionClosed))
    assert error.error.code == "invalid_api_key"
    assert "key" in error.error.message
    assert (closed.rcvd.code, closed.rcvd.reason) == (3000, "invalid_request_error.invalid_api_key")


async def test_the_balance_falls_by_exactly_what_the_replies_said_they_used(
    server: Server, target: Target
) -> None:
    payer = f"ledger-{target.model}@example.com"
    target = replace(server.target(payer, "--plan", "Pro"), model=target.model)
    before = server.balance(payer)
    used = 0
    for modality in ("text", "audio"):
        async with calling(target) as call:
            await call.configure(output_modalities=[modality])
            for question in ("Hello there.", "Spell switch.", "What time is it?"):
                await call.ask(question)
            used += sum(done.response.usage.total_tokens for done in call.heard.every("response.done"))
    assert used > 0
    assert await asyncio.to_thread(server.settled, payer, before - used) == before - used


async def test_the_reply_that_spends_the_last_credit_is_whole_and_then_the_account_is_refused(
    server: Server, target: Target
) -> None:
    poor = server.target(f"poor-{target.model}@example.com", "--tokens", "500")
    target = replace(poor, model=target.model)
    async with calling(target) as call:
        await call.configure(output_modalities=["text"])
        ended = await spend_everything(call)
        error = await call.heard.type("error")
        assert {done.response.status for done in call.heard.every("response.done")} == {"completed"}
    assert (error.error.type, error.error.code) == ("insufficient_quota", "EXTERNAL_NO_CREDITS")
    assert (ended.rcvd.code, ended.rcvd.reason) == (4002, "insufficient_quota.EXTERNAL_NO_CREDITS")
    async with calling(target) as call:
        error = await call.heard.type("error")
        ended = await call.heard.next(lambda thing: isinstance(thing, ConnectionClosed))
    assert (error.error.type, ended.rcvd.code) == ("insufficient_quota", 4002)


async def spend_everything(call: Call) -> ConnectionClosed:
    while True:
        after = len(call.heard.all)
        with suppress(ConnectionClosed):
            await call.say("Count to twenty.")
        heard = await call.heard.next(
            lambda thing: isinstance(thing, ConnectionClosed) or thing.type == "response.done", after=after
        )
        if isinstance(heard, ConnectionClosed):
            return heard
