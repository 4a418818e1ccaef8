"""Pipecat without a transport: the microphone is a queue, and two ears hear what passes the model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    LLMRunFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import FunctionCallParams, LLMService
from pipecat.workers.runner import WorkerRunner

from heard import Heard
from speech import RATE_HZ, speak


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
async def holding(llm: LLMService, said_first: str = "") -> AsyncIterator[Call]:
    """A pipeline as in Pipecat's own examples; what is said first is in its context when it starts."""
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
