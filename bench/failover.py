"""How long a call is without a provider: a drop in mid-call, a first target that is dead, a planned change.

A client, two providers that do as they are told and the clock are in this process on one core; the gateway has
the other. A drop is a provider's socket that is aborted. What a gateway adds is the time from there to the
moment when it knocks at the next one, and from that one's greeting to the moment when it is told how the call
is to be held: everything but the dial itself.

Two connects are two draws from a wide distribution: the difference of a pair has the spread of both, and its
largest hundredth says how unlike two connects are, not what the refusal costs. So the two series are taken in
turns, and what is compared is the same quantile of either.

A planned change is asked for in mid-reply. Each frame of the reply's audio is timed from the provider to the
client, with and without; the change itself must come after the reply.

    .venv/bin/python bench/failover.py [--drops 300] [--connects 300] [--rolls 20]
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import ClassVar

import msgspec
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect, ws_create_server

from realtime_switch.bench import mix
from realtime_switch.bench.systems import COMMAND, free_port, pinned, wait_for

LOAD_CORE, SYSTEM_CORE = 0, 1
ROLL_BURSTS = 24  # of a reply, so about a second of it


class Provider(WSListener):
    """One connection. The newest of each provider is known, with the moments of its life."""

    newest: ClassVar[dict[str, "Provider"]] = {}
    knocked_s: ClassVar[dict[str, float]] = {}

    def __init__(self, name: str) -> None:
        self.name = name
        self.knocked_s[name] = time.perf_counter()  # made when the request to upgrade is here

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self.newest[self.name] = self
        self.told: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        transport.send(WSMsgType.TEXT, mix.SESSION_CREATED)
        self.greeted_s = time.perf_counter()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:  # a call is not over until its provider has hung up as well
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif not self.told.done():
            self.told.set_result(time.perf_counter())

    async def reply(self) -> list[float]:
        """At the pace of speech, a burst for each 40 ms. When each of them was sent."""
        sent_s = []
        for burst in mix.OPENAI.reply[:ROLL_BURSTS]:
            for payload in burst:
                self.transport.send(WSMsgType.TEXT, payload)
            sent_s.append(time.perf_counter())
            await asyncio.sleep(0.04)
        for payload in mix.OPENAI.reply[-1][1:]:  # its end, behind the last of its audio
            self.transport.send(WSMsgType.TEXT, payload)
        return sent_s


class Client(WSListener):
    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[float] = loop.create_future()
        self.switched: asyncio.Future[float] = loop.create_future()
        self.heard_s: list[float] = []  # when each frame of audio came

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        now_s = time.perf_counter()
        if not self.greeted.done():
            self.greeted.set_result(now_s)
        payload = frame.get_payload_as_bytes()
        if payload.startswith(b'{"type":"response.output_audio.delta"'):
            self.heard_s.append(now_s)
        elif b"realtime_switch.switched" in payload:
            self.switched.set_result(now_s)


async def drop(url: str, headers: dict[str, str]) -> float:
    """What the gateway adds to one change from a provider that drops to the next, in milliseconds."""
    Provider.newest.clear()
    transport, client = await ws_connect(Client, url, extra_headers=headers)
    await client.greeted
    first = Provider.newest["a"]
    transport.send(WSMsgType.TEXT, mix.APPEND)
    await first.told
    dropped_s = time.perf_counter()
    first.transport.underlying_transport.abort()
    while "b" not in Provider.newest:
        await asyncio.sleep(0)
    second = Provider.newest["b"]
    told_s = await second.told  # what the first had heard last is told again
    transport.disconnect(graceful=False)
    knocking_s = Provider.knocked_s["b"] - dropped_s
    return (knocking_s + (told_s - second.greeted_s)) * 1000


async def roll(url: str, headers: dict[str, str], moves: bool) -> list[float]:
    """How long each frame of a reply's audio took, in milliseconds, while the call is on its way to the next."""
    Provider.newest.clear()
    transport, client = await ws_connect(Client, url, extra_headers=headers)
    await client.greeted
    replying = asyncio.create_task(Provider.newest["a"].reply())
    await asyncio.sleep(0.2)
    if moves:
        transport.send(WSMsgType.TEXT, b'{"type":"realtime_switch.switch","target":"b/m"}')
    sent_s = await replying
    if moves:
        assert await client.switched > client.heard_s[-1], "the change did not wait for the end of the reply"
    transport.disconnect(graceful=False)
    assert len(client.heard_s) == len(sent_s), f"{len(client.heard_s)} of {len(sent_s)} frames came"
    return [(heard - sent) * 1000 for sent, heard in zip(sent_s, client.heard_s, strict=True)]


async def connect(url: str, headers: dict[str, str]) -> float:
    began_s = time.perf_counter()
    transport, client = await ws_connect(Client, url, extra_headers=headers)
    took_ms = (await client.greeted - began_s) * 1000
    transport.disconnect(graceful=False)
    return took_ms


def gateway(where: Path, ports: dict[str, int]) -> tuple[str, dict[str, str], list[subprocess.Popen[bytes]]]:
    port = free_port()
    providers = "".join(
        f'[providers.{name}]\ndialect = "openai"\nurl = "ws://127.0.0.1:{at}/"\n'
        for name, at in ports.items()
    )
    (where / "realtime-switch.toml").write_text(
        providers
        + "[gateway]\ndrain_s = 0\n"  # nobody is there any more to hear a reply's end
        + '[routes.drops]\ntargets = ["a/m", "b/m"]\n[routes.alive]\ntargets = ["b/m"]\n'
        + "".join(f'[routes.dead{n}]\ntargets = ["dead{n}/m", "b/m"]\n' for n in range(len(ports) - 2))
    )
    data = ["--data", str(where)]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    environment["LOG_LEVEL"] = "error"

    def command(*words: str) -> dict[str, str]:
        done = subprocess.run(
            [*COMMAND, *words, *data, "--json"], capture_output=True, check=True, env=environment
        )
        answer: dict[str, str] = msgspec.json.decode(done.stdout)
        return answer

    command("account", "create", "bench@example.com", "--topup", str(10**12))
    key = command("key", "create", "bench@example.com")["key"]
    processes = [
        subprocess.Popen([*COMMAND, "business", *data], env=environment, preexec_fn=pinned(LOAD_CORE)),
        subprocess.Popen(
            [*COMMAND, "gateway", *data, "--port", str(port)], env=environment, preexec_fn=pinned(SYSTEM_CORE)
        ),
    ]
    wait_for(port, processes[1], "/readyz")
    return f"ws://127.0.0.1:{port}/v1/realtime?model=", {"Authorization": f"Bearer {key}"}, processes


def quantiles(ms: list[float]) -> tuple[float, float, float, float]:
    ordered = sorted(ms)
    p90, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.9, 0.99))
    return statistics.median(ms), p90, p99, ordered[-1]


def shown(name: str, ms: list[float]) -> str:
    return f"| {name} | {' | '.join(f'{one:.2f}' for one in quantiles(ms))} | {len(ms)} |"


def less(name: str, ms: list[float], other_ms: list[float]) -> str:
    parts = [f"{a - b:.2f}" for a, b in zip(quantiles(ms), quantiles(other_ms), strict=True)]
    return f"| {name} | {' | '.join(parts)} | |"


async def run(options: argparse.Namespace) -> None:
    os.sched_setaffinity(0, {LOAD_CORE})
    # A target that fails three times rests, so each dead one is asked twice.
    ports = {"a": free_port(), "b": free_port(), **{f"dead{n}": 1 for n in range(options.connects // 2)}}
    servers = [
        await ws_create_server(lambda request, name=name: Provider(name), "127.0.0.1", ports[name])
        for name in ("a", "b")
    ]
    where = Path("/tmp") / f"rts-failover-{os.getpid()}"
    where.mkdir()
    url, headers, processes = gateway(where, ports)
    try:
        drops = [await drop(f"{url}drops", headers) for _ in range(options.drops)]
        alive, dead = [], []
        for number in range(options.connects):
            alive.append(await connect(f"{url}alive", headers))
            dead.append(await connect(f"{url}dead{number // 2}", headers))
        calm, rolled = [], []
        for _ in range(options.rolls):
            calm += await roll(f"{url}drops", headers, moves=False)
            rolled += await roll(f"{url}drops", headers, moves=True)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=30)
        for server in servers:
            server.close()
        shutil.rmtree(where)
    print("| milliseconds | p50 | p90 | p99 | largest | of |\n|---|---|---|---|---|---|")
    print(shown("a drop, without the dial", drops))
    print(shown("connect, first target alive", alive))
    print(shown("connect, first target refuses", dead))
    print(less("the second less the first", dead, alive))
    print(shown("a frame of a reply's audio", calm))
    print(shown("the same while a planned change waits", rolled))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drops", type=int, default=300)
    parser.add_argument("--connects", type=int, default=300)
    parser.add_argument("--rolls", type=int, default=20)
    uvloop.run(run(parser.parse_args()))


main()
