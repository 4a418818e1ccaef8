"""A gateway that is to stop: calls end when nobody would miss a word, and come back elsewhere."""

import asyncio
from typing import Any

import msgspec
import pytest
import websockets

from gateway_rig import CREATED, KEY, Line, Rig, begun, beside, done, ending, hear, rig, until
from realtime_switch.gateway.switchboard import Bounds

PATIENT = Bounds(drain_s=10)
STOPPED = (1001, "The gateway is stopping. Connect again.")
GEMINI = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
APPEND = '{"type":"input_audio_buffer.append","audio":"AAAA"}'


def event(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": f"input_audio_buffer.{kind}", "event_id": "e_1", "item_id": "item_1", **members}


async def answers_unasked(here: Rig) -> tuple[Any, Line]:
    """A call whose provider says where turns end, and answers them."""
    detection = {"type": "server_vad", "create_response": True}
    greeting = {
        **CREATED,
        "session": {**CREATED["session"], "audio": {"input": {"turn_detection": detection}}},
    }
    here.upstream.greets = False
    client = await here.connect()
    line = await here.upstream.line()
    await line.say(greeting)
    await hear(client)
    return client, line


async def test_a_call_in_which_nothing_is_under_way_ends_at_once() -> None:
    async with rig(bounds=PATIENT) as here:
        client, line = await here.call()
        async with asyncio.timeout(5):  # far less than it might wait
            await here.gateway.close()
        assert await ending(client) == STOPPED
        assert await line.closed() == 1000


async def test_a_reply_that_is_under_way_is_heard_to_its_end() -> None:
    async with rig(bounds=PATIENT) as here:
        client, line = await here.call()
        await client.send('{"type":"response.create"}')
        await line.raw()
        closing = beside(here.gateway.close())
        await until(lambda: here.gateway.switchboard.door.stopping)
        with pytest.raises(ConnectionRefusedError):
            await here.connect()
        await line.say(begun(), done())
        heard = [await hear(client), await hear(client)]
        assert [one["type"] for one in heard] == ["response.created", "response.done"]
        assert await ending(client) == STOPPED
        await closing
        assert here.books.credits["a1"] == 1_000_000 - 10


async def test_who_keeps_a_connection_open_reads_that_it_is_not_ready() -> None:
    async with rig(bounds=PATIENT) as here:
        client, line = await here.call()
        await line.say(begun())
        await hear(client)
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        ask = b"GET /readyz HTTP/1.1\r\nhost: a\r\n\r\n"
        writer.write(ask)
        assert (await reader.readuntil(b"ready\n")).startswith(b"HTTP/1.1 200")
        closing = beside(here.gateway.close())
        await until(lambda: here.gateway.switchboard.door.stopping)
        writer.write(ask)
        assert (await reader.readuntil(b"stopping\n")).startswith(b"HTTP/1.1 503")
        await line.say(done())
        await closing
        writer.close()


async def test_who_speaks_is_not_cut_off_and_gets_an_answer() -> None:
    async with rig(bounds=PATIENT) as here:
        client, line = await answers_unasked(here)
        await line.say(event("speech_started"))
        await hear(client)
        closing = beside(here.gateway.close())
        await until(lambda: here.gateway.switchboard.door.stopping)
        await client.send(APPEND)
        assert await line.raw() == APPEND
        await line.say(event("speech_stopped"), event("committed"))
        assert [(await hear(client))["type"][19:] for _ in range(2)] == ["speech_stopped", "committed"]
        await line.say(begun(), done())
        assert [(await hear(client))["type"] for _ in range(2)] == ["response.created", "response.done"]
        assert await ending(client) == STOPPED
        await closing


async def test_who_ends_turns_himself_is_taken_to_speak_while_he_sends_sound() -> None:
    async with rig(bounds=PATIENT) as here:
        client, line = await here.call()  # by its greeting, without a detection of turns
        for _ in range(20):
            await client.send(APPEND)
            await line.raw()
        closing = beside(here.gateway.close())
        await until(lambda: here.gateway.switchboard.door.stopping)
        await client.send('{"type":"input_audio_buffer.commit"}')
        await line.raw()
        await line.say(event("committed"))
        await client.send('{"type":"response.create"}')
        await line.raw()
        await line.say(begun(), done())
        heard = [(await hear(client))["type"] for _ in range(3)]
        assert heard == ["input_audio_buffer.committed", "response.created", "response.done"]
        assert await ending(client) == STOPPED
        await closing


async def test_what_takes_too_long_is_ended_all_the_same() -> None:
    async with rig(bounds=Bounds(drain_s=0.2)) as here:
        client, line = await here.call()
        await line.say(begun())
        assert (await hear(client))["type"] == "response.created"
        await here.gateway.close()
        assert await ending(client) == STOPPED


async def test_who_has_not_been_put_through_yet_comes_back_at_once() -> None:
    async with rig(bounds=PATIENT) as here:
        here.upstream.greets = False
        client = await here.connect()
        await here.upstream.line()
        async with asyncio.timeout(5):
            await here.gateway.close()
        assert await ending(client) == STOPPED


async def test_a_gemini_client_is_told_before_that_it_will_be() -> None:
    async with rig(bounds=PATIENT, dialect="gemini") as here:
        here.upstream.greets = False
        client = await here.connect(GEMINI, key=None, headers={"x-goog-api-key": KEY})
        await client.send('{"setup":{"model":"models/m-1"}}')
        line = await here.upstream.line()
        await line.raw()
        await line.say({"setupComplete": {}})
        assert await hear(client) == {"setupComplete": {}}
        turn = {
            "clientContent": {"turns": [{"role": "user", "parts": [{"text": "Hi"}]}], "turnComplete": True}
        }
        await client.send(msgspec.json.encode(turn).decode())
        await line.raw()
        closing = beside(here.gateway.close())
        assert msgspec.json.decode(await client.recv()) == {"goAway": {"timeLeft": "10s"}}
        await line.say({"serverContent": {"modelTurn": {"parts": [{"text": "Hello"}]}}})
        await line.say({"serverContent": {"generationComplete": True, "turnComplete": True}})
        assert "modelTurn" in (await hear(client))["serverContent"]
        assert "turnComplete" in (await hear(client))["serverContent"]
        assert await ending(client) == STOPPED
        await closing


async def test_a_client_is_sent_away_only_when_its_last_words_can_be_found() -> None:
    async with rig(bounds=PATIENT) as here:
        client, line = await here.call()
        await line.say(begun(), done())
        for _ in range(2):
            await hear(client)
        here.books.open.clear()  # the ledger is slow
        closing = beside(here.gateway.close())
        await until(lambda: not len(here.gateway.switchboard.calls))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.recv(), 0.2)
        here.books.open.set()
        with pytest.raises(websockets.ConnectionClosed):
            await client.recv()
        assert here.books.credits["a1"] == 1_000_000 - 10
        assert await ending(client) == STOPPED
        await closing
        assert KEY not in str(here.books.bills)
