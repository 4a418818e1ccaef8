"""Pipecat as a Gemini client: its GeminiLiveLLMService with our base URL and key, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from google.genai import types
from loguru import logger
from pipecat.frames.frames import (
    InputTextRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.services.google.gemini_live.llm import GeminiLiveLLMService

from conftest import Target
from heard import Heard
from pipecat_call import Call, holding
from speech import TOLD_THE_TIME


def service(target: Target, session_id: str = "") -> GeminiLiveLLMService:
    headers = {"x-session-id": session_id} if session_id else None
    return GeminiLiveLLMService(
        api_key=target.key,
        http_options=types.HttpOptions(base_url=target.https_url, headers=headers),
        settings=GeminiLiveLLMService.Settings(
            model=f"models/{target.gemini_model}", system_instruction="Be brief."
        ),
    )


@asynccontextmanager
async def calling(target: Target, said_first: str = "", session_id: str = "") -> AsyncIterator[Call]:
    async with holding(service(target, session_id), said_first) as call:
        yield call


async def test_a_typed_question_is_answered_in_speech_with_a_transcript(target: Target) -> None:
    async with calling(target, "Hello there.") as call:
        await call.frame(LLMFullResponseEndFrame)
        assert call.said()
        assert await call.frame(TTSAudioRawFrame)
        assert not call.errors()


async def test_a_spoken_question_is_answered_in_speech(target: Target, question: bytes) -> None:
    # Pipecat lets no sound through before its context has been told.
    async with calling(target, "Hello there.") as call:
        await call.frame(LLMFullResponseEndFrame)
        after = len(call.heard.all)
        await call.speak(question)
        for kind in (TranscriptionFrame, TTSAudioRawFrame, LLMFullResponseEndFrame):
            await call.frame(kind, after=after)
        assert TOLD_THE_TIME.search(call.said(after=after))
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


async def test_after_a_lost_connection_a_handle_goes_on_with_what_was_said(
    target: Target, question: bytes
) -> None:
    llm = service(target)
    async with holding(llm, "My name is Ottilie.") as call:
        await call.frame(LLMFullResponseEndFrame)
        lost = llm._session
        assert lost is not None
        lost._ws.transport.abort()  # as a network does it; Pipecat dials again by itself
        while llm._session in (None, lost):
            await asyncio.sleep(0.05)
        assert llm._session_resumption_handle
        after = len(call.heard.all)
        await call.worker.queue_frame(InputTextRawFrame("What is my name?"))
        await call.frame(LLMFullResponseEndFrame, after=after)
        assert "Ottilie" in call.said(after=after)


async def test_who_cannot_call_finds_the_reason_in_the_log(
    wrong_key: Target, no_credits: Target, unknown_model: Target
) -> None:
    assert "API key not valid." in await refusal(wrong_key)
    assert "EXTERNAL_NO_CREDITS" in await refusal(no_credits)
    assert "EXTERNAL_MODEL_NOT_FOUND" in await refusal(unknown_model)


async def refusal(target: Target) -> str:
    """Pipecat logs that its connection's task failed, and pushes no frame."""
    heard = Heard()
    sink = logger.add(heard.add, level="ERROR", format="{message} {exception}")
    try:
        async with calling(target):
            return str(await heard.next(lambda line: "unexpected exception" in line))
    finally:
        logger.remove(sink)
