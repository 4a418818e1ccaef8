"""What the holder of a key reads and deletes, over every database: nobody else's rows."""

import asyncio
from functools import partial

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_facts import NOW, bill, check_ledger, new_key, open_account, passage, saved, switched
from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.accounts.questions import (
    PAGE_CHARS_MAX,
    AboutAccount,
    AboutSession,
    AboutSessions,
    AboutUsage,
    DeleteSession,
    Group,
    Said,
    SessionDeleted,
    TokenUsed,
    UseToken,
)
from realtime_switch.accounts.records import Refusal
from realtime_switch.business.questions import ACCOUNT_CLOSED, INVALID_KEY, TOKEN_SPENT, answer
from realtime_switch.business.repos import CLOSED, Database, Repos

KEY, OTHER_KEY = "a" * 64, "b" * 64


async def two_accounts(database: Database) -> None:
    for account_id, digit in (("a1", "a"), ("a2", "b")):
        await open_account(database, account_id)
        key = new_key(account_id, digit)
        await database.write(lambda r, k=key: r.accounts.add_key(k))


async def ask(database: Database, question, key_hash: str = KEY, now_us: int = NOW):
    return await database.write(partial(answer, key_hash=key_hash, question=question, now_us=now_us))


def say(repos: Repos, *passages, at: int = NOW) -> None:
    repos.sessions.append(passages, at)


# -- Who asks --------------------------------------------------------------------------------------------


async def test_a_key_shows_its_account_and_itself(database: Database):
    await two_accounts(database)
    await database.write(lambda r: r.accounts.note_used({KEY: NOW + 3}))
    await database.write(lambda r: r.accounts.spend("a1", 1200, "usage", NOW))
    facts = await ask(database, AboutAccount())
    assert (facts.id, facts.email, facts.plan_name) == ("a1", "a1@example.com", "Pro")
    assert (facts.plan_credits, facts.topup_credits, facts.status) == (-200, 0, "active")
    assert (facts.key.indicator, facts.key.label, facts.key.last_used_us) == (
        "rsliv...12345",
        "mine",
        NOW + 3,
    )


async def test_a_key_that_is_none_or_has_ended_or_whose_account_is_closed_is_told_nothing(database: Database):
    await two_accounts(database)
    await database.write(lambda r: say(r, passage("p1", "mine")))
    await database.write(lambda r: r.accounts.expire_key(KEY, NOW + 5))
    await database.write(lambda r: r.accounts.set_status("a2", CLOSED, NOW))
    about = AboutAccount(), AboutUsage(), AboutSessions(), AboutSession(session_id="s1")
    for question in (*about, DELETE, use("c")):
        assert await ask(database, question, "c" * 64) == INVALID_KEY
        assert await ask(database, question, KEY, NOW + 5) == INVALID_KEY
        assert await ask(database, question, OTHER_KEY) == ACCOUNT_CLOSED
    assert (await ask(database, AboutSession(session_id="s1"), now_us=NOW + 4)).said[0].text == "mine"


DELETE = DeleteSession(session_id="s1")


# -- Tokens ----------------------------------------------------------------------------------------------

USED = TokenUsed(token_id="t")


def use(call_id: str, uses: int = 1, goes_on: bool = False) -> UseToken:
    return UseToken(token_id="t", call_id=call_id, uses=uses, until_us=NOW, goes_on=goes_on)


async def test_a_token_opens_as_many_calls_as_it_may_and_a_call_counts_once(database: Database):
    await two_accounts(database)
    asked = [use("run-1", 2), use("run-1", 2), use("run-2", 2), use("run-3", 2), use("run-2", 2)]
    assert [await ask(database, one) for one in asked] == [USED, USED, USED, TOKEN_SPENT, USED]
    assert await ask(database, use("run-3"), OTHER_KEY) == USED  # what another account calls so is another


async def test_a_call_that_goes_on_is_free_once_the_token_has_opened_one(database: Database):
    await two_accounts(database)
    first, again, anew = use("run-1", goes_on=True), use("run-2", goes_on=True), use("run-3")
    assert [await ask(database, one) for one in (first, again, again, anew)] == [
        USED,
        USED,
        USED,
        TOKEN_SPENT,
    ]
    counts = await database.read(lambda r: r.keeping.counts("a1"))
    assert counts["token_uses"] == 1


async def test_however_many_ask_at_once_a_token_opens_no_more_than_it_may(database: Database):
    await two_accounts(database)
    said = await asyncio.gather(*(ask(database, use(f"run-{n}", uses=3)) for n in range(12)))
    assert sorted(one == USED for one in said) == [False] * 9 + [True] * 3


# -- Usage -----------------------------------------------------------------------------------------------

HOUR = 60 * 60 * 1_000_000


async def test_usage_is_of_a_time_and_in_pages(database: Database):
    await two_accounts(database)
    start = NOW // HOUR * HOUR
    bills = [
        bill(f"u{n}", credits=1 << n, born_us=start + n * HOUR, provider="openai" if n % 2 else "gemini")
        for n in range(6)
    ]
    await database.write(lambda r: r.usage.post(bills, NOW))
    await database.write(lambda r: r.usage.post([bill("x1", "a2", 1000, born_us=start)], NOW))
    asked = AboutUsage(since_us=start + HOUR, until_us=start + 5 * HOUR)
    facts = await ask(database, asked)
    assert (facts.whole.credits, facts.rows, facts.more) == (0b11110, (), False)
    paged, after = [], None
    while True:
        page = msgspec.structs.replace(asked, by=(Group.PROVIDER, Group.HOUR), after=after, limit=3)
        facts = await ask(database, page)
        assert facts.whole.credits == 0b11110
        paged += [(*row.groups, row.credits) for row in facts.rows]
        if not facts.more:
            break
        after = facts.rows[-1].groups
    assert paged == [
        ("gemini", "2023-11-15T00:00Z", 4),
        ("gemini", "2023-11-15T02:00Z", 16),
        ("openai", "2023-11-14T23:00Z", 2),
        ("openai", "2023-11-15T01:00Z", 8),
    ]


async def test_a_cursor_of_another_list_of_usage_is_refused(database: Database):
    await two_accounts(database)
    for by, after in (((Group.DAY,), ("yesterday",)), ((Group.DAY, Group.KIND), ("2023-11-14",))):
        with pytest.raises(RealtimeSwitchError) as caught:
            await ask(database, AboutUsage(by=by, after=after))
        assert caught.value.code is ErrorCode.EXTERNAL_INVALID_VALUE


# -- Sessions --------------------------------------------------------------------------------------------


OF_ANOTHER = bill("u9", credits=400, session_id="s9")


async def page_through(database: Database, question: AboutSessions, between) -> list[str]:
    ids: list[str] = []
    while True:
        facts = await ask(database, question)
        ids += [session.id for session in facts.sessions]
        if not facts.more:
            return ids
        last = facts.sessions[-1]
        question = msgspec.structs.replace(question, after=(last.began_us, last.id))
        await between()


async def test_pages_of_sessions_stand_still_while_others_begin_and_these_go_on(database: Database):
    await two_accounts(database)
    for n, (session_id, at) in enumerate((("s1", 1), ("s2", 2), ("s4", 3), ("s3", 3), ("s5", 4))):
        await database.write(
            lambda r, i=session_id, t=at, n=n: say(r, passage(f"p{n}", "x", session_id=i), at=NOW + t)
        )
    await database.write(lambda r: r.sessions.save_config(saved("{}", session_id="s6"), NOW + 5))
    await database.write(lambda r: r.sessions.add_switches([switched("w1", session_id="s0")], NOW))
    added = iter(range(100))

    async def more() -> None:
        n = next(added)
        await database.write(lambda r: say(r, passage(f"n{n}", "new", session_id=f"n{n}"), at=NOW + 9))
        await database.write(lambda r: say(r, passage(f"o{n}", "on", session_id="s1"), at=NOW + 9))

    ids = await page_through(database, AboutSessions(limit=2), more)
    assert ids == ["s6", "s5", "s4", "s3", "s2", "s1", "s0"]


async def test_a_session_in_a_list_shows_what_it_cost_and_how_it_begins(database: Database):
    await two_accounts(database)
    await database.write(
        lambda r: say(r, passage("p1", "user: hello\n"), passage("p2", "agent: " + "é" * 200))
    )
    await database.write(
        lambda r: r.usage.post([bill("u1", credits=7), bill("u2", "a2", 90), OF_ANOTHER], NOW)
    )
    [facts] = (await ask(database, AboutSessions())).sessions
    assert (facts.id, facts.chars, facts.credits, facts.preview) == ("s1", 219, 7, "user: hello\n")
    assert (facts.began_us, facts.updated_us, facts.has_config) == (NOW, NOW, False)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("HELLO", ["s2", "s1"]),
        ("hello", ["s2", "s1"]),
        ("über", ["s3"]),
        ("ÜBER", ["s3"]),
        ("50%", ["s2"]),
        ("_", []),
        ("100\\", ["s3"]),
        ("nobody", []),
        ("elsewhere", []),
        ("a\0b", ["s1"]),
    ],
)
async def test_what_was_said_is_searched(database: Database, search: str, found: list[str]):
    await two_accounts(database)
    for n, text in ((1, "Hello a\0b"), (2, "why hello, 50% off"), (3, "Über 100\\")):
        await database.write(
            lambda r, n=n, t=text: say(r, passage(f"p{n}", t, session_id=f"s{n}"), at=NOW + n)
        )
    await database.write(lambda r: say(r, passage("x1", "elsewhere hello", "a2")))
    assert await page_through(database, AboutSessions(search=search, limit=1), nothing) == found


async def nothing() -> None: ...


async def test_what_was_searched_for_stands_in_the_preview(database: Database):
    await two_accounts(database)
    await database.write(
        lambda r: say(r, passage("p1", "no."), passage("p2", "x" * 500 + " Needle " + "y" * 500))
    )
    [facts] = (await ask(database, AboutSessions(search="needle"))).sessions
    assert facts.preview == "x" * 39 + " Needle " + "y" * 113


async def test_a_session_is_told_in_pages_in_the_order_it_was_said(database: Database):
    await two_accounts(database)
    for n, born in enumerate((3, 1, 2, 2, 5), start=1):
        told = msgspec.structs.replace(passage(f"p{n}", f"{n};"), born_us=NOW + born)
        await database.write(lambda r, p=told: say(r, p))
    await database.write(lambda r: r.sessions.save_config(saved('{"voice":"alloy"}'), NOW))
    await database.write(lambda r: r.sessions.add_switches([switched("w1")], NOW))
    await database.write(
        lambda r: r.usage.post([bill("u1", credits=5), bill("u2", credits=8, provider="gemini")], NOW)
    )
    told, after = [], None
    while True:
        whole = await ask(database, AboutSession(session_id="s1", after=after, limit=2))
        told += whole.said
        if not whole.more:
            break
        after = (whole.said[-1].born_us, whole.said[-1].number)
    said = [(2, 1), (3, 2), (4, 2), (1, 3), (5, 5)]
    assert told == [Said(number=n, id=f"p{n}", text=f"{n};", born_us=NOW + at) for n, at in said]
    assert (whole.config, list(whole.switches)) == ('{"voice":"alloy"}', [switched("w1")])
    assert (whole.usage.credits, whole.session.chars) == (13, 10)
    assert [(row.groups, row.credits) for row in whole.usage_by_provider] == [
        (("gemini",), 8),
        (("openai",), 5),
    ]


async def test_a_page_of_long_passages_ends_before_the_link_is_full(database: Database):
    await two_accounts(database)
    long = "x" * (PAGE_CHARS_MAX - 1)
    await database.write(lambda r: say(r, passage("p1", long), passage("p2", "y"), passage("p3", long * 2)))
    pages, after = [], None
    for _ in range(2):
        whole = await ask(database, AboutSession(session_id="s1", after=after))
        pages.append(([said.number for said in whole.said], whole.more))
        after = (whole.said[-1].born_us, whole.said[-1].number)
    assert pages == [([1, 2], True), ([3], False)]


async def test_a_session_that_is_not_there_is_not_found(database: Database):
    await two_accounts(database)
    await database.write(lambda r: say(r, passage("x1", "theirs", "a2")))
    for question in (AboutSession(session_id="s1"), DELETE):
        refused = await ask(database, question)
        assert isinstance(refused, Refusal)
        assert refused.code is ErrorCode.EXTERNAL_NOT_FOUND


# -- Deleting --------------------------------------------------------------------------------------------


async def test_what_is_deleted_is_gone_and_its_bills_forget_whose_words_they_were_for(database: Database):
    await two_accounts(database)
    await database.write(lambda r: r.sessions.save_config(saved("{}"), NOW))
    await database.write(lambda r: say(r, passage("p1", "a")))
    await database.write(lambda r: r.sessions.add_switches([switched("w1")], NOW))
    bills = [bill("u1", credits=5, response_id="resp_1"), bill("u2", credits=2, session_id="s2")]
    await database.write(lambda r: r.usage.post(bills, NOW))
    await database.write(lambda r: r.accounts.spend("a1", 7, "usage", NOW))
    assert await ask(database, DELETE) == SessionDeleted(session_id="s1")
    assert (await ask(database, DELETE)).code is ErrorCode.EXTERNAL_NOT_FOUND
    assert (await ask(database, AboutSessions())).sessions == ()
    usage = await ask(database, AboutUsage(by=(Group.SESSION,)))
    assert [(row.groups, row.credits) for row in usage.rows] == [(("",), 5), (("s2",), 2)]
    await database.read(check_ledger)


async def test_a_session_of_which_there_are_only_bills_can_be_deleted(database: Database):
    await two_accounts(database)
    await database.write(lambda r: r.usage.post([bill("u1", credits=5)], NOW))
    assert await ask(database, DELETE) == SessionDeleted(session_id="s1")
    assert (await ask(database, DELETE)).code is ErrorCode.EXTERNAL_NOT_FOUND


async def test_what_was_on_its_way_when_its_session_was_deleted_does_not_come_back(database: Database):
    """A gateway that was away delivers what it kept: it was born before the deletion, and was meant by it."""
    await two_accounts(database)
    await database.write(lambda r: say(r, passage("p1", "a"), passage("p2", "b")))
    await ask(database, DELETE, now_us=NOW + 5)
    late = msgspec.structs.replace(passage("p3", "late"), born_us=NOW + 5)
    await database.write(
        lambda r: say(r, late, passage("x1", "theirs", "a2"), passage("x2", "y", session_id="s2"))
    )
    await database.write(lambda r: r.sessions.save_config(saved("late", born_us=NOW + 5), NOW + 9))
    await database.write(lambda r: r.sessions.add_switches([switched("w1", born_us=NOW + 5)], NOW + 9))
    assert await database.read(lambda r: r.sessions.find("a1", "s1")) is None
    assert await database.read(lambda r: [s.session_id for s in r.sessions.list()]) == ["s2", "s1"]

    # What is said afterwards is another conversation, and no summary of the old one can stand for it.
    new = msgspec.structs.replace(passage("p4", "new"), born_us=NOW + 6)
    await database.write(lambda r: say(r, new))
    await database.write(lambda r: r.sessions.summarise("a1", "s1", 1, "of what was deleted", NOW))
    loaded = await database.read(lambda r: r.accounts.load(KEY, "s1", NOW))
    assert loaded is not None
    assert (loaded.conversation, loaded.config) == ("new", None)
    backlog = await database.read(lambda r: r.sessions.backlog("a1", "s1"))
    assert backlog is not None
    assert backlog.passages == ((3, "new"),)


# -- Laws ------------------------------------------------------------------------------------------------

ids = st.sampled_from(["s1", "s2", "é"])
texts = st.sampled_from(["hello", "Hello you", "bye"])
rows = st.lists(
    st.one_of(
        st.tuples(st.just("say"), ids, texts),
        st.tuples(st.just("bill"), ids, st.integers(1, 9)),
        st.tuples(st.just("save"), ids, texts),
        st.tuples(st.just("switch"), ids, st.none()),
        st.tuples(st.just("delete"), ids, st.none()),
    ),
    max_size=8,
)
questions = st.one_of(
    st.just(AboutAccount()),
    st.builds(AboutUsage, by=st.lists(st.sampled_from(Group), max_size=2, unique=True).map(tuple)),
    st.builds(AboutSessions, search=st.sampled_from(["", "hello", "BYE"]), limit=st.integers(1, 4)),
    st.builds(AboutSession, session_id=ids, limit=st.integers(1, 4)),
)
_one_database_for_all = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


@_one_database_for_all
@given(mine=rows, theirs=rows, asked=st.lists(questions, min_size=1, max_size=6), deleted=ids)
async def test_law_nobody_sees_or_touches_anothers_rows(database: Database, mine, theirs, asked, deleted):
    """What I am answered is the same before a stranger's rows are there, with them, and after he deletes."""
    run = len(await database.read(lambda r: r.accounts.list()))
    me, stranger = f"{run}-me", f"{run}-stranger"
    my_key, his_key = f"{run:064x}", f"{run + 1:064x}"
    for account_id, key_hash in ((me, my_key), (stranger, his_key)):
        await open_account(database, account_id)
        key = msgspec.structs.replace(new_key(account_id), key_hash=key_hash)
        await database.write(lambda r, k=key: r.accounts.add_key(k))

    def fill(repos: Repos, account_id: str, what) -> None:
        for number, (kind, session_id, value) in enumerate(what):
            row_id = f"{account_id}-{number}"
            match kind:
                case "say":
                    repos.sessions.append([passage(row_id, value, account_id, session_id)], NOW + number)
                case "bill":
                    bills = [bill(row_id, account_id, value, session_id=session_id, born_us=NOW)]
                    repos.usage.post(bills, NOW)
                    repos.accounts.spend(account_id, value, "usage", NOW)
                case "save":
                    repos.sessions.save_config(saved(value, NOW + number, account_id, session_id), NOW)
                case "switch":
                    repos.sessions.add_switches([switched(row_id, account_id, session_id=session_id)], NOW)
                case "delete":
                    repos.sessions.delete(account_id, session_id, NOW - 1)

    async def told() -> list[object]:
        return [await ask(database, question, my_key) for question in asked]

    await database.write(partial(fill, account_id=me, what=mine))
    alone = await told()
    await database.write(partial(fill, account_id=stranger, what=theirs))
    assert await told() == alone
    await ask(database, DeleteSession(session_id=deleted), his_key)
    assert await told() == alone
