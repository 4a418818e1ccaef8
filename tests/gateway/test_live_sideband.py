"""`/v1/live/sessions/{id}/attach`: a trusted server beside a call's client, with OpenAI's SDK and without."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
import websockets
from openai import AsyncOpenAI

import live_frames as live
from gateway_rig import KEY, OTHER_KEY, SIGNING_KEY, Line, Rig, ending, rig, text, until
from openapi_check import check_answer
from realtime_switch.accounts.keys import hash_key
from realtime_switch.gateway import ids
from realtime_switch.gateway.client_secrets import Bound, seal
from realtime_switch.gateway.watcher import WATCHERS_MAX

LIVE = "/v1/live/sessions"
ATTACH = f"{LIVE}/live_u1_abc/attach"


@pytest.fixture
async def here() -> AsyncIterator[Rig]:
    async with rig(dialect="gpt-live") as made:
        made.upstream.greets = False
        yield made


async def begun(here: Rig, format: Any = None) -> tuple[Any, Line]:
    client = await here.connect(LIVE)
    await client.send(text({"type": "session.start", "session": {"model": "m-1"}}))
    line = await here.upstream.line()
    await line.hear()
    session = {**live.SESSION, "model": "m-1"}
    if format is not None:
        session["audio"] = {"format": format, "output": {"voice": "marin"}}
    await line.say({"type": "session.started", "event_id": "event_1", "session": session})
    await client.recv()
    return client, line


async def heard(watcher: Any) -> Any:
    frame = await asyncio.wait_for(watcher.recv(), 5)
    assert live.is_for_client(frame)
    return msgspec.json.decode(frame)


async def test_its_call_is_listed_as_what_it_is(here: Rig) -> None:
    client, _ = await begun(here)
    async with httpx.AsyncClient(base_url=here.http) as asker:
        answer = await asker.get("/v1/calls", headers={"authorization": f"Bearer {KEY}"})
    check_answer(answer)
    assert [call["dialect"] for call in answer.json()["data"]] == ["gpt-live"]
    await client.close()


async def test_it_is_greeted_hears_both_and_may_steer(here: Rig) -> None:
    client, line = await begun(here)
    assert client.response.headers["x-session-id"]
    watcher = await here.connect(ATTACH)
    greeted = await heard(watcher)
    assert (greeted["type"], greeted["session"]["id"]) == ("session.started", "live_u1_abc")
    call = next(iter(here.gateway.switchboard.calls))
    await until(lambda: len(call.watchers) == 1)
    said = live.said("AAAA" * 1600).decode()
    await client.send(said)
    assert await line.raw() == said
    assert await heard(watcher) == {"type": "session.input_audio.append", "audio": "AAAA" * 1600}
    for number in range(2):
        await line.socket.send(live.spoken("AAAA" * 1600).decode())
        assert await client.recv() == live.spoken("AAAA" * 1600).decode(), "the client's is as it came"
        told = await heard(watcher)
        assert (told["start_ms"], told["end_ms"]) == (number * 100, number * 100 + 100)
    steer = text({"type": "session.instructions.append", "content": "Stop.", "delegation_id": None})
    await watcher.send(steer)
    assert await line.raw() == steer
    appended = live.example("session.instructions.appended").decode()
    await line.socket.send(appended)
    assert await client.recv() == appended
    assert (await heard(watcher))["type"] == "session.instructions.appended"
    await watcher.close()
    await until(lambda: not call.watchers)
    await client.send(said)  # and the call goes on
    assert await line.raw() == said
    await client.close()


async def test_what_it_hears_is_pcm_of_24_khz_whatever_the_session_has(here: Rig) -> None:
    client, line = await begun(here, {"type": "audio/pcmu", "rate": 8000})
    watcher = await here.connect(ATTACH)
    await heard(watcher)
    await until(lambda: bool(next(iter(here.gateway.switchboard.calls)).watchers))
    silence = base64.b64encode(b"\xff" * 8_000).decode()
    await line.socket.send(live.spoken(silence).decode())
    told = await heard(watcher)
    assert told["end_ms"] == 1000
    assert abs(len(base64.b64decode(told["delta"])) - 48_000) <= 48 * 40, "less what the filter holds"
    await client.close()


@pytest.mark.parametrize("kind", ["session.start", "session.input_audio.append"])
async def test_what_is_the_primary_connections_alone_is_refused(here: Rig, kind: str) -> None:
    client, _ = await begun(here)
    watcher = await here.connect(ATTACH)
    await heard(watcher)
    await watcher.send(text({"type": kind, "event_id": "w1"}))
    error = (await heard(watcher))["error"]
    assert (error["code"], error["client_event_id"]) == ("invalid_value", "w1")
    await client.close()


async def status(here: Rig, path: str = ATTACH, **options: Any) -> int:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await here.connect(path, **options)
    return int(refused.value.response.status_code)


async def test_it_is_for_who_holds_the_calls_own_key_and_nobody_else(here: Rig) -> None:
    assert await status(here) == 404, "there is no such call yet"
    client, _ = await begun(here)
    bound = Bound(key_hash=hash_key(KEY), session_id="ada", expires_at=ids.now_us() // 1_000_000 + 60)
    assert await status(here, key=None) == 401
    assert await status(here, key=OTHER_KEY) == 404
    assert await status(here, key=seal(bound, SIGNING_KEY)) == 404, "a page is no trusted server"
    assert await status(here, f"{LIVE}/live_u1_xyz/attach") == 404
    watchers = [await here.connect(ATTACH) for _ in range(WATCHERS_MAX)]
    await until(lambda: len(next(iter(here.gateway.switchboard.calls)).watchers) == WATCHERS_MAX)
    assert await status(here) == 429
    for watcher in watchers:
        await watcher.close()
    await client.close()


@pytest.mark.parametrize("graceful", [True, False])
async def test_it_ends_with_the_call(here: Rig, graceful: bool) -> None:
    client, line = await begun(here)
    watcher = await here.connect(f"{ATTACH}?graceful_close=true" if graceful else ATTACH)
    await heard(watcher)
    await until(lambda: bool(next(iter(here.gateway.switchboard.calls)).watchers))
    await line.socket.send(live.closed(1.0).decode())
    assert (await heard(watcher))["type"] == "session.closed"
    assert (await ending(watcher))[0] == (1000 if graceful else 1006)
    await client.wait_closed()


async def test_openais_sdk_watches_and_steers(here: Rig) -> None:
    client, line = await begun(here)
    sdk = AsyncOpenAI(api_key=KEY, base_url=f"{here.http}/v1", websocket_base_url=f"{here.url}/v1")
    async with sdk, sdk.live.sideband.connect(session_id="live_u1_abc") as sideband, asyncio.timeout(10):
        assert (await sideband.recv()).session.id == "live_u1_abc"
        await sideband.session.commentary.append(content="Hello.", delegation_id=None)
        assert (await line.hear())["type"] == "session.commentary.append"
        await line.socket.send(live.words("agent", " Hello.", 0, 200).decode())
        assert (await sideband.recv()).delta == " Hello."
    await client.close()
