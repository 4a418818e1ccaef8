"""Several on one database: threads, processes, and one that is killed while it writes."""

import asyncio
import subprocess
import sys
import threading
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import event

from ledger_facts import NOW, bill, check_ledger, new_key, open_account, passage, post
from realtime_switch.accounts.questions import TokenUsed, UseToken
from realtime_switch.business.questions import TOKEN_SPENT, answer
from realtime_switch.store.database import open_database
from realtime_switch.store.prepared import driver_of

POSTERS, BATCHES, BILLS = 4, 25, 4

# Posts batches, and says of each that it was acknowledged.
WRITER = """
import asyncio, sys
import msgspec
from pathlib import Path
from ledger_facts import bill, passage, post, NOW
from realtime_switch.store.database import open_database

def work(repos, name, batch, bills):
    ids = [f"{name}-{batch}-{number}" for number in range(bills)]
    post(repos, [bill(i, f"a{number % 2 + 1}") for number, i in enumerate(ids)])
    repos.sessions.append([passage(ids[0], f"{ids[0]};")], NOW)

async def caller(database, name, batches, bills):
    for batch in range(batches):
        await database.write(lambda r: work(r, name, batch, bills))
        print(f"{name}-{batch}", flush=True)

async def main(place, name, batches, bills):
    if "path" in place:
        place["path"] = Path(place["path"])
    database = open_database(**place)
    await asyncio.gather(*(caller(database, f"{name}{number}", batches, bills) for number in range(3)))
    await database.close()

place, name, batches, bills = sys.argv[1:]
asyncio.run(main(msgspec.json.decode(place), name, int(batches), int(bills)))
"""


def _writer(place: dict[str, Any], name: str, batches: int, bills: int) -> subprocess.Popen[str]:
    encoded = msgspec.json.encode(place, enc_hook=str).decode()
    tests = [path for path in sys.path if path.endswith("tests")]
    command = [sys.executable, "-c", f"import sys; sys.path += {tests}\n{WRITER}"]
    return subprocess.Popen(
        [*command, encoded, name, str(batches), str(bills)], stdout=subprocess.PIPE, text=True
    )


async def _two_accounts(place: dict[str, Any]) -> None:
    database = open_database(**place)
    for account_id in ("a1", "a2"):
        await open_account(database, account_id, plan=1000, topup=50)
    await database.close()


async def test_many_processes_post_to_one_account_and_nothing_is_lost(place: dict[str, Any]):
    await _two_accounts(place)
    processes = [_writer(place, f"p{number}-", BATCHES, BILLS) for number in range(POSTERS)]
    for process in processes:
        said, _ = process.communicate(timeout=60)
        assert (process.returncode, len(said.splitlines())) == (0, 3 * BATCHES)
    database = open_database(**place)
    posted = POSTERS * 3 * BATCHES * BILLS
    for account_id in ("a1", "a2"):
        account = await database.read(lambda r, a=account_id: r.accounts.find(a))
        assert account is not None
        assert account.credits == 1050 - posted // 2
        await database.read(partial(check_ledger, account_id=account_id))
    backlog = await database.read(lambda r: r.sessions.backlog("a1", "s1"))
    assert backlog is not None
    assert [number for number, _ in backlog.passages] == [*range(1, POSTERS * 3 * BATCHES + 1)]
    await database.close()


async def test_many_threads_post_to_one_account_and_nothing_is_lost(place: dict[str, Any]):
    await _two_accounts(place)
    database = open_database(**place)

    async def callers(name: int) -> None:
        # The same ids from every thread but one number: who comes first counts, the others change nothing.
        for batch in range(10):
            bills = [bill(f"{batch}-{number}") for number in range(5)] + [bill(f"own-{name}-{batch}")]
            await database.write(partial(post, bills=bills))

    threads = [threading.Thread(target=lambda n=n: asyncio.run(callers(n))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    account = await database.read(lambda r: r.accounts.find("a1"))
    assert account is not None
    assert account.credits == 1050 - 50 - 80
    await database.read(check_ledger)
    await database.close()


async def test_two_databases_open_on_one_place_see_each_others_work(place: dict[str, Any]):
    one, other = open_database(**place), open_database(**place)
    await open_account(one)
    await other.write(lambda r: r.sessions.append([passage("p1", "from the other")], NOW))
    backlog = await one.read(lambda r: r.sessions.backlog("a1", "s1"))
    assert backlog is not None
    assert backlog.text == "from the other"
    await one.close()
    await other.write(partial(post, bills=[bill("u1")]))
    await other.close()


async def test_a_token_opens_no_more_calls_than_it_may_whichever_business_process_is_asked(
    place: dict[str, Any],
):
    databases = [open_database(**place) for _ in range(4)]
    await open_account(databases[0])
    await databases[0].write(lambda r: r.accounts.add_key(new_key()))

    async def use(number: int) -> object:
        question = UseToken(token_id="t", call_id=f"run-{number}", uses=3, until_us=NOW)
        work = partial(answer, key_hash="a" * 64, question=question, now_us=NOW)
        return await databases[number % len(databases)].write(work)

    said = await asyncio.gather(*map(use, range(24)))
    assert sum(one == TokenUsed(token_id="t") for one in said) == 3
    assert sum(one == TOKEN_SPENT for one in said) == 21
    for database in databases:
        await database.close()


async def test_what_was_acknowledged_before_a_kill_is_there_after_it(place: dict[str, Any]):
    await _two_accounts(place)
    process = _writer(place, "k", 100_000, BILLS)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().strip() for _ in range(60)]
    process.kill()
    acknowledged += [line for line in process.communicate()[0].splitlines() if line.count("-") == 1]
    database = open_database(**place)
    for account_id in ("a1", "a2"):
        await database.read(partial(check_ledger, account_id=account_id))
    backlog = await database.read(lambda r: r.sessions.backlog("a1", "s1"))
    again = await database.write(
        lambda r: r.usage.post([bill(f"{b}-{n}") for b in acknowledged for n in range(BILLS)], NOW)
    )
    await database.close()
    assert again == []
    assert backlog is not None
    kept = {text for _, text in backlog.passages}
    assert kept >= {f"{batch}-0;" for batch in acknowledged}


async def test_adding_to_a_long_conversation_only_inserts_a_row(place: dict[str, Any]):
    """A9: 200 characters more cost 200 characters, not the 30,000 that were said before."""
    database = open_database(**place)
    await open_account(database)
    await database.write(lambda r: r.sessions.append([passage(f"p{n}", "x" * 200) for n in range(150)], NOW))
    verbs: list[str] = []
    of_driver: list[str] = []  # also what goes to it straight

    def note(connection, cursor, statement, *more) -> None:
        verbs.append(statement.split()[0])

    def work(repos) -> None:
        connection = repos.sessions._connection
        # PostgreSQL's has none.
        trace = getattr(driver_of(connection), "set_trace_callback", lambda told: None)
        event.listen(connection, "before_cursor_execute", note)
        trace(lambda statement: of_driver.append(statement.split()[0]))
        repos.sessions.append([passage("last", "y" * 200)], NOW)
        trace(None)
        event.remove(connection, "before_cursor_execute", note)

    await database.write(work)
    await database.close()
    assert verbs == ["INSERT"]
    if "path" in place:
        assert of_driver.count("INSERT") == 1
        assert set(of_driver) == {"SELECT", "INSERT"}
