"""A machine's clock that is set anew in mid-call ends none. Set forward, a reply looks as if it stood still,
and is asked for again on another connection, as after any stall (docs/operations.md)."""

import time

import pytest

from gateway_rig import begun, done, hear, rig

ANSWERED = ["response.created", "response.done"]


@pytest.mark.parametrize("jump_s", [7_200, -7_200])
async def test_a_clock_that_is_set_anew_ends_no_call(jump_s: int, monkeypatch: pytest.MonkeyPatch) -> None:
    right = time.time_ns
    async with rig() as here:
        client, line = await here.call()
        await client.send('{"type":"response.create"}')
        await line.raw()
        monkeypatch.setattr(time, "time_ns", lambda: right() + jump_s * 1_000_000_000)
        [call] = here.gateway.switchboard.calls
        call._on_wake()
        if jump_s > 0:
            line = await here.upstream.line()
            assert "response.create" in await line.raw()
        await line.say(begun(), done())
        assert [(await hear(client))["type"] for _ in range(2)] == ANSWERED
        await client.send('{"type":"response.create"}')
        await line.raw()
        await line.say(begun(), done())
        assert [(await hear(client))["type"] for _ in range(2)] == ANSWERED
        await client.close()
