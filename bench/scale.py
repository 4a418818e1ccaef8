"""What a minute of a call costs behind the gateway: link, business process and PostgreSQL, in CPU and in bytes.

A minute is one shipment of five bills and one of ten passages, as the outbox sends them. 32 gateways' worth of
shipments are under way at a time; both ends of the link and the business side share this process.

    .venv/bin/python bench/scale.py [--minutes 6000]

PostgreSQL is the one the tests use, with its own defaults, in a folder of its own.
"""

import argparse
import asyncio
import contextlib
import itertools
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg
import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from realtime_switch.accounts.records import Balance, Passage, Posted, Tokens, UsageRecord
from realtime_switch.business.admin import Administration
from realtime_switch.business.credits import rate_book
from realtime_switch.business.service import Accounts
from realtime_switch.business.summary import Summariser
from realtime_switch.link.client import LinkClient
from realtime_switch.link.keys import make_keys
from realtime_switch.link.server import LinkServer
from realtime_switch.log import set_up
from realtime_switch.store.database import open_database

AT_ONCE = 32
BILLS, PASSAGES = 5, 10
TOKENS = Tokens(input=171, output=43, input_text=151, input_audio=20, output_text=11, output_audio=32)
SAID = "agent: " + "words " * 32


class Nothing:
    """An account service that costs nothing: what is left is the link."""

    async def update_usage(self, records: Any) -> Posted:
        return Posted(balances=(Balance(account_id="a", credits=1),))

    async def append_conversation(self, parts: Any) -> None:
        pass


def now_us() -> int:
    return time.time_ns() // 1000


async def minutes(service: Any, accounts: list[str], count: int) -> float:
    """CPU of this process in microseconds for one of `count` minutes of calls."""
    numbers = iter(range(count))
    ids = itertools.count()

    async def ship() -> None:
        for number in numbers:
            account, session = accounts[number % len(accounts)], f"session-{number % 1000}"
            bills = [
                UsageRecord(
                    id=f"run-{next(ids)}",
                    account_id=account,
                    session_id=session,
                    provider="openai",
                    model="gpt-realtime",
                    response_id=f"resp_{secrets.token_hex(8)}",
                    tokens=TOKENS,
                    born_us=now_us(),
                )
                for _ in range(BILLS)
            ]
            said = [
                Passage(
                    id=f"run-{next(ids)}", account_id=account, session_id=session, text=SAID, born_us=now_us()
                )
                for _ in range(PASSAGES)
            ]
            await service.update_usage(bills)
            await service.append_conversation(said)

    began = time.process_time()
    await asyncio.gather(*(ship() for _ in range(AT_ONCE)))
    return (time.process_time() - began) / count * 1e6


async def over_link(address: str, service: Any, accounts: list[str], count: int) -> float:
    business, gateway = make_keys()
    keys = (business, gateway) if address.startswith("tcp") else (None, None)
    server = LinkServer(address, service, keys=keys[0])
    await server.start()
    client = LinkClient(address, keys=keys[1], timeout_ms=60_000)
    await client.start()
    took = await minutes(client, accounts, count)
    await client.close()
    await server.close()
    return took


async def the_link(count: int) -> None:
    alone = await minutes(Nothing(), ["a"], count)
    with tempfile.TemporaryDirectory(prefix="rs-") as folder:
        for address in (f"ipc://{folder}/link", "tcp://127.0.0.1:17643"):
            took = await over_link(address, Nothing(), ["a"], count)
            print(f"  link, both ends, {address.split(':')[0]}: {took - alone:,.0f} us of CPU", flush=True)


async def the_ledger(url: str, server: psutil.Process, count: int) -> None:
    database = open_database(url=url)
    administration = Administration(database, now_us, secrets.token_bytes)
    accounts = [
        (await administration.create_account(f"{n}@example.com", topup=10**12)).id for n in range(100)
    ]
    service = Accounts(database, rate_book([]), Summariser(database, None, now_us), now_us)
    await minutes(service, accounts, 200)  # its connections are there now
    before, began = facts(url), time.perf_counter()
    server_s = cpu_s(server)
    alone = await minutes(Nothing(), accounts, count)
    took = await minutes(service, accounts, count) - alone
    wall_s = time.perf_counter() - began
    server_us = (cpu_s(server) - server_s) / count * 1e6
    after = facts(url)
    print(f"  business process: {took:,.0f} us of CPU; PostgreSQL: {server_us:,.0f} us")
    print(
        f"  transactions: {(after[0] - before[0]) / count:.2f}; log: {(after[1] - before[1]) / count:,.0f} bytes"
    )
    for name, number in (("usage_metrics", BILLS), ("passages", PASSAGES)):
        grown = (after[2][name] - before[2][name]) / count
        print(f"  {name}, with indexes: {grown:,.0f} bytes, {grown / number:,.0f} a row")
    print(f"  at {count / wall_s:,.0f} minutes a second")
    await database.close()


def facts(url: str) -> tuple[int, int, dict[str, int]]:
    """Transactions, bytes of log, bytes of tables with their indexes."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_stat_force_next_flush()")
        time.sleep(2)  # other backends report what they did at their own pace
        [row] = connection.execute(
            "SELECT xact_commit, pg_current_wal_insert_lsn() - '0/0'::pg_lsn FROM pg_stat_database"
            " WHERE datname = current_database()"
        )
        sizes = connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relname = ANY(%s)",
            [["usage_metrics", "passages"]],
        )
        return int(row[0]), int(row[1]), dict(sizes.fetchall())


def cpu_s(server: psutil.Process) -> float:
    spent_s = 0.0
    for one in (server, *server.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # a worker that has ended since it was listed
            times = one.cpu_times()
            spent_s += times.user + times.system
    return spent_s


def main() -> None:
    from real_postgres import running_postgres

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=6000)
    options = parser.parse_args()
    set_up("bench", level="error", form="json")
    print(f"a minute of a call: {BILLS} bills and {PASSAGES} passages")
    uvloop.run(the_link(options.minutes))
    with running_postgres({"listen_addresses": ""}) as server:
        url = server.url(server.new_database())
        uvloop.run(the_ledger(url, psutil.Process(server.pid), options.minutes))


if __name__ == "__main__":
    main()
