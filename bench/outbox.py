"""The outbox: what a record costs the thread that moves audio, and how fast a backlog drains.

    python bench/outbox.py keep     added time per keep(), as a gateway calls it, of one record, of the two that end a turn, and of
                                    the draft of a bill of time, while a business process takes them
    python bench/outbox.py drain    100,000 records of a gateway that was alone, through link and business on SQLite

Everything is real: files, link, business process (in a process of its own), encrypted SQLite.
"""

import argparse
import asyncio
import gc
import itertools
import random
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import uvloop

from realtime_switch.accounts.records import Certainty, Draft, Passage, Tokens, UsageKind, UsageRecord
from realtime_switch.business.main import administration
from realtime_switch.gateway.ids import now_us
from realtime_switch.link.several import LinkClients
from realtime_switch.outbox.outbox import Outbox
from realtime_switch.outbox.room import Bounds
from realtime_switch.outbox.shelf import open_shelf
from realtime_switch.settings import Flags, Settings, load, outbox_key

RECORDS = 100_000
KEEPS = 20_000


class Nobody:
    """No calls to tell."""

    def sent(self, bills: object) -> None: ...

    def balance_known(self, balance: object, posted: object) -> None: ...


def words(number: int, account_id: str) -> Passage:
    return Passage(
        id=f"run_{number // 1000:024x}-{number}",
        account_id=account_id,
        session_id=f"sess_{number % 500:024x}",
        text="\nagent: "
        + "It is about a hundred and sixty characters long, as one answer of a call is. " * 2,
        born_us=now_us(),
    )


def bill(number: int, account_id: str) -> UsageRecord:
    return UsageRecord(
        id=f"run_{number // 1000:024x}-{number}",
        account_id=account_id,
        session_id=f"sess_{number % 500:024x}",
        provider="openai",
        model="gpt-realtime",
        response_id=f"resp_{number:020x}",
        tokens=Tokens(
            input=1200, output=250, input_text=900, input_audio=300, cached_text=512, output_audio=250
        ),
        born_us=now_us(),
    )


def draft(number: int, account_id: str) -> Draft:
    """Of one of 500 calls, a second after its last."""
    return Draft(
        UsageRecord(
            id=f"run_{number % 500:024x}-7",
            account_id=account_id,
            session_id=f"sess_{number % 500:024x}",
            provider="gpt-live",
            model="gpt-live-1",
            kind=UsageKind.SESSION,
            duration_ms=number // 500 * 1_000,
            certainty=Certainty.ESTIMATED,
            born_us=now_us(),
        )
    )


def shown(name: str, seconds: list[float]) -> None:
    seconds.sort()
    at = [seconds[min(int(len(seconds) * q), len(seconds) - 1)] * 1e6 for q in (0.5, 0.9, 0.99, 0.999)]
    print(f"{name:32} p50 {at[0]:4.0f} us, p90 {at[1]:4.0f}, p99 {at[2]:4.0f}, p99.9 {at[3]:5.0f}")


class Work:
    """What the thread of a gateway does between two records: it reads frames and sends them on."""

    def __init__(self) -> None:
        self._ends = socket.socketpair()
        self._frames = [
            msgspec.json.encode({"type": "response.output_audio.delta", "delta": "A" * (6_000 + number)})
            for number in range(300)
        ]

    def do(self, seconds: float) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            frame = random.choice(self._frames)
            msgspec.json.decode(frame)
            self._ends[0].send(frame)
            self._ends[1].recv(65_536)


async def keep(settings: Settings, account_id: str, count: int) -> None:
    link = LinkClients(settings.link_addresses)
    await link.start()
    shelf = open_shelf(settings.outbox_path, outbox_key(settings).reveal(), now_us())
    outbox = Outbox(link, shelf, Nobody())
    await asyncio.sleep(1)
    gc.collect()
    gc.freeze()  # as a gateway does
    work, numbers = Work(), itertools.count()
    for name, busy_s, idle_s in (
        ("back to back", 0.0, 0.0),
        ("busy between", 0.0005, 0.0),
        ("idle between", 0.0, 0.002),
    ):
        kinds = ("one record", "words and bill", "a draft")
        wall: dict[str, list[float]] = {kind: [] for kind in kinds}
        cpu: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(count):
            turn = number % 3
            kind, records = kinds[turn], [draft(next(numbers), account_id)]
            if turn < 2:
                records = [words(next(numbers), account_id), bill(next(numbers), account_id)][-1 - turn :]
            work.do(busy_s)
            began_cpu, began = time.thread_time(), time.perf_counter()  # the first is a system call
            outbox.keep(*records)
            ended, ended_cpu = time.perf_counter(), time.thread_time()
            cpu[kind].append(ended_cpu - began_cpu)
            wall[kind].append(ended - began)
            await asyncio.sleep(idle_s)
        for kind in wall:
            shown(f"{name}, {kind}", wall[kind])
            shown("                   of CPU", cpu[kind])
    left = await outbox.close(60)
    await link.close()
    print(f"left behind: {left}")


async def drain(settings: Settings, account_id: str, process: list[str], records: int) -> None:
    link = LinkClients(settings.link_addresses)
    await link.start()
    shelf = open_shelf(settings.outbox_path, outbox_key(settings).reveal(), now_us())
    outbox = Outbox(link, shelf, Nobody(), Bounds(rows_max=2 * records))
    for number in range(records):
        outbox.keep((words if number % 2 else bill)(number, account_id))
        if number % 50 == 0:
            await asyncio.sleep(0.001)
    size_mib = sum(path.stat().st_size for path in settings.outbox_path.rglob("*") if path.is_file()) / 2**20
    print(f"kept {outbox.depth:,} records while nobody took them: {size_mib:.0f} MiB on disk")
    business = subprocess.Popen(process)
    try:
        while not link.connected:
            await asyncio.sleep(0.001)
        began, depth = time.perf_counter(), outbox.depth
        outbox.hurry()
        while outbox.depth:
            await asyncio.sleep(0.005)
        took_s = time.perf_counter() - began
        print(f"drained {depth:,} records in {took_s:.2f} s: {depth / took_s:,.0f} a second")
        await outbox.close(1)
        await link.close()
    finally:
        business.terminate()
        business.wait()


async def an_account(settings: Settings) -> str:
    async with administration(settings, create=True) as admin:
        return (await admin.create_account("bench@example.org", "Enterprise")).id


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["keep", "drain"])
    parser.add_argument("--records", type=int, help=f"{KEEPS:,} in each way to keep, {RECORDS:,} to drain")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rs-") as directory:
        settings = load(Flags(data=Path(directory)), {})
        account_id = asyncio.run(an_account(settings))
        process = [sys.executable, "-m", "realtime_switch", "business", "--data", directory]
        if chosen.what == "drain":
            uvloop.run(drain(settings, account_id, process, chosen.records or RECORDS))
            return
        business = subprocess.Popen(process)
        try:
            uvloop.run(keep(settings, account_id, chosen.records or KEEPS))
        finally:
            business.terminate()
            business.wait()


if __name__ == "__main__":
    main()
