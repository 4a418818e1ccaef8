"""google-genai as a client: its Live session, with our base URL and key, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from google.genai.live import AsyncSession

from conftest import Server, Target
from heard import Heard, listening
from speech import TOLD_THE_TIME, at_16_khz, speak

CONFIG: dict[str, Any] = {
    "response_modalities": ["AUDIO"],
    "input_audio_transcription": {},
    "output_audio_transcription": {},
    "system_instruction": "Be brief.",
}
BY_HAND: dict[str, Any] = {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}
RATE_HZ = 16_000
WEATHER: dict[str, Any] = {
    "name": "weather",
    "description": "Tells the weather in a city.",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
}


class Call:
    def __init__(self, session: AsyncSession, heard: Heard) -> None:
        self.session = session
        self.heard = heard

    async def ask(self, text: str) -> str:
        """Says it and waits for the whole answer."""
        after = len(self.heard.all)
        await self.session.send_client_content(turns={"role": "user", "parts": [{"text": text}]})
        await self.turn(after=after)
        return self.said(after=after)

    async def turn(self, *, after: int = 0) -> Any:
        return await self.content("turn_complete", after=after)

    async def content(self, name: str, *, after: int = 0) -> Any:
        """The first message with this member in it."""
        return await self.heard.next(lambda message: getattr(message.server_content, name, None), after=after)

    async def speak(self, pcm: bytes) -> None:
        async def send(frame: bytes) -> None:
            blob = types.Blob(data=frame, mime_type=f"audio/pcm;rate={RATE_HZ}")
            await self.session.send_realtime_input(audio=blob)

        await speak(send, at_16_khz(pcm), RATE_HZ)

    def said(self, *, after: int = 0, who: str = "output_transcription") -> str:
        told = (getattr(message.server_content, who, None) for message in self.heard.all[after:])
        return "".join(one.text for one in told if one and one.text)

    def sound(self) -> bytes:
        return b"".join(message.data for message in self.heard.all if message.data)

    def used(self) -> int:
        told = (message.usage_metadata for message in self.heard.all)
        return sum(usage.total_token_count for usage in told if usage)


async def messages(session: AsyncSession) -> AsyncIterator[Any]:
    while True:
        async for message in session.receive():  # it ends with each turn
            yield message


def client_for(target: Target, session_id: str = "") -> genai.Client:
    headers = {"x-session-id": session_id} if session_id else None
    options = types.HttpOptions(base_url=target.https_url, headers=headers)
    return genai.Client(api_key=target.key, http_options=options)


@asynccontextmanager
async def calling(target: Target, session_id: str = "", **config: Any) -> AsyncIterator[Call]:
    live = client_for(target, session_id).aio.live
    async with (
        live.connect(model=target.gemini_model, config={**CONFIG, **config}) as session,  # type: ignore[arg-type]
        listening(messages(session)) as heard,
    ):
        assert session.setup_complete is not None
        yield Call(session, heard)


async def test_a_typed_question_is_answered_in_speech_with_a_transcript(target: Target) -> None:
    async with calling(target) as call:
        assert await call.ask("Hello there.")
        assert len(call.sound()) > 4_800
        assert call.used() > 0


async def test_a_spoken_question_is_answered_in_speech(target: Target, question: bytes) -> None:
    async with calling(target) as call:
        await call.speak(question)
        await call.turn()
        assert TOLD_THE_TIME.search(call.said())
        assert "time" in call.said(who="input_transcription")
        assert len(call.sound()) > 4_800


async def test_a_turn_that_the_app_marks_itself_is_answered(target: Target, question: bytes) -> None:
    async with calling(target, **BY_HAND) as call:
        await call.session.send_realtime_input(activity_start=types.ActivityStart())
        await call.speak(question)
        await call.session.send_realtime_input(activity_end=types.ActivityEnd())
        await call.turn()
        assert TOLD_THE_TIME.search(call.said())


async def test_a_function_is_called_and_its_result_is_told(target: Target) -> None:
    async with calling(target, tools=[{"function_declarations": [WEATHER]}]) as call:
        await call.session.send_realtime_input(text="Use the weather tool for Pune.")
        asked = await call.heard.next(lambda message: message.tool_call)
        (wanted,) = asked.tool_call.function_calls
        assert (wanted.name, wanted.args) == ("weather", {"city": "Pune"})
        after = len(call.heard.all)
        answer = types.FunctionResponse(id=wanted.id, name=wanted.name, response={"celsius": 31})
        await call.session.send_tool_response(function_responses=[answer])
        await call.heard.next(lambda _: "31" in call.said(after=after), after=after)
        await call.turn(after=after)


async def test_speaking_over_a_long_reply_ends_it_and_the_call_goes_on(
    target: Target, interruption: bytes
) -> None:
    async with calling(target) as call:
        await call.session.send_client_content(
            turns={"role": "user", "parts": [{"text": "Count to one hundred."}]}
        )
        await call.heard.next(lambda message: message.data)
        after = len(call.heard.all)
        await call.speak(interruption)
        cut_off = await call.content("interrupted", after=after)
        assert "one hundred" not in call.said()
        after = call.heard.all.index(cut_off)
        ended = await call.turn(after=after)
        answered = await call.turn(after=call.heard.all.index(ended) + 1)
        assert await call.ask("Hello again.")
        assert answered


async def test_a_name_told_in_one_call_is_known_in_the_next(target: Target, session_id: str) -> None:
    async with calling(target, session_id) as call:
        await call.ask("My name is Ottilie.")
    async with calling(target, session_id) as call:
        assert "Ottilie" in await call.ask("What is my name?")


async def test_a_handle_goes_on_with_what_was_said(target: Target) -> None:
    async with calling(target, session_resumption={}) as call:
        await call.ask("My name is Ottilie.")
        ended = next(
            place
            for place, message in enumerate(call.heard.all)
            if message.server_content and message.server_content.turn_complete
        )
        update = await call.heard.next(lambda message: message.session_resumption_update, after=ended)
        assert update.session_resumption_update.resumable
    handle = update.session_resumption_update.new_handle
    async with calling(target, session_resumption={"handle": handle}) as call:
        assert "Ottilie" in await call.ask("What is my name?")


async def test_a_token_opens_a_call_as_it_was_configured(target: Target) -> None:
    constraints = {
        "model": target.gemini_model,
        "config": {**CONFIG, "system_instruction": "Say exactly: I was told so."},
    }
    client = client_for(target)
    token = await client.aio.auth_tokens.create(
        config={"live_connect_constraints": constraints}  # type: ignore[arg-type,typeddict-item]
    )
    async with calling(replace(target, key=token.name)) as call:
        assert await call.ask("Hello there.") == "I was told so."


async def test_who_cannot_call_is_refused_with_a_reason(
    wrong_key: Target, no_credits: Target, unknown_model: Target
) -> None:
    unknown = "models/gemini-3.8-live-nobody is not found or is not supported for bidiGenerateContent."
    for target, code, reason in (
        (wrong_key, 1007, "API key not valid. Please pass a valid API key."),
        (no_credits, 1011, "You exceeded your current quota, please check your plan."),
        (unknown_model, 1008, unknown),
    ):
        with pytest.raises(errors.APIError) as refused:
            async with calling(target):
                pass
        assert refused.value.code == code
        assert reason in str(refused.value)


@pytest.mark.parametrize("by_hand", [False, True])
async def test_the_balance_falls_by_exactly_what_the_turns_said_they_used(
    server: Server, target: Target, question: bytes, by_hand: bool
) -> None:
    payer = f"{target.model}-{by_hand}@example.com"
    paying = replace(server.target(payer, "--plan", "Pro"), model=target.model)
    before = server.balance(payer)
    async with calling(paying, **(BY_HAND if by_hand else {})) as call:
        for words in ("Hello there.", "Spell switch."):
            await call.ask(words)
        after = len(call.heard.all)
        if by_hand:
            await call.session.send_realtime_input(activity_start=types.ActivityStart())
        await call.speak(question)
        if by_hand:
            await call.session.send_realtime_input(activity_end=types.ActivityEnd())
        await call.turn(after=after)
        used = call.used()
    assert used > 0
    assert await asyncio.to_thread(server.settled, payer, before - used) == before - used
