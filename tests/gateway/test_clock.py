"""A machine's clock that is set anew in mid-call ends none, and no provider seems to stand still by it."""

import time

import pytest

from gateway_rig import begun, done, hear, rig, until
from realtime_switch.gateway.ids import steady_clock
from realtime_switch.session.session import Session
from realtime_switch.session.steps import Steps, Wake

ANSWERED = ["response.created", "response.done"]


@pytest.mark.parametrize("jump_s", [7_200, -7_200])
async def test_a_clock_that_is_set_anew_is_no_news_to_a_call(
    jump_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time_ns
    async with rig() as here:
        client, line = await here.call()
        await client.send('{"type":"response.create"}')
        await line.raw()
        monkeypatch.setattr(time, "time_ns", lambda: right() + jump_s * 1_000_000_000)
        [call] = here.gateway.switchboard.calls
        generation = call.session.generation
        call._on_wake()
        assert call.session.generation == generation  # it was not dialled again
        await line.say(begun(), done())
        assert [(await hear(client))["type"] for _ in range(2)] == ANSWERED
        await client.send('{"type":"response.create"}')
        await line.raw()
        await line.say(begun(), done())
        assert [(await hear(client))["type"] for _ in range(2)] == ANSWERED
        await client.close()


async def test_a_call_is_not_woken_before_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else nothing is due, and it would be woken again and again until something is."""
    woken_s: list[float] = []

    def woke(session: Session) -> Steps:
        woken_s.append(time.monotonic())
        return []

    async with rig() as here:
        await here.call()
        [call] = here.gateway.switchboard.calls
        monkeypatch.setattr(Session, "woke", woke)
        for tenths_of_ms in range(20, 60):
            ordered_s = time.monotonic()
            call._follow([Wake(tenths_of_ms / 10_000)])
            await until(lambda: bool(woken_s))
            assert woken_s.pop() - ordered_s >= tenths_of_ms / 10_000


def test_a_steady_clock_begins_with_the_time_and_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    wall_us, since_start_us = [1_795_000_000_000_000], [40_000_000]
    monkeypatch.setattr(time, "time_ns", lambda: wall_us[0] * 1000)
    monkeypatch.setattr(time, "monotonic_ns", lambda: since_start_us[0] * 1000)
    clock = steady_clock()
    begun_us = clock()
    since_start_us[0] += 250_000
    wall_us[0] += 7_200_000_000
    later_us = clock()
    assert (begun_us, later_us) == (1_795_000_000_000_000, 1_795_000_000_250_000)
    assert steady_clock()() == 1_795_007_200_000_000
