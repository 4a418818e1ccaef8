"""Pipecat as a client: its OpenAIRealtimeLLMService with our base URL and key, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pipecat.frames.frames import (
    ErrorFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

from conftest import Target
from pipecat_call import Call, holding
from speech import TOLD_THE_TIME


@asynccontextmanager
async def calling(target: Target, said_first: str = "", session_id: str = "") -> AsyncIterator[Call]:
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
    async with holding(llm, said_first) as call:
        yield call


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
