"""What every database promises, held against encrypted SQLite, PostgreSQL and the one in memory."""

import asyncio
from functools import partial

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_facts import (
    NOW,
    bill,
    check_ledger,
    new_account,
    new_key,
    open_account,
    passage,
    post,
    saved,
    switched,
)
from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.accounts.questions import Group, UsageTotals
from realtime_switch.accounts.records import COUNT_MAX, TIME_MAX_US, SwitchCause, Tokens, UsageKind
from realtime_switch.business.repos import (
    CLOSED,
    Database,
    Entry,
    EntryKind,
    Loaded,
    Repos,
    SessionSummary,
)

# -- Accounts --------------------------------------------------------------------------------------------


async def test_an_account_is_found_by_id_and_by_email_however_it_is_spelt(database: Database):
    account = new_account("a1", "Ada@Example.COM")
    await database.write(lambda r: r.accounts.add(account))
    kept = msgspec.structs.replace(account, email="ada@example.com")
    found = await database.read(lambda r: [r.accounts.find(n) for n in ("a1", "ADA@example.com", "nobody")])
    assert found == [kept, kept, None]


async def test_an_email_is_taken_without_regard_to_case(database: Database):
    await database.write(lambda r: r.accounts.add(new_account("a1", "ada@example.com")))
    with pytest.raises(RealtimeSwitchError) as caught:
        await database.write(lambda r: r.accounts.add(new_account("a2", "ADA@example.com")))
    assert caught.value.code is ErrorCode.EXTERNAL_ALREADY_EXISTS
    assert [a.id for a in await database.read(lambda r: r.accounts.list())] == ["a1"]


async def test_accounts_are_listed_oldest_first(database: Database):
    for account_id, age in (("a1", 5), ("a2", 9), ("a3", 7)):
        account = msgspec.structs.replace(new_account(account_id), created_us=NOW - age)
        await database.write(partial(_add, account=account))
    assert [a.id for a in await database.read(lambda r: r.accounts.list())] == ["a2", "a3", "a1"]


async def test_known_says_which_ids_are_accounts(database: Database):
    await open_account(database, "a1")
    assert await database.read(lambda r: r.accounts.known(["a1", "a2", "a\0"])) == {"a1"}
    assert await database.read(lambda r: r.accounts.known([])) == set()


async def test_closing_an_account_is_a_status(database: Database):
    await open_account(database)
    await database.write(lambda r: r.accounts.set_status("a1", CLOSED, NOW + 5))
    account = await database.read(lambda r: r.accounts.find("a1"))
    assert account is not None
    assert (account.status, account.updated_us) == (CLOSED, NOW + 5)


@pytest.mark.parametrize(
    "work",
    [
        lambda r: r.accounts.set_status("nobody", CLOSED, NOW),
        lambda r: r.accounts.spend("nobody", 1, "", NOW),
        lambda r: r.accounts.change_purses("nobody", EntryKind.TOPPED_UP, 1, 1, "", NOW),
        lambda r: r.accounts.expire_key("f" * 64, NOW),
        lambda r: r.accounts.add_key(new_key("nobody")),
        lambda r: r.usage.post([bill("u1", "nobody")], NOW),
        lambda r: r.sessions.append([passage("p1", "x", "nobody")], NOW),
        lambda r: r.sessions.save_config(saved("{}", account_id="nobody"), NOW),
        lambda r: r.sessions.add_switches([switched("w1", "nobody")], NOW),
    ],
)
async def test_what_names_an_account_or_key_that_is_not_there_is_refused(database: Database, work):
    with pytest.raises(RealtimeSwitchError) as caught:
        await database.write(work)
    assert caught.value.code is ErrorCode.EXTERNAL_NOT_FOUND


# -- Purses and entries ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spent", "left"),
    [(0, (100, 50)), (30, (100, 20)), (50, (100, 0)), (51, (99, 0)), (150, (0, 0)), (1150, (-1000, 0))],
)
async def test_spending_empties_the_top_up_first_and_then_the_plan_below_zero(
    database: Database, spent, left
):
    await open_account(database, plan=100, topup=50)
    after = await database.write(lambda r: r.accounts.spend("a1", spent, "usage", NOW))
    assert (after.token_remaining, after.topup_remaining) == left
    assert after == await database.read(lambda r: r.accounts.find("a1"))


async def test_every_change_of_the_purses_has_its_entry(database: Database):
    await open_account(database, plan=100, topup=50)
    await database.write(lambda r: r.accounts.spend("a1", 70, "usage", NOW + 1))
    await database.write(
        lambda r: r.accounts.change_purses("a1", EntryKind.TOPPED_UP, 0, 25, "paid", NOW + 2)
    )
    entry = partial(Entry, account_id="a1")
    assert await database.read(lambda r: r.accounts.entries("a1")) == [
        entry(number=1, kind=EntryKind.OPENED, plan_change=100, topup_change=50, token_remaining=100,
              topup_remaining=50, reason="opened", created_us=NOW),
        entry(number=2, kind=EntryKind.USED, plan_change=-20, topup_change=-50, token_remaining=80,
              topup_remaining=0, reason="usage", created_us=NOW + 1),
        entry(number=3, kind=EntryKind.TOPPED_UP, plan_change=0, topup_change=25, token_remaining=80,
              topup_remaining=25, reason="paid", created_us=NOW + 2),
    ]  # fmt: skip


async def test_the_bought_purse_cannot_be_taken_below_zero(database: Database):
    await open_account(database, plan=100, topup=50)
    with pytest.raises(RealtimeSwitchError) as caught:
        await database.write(lambda r: r.accounts.change_purses("a1", EntryKind.ADJUSTED, 0, -51, "", NOW))
    assert caught.value.code is ErrorCode.EXTERNAL_INVALID_VALUE
    await database.read(check_ledger)


# -- Keys ------------------------------------------------------------------------------------------------


async def test_keys_are_listed_expired_and_noted_as_used(database: Database):
    await open_account(database, "a1")
    await open_account(database, "a2")
    mine, other = new_key("a1", "a"), new_key("a2", "b")
    await database.write(lambda r: [r.accounts.add_key(key) for key in (mine, other)])
    await database.write(lambda r: r.accounts.expire_key(mine.key_hash, NOW + 9))
    await database.write(lambda r: r.accounts.note_used({mine.key_hash: NOW + 3, "c" * 64: NOW}))
    await database.write(lambda r: r.accounts.note_used({mine.key_hash: NOW + 2}))
    mine = msgspec.structs.replace(mine, expires_us=NOW + 9, last_used_us=NOW + 3)
    assert await database.read(lambda r: r.accounts.keys("a1")) == [mine]
    assert await database.read(lambda r: r.accounts.keys()) == [mine, other]


async def test_a_connect_reads_account_configuration_and_conversation_at_once(database: Database):
    await open_account(database, plan=7)
    await database.write(lambda r: r.accounts.add_key(new_key()))
    load = lambda r: r.accounts.load("a" * 64, "s1", NOW)  # noqa: E731
    account = await database.read(lambda r: r.accounts.find("a1"))
    empty = Loaded(account=account, config=None, conversation="", conversation_chars=0)
    assert await database.read(load) == empty

    await database.write(lambda r: r.sessions.save_config(saved("{}"), NOW))
    await database.write(lambda r: r.sessions.append([passage("p1", "héllo "), passage("p2", "you")], NOW))
    full = msgspec.structs.replace(empty, config="{}", conversation="héllo you", conversation_chars=9)
    assert await database.read(load) == full
    assert await database.read(lambda r: r.accounts.load("a" * 64, "s2", NOW)) == empty
    assert await database.read(lambda r: r.accounts.load("b" * 64, "s1", NOW)) is None


async def test_a_key_that_has_expired_is_found_no_more_than_one_that_never_was(database: Database):
    """By the statement itself: whoever times a refusal learns nothing of the key."""
    await open_account(database, plan=7)
    key = new_key()
    await database.write(lambda r: r.accounts.add_key(key))
    await database.write(lambda r: r.sessions.append([passage("p1", "said")], NOW))
    await database.write(lambda r: r.accounts.expire_key(key.key_hash, NOW + 1))

    async def found(now_us: int) -> list[bool]:
        loaded = await database.read(lambda r: r.accounts.load(key.key_hash, "s1", now_us))
        holder = await database.read(lambda r: r.accounts.holder(key.key_hash, now_us))
        return [loaded is not None, holder is not None]

    assert [await found(now_us) for now_us in (NOW, NOW + 1, NOW + 2)] == [
        [True] * 2,
        [False] * 2,
        [False] * 2,
    ]


# -- Usage -----------------------------------------------------------------------------------------------


async def test_a_bill_is_posted_once(database: Database):
    await open_account(database)
    assert await database.write(lambda r: r.usage.post([bill("u2"), bill("u1"), bill("u2")], NOW)) == [
        "u2",
        "u1",
    ]
    assert await database.write(lambda r: r.usage.post([bill("u3", credits=5), bill("u1")], NOW)) == ["u3"]
    assert await database.read(lambda r: r.usage.credits_posted("a1")) == 7
    assert await database.write(lambda r: r.usage.post([], NOW)) == []


async def test_a_batch_may_be_larger_than_one_statement(database: Database):
    await open_account(database)
    ids = [f"u{number}" for number in range(1001)]
    assert await database.write(lambda r: r.usage.post([bill(i) for i in ids], NOW)) == ids
    assert await database.read(lambda r: r.usage.credits_posted("a1")) == 1001


async def test_kinds_of_usage_are_never_added_into_one_another(database: Database):
    await open_account(database)
    tokens = Tokens(
        input=100, output=50, input_text=10, input_audio=80, input_image=10,
        cached_text=1, cached_audio=2, cached_image=3, output_text=20, output_audio=30,
    )  # fmt: skip
    bills = [
        bill("u1", credits=150, tokens=tokens),
        bill("u2", credits=150, tokens=tokens, reseed_input=9),
        bill(
            "u3", credits=0, kind=UsageKind.TRANSCRIPTION, tokens=Tokens(input=7, output=2), duration_ms=900
        ),
        bill("u4", credits=3, kind=UsageKind.SESSION, tokens=Tokens(), duration_ms=1500, fees=2),
    ]
    await database.write(lambda r: r.usage.post(bills, NOW))
    assert await database.read(lambda r: r.usage.totals()) == [
        UsageTotals(
            responses=2, input_tokens=200, output_tokens=100, total_tokens=300, input_text_tokens=20,
            input_audio_tokens=160, input_image_tokens=20, cached_tokens=12, output_text_tokens=40,
            output_audio_tokens=60, transcription_tokens=9, transcription_ms=900, reseed_tokens=9,
            session_ms=1500, fees=2, credits=303,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ((), {(): 111}),
        ((Group.ACCOUNT,), {("a1",): 11, ("a2",): 100}),
        ((Group.PROVIDER,), {("gemini",): 110, ("openai",): 1}),
        ((Group.MODEL,), {("",): 111}),
        ((Group.KIND,), {("response",): 111}),
        ((Group.SESSION,), {("s1",): 101, ("s2",): 10}),
        ((Group.DAY,), {("2023-11-14",): 11, ("2023-11-15",): 100}),
        ((Group.HOUR,), {("2023-11-14T22:00Z",): 1, ("2023-11-14T23:00Z",): 10, ("2023-11-15T00:00Z",): 100}),
        (
            (Group.DAY, Group.PROVIDER),
            {("2023-11-14", "gemini"): 10, ("2023-11-14", "openai"): 1, ("2023-11-15", "gemini"): 100},
        ),
    ],
)
async def test_totals_by(database: Database, by, groups):
    await open_account(database, "a1")
    await open_account(database, "a2")
    day = 24 * 60 * 60 * 1_000_000
    last_us_of_a_day = NOW // day * day + day - 1
    bills = [
        bill("u1", "a1", 1),
        bill("u2", "a1", 10, provider="gemini", session_id="s2", born_us=last_us_of_a_day),
        bill("u3", "a2", 100, provider="gemini", born_us=last_us_of_a_day + 1),
    ]
    await database.write(lambda r: r.usage.post(bills, NOW))
    totals = await database.read(lambda r: r.usage.totals(*by))
    assert [(t.groups, t.credits, t.total_tokens) for t in totals] == [(g, c, c) for g, c in groups.items()]
    of_one = await database.read(lambda r: r.usage.totals(*by, account_id="a2"))
    assert [t.credits for t in of_one] == [100]


async def test_nothing_used_is_one_row_of_zeros_or_no_group(database: Database):
    assert await database.read(lambda r: r.usage.totals()) == [UsageTotals()]
    assert await database.read(lambda r: r.usage.totals(Group.DAY)) == []


async def test_the_largest_record_fits_and_its_sums_are_whole_numbers(database: Database):
    await open_account(database)
    tokens = Tokens(input=COUNT_MAX, output=COUNT_MAX)
    for record_id in ("u1", "u2"):
        await database.write(
            partial(
                post, bills=[bill(record_id, credits=2 * COUNT_MAX, tokens=tokens, reseed_input=COUNT_MAX)]
            )
        )
    [totals] = await database.read(lambda r: r.usage.totals())
    sums = totals.total_tokens, totals.reseed_tokens, totals.credits
    assert sums == (4 * COUNT_MAX, 2 * COUNT_MAX, 4 * COUNT_MAX)
    assert type(totals.total_tokens) is int
    await database.read(check_ledger)


# -- Sessions and conversations --------------------------------------------------------------------------


async def test_a_later_configuration_replaces_an_earlier_one_and_a_late_copy_does_not(database: Database):
    await open_account(database)
    for config, born_us in (("first", NOW), ("second", NOW + 1), ("first", NOW)):
        await database.write(partial(_save, config=config, born_us=born_us))
    found = await database.read(lambda r: r.sessions.find("a1", "s1"))
    assert found is not None
    assert found[1] == "second"


async def test_passages_are_told_in_the_order_they_came_and_once(database: Database):
    await open_account(database)
    first, second, third = passage("p9", "user: hi\n"), passage("p1", "agent: "), passage("p5", "hello")
    await database.write(lambda r: r.sessions.append([first, second, first], NOW))
    await database.write(lambda r: r.sessions.append([second, third], NOW + 1))
    assert await database.read(lambda r: r.sessions.find("a1", "s1")) == (
        SessionSummary(
            account_id="a1", session_id="s1", has_config=False, conversation_chars=21,
            created_us=NOW, updated_us=NOW + 1,
        ),
        None,
        "user: hi\nagent: hello",
    )  # fmt: skip


async def test_a_batch_may_hold_passages_of_several_sessions(database: Database):
    await open_account(database, "a1")
    await open_account(database, "a2")
    batch = [
        passage("p1", "a", "a2"),
        passage("p2", "b", "a1"),
        passage("p3", "c", "a2"),
        passage("p4", "d", "a2", "s2"),
    ]
    await database.write(lambda r: r.sessions.append(batch, NOW))
    said = await database.read(
        lambda r: [r.sessions.backlog(*s) for s in (("a1", "s1"), ("a2", "s1"), ("a2", "s2"))]
    )
    assert [b and b.passages for b in said] == [((1, "b"),), ((1, "a"), (2, "c")), ((1, "d"),)]


async def test_what_arrives_late_is_told_where_it_was_said(database: Database):
    """Of two gateways that kept words of one session, the first may deliver last."""
    await open_account(database)
    await database.write(lambda r: r.accounts.add_key(new_key()))
    first, second, third = (
        msgspec.structs.replace(passage(f"p{number}", f"{number};"), born_us=NOW + number)
        for number in (1, 2, 3)
    )
    await database.write(lambda r: r.sessions.append([second], NOW))
    await database.write(lambda r: r.sessions.append([third, first], NOW))
    found = await database.read(lambda r: r.sessions.find("a1", "s1"))
    loaded = await database.read(lambda r: r.accounts.load("a" * 64, "s1", NOW))
    backlog = await database.read(lambda r: r.sessions.backlog("a1", "s1"))
    assert found is not None
    assert loaded is not None
    assert backlog is not None
    assert (found[2], loaded.conversation) == ("1;2;3;", "1;2;3;")
    # A summary stands for all numbers up to one, so what is to be summarised goes by number.
    assert backlog.passages == ((1, "2;"), (2, "3;"), (3, "1;"))


async def test_a_summary_stands_for_the_passages_up_to_its_number_and_deletes_none(database: Database):
    await open_account(database)
    await database.write(lambda r: r.accounts.add_key(new_key()))
    await database.write(lambda r: r.sessions.append([passage("p1", "aaaa"), passage("p2", "bbbb")], NOW))
    before = await database.read(lambda r: r.sessions.backlog("a1", "s1"))
    assert before is not None
    # Said while the summary was being written: it must not be lost.
    await database.write(lambda r: r.sessions.append([passage("p3", "cccc")], NOW))
    await database.write(lambda r: r.sessions.summarise("a1", "s1", before.passages[-1][0], "S;", NOW))
    after = await database.read(lambda r: r.sessions.backlog("a1", "s1"))
    loaded = await database.read(lambda r: r.accounts.load("a" * 64, "s1", NOW))
    found = await database.read(lambda r: r.sessions.find("a1", "s1"))
    assert after is not None
    assert (after.summary, after.passages, after.text) == ("S;", ((3, "cccc"),), "S;cccc")
    assert loaded is not None
    assert (loaded.conversation, loaded.conversation_chars) == ("S;cccc", 6)
    assert found is not None
    assert found[2] == "aaaabbbbcccc"


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ((1, "older"), "both"),
        ((2, "both, shorter"), "both, shorter"),
        ((3, "all"), "all"),
        ((9, "none"), "both"),
    ],
)
async def test_a_summary_replaces_one_that_reached_no_further(database: Database, then, told):
    await open_account(database)
    said = [passage("p1", "a"), passage("p2", "b"), passage("p3", "")]
    await database.write(lambda r: r.sessions.append(said, NOW))
    for upto, summary in ((2, "both"), then):
        await database.write(lambda r, u=upto, s=summary: r.sessions.summarise("a1", "s1", u, s, NOW))
    after = await database.read(lambda r: r.sessions.backlog("a1", "s1"))
    assert after is not None
    assert after.text == told


async def test_what_was_deleted_does_not_come_back_by_its_summary(database: Database):
    await open_account(database)
    await database.write(lambda r: r.sessions.append([passage("p1", "secret")], NOW))
    assert await database.write(lambda r: r.sessions.delete("a1", "s1", NOW))
    await database.write(lambda r: r.sessions.summarise("a1", "s1", 1, "a secret", NOW))
    new = msgspec.structs.replace(passage("p2", "new"), born_us=NOW + 1)
    await database.write(lambda r: r.sessions.append([new], NOW))
    after = await database.read(lambda r: r.sessions.backlog("a1", "s1"))
    assert after is not None
    assert after.text == "new"


async def test_overlong_names_the_conversations_that_would_be_told_at_more(database: Database):
    await open_account(database)
    for session_id, size in (("s1", 9), ("s2", 10), ("s3", 11)):
        await database.write(partial(_say, session_id=session_id, text="é" * size))
    assert await database.read(lambda r: r.sessions.overlong(10)) == [("a1", "s3")]
    await database.write(lambda r: r.sessions.summarise("a1", "s3", 1, "short", NOW))
    assert await database.read(lambda r: r.sessions.overlong(10)) == []
    assert await database.read(lambda r: r.sessions.overlong(9)) == [("a1", "s2")]


async def test_sessions_are_listed_whatever_they_hold(database: Database):
    await open_account(database, "a1")
    await open_account(database, "a2")
    await database.write(lambda r: r.sessions.save_config(saved("{}", session_id="s2"), NOW))
    await database.write(lambda r: r.sessions.save_config(saved("{}", session_id="s1"), NOW))
    await database.write(lambda r: r.sessions.append([passage("p1", "abc")], NOW + 4))
    await database.write(lambda r: r.sessions.append([passage("p2", "x", "a2")], NOW + 5))
    row = partial(SessionSummary, account_id="a1", has_config=True, created_us=NOW)
    of_a1 = [
        row(session_id="s1", conversation_chars=3, updated_us=NOW + 4),
        row(session_id="s2", conversation_chars=0, updated_us=NOW),
    ]
    of_a2 = SessionSummary(
        account_id="a2", session_id="s1", has_config=False, conversation_chars=1,
        created_us=NOW + 5, updated_us=NOW + 5,
    )  # fmt: skip
    assert await database.read(lambda r: r.sessions.list("a1")) == of_a1
    assert await database.read(lambda r: r.sessions.list()) == [*of_a1, of_a2]


async def test_switches_are_told_as_they_were_born_and_once(database: Database):
    await open_account(database, "a1")
    await open_account(database, "a2")
    early, late = switched("w2", born_us=NOW + 1), switched("w1", born_us=NOW + 2)
    nobody = switched("w3", born_us=NOW + 3, to_provider="", to_model="", cause=SwitchCause.REFUSED)
    elsewhere = [switched("w4", session_id="s2"), switched("w5", "a2")]
    for batch in ([late, *elsewhere], [], [nobody, early, late, early]):
        await database.write(partial(_switch, switches=batch))
    changed = switched("w1", born_us=NOW, attempts=9)  # an id that is there stays as it is
    await database.write(lambda r: r.sessions.add_switches([changed], NOW))
    read = database.read
    assert await read(lambda r: r.sessions.switches("a1", "s1")) == [early, late, nobody]
    assert await read(lambda r: r.sessions.switches("a1", "s2")) == elsewhere[:1]
    assert await read(lambda r: r.sessions.switches("a2", "s1")) == elsewhere[1:]
    assert await read(lambda r: r.sessions.switches("a2", "s2")) == []


@pytest.mark.parametrize("cause", SwitchCause)
async def test_every_cause_and_the_largest_switch_fit(database: Database, cause: SwitchCause):
    await open_account(database)
    largest = switched("w1", cause=cause, silent_us=COUNT_MAX, attempts=COUNT_MAX, born_us=TIME_MAX_US)
    await database.write(lambda r: r.sessions.add_switches([largest], NOW))
    assert await database.read(lambda r: r.sessions.switches("a1", "s1")) == [largest]


async def test_a_call_that_nobody_took_is_a_session_too(database: Database):
    await open_account(database)
    await database.write(lambda r: r.sessions.add_switches([switched("w1"), switched("w2")], NOW))
    summary = SessionSummary(
        account_id="a1",
        session_id="s1",
        has_config=False,
        conversation_chars=0,
        created_us=NOW,
        updated_us=NOW,
    )
    assert await database.read(lambda r: r.sessions.find("a1", "s1")) == (summary, None, "")
    await database.write(lambda r: r.sessions.append([passage("p1", "abc")], NOW + 5))
    summary = msgspec.structs.replace(summary, conversation_chars=3, updated_us=NOW + 5)
    assert await database.read(lambda r: r.sessions.list()) == [summary]


async def test_a_deleted_session_is_gone_and_its_bills_stay(database: Database):
    await open_account(database)
    await database.write(lambda r: r.sessions.save_config(saved("{}"), NOW))
    await database.write(lambda r: r.sessions.append([passage("p1", "a")], NOW))
    await database.write(lambda r: r.usage.post([bill("u1")], NOW))
    other = switched("w2", session_id="s2")
    await database.write(lambda r: r.sessions.add_switches([switched("w1"), other], NOW))
    assert await database.write(lambda r: r.sessions.delete("a1", "s1", NOW)) is True
    assert await database.write(lambda r: r.sessions.delete("a1", "s1", NOW)) is False
    assert await database.read(lambda r: r.sessions.switches("a1", "s1")) == []
    assert await database.read(lambda r: r.sessions.switches("a1", "s2")) == [other]
    assert await database.read(lambda r: (r.sessions.find("a1", "s1"), r.sessions.backlog("a1", "s1"))) == (
        None,
        None,
    )
    assert await database.read(lambda r: r.usage.credits_posted("a1")) == 1


# -- Units of work ---------------------------------------------------------------------------------------


async def test_work_that_raises_changes_nothing(database: Database):
    await open_account(database)

    def work(repos: Repos) -> None:
        post(repos, [bill("u1")])
        repos.sessions.append([passage("p1", "x")], NOW)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(work)
    assert await database.read(lambda r: r.sessions.list()) == []
    await database.read(check_ledger)


async def test_work_that_fails_does_not_harm_what_arrived_with_it(database: Database):
    await open_account(database)

    def fail(repos: Repos) -> None:
        post(repos, [bill("never")])
        raise ZeroDivisionError

    works = [fail if number % 7 == 3 else partial(post, bills=[bill(f"u{number}")]) for number in range(40)]
    done = await asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)
    assert [type(result) for result in done] == [
        ZeroDivisionError if work is fail else type(None) for work in works
    ]
    assert await database.read(lambda r: r.usage.credits_posted("a1")) == 34
    await database.read(check_ledger)


async def test_a_caller_who_stops_waiting_does_not_disturb_the_others(database: Database):
    await open_account(database)
    tasks = [asyncio.ensure_future(database.write(partial(post, bills=[bill(f"u{n}")]))) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [task.cancelled() or task.exception() is None for task in tasks] == [True] * 20
    await database.read(check_ledger)


async def test_closing_finishes_what_was_begun_and_refuses_what_comes_after(database: Database):
    await open_account(database)
    begun = [asyncio.ensure_future(database.write(partial(post, bills=[bill(f"u{n}")]))) for n in range(20)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*begun)
    for ask in (database.read, database.write):
        with pytest.raises(RealtimeSwitchError) as caught:
            await ask(lambda r: r.accounts.list())
        assert caught.value.code is ErrorCode.INTERNAL_DATABASE_UNAVAILABLE


# -- Laws ------------------------------------------------------------------------------------------------

# Each example has an account of its own, so one database serves all examples.
_one_database_for_all = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)


@_one_database_for_all
@given(
    batches=st.lists(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), max_size=6), max_size=8),
    topup=st.integers(0, 300),
    repeats=st.integers(1, 3),
)
async def test_law_any_batches_any_number_of_times_each_id_counts_once(
    database: Database, batches, topup, repeats
):
    run = await _next_run(database)
    accounts = [f"{run}-{number}" for number in range(3)]
    for account_id in accounts:
        await open_account(database, account_id, plan=100, topup=topup)
    bills = [
        [bill(f"{run}-{number}-{of}", accounts[of], credits=number * 7 % 41) for number, of in batch]
        for batch in batches
    ]
    await asyncio.gather(*(database.write(partial(post, bills=batch)) for batch in bills * repeats))
    for of, account_id in enumerate(accounts):
        await database.read(partial(check_ledger, account_id=account_id))
        spent = sum(
            number * 7 % 41 for number, whose in {b for batch in batches for b in batch} if whose == of
        )
        account = await database.read(lambda r, a=account_id: r.accounts.find(a))
        assert account is not None
        assert account.credits == 100 + topup - spent


@_one_database_for_all
@given(texts=st.lists(st.text(st.characters(exclude_categories=()), max_size=50), min_size=1, max_size=5))
async def test_law_any_text_comes_back_but_for_what_no_engine_can_keep(database: Database, texts):
    run = await _next_run(database)
    await open_account(database, run)
    passages = [passage(f"{run}-{number}", text, run) for number, text in enumerate(texts)]
    await database.write(lambda r: r.sessions.append(passages, NOW))
    await database.write(lambda r: r.sessions.save_config(saved(texts[0], account_id=run), NOW))
    found = await database.read(lambda r: r.sessions.find(run, "s1"))
    replaced = [_kept(text) for text in texts]
    assert found is not None
    assert found[1:] == (replaced[0], "".join(replaced))
    assert found[0].conversation_chars == sum(map(len, texts))


@_one_database_for_all
@given(name=st.text(st.characters(exclude_categories=()), min_size=1, max_size=20))
async def test_law_any_name_can_be_asked_for(database: Database, name):
    """A session id comes from a URL: no spelling of it may be an error."""
    run = await _next_run(database)
    await open_account(database, run)
    await database.write(lambda r: r.sessions.append([passage(run, f"x{name}", run, name)], NOW))
    assert await database.write(
        lambda r: r.usage.post([bill(run + name, run, session_id=name, model=name)], NOW)
    )
    there = switched(run + name, run, session_id=name, from_provider=name, to_model=name)
    await database.write(lambda r: r.sessions.add_switches([there], NOW))
    assert await database.read(lambda r: r.sessions.find(run, name)) is not None
    [found] = await database.read(lambda r: r.sessions.switches(run, name))
    kept = _kept(name)
    expected = switched(run + kept, run, session_id=kept, from_provider=kept, to_model=kept)
    assert found == expected
    await database.read(
        lambda r: (r.accounts.load(name, name, NOW), r.accounts.find(name), r.sessions.backlog(run, name))
    )
    [listed] = await database.read(lambda r: r.sessions.page(run, name, None, 9))
    [said] = await database.read(lambda r: r.sessions.said(run, name, None, 9))
    assert (listed.session_id, said.text) == (kept, f"x{kept}")
    assert await database.read(lambda r: r.sessions.page(run, "", (NOW, name), 9)) == []
    assert await database.write(lambda r: r.usage.forget_session(run, name)) == 1
    assert await database.write(lambda r: r.sessions.delete(run, name, NOW))


def _kept(text: str) -> str:
    return "".join("\ufffd" if c == "\0" or 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


async def _next_run(database: Database) -> str:
    return f"r{len(await database.read(lambda r: r.accounts.list()))}"


def _add(repos: Repos, account) -> None:
    repos.accounts.add(account)


def _save(repos: Repos, config: str, born_us: int) -> None:
    repos.sessions.save_config(saved(config, born_us), NOW)


def _switch(repos: Repos, switches) -> None:
    repos.sessions.add_switches(switches, NOW)


def _say(repos: Repos, session_id: str, text: str) -> None:
    repos.sessions.append([passage(f"p-{session_id}", text, session_id=session_id)], NOW)
