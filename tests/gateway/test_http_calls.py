"""Whoever holds the key sees the calls of its account, and says where they go."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from gateway_rig import KEY, OTHER_KEY, Books, Rig, begun, done, hear, rig, until
from openapi_check import check_answer
from realtime_switch.accounts.keys import hash_key
from realtime_switch.accounts.records import SwitchCause
from realtime_switch.gateway import pulse
from realtime_switch.gateway.ids import now_us
from realtime_switch.providers.routes import Target

BOTH = {"targets": (Target("up", "*"), Target("other", "echo"))}
STRANGER = "rslive_v1_" + "0d" * 24


@pytest.fixture
async def here() -> AsyncIterator[Rig]:
    async with rig(**BOTH) as made:
        made.books.keys[hash_key(STRANGER)] = "a2"
        made.books.credits["a2"] = 1_000
        yield made


async def ask(here: Rig, method: str, path: str, *, key: str | None = KEY, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=here.http) as client:
        answer = await client.request(method, path, headers=headers, **body)
    check_answer(answer)
    return answer


async def listed(here: Rig, key: str = KEY) -> Any:
    answer = await ask(here, "GET", "/v1/calls", key=key)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def switch(here: Rig, call: str, key: str = KEY, **body: Any) -> tuple[int, Any]:
    answer = await ask(here, "POST", f"/v1/calls/{call}/switch", key=key, **body)
    return answer.status_code, answer.json()


async def refused(here: Rig, call: str, key: str = KEY, **body: Any) -> tuple[int, str, str]:
    status, said = await switch(here, call, key, **body)
    return status, said["error"]["code"], said["error"]["message"]


async def silent(client: ClientConnection) -> bool:
    """Nothing has come: what the gateway sends now is the next that the client hears."""
    await client.send('{"type":"realtime_switch.nothing"}')
    return (await hear(client))["type"] == "error"


async def test_the_calls_of_an_account_are_listed_whichever_of_its_keys_asks(here: Rig) -> None:
    assert await listed(here) == {"object": "list", "data": []}
    before_s = now_us() // 1_000_000
    client, _ = await here.call(path="/v1/realtime?model=m-1&session_id=ada/1")
    for key in (KEY, OTHER_KEY):
        (call,) = (await listed(here, key))["data"]
        assert before_s <= call.pop("since") <= now_us() // 1_000_000
        assert call == {
            "object": "call",
            "id": "ada/1",
            "state": "live",
            "dialect": "openai",
            "provider": "up",
            "model": "m-1",
            "targets": ["up/m-1", "other/echo"],
        }
    assert (await listed(here, STRANGER))["data"] == []
    await client.close()
    await until(lambda: len(here.gateway.switchboard.calls) == 0)
    assert (await listed(here))["data"] == []


async def test_a_call_goes_to_the_named_target_while_its_client_stays_and_notices_nothing(here: Rig) -> None:
    client, line = await here.call(path="/v1/realtime?model=m-1&session_id=ada/1")
    assert await switch(here, "ada/1", json={"target": "other/echo"}) == (
        202,
        {
            "object": "call.switch",
            "id": "ada/1",
            "from": "up/m-1",
            "to": "other/echo",
            "when": "at the end of the turn",
        },
    )
    there = await here.other.line()
    assert there.path == "/v1/realtime?model=echo"
    assert await line.closed() == 1000
    (call,) = (await listed(here))["data"]
    assert (call["provider"], call["model"]) == ("other", "echo")
    assert await silent(client), "neither a second greeting nor an event of ours"
    await client.send('{"type":"response.create"}')
    assert await there.hear() == {"type": "response.create"}
    await there.say(begun("r2"), done("r2"))
    assert [(await hear(client))["type"] for _ in range(2)] == ["response.created", "response.done"]
    await client.close()
    await until(lambda: bool(here.books.switches))
    (seam,) = here.books.switches
    assert (seam.cause, seam.from_provider, seam.to_provider, seam.to_model) == (
        SwitchCause.REQUESTED,
        "up",
        "other",
        "echo",
    )


async def test_a_running_reply_is_heard_to_its_end_first(here: Rig) -> None:
    client, line = await here.call(path="/v1/realtime?model=m-1&session_id=ada")
    await line.say(begun("r1"))
    assert (await hear(client))["type"] == "response.created"
    status, said = await switch(here, "ada")
    assert (status, said["to"]) == (202, "other/echo")
    there = await here.other.line()
    await until(lambda: next(iter(here.gateway.switchboard.calls)).lines.beside is not None)
    (call,) = (await listed(here))["data"]
    assert call["provider"] == "up"
    assert await refused(here, "ada") == (
        409,
        "switch_refused",
        "The call is on its way to other/echo already.",
    )
    await line.say(done("r1"))
    assert (await hear(client))["type"] == "response.done"
    assert await line.closed() == 1000
    await client.send('{"type":"response.create"}')
    assert await there.hear() == {"type": "response.create"}
    await client.close()


@pytest.mark.parametrize("body", [{}, {"json": {}}, {"json": {"target": ""}}, {"json": {"target": None}}])
async def test_without_a_name_it_goes_to_the_next(here: Rig, body: dict[str, Any]) -> None:
    client, _ = await here.call(path="/v1/realtime?model=m-1&session_id=ada")
    status, said = await switch(here, "ada", **body)
    assert (status, said["to"]) == (202, "other/echo")
    await client.close()


async def test_what_cannot_be_is_said(here: Rig) -> None:
    client, _ = await here.call(path="/v1/realtime?model=m-1&session_id=ada")
    assert await refused(here, "ada", json={"target": "other/none"}) == (
        409,
        "switch_refused",
        "The call's route has no target 'other/none'. It has: up/m-1, other/echo.",
    )
    for body in (b'{"target":', b'{"target":1}', b"[]", b'{"traget":"other/echo"}', b'{"target":"\xff"}'):
        status, code, _ = await refused(here, "ada", content=body)
        assert (status, code in ("invalid_json", "invalid_value")) == (400, True)
    assert (await listed(here))["data"][0]["provider"] == "up"
    await client.close()


async def test_a_strangers_call_is_no_call(here: Rig) -> None:
    client, _ = await here.call(path="/v1/realtime?model=m-1&session_id=ada")
    unknown = await refused(here, "bob")
    assert unknown[:2] == (404, "call_not_found")
    status, code, message = await refused(here, "ada", key=STRANGER)
    assert (status, code, message.replace("ada", "bob")) == unknown
    assert [r[0] for r in (await refused(here, "ada", key="sk-1"), await refused(here, "ada", key=""))] == [
        401,
        401,
    ]
    await client.close()


async def test_a_route_of_one_target_has_nowhere_to_go() -> None:
    async with rig() as here:
        client, _ = await here.call(path="/v1/realtime?model=m-1&session_id=ada")
        assert (await refused(here, "ada"))[0] == 409
        await client.close()


async def test_a_client_that_asks_in_its_call_is_told(here: Rig) -> None:
    client, _ = await here.call(path="/v1/realtime?model=m-1&session_id=ada")
    await client.send('{"type":"realtime_switch.switch","event_id":"s1","target":"other/echo"}')
    told = await hear(client)
    assert {k: v for k, v in told.items() if k != "event_id"} == {
        "type": "realtime_switch.switched",
        "provider": "other",
        "model": "echo",
        "request_event_id": "s1",
    }
    await client.send('{"type":"realtime_switch.switch","event_id":"s2","target":"nobody/echo"}')
    error = (await hear(client))["error"]
    assert (error["code"], error["param"], error["event_id"]) == ("switch_refused", "target", "s2")
    await client.close()


async def test_a_call_is_seen_and_moved_from_every_gateway_of_the_machine(tmp_path: Path) -> None:
    one = {**BOTH, "books": Books(), "neighbours": tmp_path}
    async with rig(**one) as here, rig(**one) as there:
        client, _ = await there.call(path="/v1/realtime?model=m-1&session_id=ada")
        mine, _ = await here.call(path="/v1/realtime?model=m-1&session_id=bob")
        assert [call["id"] for call in (await listed(here))["data"]] == ["ada", "bob"]
        assert await listed(here) == await listed(there)
        assert await refused(here, "ada", json={"target": "nowhere/x"}) == (
            409,
            "switch_refused",
            "The call's route has no target 'nowhere/x'. It has: up/m-1, other/echo.",
        )
        status, said = await switch(here, "ada", json={"target": "other/echo"})
        assert (status, said["id"], said["from"], said["to"]) == (202, "ada", "up/m-1", "other/echo")
        await there.other.line()
        assert here.other.dials == 0
        await client.close()
        await until(lambda: len(there.gateway.switchboard.calls) == 0)
        assert [call["id"] for call in (await listed(here))["data"]] == ["bob"]
        assert (await refused(here, "ada"))[:2] == (404, "call_not_found")
        await mine.close()


async def test_a_route_may_have_its_clients_told_of_every_switch() -> None:
    async with rig(**BOTH, tell_switches=True) as here:
        client, line = await here.call(path="/v1/realtime?model=m-1&session_id=ada")
        line.socket.transport.abort()
        there = await asyncio.wait_for(here.other.lines.get(), 5)
        assert there.path == "/v1/realtime?model=echo"
        told = await hear(client)
        assert (told["type"], told["provider"], told["request_event_id"]) == (
            "realtime_switch.switched",
            "other",
            None,
        )
        await client.close()


@pytest.mark.parametrize("on_drop", ["same", "next"])
async def test_after_a_drop_a_call_goes_where_its_route_says(on_drop: str) -> None:
    async with rig(**BOTH, on_drop=on_drop) as here:
        client, line = await here.call(path="/v1/realtime?model=m-1")
        line.socket.transport.abort()
        there = await (here.upstream if on_drop == "same" else here.other).line()
        assert there.path == f"/v1/realtime?model={'m-1' if on_drop == 'same' else 'echo'}"
        await client.close()


async def test_a_provider_whose_pongs_take_too_long_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "PING_S", 0.02)
    async with rig(**BOTH, switch_above_latency_ms=0, switch_after=2) as here:
        client, line = await here.call(path="/v1/realtime?model=m-1")
        transport = line.socket.transport
        while not here.other.dials:
            transport.pause_reading()
            await asyncio.sleep(0.005)
            transport.resume_reading()
            await asyncio.sleep(0.005)
        await here.other.line()
        await client.close()


async def test_a_provider_that_is_too_slow_too_often_is_left() -> None:
    async with rig(**BOTH, switch_above_latency_ms=1, switch_after=2) as here:
        client, line = await here.call(path="/v1/realtime?model=m-1")
        for reply in ("r1", "r2"):
            assert here.other.dials == 0
            await client.send('{"type":"response.create"}')
            await line.hear()
            await asyncio.sleep(0.005)
            item = {"id": f"i_{reply}", "type": "message", "role": "assistant", "content": []}
            added = {
                "type": "response.output_item.added",
                "response_id": reply,
                "output_index": 0,
                "item": item,
            }
            await line.say(begun(reply), added, done(reply))
            while (await hear(client))["type"] != "response.done":
                pass
        await here.other.line()
        await client.close()
