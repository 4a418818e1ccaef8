"""When a call is told of its caps; what comes of it is test_limits.py's."""

import asyncio
from typing import Any

from realtime_switch.gateway.caps import NO_CAPS, Caps, CapWatch


class Tally:
    tokens = 0


class Call:
    def __init__(self) -> None:
        self.tally = Tally()
        self.told: list[tuple[Any, ...]] = []
        self.capped = asyncio.Event()

    def cap_near(self, what: str, left: int) -> None:
        self.told.append(("near", what, left))

    def cap(self, told: str) -> None:
        self.told.append(("cap", told))
        self.capped.set()


async def test_time_is_nearly_over_before_it_is_over() -> None:
    call = Call()
    watch = CapWatch(call, Caps(seconds=0.12))  # type: ignore[arg-type]
    watch.begin()
    asyncio.get_running_loop().call_later(0.114, call.told.append, ("between",))  # timers ring in their order
    await asyncio.wait_for(call.capped.wait(), 5)
    over = ("cap", "A call may last 0.002 minutes here.")
    assert call.told == [("near", "seconds", 0), ("between",), over]


async def test_a_call_that_has_ended_hears_of_no_time() -> None:
    loop = asyncio.get_running_loop()
    call = Call()
    watch = CapWatch(call, Caps(seconds=0.02))  # type: ignore[arg-type]
    watch.begin()
    watch.end()
    later = loop.create_future()
    loop.call_later(0.04, later.set_result, None)
    await later
    assert call.told == []


async def test_tokens_are_told_once_when_few_are_left_and_again_when_none_are() -> None:
    call = Call()
    watch = CapWatch(call, Caps(tokens=1_000))  # type: ignore[arg-type]
    watch.begin()
    for tokens in (0, 899, 900, 950, 1_000, 1_001):
        call.tally.tokens = tokens
        watch.look_at_tokens()
    reached = ("cap", "A call may take 1,000 tokens here.")
    assert call.told == [("near", "tokens", 100), reached, reached]


async def test_without_caps_nothing_is_told() -> None:
    call = Call()
    watch = CapWatch(call, NO_CAPS)  # type: ignore[arg-type]
    watch.begin()
    call.tally.tokens = 10**9
    watch.look_at_tokens()
    watch.end()
    assert call.told == []
