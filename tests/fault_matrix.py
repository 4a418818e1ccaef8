"""Every fault of `simulate`, for every provider that has it and every one that goes on, before the eyes of
every client, in every moment of a call.

    make matrix        prints the table and writes it into docs/failover.md
"""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import Any, Literal

import structlog
from msgspec import Struct
from websockets.exceptions import ConnectionClosed

from callers import CALLERS, WITHIN_S, Caller
from failover_rig import SESSION_ID, Rig, failing, impatient
from realtime_switch.accounts.records import SwitchCause
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
    "slow:10",
)
FAULTS = (*AT_THE_DOOR, *LATER)
# The call is not in trouble, so it stays: a goAway is none in OpenAI's dialect, slowness is none without
# anywhere else to go, and after a message that is too big the provider answers as before.
HARMLESS = ("goaway_after:0", "slow:10", "oversize_after:0")
STALL_AFTER_S = 0.6
SLOW_MS = 8  # each event of such a provider takes longer
SPOKEN_MS = 800

COUNT = "Count to twenty."
NAME_TOLD, NAME_ASKED, NAME = "My name is Ada.", "What is my name?", "Your name is Ada."
HEARD = "what is my name"
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


# Those that are tried at once: most of their time is waiting.
ROWS: dict[tuple[str, Moment, str], list[Cell]] = {}
for _cell in CELLS:
    ROWS.setdefault((_cell.fault, _cell.moment, _cell.client), []).append(_cell)


async def tried(cells: list[Cell], try_it: Callable[[Cell], Awaitable[str]]) -> list[str | BaseException]:
    return await asyncio.gather(*map(try_it, cells), return_exceptions=True)


async def keeps_alive(cell: Cell) -> str:
    """The call goes on. What it did; raises where something is not as it must be."""
    route: dict[str, Any] = {"on_drop": "same" if cell.fault in AT_THE_DOOR else "next"}
    stall_after_s = STALL_AFTER_S
    if cell.fault.startswith("slow"):
        route |= {"switch_above_latency_ms": SLOW_MS, "switch_after": 1}
        stall_after_s = WITHIN_S  # it does not stall, and a busy machine must not make it seem so
    async with failing(cell.source, cell.heir, hears=HEARD, stall_after_s=stall_after_s, **route) as rig:
        caller_type = CALLERS[cell.client]
        async with caller_type.connect(rig.url, rig.key, SESSION_ID) as socket:
            caller: Caller = caller_type(socket)
            await _talk(cell, rig, caller)
            assert socket.close_code is None, f"closed {socket.close_code} {socket.close_reason}"
            if cell.fault.startswith("slow"):
                await _moved(rig)
        caller.judge()
        told, ledger = await _settle(rig, caller)
        if cell.moment == "during a tool call" and cell.client == "gemini":
            assert told[1:] == ledger[1:], f"of a turn with a tool the client was told {told}, not {ledger}"
        causes = [one.cause for one in await rig.switches()]
        if cell.fault.startswith("slow"):
            assert set(causes) == {SwitchCause.LATENCY}, causes
        return ", ".join(causes) or "stayed"


async def ends_by_name(cell: Cell) -> str:
    """The same where there is nowhere else to go: how the client is told."""
    async with failing(cell.source, hears=HEARD, stall_after_s=STALL_AFTER_S, on_drop="same") as rig:
        caller_type = CALLERS[cell.client]
        async with caller_type.connect(rig.url, rig.key, SESSION_ID) as socket:
            caller: Caller = caller_type(socket)
            with contextlib.suppress(ConnectionClosed):
                await _talk(cell, rig, caller)
        caller.judge("*")
        await _settle(rig, caller)
        return f"{socket.close_code} {socket.close_reason}"


async def _talk(cell: Cell, rig: Rig, caller: Caller) -> None:
    if cell.moment == "before the first byte":
        await rig.remember(EARLIER)
        rig.providers[0].faults = faults(cell.fault)
        await caller.begin()
    else:
        await caller.begin()
        await caller.ask(NAME_TOLD)
        await _IN[cell.moment](rig, caller, lambda: _strike(rig, cell.fault))
    assert await caller.ask(NAME_ASKED) == NAME


async def _moved(rig: Rig) -> None:
    """A provider that is only slow is left at the end of a turn, when another has been made ready."""
    async with asyncio.timeout(WITHIN_S):
        while [call.session.generation for call in rig.gateway.switchboard.calls] == [1]:
            await asyncio.sleep(0.005)


async def _settle(rig: Rig, caller: Caller) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """What the client was told of bills, and what is in the ledger."""
    await rig.gateway.close()
    ledger, told = await rig.ledger(), caller.billed()
    assert ledger == rig.billed(), f"the ledger has {ledger}, billed was {rig.billed()}"
    assert all(map(int.__le__, told, ledger)), f"the client was told of {told}, the ledger has {ledger}"
    return told, ledger


def _strike(rig: Rig, fault: str) -> None:
    """At the door of a provider nobody stands who is connected: so the connection is lost, and the next one
    meets the fault."""
    rig.providers[0].faults = faults(fault)
    rig.providers[0].strike(faults("drop_after:0" if fault in AT_THE_DOOR else fault))


Strike = Callable[[], None]


async def _while_listening(rig: Rig, caller: Caller, strike: Strike) -> None:
    """All that the user says is heard by one provider, and answered once."""
    await asyncio.sleep(caller.spoken_ms / 1000)  # to the end of what the agent says
    await caller.speak(SPOKEN_MS // 2)
    await asyncio.sleep(0.05)
    strike()
    await caller.speak(SPOKEN_MS // 2)
    await caller.pause(900)
    async with _microphone_on(caller):
        assert await caller.answer() == NAME
    loud = max(ms for ears in rig.ears for ms in ears.loud_ms)
    assert SPOKEN_MS - 40 <= loud <= SPOKEN_MS + 40, f"{loud} ms of {SPOKEN_MS} were heard"


@contextlib.asynccontextmanager
async def _microphone_on(caller: Caller) -> AsyncIterator[None]:
    """It sends silence, as those of real clients do."""

    async def silence() -> None:
        while True:
            await caller.pause(20)
            await asyncio.sleep(0.02)

    on = asyncio.create_task(silence())
    try:
        yield
    finally:
        on.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
            await on


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
    "listening": _while_listening,
    "in mid-reply": _in_mid_reply,
    "during a tool call": _during_a_tool_call,
}


# -- The table -----------------------------------------------------------------------------------------------

PAGE = Path(__file__).parents[1] / "docs" / "failover.md"
BEGIN, END = "<!-- the matrix: written by make matrix -->", "<!-- its end -->"
WENT_ON, FAILED = "goes on", "failed"


def table(results: dict[tuple[str, Moment], list[str]]) -> str:
    lines = [f"| fault | {' | '.join(MOMENTS)} |", "|---|" + "---|" * len(MOMENTS)]
    for fault in FAULTS:
        told = [_summed(results[fault, moment]) for moment in MOMENTS]
        lines.append(f"| `{fault.removesuffix(':0')}` | {' | '.join(told)} |")
    return "\n".join(lines)


def _summed(results: list[str]) -> str:
    went_on = sum(result == WENT_ON for result in results)
    return f"{went_on} of {len(results)}"


async def main() -> None:
    results: dict[tuple[str, Moment], list[str]] = {}
    with impatient():
        for cells in ROWS.values():
            for cell, told in zip(cells, await tried(cells, keeps_alive), strict=True):
                said = FAILED if isinstance(told, BaseException) else WENT_ON
                results.setdefault((cell.fault, cell.moment), []).append(said)
                sys.stdout.write(f"{cell}: {said} ({told!r})\n")
                sys.stdout.flush()
    made = table(results)
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{made}\n{END}{rest.partition(END)[2]}")
    sys.stdout.write(f"{made}\n")


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    asyncio.run(main())
