"""google-genai 3, unmodified, through the gateway to the local provider in either dialect.

clients/ has the 2.x that frameworks pin, with real speech.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from certificate import make_certificate
from gateway_rig import KEY, POOR_KEY, Books, Rig, rig, until
from local_talk import EarsFor, silence, speech
from realtime_switch.accounts.records import UsageKind
from realtime_switch.gateway.tls import tls_of
from realtime_switch.local.server import LocalProvider
from realtime_switch.local.voice import ToneVoice
from realtime_switch.providers.endpoint import Capabilities, DialectName
from realtime_switch.settings import Flags, load

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK calls its own methods experimental

WITHIN_S = 10
RATE_HZ = 16_000
CONFIG: dict[str, Any] = {
    "response_modalities": ["AUDIO"],
    "output_audio_transcription": {},
    "input_audio_transcription": {},
    "realtime_input_config": {"automatic_activity_detection": {"silence_duration_ms": 500}},
}
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "behavior": "BLOCKING",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
}
CAPABILITIES = {
    "openai": Capabilities(free_transcription=True),
    "gemini": Capabilities(free_transcription=True, input_rate_hz=RATE_HZ),
}


class Here:
    def __init__(self, rig: Rig, provider: LocalProvider) -> None:
        self.rig = rig
        self.provider = provider

    @asynccontextmanager
    async def call(
        self, key: str = KEY, model: str = "m-1", session_id: str = "", **config: Any
    ) -> AsyncIterator[Any]:
        headers = {"x-session-id": session_id} if session_id else None
        options = types.HttpOptions(base_url=self.rig.http, headers=headers)
        client = genai.Client(api_key=key, vertexai=False, http_options=options)
        async with client.aio.live.connect(model=model, config={**CONFIG, **config}) as session:  # type: ignore[arg-type]
            assert session.setup_complete is not None
            yield session

    async def all_is_billed(self) -> None:
        stats = self.provider.stats
        told = stats.input_tokens + stats.output_tokens
        bills = self.rig.books.bills
        assert told > 0

        def billed() -> int:
            # What was heard is billed apart by OpenAI, and not in what the local provider counts.
            replies = (bill for bill in bills.values() if bill.kind is UsageKind.RESPONSE)
            return sum(bill.tokens.total for bill in replies)

        await until(lambda: billed() == told)


@pytest.fixture(params=["openai", "gemini"])
async def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Here]:
    dialect: DialectName = request.param
    cert, key = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    tls = tls_of(load(Flags(data=tmp_path, tls_cert=str(cert), tls_key=str(key)), {}))
    ears = EarsFor("my name is ada", "what is my name")
    async with LocalProvider(voice=ToneVoice(), ears=ears, pace=20) as provider:
        url = provider.url if dialect == "openai" else provider.gemini_url
        routed = rig(tls=tls, url=url, books=Books(), dialect=dialect, capabilities=CAPABILITIES[dialect])
        async with routed as made:
            yield Here(made, provider)


async def turn(session: Any) -> list[Any]:
    """One turn as the SDK's users see it: receive() ends with it."""
    async with asyncio.timeout(WITHIN_S):
        return [message async for message in session.receive()]


async def ask(session: Any, words: str) -> str:
    await session.send_client_content(turns={"role": "user", "parts": [{"text": words}]})
    return said(await turn(session))


def said(messages: list[Any]) -> str:
    contents = [one.server_content for one in messages if one.server_content is not None]
    return "".join(one.output_transcription.text for one in contents if one.output_transcription)


async def speak(session: Any, pcm: bytes) -> None:
    for start in range(0, len(pcm), 3200):
        blob = types.Blob(data=pcm[start : start + 3200], mime_type=f"audio/pcm;rate={RATE_HZ}")
        await session.send_realtime_input(audio=blob)


SPOKEN = silence(200, RATE_HZ) + speech(800, RATE_HZ) + silence(800, RATE_HZ)


async def test_typed_turns_are_answered_in_speech_and_billed_to_the_token(here: Here) -> None:
    async with here.call() as session:
        assert await ask(session, "My name is Ada.") == "Nice to meet you, Ada!"
        await session.send_realtime_input(text="What is my name?")
        messages = await turn(session)
        assert said(messages) == "Your name is Ada."
        assert len(b"".join(message.data for message in messages if message.data)) > 4_800
        assert messages[-1].server_content.turn_complete
        assert messages[-1].usage_metadata.total_token_count > 0
    await here.all_is_billed()


async def test_spoken_turns_are_answered_and_billed_to_the_token(here: Here) -> None:
    async with here.call() as session:
        answers = []
        for _ in range(2):
            await speak(session, SPOKEN)
            answers.append(said(await turn(session)))
    assert answers == ["Nice to meet you, Ada!", "Your name is Ada."]
    await here.all_is_billed()


async def test_speaking_over_a_long_reply_ends_it_and_the_call_goes_on(here: Here) -> None:
    async with here.call() as session:
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "Count to eighty."}]})
        async with asyncio.timeout(WITHIN_S):
            async for message in session.receive():
                if message.data:
                    break
        await speak(session, SPOKEN)
        cut_off = await turn(session)
        assert any(one.server_content and one.server_content.interrupted for one in cut_off)
        assert "eighty" not in said(cut_off)
        assert said(await turn(session)) == "Nice to meet you, Ada!"
        assert await ask(session, "What is my name?") == "Your name is Ada."
    await here.all_is_billed()


async def test_a_function_is_called_and_its_result_is_told(here: Here) -> None:
    async with here.call(tools=[{"function_declarations": [WEATHER]}]) as session:
        await session.send_realtime_input(text="What is the weather in Pune?")
        async with asyncio.timeout(WITHIN_S):
            async for message in session.receive():
                if message.tool_call:
                    [call] = message.tool_call.function_calls
                    break
        assert (call.name, call.args) == ("get_weather", {"city": "Pune"})
        answer = types.FunctionResponse(id=call.id, name=call.name, response={"celsius": 31})
        await session.send_tool_response(function_responses=[answer])
        assert said(await turn(session)) == "The result of get weather: celsius is 31."
    await here.all_is_billed()


async def test_who_comes_back_by_a_session_id_is_known(here: Here) -> None:
    async with here.call(session_id="ada") as session:
        await ask(session, "My name is Ada.")
    async with here.call(session_id="ada") as session:
        assert await ask(session, "What is my name?") == "Your name is Ada."
    await here.all_is_billed()


async def test_who_comes_back_by_a_handle_is_known(here: Here) -> None:
    async with here.call(session_resumption={}) as session:
        await ask(session, "My name is Ada.")
        async with asyncio.timeout(WITHIN_S):
            while (update := (await session._receive()).session_resumption_update) is None:
                pass
    async with here.call(session_resumption={"handle": update.new_handle}) as session:
        assert await ask(session, "What is my name?") == "Your name is Ada."
    await here.all_is_billed()


@pytest.mark.parametrize(
    ("asked", "code", "reason"),
    [
        ({"key": "rslive_v1_" + "ff" * 24}, 1007, "API key not valid. Please pass a valid API key."),
        ({"key": POOR_KEY}, 1011, "You exceeded your current quota, please check your plan."),
        ({"model": "nobody"}, 1008, "models/nobody is not found or is not supported for"),
        (
            {"session_resumption": {"handle": "foreign"}},
            1008,
            "session not found",
        ),
    ],
)
async def test_a_refusal(here: Here, asked: dict[str, Any], code: int, reason: str) -> None:
    with pytest.raises(errors.APIError) as refused:
        async with here.call(**asked):
            pass
    assert refused.value.code == code
    assert reason in str(refused.value)
