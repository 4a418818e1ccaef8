"""Bills posted durably, and what a connect costs meanwhile.

Durable means: SQLite with synchronous=FULL on the encrypted file, PostgreSQL with
its own defaults (fsync and synchronous_commit on). A post is counted when its
transaction is committed and its caller has been told.

    .venv/bin/python bench/ledger.py [--engine sqlite|postgresql] [--seconds 5] [--rounds 3]

PostgreSQL is the one the tests use, started in a folder of its own.
"""

import argparse
import asyncio
import itertools
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from realtime_switch.accounts.keys import hash_key
from realtime_switch.accounts.records import Grant, Passage, SavedConfig, Tokens, UsageRecord
from realtime_switch.business.admin import Administration
from realtime_switch.business.credits import rate_book
from realtime_switch.business.main import SWITCH_INTERVAL_S
from realtime_switch.business.repos import Database
from realtime_switch.business.service import Accounts
from realtime_switch.business.summary import Summariser
from realtime_switch.store.database import open_database

TOKENS = Tokens(
    input=171, output=43, input_text=151, input_audio=20, cached_text=128, output_text=11, output_audio=32
)


def now_us() -> int:
    return time.time_ns() // 1000


class Bench:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.service = Accounts(database, rate_book([]), Summariser(database, None, now_us), now_us)
        self.administration = Administration(database, now_us, secrets.token_bytes)
        self.ids = itertools.count()
        self.posted = 0

    async def account(self, email: str) -> str:
        return (await self.administration.create_account(email, topup=10**12)).id

    def bills(self, account_id: str, count: int) -> list[UsageRecord]:
        return [
            UsageRecord(
                id=f"run-{next(self.ids)}",
                account_id=account_id,
                session_id="bench",
                provider="openai",
                model="gpt-realtime",
                response_id="resp_1",
                tokens=TOKENS,
            )
            for _ in range(count)
        ]

    async def post(self, account_id: str, batch: int, until: float) -> None:
        while time.perf_counter() < until:
            await self.service.update_usage(self.bills(account_id, batch))
            self.posted += batch

    async def throughput(self, callers: int, batch: int, accounts: list[str], seconds: float) -> float:
        """Bills a second, from `callers` callers that post `batch` at a time."""
        self.posted, began = 0, time.perf_counter()
        until = began + seconds
        await asyncio.gather(
            *(self.post(accounts[number % len(accounts)], batch, until) for number in range(callers))
        )
        return self.posted / (time.perf_counter() - began)

    async def connects_under_load(
        self, per_s: int, seconds: float, account_id: str
    ) -> tuple[float, list[float]]:
        """validate_and_load, one after the other, while `per_s` bills a second are posted in fives (A13)."""
        key, _ = await self.administration.create_key(account_id)
        await self.service.save_session(
            SavedConfig(id="c", account_id=account_id, session_id="s", config='{"type":"session.update"}')
        )
        passages = [
            Passage(id=f"p{number}", account_id=account_id, session_id="s", text=f"\nuser: {'words ' * 33}")
            for number in range(100)
        ]
        await self.service.append_conversation(passages)
        self.posted, began = 0, time.perf_counter()
        until = began + seconds
        posting = asyncio.create_task(self._paced(account_id, per_s, until))
        times = []
        while time.perf_counter() < until:
            asked = time.perf_counter()
            assert isinstance(await self.service.validate_and_load(hash_key(key), "s"), Grant)
            times.append(time.perf_counter() - asked)
            await asyncio.sleep(0.003)
        await posting
        return self.posted / (time.perf_counter() - began), times

    async def _paced(self, account_id: str, per_s: int, until: float) -> None:
        async def one() -> None:
            await self.service.update_usage(self.bills(account_id, 5))
            self.posted += 5

        due = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            while time.perf_counter() < until:
                group.create_task(one())
                due += 5 / per_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))


def show(what: str, figures: list[float], unit: str = "/s") -> None:
    print(
        f"  {what}: {statistics.median(figures):,.0f}{unit} ({min(figures):,.0f}-{max(figures):,.0f})",
        flush=True,
    )


async def measure(open_it: Callable[[], Database], options: argparse.Namespace) -> None:
    database = open_it()
    bench = Bench(database)
    seconds, rounds = options.seconds, options.rounds
    many = [await bench.account(f"{number}@example.com") for number in range(16)]
    for callers, batch, accounts, what in (
        (16, 1, many, "16 callers, 1 bill a call, 16 accounts"),
        (16, 5, many, "16 callers, 5 bills a call, 16 accounts"),
        (16, 50, many, "16 callers, 50 bills a call, 16 accounts"),
        (100, 5, many[:1], "100 callers, 5 bills a call, 1 account"),
    ):
        figures = [await bench.throughput(callers, batch, accounts, seconds) for _ in range(rounds)]
        show(f"posted, {what}", figures)
    findings = await bench.administration.audit()
    print(f"  audit of the ledger: {findings or 'sound'}")
    p50s, p99s, rates = [], [], []
    for number in range(rounds):
        rate, times = await bench.connects_under_load(5000, seconds, many[number])
        rates.append(rate)
        p50s.append(statistics.median(times) * 1e6)
        p99s.append(statistics.quantiles(times, n=100)[98] * 1e6)
    show("bills posted meanwhile", rates)
    show("validate_and_load p50", p50s, " us")
    show("validate_and_load p99", p99s, " us")
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("sqlite", "postgresql"))
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_INTERVAL_S)  # as the business process does
    where = Path(tempfile.mkdtemp(prefix="rts-bench-ledger-"))
    try:
        if options.engine != "postgresql":
            print("Encrypted SQLite, WAL, synchronous=FULL")
            uvloop.run(measure(sqlite(where), options))
        if options.engine != "sqlite":
            print("PostgreSQL, its own default durability")
            measure_postgresql(options)
    finally:
        shutil.rmtree(where)


def sqlite(where: Path) -> Callable[[], Database]:
    return lambda: open_database(path=where / "bench.db", key=secrets.token_hex(32))


def measure_postgresql(options: argparse.Namespace) -> None:
    from real_postgres import running_postgres

    with running_postgres({"listen_addresses": ""}) as server:
        uvloop.run(measure(lambda: open_database(url=server.url(server.new_database())), options))


main()
