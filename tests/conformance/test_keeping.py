"""How long things are kept, and that everything of an account is found and goes, over every database."""

from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import inspect, text

from ledger_facts import DB_KEY, NOW, bill, check_ledger, new_key, open_account, passage, saved, switched
from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.accounts.records import TIME_MAX_US
from realtime_switch.business.admin import Administration
from realtime_switch.business.keeping import DAY_US, FORGOTTEN_DAYS, sweep
from realtime_switch.business.repos import KEYS, Database, EntryKind, Repos, Retention
from realtime_switch.store.database import open_database
from realtime_switch.store.memory import MemoryDatabase

KEY = "a" * 64
TODAY = NOW // DAY_US * DAY_US
WEEK, NEVER = Retention(transcripts_days=7, usage_days=7), Retention()


def at(days: int) -> int:
    """In the middle of a day so many days ago."""
    return TODAY - days * DAY_US + DAY_US // 2


def admin(database: Database) -> Administration:
    return Administration(database, lambda: NOW, lambda n: b"\1" * n)


async def say(database: Database, passage_id: str, days: int, account_id: str = "a1", session: str = "s1"):
    told = msgspec.structs.replace(
        passage(passage_id, f"{passage_id};", account_id, session), born_us=at(days)
    )
    await database.write(lambda r: r.sessions.append([told], at(days)))


async def told(
    database: Database, session: str = "s1", account_id: str = "a1"
) -> tuple[str | None, str, list]:
    found = await database.read(lambda r: r.sessions.find(account_id, session))
    switches = await database.read(lambda r: r.sessions.switches(account_id, session))
    return (None, "", []) if found is None else (found[1], found[2], [one.id for one in switches])


# -- Retention -------------------------------------------------------------------------------------------


async def test_nothing_goes_while_nobody_says_so(database: Database):
    await open_account(database)
    await say(database, "p1", 5000)
    assert await sweep(database, NEVER, NOW) == (0, 0)
    assert (await told(database))[1] == "p1;"


async def test_what_was_said_goes_when_its_days_are_over_and_not_before(database: Database):
    await open_account(database)
    for number, days in enumerate((9, 8, 7, 0), start=1):
        await say(database, f"p{number}", days)
    await database.write(lambda r: r.sessions.add_switches([switched("w1")], at(8)))
    await database.write(lambda r: r.sessions.add_switches([switched("w2")], at(7)))
    assert await sweep(database, WEEK, NOW) == (1, 0)
    assert await told(database) == (None, "p3;p4;", ["w2"])
    assert await sweep(database, WEEK, NOW) == (0, 0)


async def test_the_first_moment_of_a_day_belongs_to_it(database: Database):
    await open_account(database)
    for passage_id, us in (("before", TODAY - 7 * DAY_US - 1), ("first", TODAY - 7 * DAY_US)):
        said = passage(passage_id, passage_id)
        await database.write(lambda r, p=said, at=us: r.sessions.append([p], at))
    assert await sweep(database, WEEK, NOW) == (1, 0)
    assert (await told(database))[1] == "first"


async def test_a_session_that_is_too_old_goes_whole_and_one_in_use_keeps_its_configuration(
    database: Database,
):
    await open_account(database)
    for session_id in ("s1", "s2", "s3"):
        config = saved("{}", session_id=session_id)
        await database.write(lambda r, c=config: r.sessions.save_config(c, at(9)))
        await say(database, f"old-{session_id}", 9, session=session_id)
    await say(database, "new", 1, session="s2")
    await database.write(lambda r: r.sessions.add_switches([switched("w", session_id="s3")], at(1)))
    assert (await sweep(database, WEEK, NOW))[0] == 3
    assert await told(database, "s1") == (None, "", [])
    assert await told(database, "s2") == ("{}", "new;", [])
    assert await told(database, "s3") == ("{}", "", ["w"])
    assert [s.session_id for s in await database.read(lambda r: r.sessions.list())] == ["s2", "s3"]


async def test_a_summary_goes_with_the_first_that_it_stands_for_and_no_number_comes_twice(database: Database):
    await open_account(database)
    await database.write(lambda r: r.accounts.add_key(new_key()))
    await say(database, "p1", 9)
    await say(database, "p2", 1)
    await database.write(lambda r: r.sessions.summarise("a1", "s1", 2, "of both", at(1)))
    await say(database, "p3", 0)
    await sweep(database, WEEK, NOW)
    loaded = await database.read(lambda r: r.accounts.load(KEY, "s1", NOW))
    assert loaded is not None
    assert loaded.conversation == "p2;p3;"
    await sweep(database, WEEK, NOW + 30 * DAY_US)
    await database.write(lambda r: r.sessions.summarise("a1", "s1", 3, "late", at(0)))
    await say(database, "p4", -30)
    backlog = await database.read(lambda r: r.sessions.backlog("a1", "s1"))
    assert backlog is not None
    assert (backlog.summary, backlog.passages) == ("", ((4, "p4;"),))


async def test_a_summary_of_what_is_kept_stays(database: Database):
    await open_account(database)
    await say(database, "late", 1)  # number 1, and newer than what follows it
    await say(database, "p2", 9)
    await database.write(lambda r: r.sessions.summarise("a1", "s1", 1, "of one;", at(1)))
    await sweep(database, WEEK, NOW)
    backlog = await database.read(lambda r: r.sessions.backlog("a1", "s1"))
    assert backlog is not None
    assert (backlog.summary, backlog.passages) == ("of one;", ())


async def test_bills_lose_their_names_and_nothing_else(database: Database):
    await open_account(database)
    bills = [bill(f"u{days}", credits=3, born_us=at(days), response_id="resp") for days in (8, 7)]
    await database.write(lambda r: r.usage.post(bills, NOW))
    await database.write(lambda r: r.accounts.spend("a1", 6, "usage", NOW))
    assert await sweep(database, WEEK, NOW) == (0, 1)
    assert await sweep(database, WEEK, NOW) == (0, 0)
    rows = await database.read(lambda r: r.keeping.rows("usage_metrics", "a1", None, 9))
    assert [(r["id"], r["session_id"], r["response_id"], r["credits"]) for r in rows] == [
        ("u7", "s1", "resp", 3),
        ("u8", "", "", 3),
    ]
    assert await database.write(lambda r: r.usage.post(bills, NOW)) == []
    await database.read(check_ledger)


async def test_an_account_may_keep_things_for_longer_shorter_or_not_at_all(database: Database):
    for account_id in ("a1", "a2", "a3"):
        await open_account(database, account_id)
        for days in (9, 3, 0):
            await say(database, f"{account_id}-{days}", days, account_id)
    await admin(database).set_retention("a2", Retention(transcripts_days=36_500))
    await admin(database).set_retention("a3", Retention(transcripts_days=0, usage_days=0))
    await database.write(lambda r: r.usage.post([bill("u1", "a3", born_us=NOW)], NOW))
    await sweep(database, WEEK, NOW)
    assert [(await told(database, account_id=a))[1] for a in ("a1", "a2", "a3")] == [
        "a1-3;a1-0;",
        "a2-9;a2-3;a2-0;",
        "",
    ]
    assert (await database.read(lambda r: r.usage.totals()))[0].credits == 1
    assert await database.write(lambda r: r.keeping.unname_bills("a3", TIME_MAX_US, 9)) == 0


async def test_days_are_from_none_to_a_hundred_years(database: Database):
    await open_account(database)
    keeper = admin(database)
    assert await keeper.retention("a1") == Retention()
    await keeper.set_retention("a1", WEEK)
    await keeper.set_retention("a1@example.com", Retention(usage_days=1))
    assert await keeper.retention("a1") == Retention(usage_days=1)
    for wrong in (-1, 36_501):
        with pytest.raises(RealtimeSwitchError) as caught:
            await keeper.set_retention("a1", Retention(transcripts_days=wrong))
        assert caught.value.code is ErrorCode.EXTERNAL_INVALID_VALUE


async def test_a_sweep_of_many_ends(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("realtime_switch.business.keeping.SESSIONS_AT_ONCE", 2)
    monkeypatch.setattr("realtime_switch.business.keeping.BILLS_AT_ONCE", 2)
    await open_account(database)
    for number in range(5):
        await say(database, f"p{number}", 9, session=f"s{number}")
    await database.write(lambda r: r.usage.post([bill(f"u{n}", born_us=at(9)) for n in range(5)], NOW))
    assert await sweep(database, WEEK, NOW) == (5, 5)
    assert await database.read(lambda r: r.sessions.list()) == []


async def test_which_sessions_were_deleted_is_remembered_for_a_while(database: Database):
    await open_account(database)
    await say(database, "p1", 0)
    await database.write(lambda r: r.sessions.delete("a1", "s1", NOW))
    for days, rows in ((FORGOTTEN_DAYS, 1), (FORGOTTEN_DAYS + 1, 0)):
        await sweep(database, NEVER, NOW + days * DAY_US)
        assert (await database.read(lambda r: r.keeping.counts("a1")))["forgotten"] == rows


async def test_what_a_token_has_opened_is_known_until_it_has_expired(database: Database):
    await open_account(database)
    await database.write(lambda r: r.sessions.use_token("a1", "t", "run-1", NOW + DAY_US))
    for days, rows in ((1, 1), (FORGOTTEN_DAYS + 2, 0)):
        await sweep(database, NEVER, NOW + days * DAY_US)
        assert (await database.read(lambda r: r.keeping.counts("a1")))["token_uses"] == rows


# -- Everything of an account ----------------------------------------------------------------------------

MARK = "Ada"  # stands in every text of the account


async def fill(database: Database, account_id: str = "a1", mark: str = MARK) -> None:
    key_hash = f"{ord(account_id[-1]):064x}"

    def work(repos: Repos) -> None:
        key = msgspec.structs.replace(
            new_key(account_id), key_hash=key_hash, label=mark, key_indicator=f"{mark}-key"
        )
        repos.accounts.add_key(key)
        session = f"{mark}-session"
        repos.sessions.append(
            [passage(f"{account_id}-p{n}", f"{mark} said {n}", account_id, session) for n in range(3)], NOW
        )
        repos.sessions.save_config(saved(mark, account_id=account_id, session_id=session), NOW)
        repos.sessions.summarise(account_id, session, 2, f"{mark} spoke", NOW)
        repos.sessions.add_switches([switched(f"{account_id}-w", account_id, session_id=session)], NOW)
        bills = [
            bill(f"{account_id}-u{n}", account_id, session_id=session, response_id=f"{mark}-{n}")
            for n in range(2)
        ]
        repos.usage.post(bills, NOW)
        repos.accounts.spend(account_id, 2, f"usage of {mark}", NOW)
        repos.accounts.change_purses(account_id, EntryKind.TOPPED_UP, 0, 5, f"paid by {mark}", NOW)
        repos.sessions.append([passage(f"{account_id}-gone", "x", account_id, f"{mark}-gone")], NOW)
        repos.sessions.delete(account_id, f"{mark}-gone", NOW)
        repos.keeping.set_retention(account_id, WEEK)
        for call_id in ("run-1", "run-2"):
            repos.sessions.use_token(account_id, f"token-of-{mark}", call_id, NOW)

    await database.write(work)


async def two_accounts(database: Database) -> None:
    for account_id, mark in (("a1", MARK), ("a2", "Bob")):
        await open_account(database, account_id)
        await fill(database, account_id, mark)


COUNTS = {
    "accounts": 1,
    "api_keys": 1,
    "entries": 3,
    "usage_metrics": 2,
    "session_configs": 1,
    "passages": 3,
    "summaries": 1,
    "switches": 1,
    "forgotten": 1,
    "retentions": 1,
    "token_uses": 2,
}


def every_row(repos: Repos) -> str:
    """All of the database, as text: from the engine itself, so that no table is left out by forgetting it."""
    connection: Any = getattr(repos.sessions, "_connection", None)
    if connection is None:
        return repr([sorted(map(repr, table.items())) for table in vars(repos.sessions._tables).values()])
    tables = [name for name in inspect(connection).get_table_names() if name != "schema_migrations"]
    return repr([[*map(tuple, connection.execute(text(f"SELECT * FROM {name}")))] for name in tables])


async def test_every_table_that_holds_something_of_an_account_is_known(place: dict[str, Any]):
    database = open_database(**place)

    def tables(repos: Any) -> set[str]:
        inspector = inspect(repos.sessions._connection)
        parts = "SELECT inhrelid::regclass::text FROM pg_inherits"
        of_another = repos.sessions._connection.execute(text(parts)).scalars() if "url" in place else ()
        return {*inspector.get_table_names()} - {"schema_migrations", *of_another}

    found = await database.read(tables)
    await database.close()
    assert found == {*KEYS} == {*COUNTS}


async def test_an_export_is_every_row_of_the_account_and_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("realtime_switch.business.admin.EXPORT_ROWS", 2)
    await two_accounts(database)
    rows = [row async for row in admin(database).export_account("a1@example.com")]
    counts = {table: sum(name == table for name, _ in rows) for table in COUNTS}
    assert counts == COUNTS
    said = msgspec.json.encode(rows).decode()
    assert "Bob" not in said
    assert "key_hash" not in said
    columns = {table: {*row} for table, row in rows}
    by_hand = {
        "passages": {"account_id", "session_id", "number", "id", "text", "born_at", "created_at"},
        "summaries": {"account_id", "session_id", "upto", "data"},
        "switches": {"account_id", "session_id", "id", "from_provider", "from_model", "to_provider",
                     "to_model", "cause", "silent_us", "attempts", "born_at", "created_at"},
        "forgotten": {"account_id", "session_id", "until_at", "number"},
    }  # fmt: skip
    assert columns | by_hand == columns
    passages = [row["text"] for table, row in rows if table == "passages"]
    assert passages == ["Ada said 0", "Ada said 1", "Ada said 2"]


async def test_every_engine_exports_the_same(postgres_url: str, tmp_path):
    exports = []
    for database in (
        MemoryDatabase(),
        open_database(path=tmp_path / "x.db", key=DB_KEY),
        open_database(url=postgres_url),
    ):
        await two_accounts(database)
        exports.append([row async for row in admin(database).export_account("a1")])
        await database.close()
    assert exports[0] == exports[1] == exports[2]


async def test_an_export_from_which_something_was_taken_meanwhile_is_none(database: Database):
    await two_accounts(database)
    rows = admin(database).export_account("a1")
    assert (await anext(rows))[0] == "accounts"
    await database.write(lambda r: r.sessions.delete("a1", "Ada-session", NOW))
    with pytest.raises(RealtimeSwitchError) as caught:
        [_ async for _ in rows]
    assert "export it again" in caught.value.message


async def test_an_erased_account_leaves_what_was_paid_and_no_name(database: Database):
    await two_accounts(database)
    others = [row async for row in admin(database).export_account("a2")]
    erased = await admin(database).erase_account("a1@example.com")
    assert (erased.account_id, erased.before) == ("a1", COUNTS)
    kept = dict.fromkeys(COUNTS, 0) | {"accounts": 1, "entries": 3, "usage_metrics": 2}
    assert erased.after == {**kept, "forgotten": 1, "retentions": 1}
    everything = await database.read(every_row)
    assert (MARK in everything, "a1@example" in everything, "Bob" in everything) == (False, False, True)
    account = await database.read(lambda r: r.accounts.find("a1"))
    assert account is not None
    assert (account.status, account.email) == ("closed", "erased-a1@erased.invalid")
    await database.read(check_ledger)
    assert [row async for row in admin(database).export_account("a2")] == others
    assert (await admin(database).erase_account("a1")).after == erased.after


async def test_what_arrives_after_an_account_was_erased_is_not_kept_and_a_bill_loses_its_names(
    database: Database,
):
    await two_accounts(database)
    await admin(database).erase_account("a1")
    later = msgspec.structs.replace(passage("late", MARK, session_id=MARK), born_us=NOW + DAY_US)
    mine = passage("x", "kept", "a2", "new")
    await database.write(lambda r: r.sessions.append([later, mine], NOW))
    await database.write(lambda r: r.sessions.save_config(saved(MARK, session_id=MARK), NOW))
    await database.write(lambda r: r.sessions.add_switches([switched("late", session_id=MARK)], NOW))
    late = bill("late", session_id=MARK, response_id=MARK, born_us=NOW)
    await database.write(lambda r: r.usage.post([late], NOW))
    assert (await sweep(database, NEVER, NOW))[1] == 1
    assert (await told(database, "new", "a2"))[1] == "kept"
    await sweep(database, NEVER, NOW + 1000 * DAY_US)  # and it is never forgotten that it was erased
    await database.write(lambda r: r.sessions.append([later], NOW))
    assert MARK not in await database.read(every_row)


async def test_an_erasure_that_leaves_something_changes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    await two_accounts(database)
    before = await database.read(every_row)

    def half(repos: Repos) -> Any:
        from realtime_switch.business.forget import erase_account

        kind = type(repos.keeping)
        with monkeypatch.context() as patch:
            patch.setattr(kind, "erase", lambda *arguments: None)
            account = repos.accounts.find("a1")
            assert account is not None
            return erase_account(repos, account, NOW)

    with pytest.raises(RealtimeSwitchError) as caught:
        await database.write(half)
    assert caught.value.code is ErrorCode.INTERNAL_UNEXPECTED
    assert await database.read(every_row) == before


async def test_who_is_not_there_is_not_found(database: Database):
    for work in (
        partial(admin(database).erase_account, "nobody"),
        partial(admin(database).retention, "nobody"),
        partial(admin(database).set_retention, "nobody", WEEK),
    ):
        with pytest.raises(RealtimeSwitchError) as caught:
            await work()
        assert caught.value.code is ErrorCode.EXTERNAL_NOT_FOUND
