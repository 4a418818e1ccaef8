"""How long a refusal takes tells nothing: the work for it is counted, in steps of whoever does it."""

from pathlib import Path

import pytest

from ledger_facts import DB_KEY, NOW, new_key, open_account, passage
from realtime_switch.accounts.keys import hash_key
from realtime_switch.business.credits import RateBook
from realtime_switch.business.service import Accounts
from realtime_switch.business.summary import Summariser
from realtime_switch.store.database import open_database, open_storage
from realtime_switch.store.worker import SqlRepos
from steps import steps_to_the_end

RULES = "realtime_switch/business"  # without the database, which is looked at below


async def test_the_rules_take_as_many_steps_for_a_key_that_was_good_as_for_one_that_never_was(
    database, admin, clock
):
    ada = await admin.create_account("ada@example.com", tokens=100)
    accounts = Accounts(database, RateBook(), Summariser(database, None, clock), clock)
    expiring, _ = await admin.create_key(ada.id, expires_us=clock() + 1_000_000)
    revoked, _ = await admin.create_key(ada.id)
    await admin.revoke_key(revoked)
    clock.pass_s(1)
    unknown = expiring[:-1] + ("0" if expiring[-1] != "0" else "1")  # wrong in its last digit
    asked = [hash_key(key) for key in (expiring, revoked, unknown, "rslive_v1_" + "0" * 48)]
    steps = [steps_to_the_end(accounts.validate_and_load(key_hash, "s1"), RULES) for key_hash in asked]
    assert len(set(steps)) == 1, steps
    good, _ = await admin.create_key(ada.id)
    assert steps_to_the_end(accounts.validate_and_load(hash_key(good), "s1"), RULES) > steps[0]


@pytest.mark.parametrize("passages", [0, 200])
async def test_the_database_takes_a_row_more_for_one_that_was_good_whatever_there_is_of_it(
    tmp_path: Path, passages: int
):
    """SQLite's machine looks the key up, and whether it has expired, and does no more. The five instructions
    of the second are far below what can be told from outside: a good key takes some 2,700 here."""
    place = {"path": tmp_path / "x.db", "key": DB_KEY}
    database = open_database(**place)
    await open_account(database, plan=7)
    for digit in "ab":
        await database.write(lambda r, digit=digit: r.accounts.add_key(new_key(digit=digit)))
    await database.write(lambda r: r.accounts.expire_key("a" * 64, NOW - 1))
    await database.write(
        lambda r: r.sessions.append([passage(f"p{n}", "said " * 300) for n in range(passages)], NOW)
    )
    await database.close()

    storage = open_storage(**place)
    with storage.writing.connect() as connection:
        count = 0

        def step() -> int:
            nonlocal count
            count += 1
            return 0

        connection.connection.dbapi_connection.set_progress_handler(step, 1)
        repos = SqlRepos(connection)

        def steps(digit: str) -> tuple[int, int]:
            nonlocal count
            told = []
            for ask in (
                lambda: repos.accounts.load(digit * 64, "s1", NOW),
                lambda: repos.accounts.holder(digit * 64, NOW),
            ):
                ask()  # the first time the statement is prepared as well
                count = 0
                ask()
                told.append(count)
            return told[0], told[1]

        unknown, expired, good = steps("c"), steps("a"), steps("b")
        connection.connection.dbapi_connection.set_progress_handler(None, 1)
    storage.close()
    assert max(unknown) < 20
    assert [after - before for before, after in zip(unknown, expired, strict=True)] == [5, 5]
    assert good[0] > expired[0] + 5 * (1 + passages)
