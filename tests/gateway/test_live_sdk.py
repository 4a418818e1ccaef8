"""OpenAI's own SDK, unmodified, as a GPT-Live client through the gateway to the local provider. clients/ has
LiveKit and Pipecat."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from openai import AsyncOpenAI

from gateway_rig import KEY, Books, Rig, rig, until
from local_talk import EarsFor
from realtime_switch.accounts.records import Certainty, UsageKind
from realtime_switch.local.gpt_live.habits import OPENAI, LiveHabits
from realtime_switch.local.script import Script, ScriptedCall, ScriptedReply
from realtime_switch.local.server import LocalProvider
from realtime_switch.local.thought import Tokens
from realtime_switch.local.voice import ToneVoice, melody

TOOL: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}
QUESTION = melody("what is the weather in Pune", voice="", speed=1.0, rate_hz=24_000)


@contextlib.asynccontextmanager
async def here(
    *reply: ScriptedReply, hears: tuple[str, ...] = (), live: LiveHabits = OPENAI
) -> AsyncIterator[tuple[Rig, LocalProvider]]:
    async with (
        LocalProvider(
            voice=ToneVoice(), ears=EarsFor(*hears), script=Script(reply=reply), live=live
        ) as provider,
        rig(url=provider.live_url, dialect="gpt-live", books=Books()) as made,
    ):
        yield made, provider


def sdk(rig: Rig) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=KEY, base_url=f"{rig.http}/v1", websocket_base_url=f"{rig.url}/v1")


async def say(connection: Any, pcm: bytes) -> None:
    for at in range(0, len(pcm), 4_800):
        await connection.session.input_audio.append(audio=base64.b64encode(pcm[at : at + 4_800]).decode())


async def until_type(connection: Any, kind: str, heard: list[Any]) -> Any:
    async with asyncio.timeout(10):
        while True:
            heard.append(await connection.recv())
            assert heard[-1].type != "error", heard[-1]
            if heard[-1].type == kind:
                return heard[-1]


def words(heard: list[Any], who: str) -> str:
    return "".join(event.delta for event in heard if event.type == f"session.{who}_transcript.delta").strip()


async def test_a_session_is_held_and_billed_to_the_millisecond() -> None:
    async with here(ScriptedReply(text="It is warm."), hears=("how is it in Pune",)) as (made, provider):
        heard: list[Any] = []
        async with sdk(made).live.connect() as connection:
            await connection.session.start(session={"model": "m-1", "instructions": "Be brief."})
            started = await until_type(connection, "session.started", heard)
            assert (started.session.model, started.session.instructions) == ("m-1", "Be brief.")
            await say(connection, QUESTION + bytes(48_000))
            await until_type(connection, "session.input_transcript.delta", heard)
            await say(connection, bytes(48_000 * 16))
            await until_type(connection, "session.usage.updated", heard)
            await connection.session.close()
            closed = await until_type(connection, "session.closed", heard)
        assert (words(heard, "input"), words(heard, "output")) == ("how is it in Pune", "It is warm.")
        await until(
            lambda: sum(b.duration_ms for b in made.books.bills.values()) >= provider.stats.session_ms
        )
        bills = sorted(made.books.bills.values(), key=lambda bill: bill.id)
        assert [(bill.kind, bill.certainty) for bill in bills] == [
            (UsageKind.SESSION, Certainty.REPORTED),
            (UsageKind.SESSION, Certainty.CONFIRMED),
        ]
        assert sum(bill.duration_ms for bill in bills) == round(closed.usage.seconds * 1000)
        await until(lambda: "agent" in "".join(made.books.said.values()))
        assert "".join(made.books.said.values()) == "user: how is it in Pune\nagent: It is warm."


async def test_a_backend_calls_a_function_whose_tokens_are_its_own() -> None:
    replies = (
        ScriptedReply(calls=(ScriptedCall("weather", {"city": "Pune"}),), usage=Tokens(input_text=40)),
        ScriptedReply(text="31 degrees.", usage=Tokens(input_text=60, output_text=9), hosted=("web_search",)),
    )
    async with here(*replies, hears=("what is the weather in Pune",)) as (made, _):
        heard: list[Any] = []
        async with sdk(made).live.connect() as connection:
            delegation: Any = {"type": "responses", "responses": {"model": "gpt-5.6-terra", "tools": [TOOL]}}
            await connection.session.start(session={"model": "m-1", "delegation": delegation})
            await until_type(connection, "session.started", heard)
            await say(connection, QUESTION + bytes(48_000))
            told: Any = None
            while told is None or told.event["type"] != "response.completed":
                told = await until_type(connection, "response.event", heard)
            (call,) = [
                event.event["item"]
                for event in heard
                if event.type == "response.event" and event.event["type"] == "response.output_item.done"
            ]
            output: Any = {"type": "function_call_output", "call_id": call["call_id"], "output": "31"}
            await connection.response.item.create(item=output)
            await connection.response.create()
            await until_type(connection, "response.event", heard)
            await say(connection, bytes(48_000 * 3))
            await until_type(connection, "session.output_transcript.delta", heard)
            await connection.session.close()
            await until_type(connection, "session.closed", heard)
        await until(lambda: len(made.books.bills) == 3)
        bills = [bill for bill in made.books.bills.values() if bill.kind is UsageKind.RESPONSE]
        costs = sorted((bill.model, bill.tokens.input, bill.tokens.output, bill.fees) for bill in bills)
        assert costs == [("gpt-5.6-terra", 40, 0, 0), ("gpt-5.6-terra", 60, 9, 1)]


async def test_who_comes_back_is_known_in_a_session_of_its_own() -> None:
    async with here(hears=("my name is Ada", "what is my name")) as (made, _):
        ids = []
        for _ in range(2):
            heard: list[Any] = []
            query: Any = {"session_id": "ada"}
            async with sdk(made).live.connect(extra_query=query) as connection:
                await connection.session.start(session={"model": "m-1"})
                ids.append((await until_type(connection, "session.started", heard)).session.id)
                await say(connection, QUESTION + bytes(48_000))
                await until_type(connection, "session.input_transcript.delta", heard)
                await say(connection, bytes(48_000 * 6))
                await until_type(connection, "session.output_transcript.delta", heard)
                await connection.session.close()
                await until_type(connection, "session.closed", heard)
            await until(lambda: "agent" in made.books.said.get("ada", ""))
        assert len(set(ids)) == 2
        assert words(heard, "output") == "Your name is Ada."
