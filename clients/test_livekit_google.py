"""LiveKit Agents as a Gemini client: its Google plugin's RealtimeModel with our base URL and key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from google.genai import types
from livekit.agents import APIError, ChatContext
from livekit.plugins import google

from conftest import Target
from livekit_call import Call, errors, holding, said_by
from speech import TOLD_THE_TIME, speak


@asynccontextmanager
async def calling(
    target: Target, session_id: str = "", brought: ChatContext | None = None, **options: Any
) -> AsyncIterator[Call]:
    headers = {"x-session-id": session_id} if session_id else {}
    model = google.realtime.RealtimeModel(
        model=target.gemini_model,
        api_key=target.key,
        http_options=types.HttpOptions(base_url=target.https_url, headers=headers),
        **options,
    )
    async with holding(model, brought) as call:
        yield call


async def test_a_typed_question_is_answered_in_speech_with_a_transcript(target: Target) -> None:
    async with calling(target) as call:
        assert await call.ask("Hello there.")
        assert call.loudspeaker.heard_s > 0.1
        assert not errors(call)


async def test_a_spoken_question_is_answered_in_speech(target: Target, question: bytes) -> None:
    async with calling(target) as call:
        await speak(call.microphone.send, question)
        await call.heard.next(lambda event: event.type == "user_input_transcribed" and event.is_final)
        answer = await call.heard.next(said_by("assistant"))
        assert TOLD_THE_TIME.search(answer.item.text_content)
        assert not errors(call)


async def test_a_function_is_called_and_its_result_is_told(target: Target) -> None:
    async with calling(target) as call:
        assert "31" in await call.ask("Use the weather tool for Pune.")
        assert call.agent.asked_for == ["Pune"]
        assert not errors(call)


async def test_speaking_over_a_long_reply_ends_it_and_the_call_goes_on(
    target: Target, interruption: bytes
) -> None:
    async with calling(target) as call:
        counting = call.session.generate_reply(user_input="Count to one hundred.")
        await call.heard.next(
            lambda event: event.type == "agent_state_changed" and event.new_state == "speaking"
        )
        after = len(call.heard.all)
        await speak(call.microphone.send, interruption)
        await counting
        assert counting.interrupted
        interrupted = await call.heard.next(said_by("assistant"), after=after)
        assert interrupted.item.interrupted
        assert "one hundred" not in interrupted.item.text_content
        assert await call.ask("Hello again.")
        assert not errors(call)


async def test_a_name_told_in_one_call_is_known_in_the_next(target: Target, session_id: str) -> None:
    async with calling(target, session_id) as call:
        await call.ask("My name is Ottilie.")
    async with calling(target, session_id) as call:
        assert "Ottilie" in await call.ask("What is my name?")


async def test_a_conversation_that_the_agent_brings_along_is_known(target: Target) -> None:
    brought = ChatContext()
    brought.add_message(role="user", content="My name is Ottilie.")
    brought.add_message(role="assistant", content="Nice to meet you.")
    async with calling(target, brought=brought) as call:
        assert "Ottilie" in await call.ask("What is my name?")
        assert not errors(call)


async def test_a_handle_goes_on_with_what_was_said(target: Target) -> None:
    async with calling(target) as call:
        await call.ask("My name is Ottilie.")
        handle = call.realtime.session_resumption_handle
    resumption = types.SessionResumptionConfig(handle=handle)
    async with calling(target, session_resumption=resumption) as call:
        assert "Ottilie" in await call.ask("What is my name?")


async def test_who_cannot_call_is_refused_with_a_reason(
    wrong_key: Target, no_credits: Target, unknown_model: Target
) -> None:
    assert "API key not valid." in await refusal(wrong_key)
    assert "EXTERNAL_NO_CREDITS" in await refusal(no_credits)
    assert "EXTERNAL_MODEL_NOT_FOUND" in await refusal(unknown_model)


async def refusal(target: Target) -> str:
    """The one error of a session that LiveKit does not try again."""
    with suppress(APIError):  # raised once more when such a session is closed
        async with calling(target) as call:
            event = await call.heard.type("error")
    assert not event.error.recoverable
    return str(event.error.error)
