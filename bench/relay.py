"""CPU per relayed message, closed loop: every call always has one exchange under way.

The load (clients and a fake upstream, both on picows) runs in this process on
core 0; the system under test has core 1 to itself. Systems take turns, A B A B,
so that a machine that changes its mood changes it for all. What is reported is
the median of the rounds, with their range.

    .venv/bin/python bench/relay.py [--calls 50] [--rounds 5] [--seconds 4] [--json FILE]
"""

import argparse
import asyncio
import gc
import os
import shutil
import statistics
import time
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import frames
import msgspec
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect, ws_create_server
from systems import System, cpu_s, direct, folder, free_port, haproxy, realtime_switch, rss_bytes, script

LOAD_CORE, SYSTEM_CORE = 0, 1
AUDIO_BYTES_MIN = 6_000  # whatever a dialect puts around it


class Upstream(WSListener):
    """The provider's place: greets, and answers each append with the next burst of a reply."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._bursts = frames.bursts()
        transport.send(WSMsgType.TEXT, frames.SESSION_CREATED)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            for payload in next(self._bursts):
                transport.send(WSMsgType.TEXT, payload)
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()


class GeminiUpstream(WSListener):
    """The same, in Gemini's dialect: it is told how the call is to be held, and answers in binary."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._bursts = frames.gemini_bursts()
        self._set_up = False

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.TEXT:
            if not self._set_up:
                self._set_up = True
                transport.send(WSMsgType.BINARY, frames.GEMINI_SETUP_COMPLETE)
                return
            for payload in next(self._bursts):
                transport.send(WSMsgType.BINARY, payload)
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()


class Caller(WSListener):
    """A client: counts what it gets, and sends 20 ms of sound for each audio delta."""

    def __init__(self, append: bytes = frames.APPEND) -> None:
        self._append = append
        self.messages = 0
        self.talking = False
        self.greeted = asyncio.get_running_loop().create_future()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.messages += 1
        if frame.payload_size > AUDIO_BYTES_MIN:
            if self.talking:
                self.messages += 1
                transport.send(WSMsgType.TEXT, self._append)
        elif not self.greeted.done():
            self.greeted.set_result(None)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(ConnectionError("refused"))


async def measure(system: System, calls: int, seconds: float) -> dict[str, float]:
    """One round against one system."""
    gemini = system.dialect == "gemini"
    append = frames.GEMINI_APPEND if gemini else frames.APPEND
    caller = partial(Caller, append)
    callers = [await ws_connect(caller, system.url, extra_headers=system.headers) for _ in range(calls)]
    for transport, _ in callers if gemini else ():
        transport.send(WSMsgType.TEXT, frames.GEMINI_SETUP)
    await asyncio.gather(*(caller.greeted for _, caller in callers))
    for transport, caller in callers:
        caller.talking = True
        transport.send(WSMsgType.TEXT, append)
    await asyncio.sleep(0.5)  # let it find its stride
    before, cpu_before, began = sum(c.messages for _, c in callers), _cpu(system), time.perf_counter()
    await asyncio.sleep(seconds)
    messages = sum(c.messages for _, c in callers) - before
    spent_s, cpu_after = time.perf_counter() - began, _cpu(system)
    for _, caller in callers:
        caller.talking = False
    await asyncio.sleep(0.3)
    memory = rss_bytes(system.pid) if system.pid else 0
    for transport, _ in callers:
        transport.disconnect(graceful=False)
    await asyncio.sleep(0.3)
    user, kernel = (after - first for after, first in zip(cpu_after, cpu_before, strict=True))
    return {
        "messages_per_s": messages / spent_s,
        "cpu_us_per_message": (user + kernel) / messages * 1e6,
        "user_us": user / messages * 1e6,
        "system_us": kernel / messages * 1e6,
        "core_share": (user + kernel) / spent_s,
        "rss_mb": memory / 1e6,
    }


def _cpu(system: System) -> tuple[float, float]:
    return cpu_s(system.pid) if system.pid else (0.0, 0.0)


async def run(options: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    os.sched_setaffinity(0, {LOAD_CORE})
    port = free_port()
    server = await ws_create_server(lambda request: Upstream(), "127.0.0.1", port)
    gemini_port = free_port()
    gemini_server = await ws_create_server(lambda request: GeminiUpstream(), "127.0.0.1", gemini_port)
    where = folder("relay")
    systems = [
        direct(port),
        haproxy(port, SYSTEM_CORE, where),
        script("websockets relay", "naive_relay.py", port, SYSTEM_CORE),
        script("bare picows relay", "bare_relay.py", port, SYSTEM_CORE),
    ]
    if systems[1] is None:
        print("HAProxy is not installed: it is left out.")
    ours = partial(realtime_switch, port, gemini_port, SYSTEM_CORE, where)
    systems += [
        ours("realtime-switch, interpreted", interpreted=True),
        ours("realtime-switch"),
        ours("realtime-switch, Gemini relayed", provider="gemini", client="gemini"),
        ours("realtime-switch, OpenAI client on Gemini", provider="gemini"),
        ours("realtime-switch, Gemini client on OpenAI", client="gemini"),
    ]
    present = [system for system in systems if system is not None]
    if options.only:
        wanted = {
            present[0].name,
            *(s.name for s in present if any(fnmatch(s.name, word) for word in options.only)),
        }
        for system in present:
            if system.name not in wanted:
                system.stop()
        present = [system for system in present if system.name in wanted]
    rounds: dict[str, list[dict[str, float]]] = {system.name: [] for system in present}
    gc.freeze()
    try:
        for _ in range(options.rounds):
            for system in present:
                rounds[system.name].append(await measure(system, options.calls, options.seconds))
    finally:
        for system in present:
            system.stop()
        server.close()
        gemini_server.close()
        shutil.rmtree(where)
    return rounds


def table(rounds: dict[str, list[dict[str, float]]]) -> str:
    lines = [
        "| system | CPU us/message, median (range) | user | kernel | x HAProxy | messages/s | of a core | RSS MB |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")

    def median(name: str, figure: str) -> float:
        return statistics.median(one[figure] for one in rounds[name])

    reference = median("haproxy", "cpu_us_per_message") if "haproxy" in rounds else float("nan")
    for name, several in rounds.items():
        figures = [one["cpu_us_per_message"] for one in several]
        lines.append(
            f"| {name} | {statistics.median(figures):.1f} ({min(figures):.1f}-{max(figures):.1f}) |"
            f" {median(name, 'user_us'):.1f} | {median(name, 'system_us'):.1f} |"
            f" {statistics.median(figures) / reference:.2f} | {median(name, 'messages_per_s'):,.0f} |"
            f" {median(name, 'core_share'):.2f} | {median(name, 'rss_mb'):.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument(
        "--only", nargs="*", help="names of the systems that are wanted; * stands for anything"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rounds = uvloop.run(run(options))
    print(table(rounds))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(rounds)))


main()
