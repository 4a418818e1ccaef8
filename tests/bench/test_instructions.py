"""The way of a frame stays short: counted in instructions, which no other load on the machine changes.

Whole processes run under callgrind, a gateway with everything on and the naive relay on `websockets`, and
the same call is held through each, one exchange at a time. What is compared is user code per message; the
kernel's share is not seen. Two runs of the same code differ by some 5%: how messages fall into reads, and
timers, are not counted out.

The marks are what was measured on 2026-11-27 and some third on top. (CPython 3.11.7, with the turns in the
mix that a real provider tells of: 0.100 and 0.168 relayed, 0.137 and 0.187 translated; 11,500 instructions
for a relayed message, 15,800 and 21,600 for the two that are translated.) Who makes it shorter lowers them.
"""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec import structs

from realtime_switch.bench.load import Caller, Providers, Way
from realtime_switch.bench.mix import GEMINI, OPENAI
from realtime_switch.bench.systems import LIVE, Installation, Place, System, cores, free_port, wait_for
from realtime_switch.gateway.short_way import short_way

NAIVE = Path(__file__).parents[2] / "bench" / "websockets_relay.py"
WARM_MESSAGES, MESSAGES = 440, 1_320  # two replies, and six
HARD_S = 900  # starting under valgrind twice, on a busy machine

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


class Counted(NamedTuple):
    """A process under callgrind, which counts only when it is told to, and then writes to `out`."""

    pid: int
    out: Path

    async def per_message(self, way: Way) -> float:
        caller = await way.call(next(way.appends()))
        await talk(caller, WARM_MESSAGES)
        before = self._dumps()
        await asyncio.to_thread(control, self.pid, "-i", "on")
        messages = await talk(caller, MESSAGES)
        await asyncio.to_thread(control, self.pid, "-i", "off")
        await asyncio.to_thread(control, self.pid, "-d")  # and it begins again at nothing
        caller.transport.disconnect(graceful=False)
        found = [re.search(r"^totals: (\d+)$", one.read_text(), re.M) for one in self._dumps() - before]
        return sum(int(total[1]) for total in found if total) / messages

    def _dumps(self) -> set[Path]:
        return set(self.out.parent.glob(f"{self.out.name}.*"))


def under_callgrind(out: Path) -> list[str]:
    return ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]


async def of_websockets(place: Place) -> float:
    out, port = place.folder / "websockets.out", free_port()
    target = f"ws://127.0.0.1:{place.providers.openai}/v1/realtime"
    process = place.run([*under_callgrind(out), sys.executable, str(NAIVE), str(port), target])
    try:
        await asyncio.to_thread(wait_for, port, process)
        return await Counted(process.pid, out).per_message(Way(f"ws://127.0.0.1:{port}/"))
    finally:
        System(Way(""), processes=[process]).stop()


async def of_gateway(place: Place) -> dict[tuple[str, str], float]:
    """One gateway, with a route to each provider."""
    out = place.folder / "gateway.out"
    here = Installation(place, "openai", to_provider=False, to_client=False, interpreted=False)
    urls = {
        "openai": f"ws://127.0.0.1:{place.providers.openai}/v1/realtime",
        "gemini": f"ws://127.0.0.1:{place.providers.gemini}{LIVE}",
    }
    routes = (
        f'[providers.fake-{name}]\ndialect = "{name}"\nurl = "{url}"\n'
        f'[routes.{name}]\ntargets = ["fake-{name}/bench"]\n'
        for name, url in urls.items()
    )
    (here.folder / "realtime-switch.toml").write_text("".join(routes))
    processes = [here.business(), here.gateway(*under_callgrind(out))]
    counted = Counted(processes[1].pid, out)
    try:
        await asyncio.to_thread(wait_for, here.port, processes[1], "/readyz")
        return {ways: await counted.per_message(_way(here, *ways)) for ways in MARKS}
    finally:
        System(Way(""), processes=processes[::-1]).stop()


def _way(here: Installation, provider: str, client: str) -> Way:
    if client == "openai":
        url = f"ws://127.0.0.1:{here.port}/v1/realtime?model={provider}"
        return Way(url, {"Authorization": f"Bearer {here.key}"}, OPENAI)
    setup = GEMINI.setup.replace(b"models/bench", b"models/%s" % provider.encode())
    mix = structs.replace(GEMINI, setup=setup)
    return Way(f"ws://127.0.0.1:{here.port}{LIVE}", {"x-goog-api-key": here.key}, mix)


# (provider's dialect, client's): instructions to the naive relay's
MARKS = {
    ("openai", "openai"): 0.13,
    ("gemini", "gemini"): 0.22,
    ("gemini", "openai"): 0.18,
    ("openai", "gemini"): 0.25,
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
        found = await of_gateway(place)
        if _dear(found, naive):  # what comes by chance only adds to a count
            again = await of_gateway(place)
            found = {ways: min(each, again[ways]) for ways, each in found.items()}
    finally:
        providers.close()
    assert _dear(found, naive) == {}


def _dear(found: dict[tuple[str, str], float], naive: float) -> dict[tuple[str, str], float]:
    return {ways: each / naive for ways, each in found.items() if each / naive > MARKS[ways]}
