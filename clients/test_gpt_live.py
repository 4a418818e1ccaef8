"""Clients of GPT-Live, unmodified: LiveKit's GPTLiveModel, Pipecat's OpenAILiveLLMService, OpenAI's SDK."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from livekit.plugins import openai as livekit_openai
from openai import AsyncOpenAI
from pipecat.frames.frames import TranscriptionFrame
from pipecat.services.openai.live.llm import OpenAILiveLLMService

from conftest import Target
from heard import Heard, listening
from livekit_call import Call as LiveKitCall
from livekit_call import errors, said_by
from livekit_call import holding as livekit_holding
from pipecat_call import Call as PipecatCall
from pipecat_call import holding as pipecat_holding
from speech import LISTENING, TOLD_THE_TIME, speak

# -- LiveKit ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def livekit(target: Target) -> AsyncIterator[LiveKitCall]:
    model = livekit_openai.realtime.GPTLiveModel(
        model=target.model, api_key=target.key, base_url=target.http_url
    )
    async with livekit_holding(model) as call:
        yield call


async def test_livekit_is_answered_when_it_speaks(live: Target, question: bytes) -> None:
    async with livekit(live) as call:
        await speak(call.microphone.send, question + LISTENING)
        answer = await call.heard.next(said_by("assistant"))
        assert TOLD_THE_TIME.search(answer.item.text_content)
        assert call.loudspeaker.heard_s > 0.1
        assert not errors(call)


async def test_livekits_functions_are_called_as_a_backends(live: Target, weather_in_pune: bytes) -> None:
    async with livekit(live) as call:
        await speak(call.microphone.send, weather_in_pune + LISTENING)
        await call.heard.next(lambda event: bool(call.agent.asked_for))
        answer = await call.heard.next(said_by("assistant"))
        assert [city.lower() for city in call.agent.asked_for] == ["pune"]
        assert "31" in answer.item.text_content
        assert not errors(call)


async def test_livekit_is_answered_by_providers_that_take_turns(target: Target, question: bytes) -> None:
    async with livekit(target) as call:
        await speak(call.microphone.send, question + LISTENING)
        # A session without turns has no answers either: where one ends LiveKit guesses by the pauses.
        said: list[str] = []

        def told_the_time(event: Any) -> Any:
            if said_by("assistant")(event):
                said.append(event.item.text_content)
            return TOLD_THE_TIME.search("".join(said))

        await call.heard.next(told_the_time)
        assert not errors(call)


# -- Pipecat ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def pipecat(target: Target) -> AsyncIterator[PipecatCall]:
    llm = OpenAILiveLLMService(
        api_key=target.key,
        base_url=f"{target.ws_url}/live/sessions",
        settings=OpenAILiveLLMService.Settings(model=target.model, system_instruction="Be brief."),
    )
    async with pipecat_holding(llm, "Hello there.") as call:
        yield call


async def test_pipecat_is_answered_when_it_speaks(live: Target, question: bytes) -> None:
    async with pipecat(live) as call:
        await call.speak(question + LISTENING)
        await call.frame(TranscriptionFrame)
        assert TOLD_THE_TIME.search(call.said())
        assert not call.errors()


# -- OpenAI's SDK -------------------------------------------------------------------------------------------


@asynccontextmanager
async def sdk(target: Target) -> AsyncIterator[tuple[Any, Heard]]:
    client = AsyncOpenAI(api_key=target.key, base_url=target.http_url)
    async with client, client.live.connect() as connection, listening(connection) as heard:
        await connection.session.start(session={"model": target.model})
        await heard.type("session.started")
        yield connection, heard


async def test_openais_sdk_is_answered_when_it_speaks(live: Target, question: bytes) -> None:
    async with sdk(live) as (connection, heard):

        async def send(pcm: bytes) -> None:
            await connection.session.input_audio.append(audio=base64.b64encode(pcm).decode())

        await speak(send, question + LISTENING)
        await heard.type("session.output_transcript.delta")
        await connection.session.close(event_id="bye")
        closed = await heard.type("session.closed")
        said = "".join(event.delta for event in heard.every("session.output_transcript.delta"))
        assert TOLD_THE_TIME.search(said)
        assert closed.client_event_id == "bye"
        assert not heard.every("error")


async def test_openais_sdk_reads_a_refusal(live: Target) -> None:
    client = AsyncOpenAI(api_key=live.key, base_url=live.http_url)
    async with client, client.live.connect() as connection, asyncio.timeout(10):
        await connection.session.start(session={"model": live.model, "temprature": 1})  # type: ignore[typeddict-unknown-key]
        error = await connection.recv()
        assert (error.type, error.error.code, error.error.param) == (
            "error",
            "unknown_parameter",
            "session.temprature",
        )
