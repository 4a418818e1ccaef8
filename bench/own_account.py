"""What the questions of a key's holder cost the business process, and what they added to writing.

    .venv/bin/python bench/own_account.py [--sessions 5000] [--passages 20]

Encrypted SQLite in memory-backed files, process time (other work on the machine does not count), the least of
several runs. With PYTHONPATH at the src/ of another commit, writing can be compared with that one's.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from ledger_facts import DB_KEY, NOW, bill, new_key, open_account, passage
from realtime_switch.business.repos import Database, Repos
from realtime_switch.store.database import open_database

RUNS = 12


def least(work: Callable[[int], None]) -> float:
    times = []
    for run in range(RUNS):
        begun = time.process_time()
        work(run)
        times.append(time.process_time() - begun)
    return min(times)


async def writing(database: Database) -> None:
    def append(repos: Repos) -> float:
        def work(run: int) -> None:
            for n in range(100):
                said = passage(f"w{run}-{n}", "x" * 200, session_id=f"w{n % 10}")
                repos.sessions.append([said], NOW)

        return least(work) / 100

    def post(repos: Repos) -> float:
        return least(
            lambda run: (
                repos.usage.post([bill(f"b{run}-{n}", session_id=f"w{n % 10}") for n in range(50)], NOW)
                and None
            )
        )

    print(f"append of one passage: {await database.write(append) * 1e6:.0f} us")
    print(f"post of 50 bills: {await database.write(post) * 1e6:.0f} us")


async def asking(database: Database, sessions: int, passages: int) -> None:
    # Not above: an older commit, with which writing is compared, has none of it.
    from realtime_switch.accounts.questions import AboutAccount, AboutSession, AboutSessions, AboutUsage
    from realtime_switch.business.questions import answer

    for first in range(0, sessions, 50):
        said = [
            passage(f"p{s}-{n}", f"user: {s} {n} {'x' * 190}", session_id=f"s{s}")
            for s in range(first, first + 50)
            for n in range(passages)
        ]
        await database.write(lambda repos, said=said, at=first: repos.sessions.append(said, NOW + at))
    for name, question in {
        "the account": AboutAccount(),
        "usage": AboutUsage(),
        "one session": AboutSession(session_id="s7"),
        "a page of 50 sessions": AboutSessions(limit=50),
        "a search that finds nothing": AboutSessions(search="nothing at all", limit=50),
    }.items():
        took = await database.read(
            lambda repos, q=question: least(lambda run: answer(repos, "a" * 64, q, NOW) and None)
        )
        print(f"{name}: {took * 1e3:.1f} ms")


async def main(sessions: int, passages: int) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        database = open_database(path=Path(folder) / "x.db", key=DB_KEY)
        await open_account(database)
        await database.write(lambda repos: repos.accounts.add_key(new_key()))
        await writing(database)
        await asking(database, sessions, passages)
        await database.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sessions", type=int, default=5_000)
    parser.add_argument("--passages", type=int, default=20)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.sessions, chosen.passages))
