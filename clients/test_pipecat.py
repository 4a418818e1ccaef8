"""Pipecat as a client: its OpenAIRealtimeLLMService with our base URL and key, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

from conftest import Target
from heard import Heard
from speech import RATE_HZ, TOLD_THE_TIME, speak


class Ear(FrameProcessor):
    """Hears what passes, in either direction, but for the microphone."""

    def __init__(self, heard: Heard) -> None:
        super().__init__()
        self._heard = heard

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, InputAudioRawFrame):
            self._heard.add(frame)
        await self.push_frame(frame, direction)


class Call:
    def __init__(self, worker: PipelineWorker, heard: Heard) -> None:
        self.worker = worker
        self.heard = heard

    async def speak(self, pcm: bytes) -> None:
        async def send(frame: bytes) -> None:
            await self.worker.queue_frame(InputAudioRawFrame(frame, RATE_HZ, 1))

        await speak(send, pcm)

    async def frame(self, kind: type[Frame], *, after: int = 0) -> Any:
        return await self.heard.next(lambda frame: isinstance(frame, kind), after=after)

    def said(self, *, after: int = 0) -> str:
        return "".join(frame.text for frame in self.heard.all[after:] if isinstance(frame, TTSTextFrame))

    def errors(self) -> list[ErrorFrame]:
        return [frame for frame in self.heard.all if isinstance(frame, ErrorFrame)]


async def weather(params: FunctionCallParams, city: str) -> None:
    """Tells the weather in a city.

    Args:
        city: The city to tell the weather of.
    """
    await params.result_callback({"celsius": 31, "city": city})


@asynccontextmanager
async def calling(target: Target, said_first: str = "", session_id: str = "") -> AsyncIterator[Call]:
    """A pipeline as in Pipecat's own examples; what is said first is in its context when it starts."""
    llm = OpenAIRealtimeLLMService(
        api_key=target.key,
        base_url=f"{target.ws_url}/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            model=target.model,
            system_instruction="Be brief.",
            session_properties=events.SessionProperties(
                audio=events.AudioConfiguration(
                    input=events.AudioInput(transcription=events.InputAudioTranscription())
                )
            ),
        ),
    )
    if session_id:
        llm.base_url += f"&rs_sessid={session_id}"
    messages: list[Any] = [{"role": "user", "content": said_first}] if said_first else []
    context = LLMContext(messages, ToolsSchema(standard_tools=[weather]))
    aggregators = LLMContextAggregatorPair(context)
    heard = Heard()
    worker = PipelineWorker(
        Pipeline([aggregators.user(), Ear(heard), llm, Ear(heard), aggregators.assistant()])
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        if said_first:
            await worker.queue_frame(LLMRunFrame())
        yield Call(worker, heard)
    finally:
        await worker.cancel()
        await running


async def test_a_typed_question_is_answered_in_speech_with_a_transcript(target: Target) -> None:
    async with calling(target, "Hello there.") as call:
        await call.frame(LLMFullResponseEndFrame)
        assert call.said()
        assert await call.frame(TTSAudioRawFrame)
        assert not call.errors()


async def test_a_spoken_question_is_answered_in_speech(target: Target, question: bytes) -> None:
    async with calling(target) as call:
        await call.speak(question)
        await call.frame(TranscriptionFrame)
        await call.frame(TTSAudioRawFrame)
        await call.frame(LLMFullResponseEndFrame)
        assert TOLD_THE_TIME.search(call.said())
        assert not call.errors()


async def test_a_function_is_called_and_its_result_is_told(target: Target) -> None:
    async with calling(target, "Use the weather tool for Pune.") as call:
        await call.heard.next(lambda frame: isinstance(frame, TTSTextFrame) and "31" in call.said())
        assert not call.errors()


async def test_speaking_over_a_long_reply_ends_it_and_the_call_goes_on(
    target: Target, interruption: bytes, question: bytes
) -> None:
    async with calling(target, "Count to one hundred.") as call:
        await call.frame(TTSAudioRawFrame)
        after = len(call.heard.all)
        await call.speak(interruption)
        await call.frame(InterruptionFrame, after=after)
        for _ in range(2):
            await call.frame(TranscriptionFrame, after=after)
            await call.frame(TTSAudioRawFrame, after=after)
            await call.frame(LLMFullResponseEndFrame, after=after)
            after = len(call.heard.all)
            await call.speak(question)
        assert "one hundred" not in call.said()
        assert not call.errors()


async def test_a_name_told_in_one_call_is_known_in_the_next(target: Target, session_id: str) -> None:
    async with calling(target, "My name is Ottilie.", session_id) as call:
        await call.frame(LLMFullResponseEndFrame)
    async with calling(target, "What is my name?", session_id) as call:
        await call.frame(LLMFullResponseEndFrame)
        assert "Ottilie" in call.said()


async def test_a_wrong_key_is_refused_with_a_reason(wrong_key: Target) -> None:
    async with calling(wrong_key) as call:
        frame = await call.frame(ErrorFrame)
    assert "invalid_api_key" in frame.error


async def test_an_account_without_credits_is_refused_with_a_reason(no_credits: Target) -> None:
    async with calling(no_credits) as call:
        frame = await call.frame(ErrorFrame)
    assert "EXTERNAL_NO_CREDITS" in frame.error
