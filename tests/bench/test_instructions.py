"""The way of a frame stays short: counted in instructions, which no other load on the machine changes.

Whole processes run under callgrind, a gateway with everything on and the naive relay on `websockets`, and
the same call is held through each, one exchange at a time. What is compared is user code per message; the
kernel's share is not seen. Two runs of the same code differ by some 5%: how messages fall into reads is not
counted out.

A gateway does something by itself as well, some 0.4 million instructions a second: it looks at its outbox,
its metrics, its calls. Where the same exchanges take 40 seconds instead of one, on a busy machine, that is as
much as the messages. So it is counted beside, of the same call in silence, and taken off.

The marks are what was measured on 2026-11-27 and some third on top. (CPython 3.11.7, with the turns in the
mix that a real provider tells of: 0.092, 0.158 and 0.078 relayed, 0.131 and 0.185 translated; 10,450
instructions for a relayed message of OpenAI's, 14,940 and 21,090 for the two that are translated.) Who makes
it shorter lowers them.
"""

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import pytest
from msgspec import structs

from realtime_switch.bench.load import Caller, Providers, Way
from realtime_switch.bench.mix import GEMINI, GPT_LIVE, OPENAI
from realtime_switch.bench.systems import LIVE, Installation, Place, System, cores, free_port, wait_for
from realtime_switch.gateway.short_way import short_way

NAIVE = Path(__file__).parents[2] / "bench" / "websockets_relay.py"
WARM_MESSAGES, MESSAGES = 440, 1_320  # two replies, and six
SILENT_S = 4.0  # less than a provider may owe a reply: nobody is dialled again
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
        by_itself, silent_s, _ = await self._count(asyncio.sleep(SILENT_S, 0))
        all_of_it, talked_s, messages = await self._count(talk(caller, MESSAGES))
        caller.transport.disconnect(graceful=False)
        return (all_of_it - by_itself / silent_s * talked_s) / messages

    async def _count(self, work: Awaitable[int]) -> tuple[int, float, int]:
        """The instructions, the seconds, and what `work` says."""
        before = self._dumps()
        await asyncio.to_thread(control, self.pid, "-i", "on")
        begun_s = monotonic()
        answer = await work
        took_s = monotonic() - begun_s
        await asyncio.to_thread(control, self.pid, "-i", "off")
        await asyncio.to_thread(control, self.pid, "-d")  # and it begins again at nothing
        found = [re.search(r"^totals: (\d+)$", one.read_text(), re.M) for one in self._dumps() - before]
        return sum(int(total[1]) for total in found if total), took_s, answer

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
        "gpt-live": f"ws://127.0.0.1:{place.providers.gpt_live}/v1/live/sessions",
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
    if client == "gpt-live":
        setup = GPT_LIVE.setup.replace(b'"bench"', b'"%s"' % provider.encode())
        mix = structs.replace(GPT_LIVE, setup=setup)
        return Way(
            f"ws://127.0.0.1:{here.port}/v1/live/sessions", {"Authorization": f"Bearer {here.key}"}, mix
        )
    setup = GEMINI.setup.replace(b"models/bench", b"models/%s" % provider.encode())
    mix = structs.replace(GEMINI, setup=setup)
    return Way(f"ws://127.0.0.1:{here.port}{LIVE}", {"x-goog-api-key": here.key}, mix)


# (provider's dialect, client's): instructions to the naive relay's
MARKS = {
    ("openai", "openai"): 0.13,
    ("gemini", "gemini"): 0.22,
    ("gemini", "openai"): 0.18,
    ("openai", "gemini"): 0.25,
    ("gpt-live", "gpt-live"): 0.10,
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
    finally:
        providers.close()
    dear = {ways: each / naive for ways, each in found.items() if each / naive > MARKS[ways]}
    assert dear == {}
