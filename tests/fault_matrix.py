"""Every fault of `simulate`, for every provider that has it and every one that goes on, before the eyes of
every client, in every moment of a call.

    make matrix        prints the table and writes it into docs/failover.md
"""

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Iterable
from itertools import product
from typing import Any, Literal

from msgspec import Struct

from callers import CALLERS, Caller
from failover_rig import SESSION_ID, Rig, failing, impatient
from realtime_switch.local import faults
from realtime_switch.local.numbers import number_words
from realtime_switch.providers.endpoint import DialectName

Moment = Literal["before the first byte", "listening", "in mid-reply", "during a tool call"]
MOMENTS: tuple[Moment, ...] = ("before the first byte", "listening", "in mid-reply", "during a tool call")
DIALECTS: tuple[DialectName, ...] = ("openai", "gemini")
# As a person names them for `simulate`, when they strike at once.
AT_THE_DOOR = ("refuse", "status:401", "status:429", "status:503", "hang", "silent")
LATER = (
    "drop_after:0",
    "stall_after:0",
    "garbage_after:0",
    "oversize_after:0",
    "error_after:0",
    "expire_after:0",
    "goaway_after:0",
    "slow:120",
)
FAULTS = (*AT_THE_DOOR, *LATER)
# The call is not in trouble, so it stays: a goAway is none in OpenAI's dialect.
HARMLESS = ("goaway_after:0",)
STALL_AFTER_S = 0.6
SLOW_MS = 100
SPOKEN_MS = 800

COUNT = "Count to twenty."
NAME_TOLD, NAME_ASKED, NAME = "My name is Ada.", "What is my name?", "Your name is Ada."
EARLIER = f"user: {NAME_TOLD}\nagent: Nice to meet you, Ada!\n"


class Cell(Struct, frozen=True, kw_only=True):
    fault: str
    moment: Moment
    client: DialectName
    source: DialectName  # the provider with the fault
    heir: DialectName  # the provider after it

    def __str__(self) -> str:
        return f"{self.fault} {self.moment}, {self.client} on {self.source} then {self.heir}"


CELLS = tuple(
    Cell(fault=fault, moment=moment, client=client, source=source, heir=heir)
    for fault, moment, client, source, heir in product(FAULTS, MOMENTS, DIALECTS, DIALECTS, DIALECTS)
)


async def keeps_alive(cell: Cell) -> str:
    """The call goes on. What it did; raises where something is not as it must be."""
    at_the_door = cell.fault in AT_THE_DOOR
    route: dict[str, Any] = {"stall_after_s": STALL_AFTER_S, "on_drop": "same" if at_the_door else "next"}
    if cell.fault.startswith("slow"):
        route |= {"switch_above_latency_ms": SLOW_MS, "switch_after": 1}
    with impatient():
        async with failing(cell.source, cell.heir, hears=NAME_ASKED.lower(), **route) as rig:
            caller_type = CALLERS[cell.client]
            first = cell.moment == "before the first byte"
            if first:
                await rig.remember(EARLIER)
                rig.providers[0].faults = faults(cell.fault)
            async with caller_type.connect(rig.url, rig.key, SESSION_ID) as socket:
                caller: Caller = caller_type(socket)
                await caller.begin()
                if not first:
                    await caller.ask(NAME_TOLD)
                await _IN[cell.moment](rig, caller, lambda: _strike(rig, cell.fault))
                assert await caller.ask(NAME_ASKED) == NAME
                assert socket.close_code is None, f"closed {socket.close_code} {socket.close_reason}"
            caller.judge()
            await rig.gateway.close()
            assert await rig.ledger() == rig.billed(), "the ledger is not what was billed"
            told = caller.billed()
            assert all(map(int.__le__, told, await rig.ledger())), f"the client was told of {told}"
            return ", ".join(f"{one.cause}" for one in await rig.switches()) or "stayed"


async def ends_by_name(cell: Cell) -> str:
    """The same where there is nowhere else to go."""
    with impatient():
        route: dict[str, Any] = {"stall_after_s": STALL_AFTER_S, "on_drop": "same"}
        async with failing(cell.source, hears=NAME_ASKED.lower(), **route) as rig:
            caller_type = CALLERS[cell.client]
            first = cell.moment == "before the first byte"
            if first:
                rig.providers[0].faults = faults(cell.fault)
            async with caller_type.connect(rig.url, rig.key, SESSION_ID) as socket:
                caller: Caller = caller_type(socket)
                ...


def _strike(rig: Rig, fault: str) -> None:
    """At the door of a provider nobody stands who is connected: so the connection is lost, and the next one
    meets the fault."""
    rig.providers[0].faults = faults(fault)
    rig.providers[0].strike(faults("drop_after:0" if fault in AT_THE_DOOR else fault))


Strike = Callable[[], None]


async def _before(rig: Rig, caller: Caller, strike: Strike) -> None:
    pass


async def _while_listening(rig: Rig, caller: Caller, strike: Strike) -> None:
    """All that the user says is heard by one provider, and answered once."""
    await caller.speak(SPOKEN_MS // 2)
    await asyncio.sleep(0.05)
    strike()
    await caller.speak(SPOKEN_MS // 2)
    await caller.pause(900)
    assert await caller.answer() == NAME
    loud = max(ms for ears in rig.ears for ms in ears.loud_ms)
    assert SPOKEN_MS - 40 <= loud <= SPOKEN_MS + 40, f"{loud} ms of {SPOKEN_MS} were heard"


async def _in_mid_reply(rig: Rig, caller: Caller, strike: Strike) -> None:
    """The reply is broken off, and whoever takes over goes on from there."""
    await caller.say(COUNT)
    await caller.first_sound()
    strike()
    rest = await caller.answer()
    assert rest.endswith("twenty."), rest
    counted = re.findall(r"[a-z]+", caller.words.lower().partition("ada!")[2])
    assert counted == [number_words(number) for number in range(1, 21)], counted


async def _during_a_tool_call(rig: Rig, caller: Caller, strike: Strike) -> None:
    await caller.say("What is the weather in Pune?")
    call_id = await caller.called()
    strike()
    await asyncio.sleep(0.05)
    await caller.return_value(call_id, 31)
    words = await caller.answer()
    assert "31" in words, words


_IN: dict[Moment, Callable[[Rig, Caller, Strike], Awaitable[None]]] = {
    "before the first byte": _before,
    "listening": _while_listening,
    "in mid-reply": _in_mid_reply,
    "during a tool call": _during_a_tool_call,
}


async def main(cells: Iterable[Cell] = CELLS) -> None:
    for cell in cells:
        begun = asyncio.get_running_loop().time()
        try:
            said = await asyncio.wait_for(keeps_alive(cell), 40)
        except BaseException as error:
            said = f"FAIL {type(error).__name__} {str(error)[:300]}"
        print(f"{asyncio.get_running_loop().time() - begun:5.2f} {cell}: {said}", flush=True)


if __name__ == "__main__":
    named = sys.argv[1:]
    import structlog

    if "-v" not in named:
        structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])
    named = [one for one in named if one != "-v"]
    asyncio.run(main([cell for cell in CELLS if all(one in str(cell) for one in named)]))
