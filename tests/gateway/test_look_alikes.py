"""Providers of OpenAI's dialect that are not like OpenAI (OPENAI-REALTIME.md 14, 15), over real sockets."""

import base64
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection

import openai_frames as openai
from gateway_rig import Line, Rig, hear, rig, text
from realtime_switch.providers.endpoint import Capabilities
from realtime_switch.providers.routes import Target

QWEN = Capabilities(spelling="beta", input_rate_hz=16_000, tools="nested")
FUNCTION = {"name": "seats", "description": "d", "parameters": {"type": "object", "properties": {}}}
UPDATED = {
    "type": "session.updated",
    "session": {"modalities": ["text", "audio"], "voice": "Cherry", "output_audio_format": "pcm16"},
}
TURN = [
    {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0, "item_id": "item_u"},
    {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 500, "item_id": "item_u"},
    {"type": "input_audio_buffer.committed", "previous_item_id": None, "item_id": "item_u"},
    {
        "type": "conversation.item.created",
        "item": {"id": "item_u", "type": "message", "role": "user", "content": [{"type": "input_audio"}]},
    },
    {"type": "response.created", "response": {"id": "r1", "object": "realtime.response"}},
    {
        "type": "response.output_item.added",
        "response_id": "r1",
        "output_index": 0,
        "item": {"id": "item_a", "type": "message", "role": "assistant", "content": []},
    },
    {"type": "response.audio.delta", "response_id": "r1", "item_id": "item_a", "delta": "AAAA" * 320},
    {"type": "response.audio_transcript.delta", "response_id": "r1", "item_id": "item_a", "delta": "Yes."},
    {
        "type": "response.output_item.done",
        "response_id": "r1",
        "item": {"id": "item_a", "type": "message", "role": "assistant", "status": "completed"},
    },
    {
        "type": "response.done",
        "response": {"id": "r1", "status": "completed", "usage": {"input_tokens": 9, "output_tokens": 3}},
    },
]


async def begun(here: Rig, **options: Any) -> tuple[ClientConnection, Line]:
    client = await here.connect(**options)
    assert (await hear(client))["type"] == "session.created"
    line = await here.upstream.line()
    opening = await line.hear()
    assert opening["type"] == "session.update"
    await line.say(UPDATED)
    return client, line


async def until_heard(client: ClientConnection, kind: str) -> list[Any]:
    heard = []
    while not heard or heard[-1]["type"] != kind:
        heard.append(await hear(client))
        assert openai.is_for_client(msgspec.json.encode(heard[-1]))
    return heard


async def test_a_ga_client_talks_with_a_provider_that_knows_only_beta() -> None:
    async with rig(capabilities=QWEN) as here:
        client, line = await begun(here)
        session = {
            "type": "realtime",
            "instructions": "Be kind.",
            "tools": [{"type": "function", **FUNCTION}],
            "audio": {"output": {"voice": "Cherry"}},
        }
        await client.send(text({"type": "session.update", "session": session}))
        update = (await line.hear())["session"]
        assert update == {
            "instructions": "Be kind.",
            "tools": [{"type": "function", "function": FUNCTION}],
            "tool_choice": "auto",
            "voice": "Cherry",
        }
        await line.say(UPDATED)
        (told,) = await until_heard(client, "session.updated")
        assert told["session"]["audio"]["output"]["voice"] == "Cherry"
        assert told["session"]["tools"] == [{"type": "function", **FUNCTION}]

        sent = 0
        for _ in range(10):
            audio = base64.b64encode(bytes(4800)).decode()  # 100 ms
            await client.send(text({"type": "input_audio_buffer.append", "audio": audio}))
        while sent < 0.9 * 32_000:
            appended = await line.hear()
            assert appended["type"] == "input_audio_buffer.append"
            sent += len(base64.b64decode(appended["audio"]))
        assert sent <= 32_000, "a second of 16 kHz"

        await line.say(*TURN)
        kinds = [event["type"] for event in await until_heard(client, "response.done")]
        assert kinds == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.delta",
            "response.output_audio_transcript.delta",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
        ]
        await client.close()


async def test_what_the_client_adds_and_asks_is_spelt_in_beta() -> None:
    async with rig(capabilities=QWEN) as here:
        client, line = await begun(here)
        said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]}
        past = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Yes."}]}
        for item in (past, said):
            await client.send(text({"type": "conversation.item.create", "item": item}))
        await client.send(text({"type": "response.create", "response": {"instructions": "Shout."}}))
        heard = [await line.hear() for _ in range(3)]
        assert [one.get("item", {}).get("content") for one in heard] == [
            [{"type": "text", "text": "Yes."}],
            [{"type": "input_text", "text": "Hi."}],
            None,
        ]
        assert heard[2]["response"] == {"instructions": "Shout."}
        await client.close()


async def test_audio_that_comes_at_another_rate_is_given_to_the_client_at_its_own() -> None:
    async with rig(capabilities=Capabilities(output_rate_hz=48_000)) as here:
        client, line = await begun(here)
        tone = base64.b64encode(bytes(96 * 400)).decode()  # 400 ms
        await line.say(*(TURN[4:6]), {**TURN[6], "delta": tone}, *TURN[8:])
        events = await until_heard(client, "response.done")
        audio = b"".join(
            base64.b64decode(event["delta"]) for event in events if "audio.delta" in event["type"]
        )
        assert 0.9 * 48 * 400 < len(audio) <= 48 * 400
        await client.close()


async def test_openai_itself_never_hears_beta_and_passes_unread() -> None:
    async with rig() as here:
        client = await here.connect(headers={"OpenAI-Beta": "realtime=v1"})
        line = await here.upstream.line()
        assert "openai-beta" not in line.headers
        update = {"type": "session.update", "session": {"modalities": ["text"], "voice": "marin"}}
        await client.send(text(update))
        assert (await line.hear())["session"] == {
            "type": "realtime",
            "output_modalities": ["text"],
            "audio": {"output": {"voice": "marin"}},
        }
        await client.close()


async def test_a_call_goes_from_a_look_alike_to_openai_and_back_while_its_client_stays() -> None:
    targets = (Target("up", "*"), Target("other", "echo"))
    async with rig(capabilities=QWEN, targets=targets) as here:
        client, line = await begun(here)
        await client.send(
            text({"type": "session.update", "session": {"type": "realtime", "instructions": "Hi"}})
        )
        await line.hear()
        await line.say(UPDATED)
        await until_heard(client, "session.updated")
        await line.say(*TURN)
        await until_heard(client, "response.done")

        await client.send(text({"type": "realtime_switch.switch"}))
        there = await here.other.line()
        update = (await there.hear())["session"]
        assert update["type"] == "realtime"
        assert update["instructions"].startswith("Hi")
        assert update["instructions"].endswith("agent: Yes.")
        assert (await hear(client))["type"] == "realtime_switch.switched"
        await client.send(text({"type": "response.create"}))
        assert await there.hear() == {"type": "response.create"}
        await there.say(openai.RESPONSE_CREATED.decode(), openai.RESPONSE_DONE.decode())
        await until_heard(client, "response.done")

        await client.send(text({"type": "realtime_switch.switch", "target": "up/m"}))
        again = await here.upstream.line()
        back = (await again.hear())["session"]
        assert "type" not in back
        assert back["instructions"].startswith("Hi")
        await again.say(UPDATED)
        assert (await hear(client))["type"] == "realtime_switch.switched"
        await client.send(text({"type": "response.create"}))
        assert (await again.hear())["type"] == "response.create"
        await client.close()


@pytest.mark.parametrize("kind", ["ping", "heartbeat"])
@pytest.mark.parametrize("capabilities", [Capabilities(), QWEN])
async def test_pings_in_json_are_shown_to_nobody(kind: str, capabilities: Capabilities) -> None:
    async with rig(capabilities=capabilities) as here:
        client, line = await (here.call() if capabilities.spelling == "ga" else begun(here))
        await line.say({"type": kind, "event_id": "e1", "timestamp": 5}, *TURN[4:6])
        assert (await hear(client))["type"] == "response.created"
        await client.close()
