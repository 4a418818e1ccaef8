"""LiveKit Agents as a client: its OpenAI plugin's RealtimeModel with our base URL and key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from livekit.agents import APIError, ChatContext
from livekit.plugins import openai

from conftest import Target
from livekit_call import Call, errors, holding, said_by
from speech import TOLD_THE_TIME, speak


@asynccontextmanager
async def calling(
    target: Target, session_id: str = "", brought: ChatContext | None = None
) -> AsyncIterator[Call]:
    url = f"{target.http_url}/realtime?rs_sessid={session_id}" if session_id else target.http_url
    model = openai.realtime.RealtimeModel(model=target.model, api_key=target.key, base_url=url)
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


async def test_a_wrong_key_is_refused_with_a_reason(wrong_key: Target) -> None:
    reason = await refusal(wrong_key)
    assert reason.code == "invalid_api_key"
    assert "key" in reason.message


async def test_an_account_without_credits_is_refused_with_a_reason(no_credits: Target) -> None:
    reason = await refusal(no_credits)
    assert (reason.type, reason.code) == ("insufficient_quota", "EXTERNAL_NO_CREDITS")


async def refusal(target: Target) -> Any:
    """The one error of a session that LiveKit does not try again."""
    with suppress(APIError):  # raised once more when such a session is closed
        async with calling(target) as call:
            event = await call.heard.type("error")
    assert not event.error.recoverable
    return event.error.error.body
