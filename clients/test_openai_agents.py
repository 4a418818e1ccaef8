"""openai-agents as a client: a RealtimeRunner whose URL and key are ours, and nothing else."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from websockets.exceptions import ConnectionClosed

from conftest import Target
from heard import Heard, listening
from speech import TOLD_THE_TIME, speak

BRIEF = "Be brief."


class Call:
    def __init__(self, session: RealtimeSession, heard: Heard) -> None:
        self.session = session
        self.heard = heard

    async def ask(self, text: str) -> str:
        """Says it, waits for the end of the turn, and answers with the transcript of what was said in it."""
        after = len(self.heard.all)
        await self.session.send_message(text)
        await self.model_event("turn_ended", after=after)
        return self.said(after=after)

    async def model_event(self, type_: str, *, after: int = 0) -> Any:
        return (await self.heard.next(lambda event: raw_type(event) == type_, after=after)).data

    async def turns_ended(self, count: int, *, after: int) -> None:
        ends = itertools.count(1)
        await self.heard.next(
            lambda event: raw_type(event) == "turn_ended" and next(ends) == count, after=after
        )

    def said(self, *, after: int = 0) -> str:
        return "".join(
            event.data.delta for event in self.heard.all[after:] if raw_type(event) == "transcript_delta"
        )


def raw_type(event: Any) -> str:
    return str(event.data.type) if getattr(event, "type", "") == "raw_model_event" else ""


@function_tool
def weather(city: str) -> str:
    """Tells the weather in a city."""
    return f"31 degrees in {city}"


@asynccontextmanager
async def calling(target: Target, session_id: str = "") -> AsyncIterator[Call]:
    url = f"{target.ws_url}/realtime?model={target.model}"
    if session_id:
        url += f"&rs_sessid={session_id}"
    runner = RealtimeRunner(RealtimeAgent(name="Assistant", instructions=BRIEF, tools=[weather]))
    session = await runner.run(model_config={"url": url, "api_key": target.key})
    async with session, listening(aiter(session)) as heard:
        yield Call(session, heard)


def errors(call: Call) -> list[Any]:
    return [event for event in call.heard.all if isinstance(event, Exception) or event.type == "error"]


async def test_a_typed_question_is_answered_in_speech_with_a_transcript(target: Target) -> None:
    async with calling(target) as call:
        answer = await call.ask("Hello there.")
        audio = b"".join(event.audio.data for event in call.heard.every("audio"))
    assert answer
    assert len(audio) > 4_800
    assert not errors(call)


async def test_a_spoken_question_is_answered_in_speech(target: Target, question: bytes) -> None:
    async with calling(target) as call:
        await speak(call.session.send_audio, question)
        await call.model_event("turn_ended")
        await call.model_event("input_audio_transcription_completed")
        assert TOLD_THE_TIME.search(call.said())
        assert call.heard.every("audio")
        assert not errors(call)


async def test_a_function_is_called_and_its_result_is_told(target: Target) -> None:
    async with calling(target) as call:
        await call.session.send_message("Use the weather tool for Pune.")
        ended = await call.heard.type("tool_end")
        assert ended.output == "31 degrees in Pune"
        after = len(call.heard.all)
        await call.heard.type("audio_end", after=after)
        assert "31" in call.said(after=after)
        assert not errors(call)


async def test_speaking_over_a_long_reply_ends_it_and_the_call_goes_on(
    target: Target, interruption: bytes
) -> None:
    async with calling(target) as call:
        await call.session.send_message("Count to one hundred.")
        await call.heard.type("audio")
        after = len(call.heard.all)
        await speak(call.session.send_audio, interruption)
        await call.heard.type("audio_interrupted", after=after)
        await call.model_event("input_audio_transcription_completed", after=after)
        await call.turns_ended(2, after=after)  # the one that was cut off, and the answer to what did it
        assert "one hundred" not in call.said()
        assert await call.ask("Hello again.")
        assert not errors(call)


async def test_a_name_told_in_one_call_is_known_in_the_next(target: Target, session_id: str) -> None:
    async with calling(target, session_id) as call:
        await call.ask("My name is Ottilie.")
    async with calling(target, session_id) as call:
        assert "Ottilie" in await call.ask("What is my name?")


async def test_a_wrong_key_is_refused_with_a_reason(wrong_key: Target) -> None:
    assert "invalid_api_key" in await refusal(wrong_key)


async def test_an_account_without_credits_is_refused_with_a_reason(no_credits: Target) -> None:
    assert "EXTERNAL_NO_CREDITS" in await refusal(no_credits)


async def refusal(target: Target) -> str:
    try:
        async with calling(target) as call:
            return str((await call.heard.type("error")).error)
    except ConnectionClosed as closed:
        # What the SDK raises where the close arrives before its own first message has left.
        return str(closed)
