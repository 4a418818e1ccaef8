"""Google's own SDK as the client, unmodified, over TLS as it insists: what its users will do."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from local_talk import WITHIN_S, EarsFor, silence, speech
from realtime_switch.local import LocalProvider
from realtime_switch.local.certificate import Certificate, certificate
from realtime_switch.local.server import speech_is_installed
from realtime_switch.local.voice import SpokenVoice, ToneVoice

MODEL = "gemini-3.8-live"
WEATHER = {
    "name": "get_weather",
    "behavior": "BLOCKING",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
}
CONFIG: dict[str, Any] = {
    "response_modalities": ["AUDIO"],
    "output_audio_transcription": {},
    "input_audio_transcription": {},
    "realtime_input_config": {"automatic_activity_detection": {"silence_duration_ms": 500}},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def provider(made: Certificate) -> AsyncIterator[LocalProvider]:
    ears = EarsFor("my name is ada", "what is my name")
    async with LocalProvider(
        voice=ToneVoice(), ears=ears, pace=20.0, tls=made.context, key="right"
    ) as running:
        yield running


def client(provider: LocalProvider, made: Certificate, key: str = "right", **options: Any) -> genai.Client:
    trusting = ssl.create_default_context(cafile=made.path)
    http = types.HttpOptions(
        base_url=provider.gemini_base_url,
        async_client_args={"ssl": trusting},
        client_args={"verify": trusting},
        **options,
    )
    return genai.Client(api_key=key, http_options=http)


async def turn(session: Any) -> list[Any]:
    """One turn as the SDK's users see it: receive() ends with it."""
    async with asyncio.timeout(WITHIN_S):
        return [message async for message in session.receive()]


def said(messages: list[Any]) -> str:
    contents = [one.server_content for one in messages if one.server_content is not None]
    return "".join(one.output_transcription.text for one in contents if one.output_transcription)


async def text(session: Any, words: str) -> list[Any]:
    await session.send_client_content(turns={"role": "user", "parts": [{"text": words}]})
    return await turn(session)


async def test_text_sound_and_usage(provider: LocalProvider, made: Certificate) -> None:
    async with client(provider, made).aio.live.connect(model=MODEL, config=CONFIG) as session:
        messages = await text(session, "count to three")
        assert said(messages) == "One, two, three."
        heard = b"".join(message.data for message in messages if message.data)
        assert len(heard) > 24_000
        assert messages[-1].server_content.turn_complete
        assert messages[-1].usage_metadata.total_token_count > 0


async def test_two_spoken_turns_with_vad_and_memory(provider: LocalProvider, made: Certificate) -> None:
    async with client(provider, made).aio.live.connect(model=MODEL, config=CONFIG) as session:
        answers = []
        for _ in range(2):
            sound = silence(200, 16_000) + speech(800, 16_000) + silence(600, 16_000)
            for start in range(0, len(sound), 3200):
                blob = types.Blob(data=sound[start : start + 3200], mime_type="audio/pcm;rate=16000")
                await session.send_realtime_input(audio=blob)
            answers.append(said(await turn(session)))
        assert answers == ["Nice to meet you, Ada!", "Your name is Ada."]


async def test_barge_in(provider: LocalProvider, made: Certificate) -> None:
    async with client(provider, made).aio.live.connect(model=MODEL, config=CONFIG) as session:
        await session.send_realtime_input(text="Count to eighty")
        async with asyncio.timeout(WITHIN_S):
            async for message in session.receive():
                if message.data:
                    break
        sound = types.Blob(data=speech(400, 16_000), mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=sound)
        messages = await turn(session)
        assert any(one.server_content and one.server_content.interrupted for one in messages)
        assert not any(one.server_content and one.server_content.generation_complete for one in messages)
        await session.send_realtime_input(audio_stream_end=True)
        assert said(await turn(session)) == "Nice to meet you, Ada!"


async def test_a_tool_call(provider: LocalProvider, made: Certificate) -> None:
    config = {**CONFIG, "tools": [{"function_declarations": [WEATHER]}]}
    async with client(provider, made).aio.live.connect(model=MODEL, config=config) as session:
        await session.send_realtime_input(text="What is the weather in Pune?")
        async with asyncio.timeout(WITHIN_S):
            async for message in session.receive():
                if message.tool_call:
                    [call] = message.tool_call.function_calls
                    assert (call.name, call.args) == ("get_weather", {"city": "Pune"})
                    answer = types.FunctionResponse(id=call.id, name=call.name, response={"celsius": 31})
                    await session.send_tool_response(function_responses=[answer])
                    break
        assert said(await turn(session)) == "The result of get weather: celsius is 31."


async def test_resumption(provider: LocalProvider, made: Certificate) -> None:
    google = client(provider, made)
    handle = None
    async with google.aio.live.connect(model=MODEL, config={**CONFIG, "session_resumption": {}}) as session:
        await text(session, "My name is Ada")
        async with asyncio.timeout(WITHIN_S):
            message = await session._receive()
        handle = message.session_resumption_update.new_handle
    resumption = {"session_resumption": {"handle": handle}}
    async with google.aio.live.connect(model=MODEL, config={**CONFIG, **resumption}) as session:
        assert said(await text(session, "What is my name?")) == "Your name is Ada."


async def test_manual_activity_history_and_context_update(provider: LocalProvider, made: Certificate) -> None:
    config = {
        **CONFIG,
        "realtime_input_config": {"automatic_activity_detection": {"disabled": True}},
        "history_config": {"initial_history_in_client_content": True},
    }
    async with client(provider, made).aio.live.connect(model=MODEL, config=config) as session:
        history = [
            {"role": "user", "parts": [{"text": "I am called Mia."}]},
            {"role": "model", "parts": [{"text": "Hi Mia."}]},
        ]
        await session.send_client_content(turns=history, turn_complete=True)
        await session.send_realtime_input(text="What is my name?")
        assert said(await turn(session)) == "Your name is Mia."
        await session.send_realtime_input(activity_start={})
        sound = types.Blob(data=speech(400, 16_000), mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=sound)
        await session.send_realtime_input(activity_end={})
        assert said(await turn(session)) == "Nice to meet you, Ada!"
        await session.send_context_update(system_instruction={"parts": [{"text": "Say: changed"}]})
        assert said(await text(session, "hello")) == "changed"


@pytest.mark.parametrize(
    ("key", "config", "code", "reason"),
    [
        ("wrong", CONFIG, 1007, "API key not valid"),
        ("right", {**CONFIG, "response_modalities": ["TEXT"]}, 1007, "Cannot extract voices"),
        ("right", {**CONFIG, "session_resumption": {"handle": "h"}}, 1008, "session not found"),
    ],
)
async def test_a_refusal(
    provider: LocalProvider, made: Certificate, key: str, config: dict[str, Any], code: int, reason: str
) -> None:
    with pytest.raises(errors.APIError, match=reason) as refused:
        async with client(provider, made, key).aio.live.connect(model=MODEL, config=config):
            pass
    assert refused.value.code == code


async def test_a_token(provider: LocalProvider, made: Certificate) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = client(provider, made, api_version="v1alpha")
        constraints = {"model": MODEL, "config": {"system_instruction": "Say: of the token", **CONFIG}}
        # The SDK's plain HTTP client is the synchronous one here.
        token = await asyncio.to_thread(
            server.auth_tokens.create, config={"uses": 1, "live_connect_constraints": constraints}
        )
        browser = client(provider, made, token.name, api_version="v1alpha")
        async with browser.aio.live.connect(model=MODEL, config=CONFIG) as session:
            assert said(await text(session, "hello")) == "of the token"


@pytest.mark.skipif(not speech_is_installed(), reason="needs the extra `local`")
async def test_what_was_really_spoken_is_really_understood(made: Certificate, tmp_path: Path) -> None:
    voice = SpokenVoice()
    try:
        sound = await voice.say("What is the weather in Pune?", voice="marin", speed=1.0, rate_hz=16_000)
    finally:
        await voice.close()
    config = {**CONFIG, "tools": [{"function_declarations": [WEATHER]}]}
    async with (
        LocalProvider(pace=20.0, tls=made.context, key="right") as provider,
        client(provider, made).aio.live.connect(model=MODEL, config=config) as session,
    ):
        pcm = silence(200, 16_000) + sound + silence(800, 16_000)
        for start in range(0, len(pcm), 3200):
            blob = types.Blob(data=pcm[start : start + 3200], mime_type="audio/pcm;rate=16000")
            await session.send_realtime_input(audio=blob)
        async with asyncio.timeout(3 * WITHIN_S):
            async for message in session.receive():
                if message.tool_call:
                    assert message.tool_call.function_calls[0].args == {"city": "pune"}
                    break
