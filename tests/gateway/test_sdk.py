"""OpenAI's own SDK, unmodified, through the gateway to the local provider. clients/ has more, and others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from openai import AsyncOpenAI
from websockets import ConnectionClosedError

from gateway_rig import KEY, Books, Rig, rig, until
from realtime_switch.local.ears import NoEars
from realtime_switch.local.server import LocalProvider
from realtime_switch.local.voice import ToneVoice


@contextlib.asynccontextmanager
async def here() -> AsyncIterator[tuple[Rig, LocalProvider]]:
    async with (
        LocalProvider(voice=ToneVoice(), ears=NoEars(), pace=100) as provider,
        rig(url=provider.url, books=Books()) as made,
    ):
        yield made, provider


def sdk(rig: Rig, key: str = KEY) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=key, base_url=f"{rig.http}/v1", websocket_base_url=f"{rig.url}/v1")


def typed(words: str) -> Any:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": words}]}


async def answer(connection: Any, words: str, **response: Any) -> list[Any]:
    """Everything up to the end of the reply."""
    await connection.conversation.item.create(item=typed(words))
    await connection.response.create(**({"response": response} if response else {}))
    heard = []
    async with asyncio.timeout(10):
        while not heard or heard[-1].type != "response.done":
            heard.append(await connection.recv())
            assert heard[-1].type != "error", heard[-1]
    return heard


def text_of(heard: list[Any]) -> str:
    return "".join(event.delta for event in heard if event.type.endswith("text.delta"))


async def test_a_conversation_is_held_and_billed_to_the_token() -> None:
    async with here() as (made, provider):
        async with sdk(made).realtime.connect(model="m") as connection:
            await connection.session.update(session={"type": "realtime", "output_modalities": ["text"]})
            await answer(connection, "My name is Ada.")
            heard = await answer(connection, "What is my name?")
        assert "Ada" in text_of(heard)
        await until(lambda: len(made.books.bills) == 2)
        billed = sum(bill.tokens.total for bill in made.books.bills.values())
        assert billed == provider.stats.input_tokens + provider.stats.output_tokens
        assert made.books.credits["a1"] == 1_000_000 - billed


async def test_audio_comes_out() -> None:
    async with here() as (made, _), sdk(made).realtime.connect(model="m") as connection:
        heard = await answer(connection, "Hello.")
        assert any(event.type == "response.output_audio.delta" for event in heard)


async def test_a_function_is_called() -> None:
    tool: Any = {
        "type": "function",
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
    async with here() as (made, _), sdk(made).realtime.connect(model="m") as connection:
        await connection.session.update(
            session={"type": "realtime", "output_modalities": ["text"], "tools": [tool]}
        )
        heard = await answer(connection, "Use the weather tool for Pune.")
        (wanted,) = heard[-1].response.output
        assert (wanted.type, wanted.name) == ("function_call", "weather")


async def test_who_comes_back_is_known() -> None:
    async with here() as (made, _):
        query: Any = {"session_id": "ada"}
        async with sdk(made).realtime.connect(model="m", extra_query=query) as connection:
            await answer(connection, "My name is Ada.", output_modalities=["text"])
        async with sdk(made).realtime.connect(model="m", extra_query=query) as connection:
            # As agent SDKs do: an update of its own, at once.
            await connection.session.update(session={"type": "realtime", "instructions": "Be brief."})
            assert "Ada" in text_of(await answer(connection, "What is my name?", output_modalities=["text"]))


async def test_a_beta_client_is_answered_in_beta() -> None:
    async with here() as (made, _), sdk(made).beta.realtime.connect(model="m") as connection:
        await connection.session.update(session={"modalities": ["text"]})
        heard = await answer(connection, "Hello.")
        kinds = {event.type for event in heard}
        assert "response.text.delta" in kinds
        assert not {
            kind
            for kind in kinds
            if "output_text" in kind or (kind.endswith((".added", "item.done")) and "conversation" in kind)
        }


async def test_a_wrong_key_is_refused_with_a_reason() -> None:
    async with (
        here() as (made, _),
        sdk(made, "rslive_v1_" + "ff" * 24).realtime.connect(model="m") as connection,
    ):
        event = await connection.recv()
        assert event.type == "error"
        assert event.error.code == "invalid_api_key"
        with pytest.raises(ConnectionClosedError, match="3000"):
            await connection.recv()


async def test_models_and_client_secrets_are_read_by_the_sdk() -> None:
    async with here() as (made, _):
        async with sdk(made) as client:
            assert [model.id async for model in client.models.list()] == list(made.names)
            secret = await client.realtime.client_secrets.create(
                session={"type": "realtime", "model": "m", "instructions": "Your name is Otto."}
            )
        async with sdk(made, secret.value).realtime.connect(model="m") as connection:
            assert await answer(connection, "Hello.", output_modalities=["text"])
