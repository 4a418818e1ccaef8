"""The way of a frame stays short: counted in instructions, which no other load on the machine changes.

Whole processes run under callgrind, a gateway with everything on and the naive relay on `websockets`, and
the same call is held through each, one exchange at a time. What is compared is user code per message; the
kernel's share is not seen. Two runs of the same code differ by some 5%: how messages fall into reads, and
timers, are not counted out.

The marks are what was measured on 2026-11-27 and a third on top. (CPython 3.11.7: 0.095 and 0.18 relayed;
10,600 instructions for a relayed message, 16,500 and 18,100 for the two that are translated.) Who makes it
shorter lowers them.
"""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from realtime_switch.bench.load import Caller, Providers, Way
from realtime_switch.bench.mix import GEMINI, OPENAI
from realtime_switch.bench.systems import LIVE, Installation, Place, System, cores, free_port, wait_for
from realtime_switch.gateway.short_way import short_way

NAIVE = Path(__file__).parents[2] / "bench" / "websockets_relay.py"
WARM_MESSAGES, MESSAGES = 400, 2_000
HARD_S = 900  # starting under valgrind five times, on a busy machine

pytestmark = [
    pytest.mark.skipif(
        not shutil.which("callgrind_control"), reason="valgrind is not installed: no instructions are counted"
    ),
    pytest.mark.skipif(cores() is None, reason="the load needs a second core"),
    pytest.mark.timeout(HARD_S),
]


def control(pid: int, *words: str) -> None:
    subprocess.run(["callgrind_control", *words, str(pid)], check=True, capture_output=True, timeout=60)


async def talk(caller: Caller, messages: int) -> int:
    """How many there were, a few more than asked for: nothing is on its way afterwards."""
    before = caller.messages
    caller.talking = True
    caller.speak()
    while caller.messages - before < messages:
        await asyncio.sleep(0.01)
    caller.talking = False
    seen = 0
    while seen != caller.messages:
        seen = caller.messages
        await asyncio.sleep(0.1)
    return seen - before


async def per_message(way: Way, pid: int, out: Path) -> float:
    """Instructions. `pid` runs under callgrind, which has counted nothing so far and writes to `out`."""
    caller = await way.call(next(way.appends()))
    await talk(caller, WARM_MESSAGES)
    await asyncio.to_thread(control, pid, "-i", "on")
    messages = await talk(caller, MESSAGES)
    await asyncio.to_thread(control, pid, "-i", "off")
    await asyncio.to_thread(control, pid, "-d")
    caller.transport.disconnect(graceful=False)
    dumps = [
        re.search(r"^totals: (\d+)$", file.read_text(), re.M) for file in out.parent.glob(f"{out.name}.*")
    ]
    return sum(int(dump[1]) for dump in dumps if dump) / messages


def under_callgrind(out: Path) -> list[str]:
    return ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]


async def of_websockets(place: Place) -> float:
    out, port = place.folder / "websockets.out", free_port()
    target = f"ws://127.0.0.1:{place.providers.openai}/v1/realtime"
    process = place.run([*under_callgrind(out), sys.executable, str(NAIVE), str(port), target])
    try:
        await asyncio.to_thread(wait_for, port, process)
        return await per_message(Way(f"ws://127.0.0.1:{port}/"), process.pid, out)
    finally:
        System(Way(""), processes=[process]).stop()


async def of_gateway(place: Place, provider: str, client: str) -> float:
    out = place.folder / "gateway.out"
    here = Installation(place, provider, to_provider=False, to_client=False, interpreted=False)
    processes = [here.business(), here.gateway(*under_callgrind(out))]
    try:
        await asyncio.to_thread(wait_for, here.port, processes[1], "/readyz")
        if client == "gemini":
            way = Way(f"ws://127.0.0.1:{here.port}{LIVE}", {"x-goog-api-key": here.key}, GEMINI)
        else:
            url = f"ws://127.0.0.1:{here.port}/v1/realtime?model=default"
            way = Way(url, {"Authorization": f"Bearer {here.key}"}, OPENAI)
        return await per_message(way, processes[1].pid, out)
    finally:
        System(Way(""), processes=processes[::-1]).stop()


# (provider's dialect, client's): instructions to the naive relay's
MARKS = {
    ("openai", "openai"): 0.13,
    ("gemini", "gemini"): 0.24,
    ("gemini", "openai"): 0.21,
    ("openai", "gemini"): 0.23,
}


async def test_a_message_costs_a_share_of_what_it_costs_a_naive_relay(tmp_path: Path) -> None:
    assert short_way == "compiled"
    on = cores()
    assert on is not None
    providers = Providers()
    await providers.open()
    place = Place(tmp_path, on, providers)
    try:
        naive = await of_websockets(place)
        ratios = {ways: await of_gateway(place, *ways) / naive for ways in MARKS}
    finally:
        providers.close()
    assert {ways: ratio for ways, ratio in ratios.items() if ratio > MARKS[ways]} == {}
