"""A call that changes its provider, over real sockets."""

from http import HTTPStatus
from typing import Any

import pytest
from websockets import Response
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from gateway_rig import Rig, begun, hear, rig, until
from realtime_switch.providers.routes import Target
from realtime_switch.session import limits

TWO = (Target("up", "m"), Target("other", "m"))
DELTA = (
    '{"type":"response.output_audio.delta","event_id":"e","response_id":"resp_1","item_id":"i","output_index":0,'
    '"content_index":0,"delta":"AAAA"}'
)
TO_OTHER = '{"type":"realtime_switch.switch","event_id":"q1","target":"other/m"}'


async def heard_until(client: ClientConnection, kind: str) -> Any:
    while (heard := await hear(client))["type"] != kind:
        pass
    return heard


async def ready_beside(here: Rig) -> None:
    (call,) = here.gateway.switchboard.calls

    def is_ready() -> bool:
        beside = call.session.moving.beside
        return beside is not None and beside.ready

    await until(is_ready)


async def test_a_provider_that_dies_while_another_is_ready_leaves_the_call_to_that_one() -> None:
    async with rig(targets=TWO) as here:
        client, line = await here.call()
        await line.say(begun(), DELTA)
        await client.send(TO_OTHER)
        second = await here.other.line()
        await ready_beside(here)
        line.socket.transport.abort()
        assert (await heard_until(client, "response.done"))["response"]["status"] == "cancelled"
        told = await heard_until(client, "realtime_switch.switched")
        assert (told["provider"], told["request_event_id"]) == ("other", "q1")
        await second.say(begun("r2"))
        assert (await heard_until(client, "response.created"))["response"]["id"] == "r2"
        assert (here.upstream.dials, here.other.dials) == (1, 1)


async def test_a_provider_beside_that_says_nothing_is_given_up_and_the_client_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "PROVIDER_GREETING_S", 0.1)
    async with rig(targets=TWO) as here:
        client, line = await here.call()
        here.other.greets = False
        for _ in range(2):
            await client.send(TO_OTHER)
            silent = await here.other.line()
            error = (await heard_until(client, "error"))["error"]
            assert (error["code"], error["event_id"]) == ("switch_refused", "q1")
            await silent.closed()
        await line.say(begun("r1"))
        assert (await heard_until(client, "response.created"))["response"]["id"] == "r1"


FRAGMENT = Frame(Opcode.TEXT, DELTA[:40].encode(), fin=False).serialize(mask=False)
HALF_A_FRAME = Frame(Opcode.TEXT, DELTA.encode()).serialize(mask=False)[:50]


@pytest.mark.parametrize("part", [FRAGMENT, HALF_A_FRAME], ids=["a fragment", "half a frame"])
async def test_half_of_a_message_is_nobodys_and_the_next_provider_is_heard_from_its_beginning(
    part: bytes,
) -> None:
    async with rig(targets=TWO) as here:
        client, line = await here.call()
        await line.say(begun("r1"))
        await heard_until(client, "response.created")
        line.socket.transport.write(part)
        line.socket.transport.abort()
        again = await here.other.line()
        await again.say(begun("r2"), DELTA)
        assert (await hear(client))["type"] == "response.done"
        assert (await hear(client))["response"]["id"] == "r2"
        assert (await hear(client))["type"] == "response.output_audio.delta"
        assert len(here.gateway.switchboard.calls) == 1


def too_much(socket: ServerConnection) -> Response:
    answer = socket.respond(HTTPStatus.TOO_MANY_REQUESTS, "Too many sessions.")
    answer.headers["Retry-After"] = "60"
    return answer


async def test_a_provider_that_says_how_long_to_wait_is_not_dialled_by_the_next_call() -> None:
    async with rig(targets=TWO) as here:
        here.upstream.refuses_with = [too_much]
        for _ in range(2):
            await here.connect()
            await here.other.line()
        assert here.upstream.dials == 1
