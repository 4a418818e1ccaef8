from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from realtime_switch.accounts.errors import ErrorCode, StorageError
from realtime_switch.accounts.keys import hash_key
from realtime_switch.accounts.records import (
    Balance,
    Grant,
    Passage,
    Posted,
    Refusal,
    SavedConfig,
    SwitchCause,
    Switched,
    Tokens,
    UsageKind,
    UsageRecord,
)
from realtime_switch.business.admin import Administration
from realtime_switch.business.credits import RateBook, RateEntry, rate_book
from realtime_switch.business.history import LEFT_OUT, TOLD_CHARS_MAX
from realtime_switch.business.repos import EntryKind
from realtime_switch.business.service import Accounts
from realtime_switch.business.summary import Summariser
from realtime_switch.store.memory import MemoryDatabase


@pytest.fixture
async def summariser(database, clock):
    summariser = Summariser(database, None, clock)
    yield summariser
    await summariser.close()


@pytest.fixture
def accounts(database, summariser, clock):
    return Accounts(database, RateBook(), summariser, clock)


@pytest.fixture
async def ada(admin):
    return await admin.create_account("ada@example.com", tokens=100)


@pytest.fixture
async def key_hash(admin, ada):
    key, _ = await admin.create_key(ada.id)
    return hash_key(key)


def usage(account, number=1, tokens=10, **members):
    named = {"id": f"run-{number}", "session_id": "s1", "provider": "openai", "model": "gpt-realtime"}
    return UsageRecord(**{**named, "account_id": account, "tokens": Tokens(input=tokens), **members})


def passage(account, number, text, session_id="s1"):
    return Passage(id=f"p{number}", account_id=account, session_id=session_id, text=text)


def switched(account, number, **members):
    return Switched(
        id=f"w{number}",
        account_id=account,
        session_id="s1",
        from_provider="openai",
        from_model="gpt-realtime",
        to_provider="gemini",
        to_model="flash",
        cause=SwitchCause.DROPPED,
        silent_us=120_000,
        attempts=1,
        **members,
    )


def saved(account, number=1, config="{}", **members):
    return SavedConfig(id=f"c{number}", account_id=account, session_id="s1", config=config, **members)


# -- Connecting ------------------------------------------------------------------------------------------


async def test_a_valid_key_without_a_stored_session_is_granted(accounts, ada, key_hash):
    assert await accounts.validate_and_load(key_hash, "s1") == Grant(
        account_id=ada.id, session_id="s1", credits=100, config=None, history=""
    )


async def test_who_comes_back_gets_configuration_and_conversation_as_they_were(accounts, ada, key_hash):
    config = '{"type":"session.update","session":{"instructions":"\\ud83d \\"x\\""}}'
    await accounts.save_session(saved(ada.id, config=config))
    await accounts.append_conversation([passage(ada.id, 1, "user: hi\n"), passage(ada.id, 2, "agent: ho")])
    assert await accounts.validate_and_load(key_hash, "s1") == Grant(
        account_id=ada.id, session_id="s1", credits=100, config=config, history="user: hi\nagent: ho"
    )


async def test_an_empty_session_id_remembers_nothing(accounts, ada, key_hash):
    await accounts.append_conversation([passage(ada.id, 1, "user: hi\n")])
    assert await accounts.validate_and_load(key_hash, "") == Grant(
        account_id=ada.id, session_id="", credits=100
    )


async def test_nobody_sees_the_session_of_another_account(accounts, admin, ada, key_hash):
    eve = await admin.create_account("eve@example.com", tokens=1)
    key, _ = await admin.create_key(eve.id)
    await accounts.append_conversation([passage(ada.id, 1, "user: secret\n")])
    assert await accounts.validate_and_load(hash_key(key), "s1") == Grant(
        account_id=eve.id, session_id="s1", credits=1
    )


async def test_a_long_conversation_is_cut_for_this_connect_and_shortened_for_the_next(
    accounts, summariser, ada, key_hash
):
    said = [passage(ada.id, n, f"user: {n:05} {'x' * 187}\n") for n in range(200)]
    await accounts.append_conversation(said)
    first = await accounts.validate_and_load(key_hash, "s1")
    assert first.history.startswith(LEFT_OUT + "user: ")
    assert first.history.endswith(said[-1].text)
    assert TOLD_CHARS_MAX - 250 < len(first.history) <= TOLD_CHARS_MAX
    await summariser.settled()
    second = await accounts.validate_and_load(key_hash, "s1")
    assert second.history.startswith(LEFT_OUT + "user: ")
    assert second.history.endswith(said[-1].text)
    assert 23_700 < len(second.history) <= 24_000


async def test_unknown_expired_and_revoked_keys_are_refused_in_the_same_words(accounts, admin, clock, ada):
    expiring, _ = await admin.create_key(ada.id, expires_us=clock() + 1_000_000)
    revoked, _ = await admin.create_key(ada.id)
    await admin.revoke_key(revoked)
    assert isinstance(await accounts.validate_and_load(hash_key(expiring), ""), Grant)
    clock.pass_s(1)
    answers = [await accounts.validate_and_load(hash_key(key), "") for key in (expiring, revoked, "unknown")]
    refusal = Refusal(
        code=ErrorCode.EXTERNAL_INVALID_AUTH,
        message="The API key is not valid; check that it is complete and has not been revoked.",
    )
    assert answers == [refusal] * 3


async def test_a_closed_account_is_refused_and_has_nothing_left_to_spend(accounts, admin, ada, key_hash):
    await admin.close_account(ada.id)
    refusal = await accounts.validate_and_load(key_hash, "s1")
    assert refusal.code is ErrorCode.EXTERNAL_ACCOUNT_CLOSED
    assert await accounts.get_credits(ada.id) == 0
    assert (await accounts.update_usage([usage(ada.id)])).balances == (Balance(account_id=ada.id, credits=0),)


@pytest.mark.parametrize("spent", [100, 101])
async def test_at_zero_or_below_there_is_no_call(accounts, ada, key_hash, spent):
    await accounts.update_usage([usage(ada.id, tokens=spent)])
    assert (await accounts.validate_and_load(key_hash, "s1")).code is ErrorCode.EXTERNAL_NO_CREDITS


async def test_a_session_id_that_is_too_long_is_refused(accounts, key_hash):
    assert (await accounts.validate_and_load(key_hash, "s" * 201)).code is ErrorCode.EXTERNAL_INVALID_VALUE
    assert isinstance(await accounts.validate_and_load(key_hash, "s" * 200), Grant)


async def test_credits_are_those_of_both_purses_and_none_for_a_stranger(accounts, admin, ada):
    await admin.topup(ada.id, 11)
    assert await accounts.get_credits(ada.id) == 111
    assert await accounts.get_credits("acct_nobody") == 0
    assert await accounts.get_credits(ada.email) == 0  # an id is asked for, not an email


# -- When keys were used ---------------------------------------------------------------------------------


async def test_the_use_of_a_key_is_written_down_by_flush_and_not_before(accounts, admin, clock, key_hash):
    await accounts.validate_and_load(key_hash, "")
    clock.pass_s(2)
    await accounts.validate_and_load(key_hash, "")
    assert [key.last_used_us for key in await admin.keys()] == [None]
    used_us = clock()
    clock.pass_s(2)
    await accounts.flush()
    assert [key.last_used_us for key in await admin.keys()] == [used_us]


async def test_a_refused_connect_is_no_use_of_a_key(accounts, admin, ada, key_hash):
    await admin.close_account(ada.id)
    await accounts.validate_and_load(key_hash, "")
    await accounts.flush()
    assert [key.last_used_us for key in await admin.keys()] == [None]


class BusyOnce(MemoryDatabase):
    busy = False

    async def write(self, work):
        if self.busy:
            self.busy = False
            raise StorageError(ErrorCode.INTERNAL_DATABASE_BUSY, "The database is busy.")
        return await super().write(work)


async def test_a_flush_that_fails_forgets_nothing(clock):
    database = BusyOnce()
    admin = Administration(database, clock, bytes)
    accounts = Accounts(database, RateBook(), Summariser(database, None, clock), clock)
    account = await admin.create_account("a@b")
    key, _ = await admin.create_key(account.id)
    await accounts.validate_and_load(hash_key(key), "")
    database.busy = True
    with pytest.raises(StorageError):
        await accounts.flush()
    await accounts.flush()
    assert [key.last_used_us for key in await admin.keys()] == [clock()]


# -- Usage -----------------------------------------------------------------------------------------------


async def test_bills_lower_the_topup_first_and_leave_one_entry(accounts, admin, database, clock, ada):
    await admin.topup(ada.id, 25)
    posted = await accounts.update_usage([usage(ada.id, n) for n in (1, 2, 3)])
    assert posted == Posted(balances=(Balance(account_id=ada.id, credits=95),))
    entries = await database.read(lambda repos: repos.accounts.entries(ada.id))
    last = entries[-1]
    assert (last.number, last.kind, last.plan_change, last.topup_change, last.reason) == (
        3,
        EntryKind.USED,
        -5,
        -25,
        "usage run-1 and 2 more",
    )
    assert await admin.audit() == []


async def test_the_same_bill_again_in_any_company_changes_nothing(accounts, admin, ada):
    await accounts.update_usage([usage(ada.id, 1)])
    posted = await accounts.update_usage([usage(ada.id, 1), usage(ada.id, 2), usage(ada.id, 2)])
    assert posted == Posted(balances=(Balance(account_id=ada.id, credits=80),))
    posted = await accounts.update_usage([usage(ada.id, 2)])
    assert posted == Posted(balances=(Balance(account_id=ada.id, credits=80),))
    assert [t.responses for t in await admin.usage()] == [2]


async def test_a_bill_that_costs_nothing_needs_no_entry_and_is_still_kept(accounts, admin, database, ada):
    bill = usage(ada.id, kind=UsageKind.TRANSCRIPTION, duration_ms=1500)
    assert await accounts.update_usage([bill]) == Posted(balances=(Balance(account_id=ada.id, credits=100),))
    assert len(await database.read(lambda repos: repos.accounts.entries(ada.id))) == 1
    assert [t.transcription_ms for t in await admin.usage()] == [1500]


async def test_bills_of_strangers_are_named_and_hold_up_nobody(accounts, admin, ada):
    with capture_logs() as logs:
        posted = await accounts.update_usage([usage("acct_x", 1), usage(ada.id, 2), usage(ada.email, 3)])
    assert posted == Posted(balances=(Balance(account_id=ada.id, credits=90),), unknown=("run-1", "run-3"))
    assert [(entry["event"], entry["count"]) for entry in logs] == [("usage_of_unknown_accounts", 2)]
    assert [t.responses for t in await admin.usage()] == [1]


async def test_each_account_pays_its_own_and_at_the_rates_that_are_set(
    database, admin, summariser, clock, ada
):
    bob = await admin.create_account("bob@example.com", tokens=100)
    book = rate_book([RateEntry(match="openai/*", input_text="0.25")])
    accounts = Accounts(database, book, summariser, clock)
    posted = await accounts.update_usage(
        [usage(bob.id, 1, 8), usage(ada.id, 2, 9), usage(bob.id, 3, 10, provider="xai")]
    )
    assert posted.balances == (
        Balance(account_id=ada.id, credits=97),
        Balance(account_id=bob.id, credits=100 - 2 - 10),
    )


async def test_no_bills_at_all_are_a_success(accounts):
    assert await accounts.update_usage([]) == Posted(balances=())


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20), st.integers(0, 50)), max_size=6), max_size=6
    )
)
async def test_whatever_is_posted_however_often_counts_once_and_the_ledger_stays_sound(batches):
    database, now_us = MemoryDatabase(), (lambda: 7)
    numbers = iter(range(100))
    admin = Administration(database, now_us, lambda size: next(numbers).to_bytes(size, "big"))
    accounts = Accounts(database, RateBook(), Summariser(database, None, now_us), now_us)
    people = [await admin.create_account(f"{n}@b", tokens=100, topup=30) for n in range(3)]
    first: dict[int, UsageRecord] = {}
    for batch in batches:
        records = [usage(people[who].id, number, tokens) for who, number, tokens in batch]
        for (_, number, _), record in zip(batch, records, strict=True):
            first.setdefault(number, record)
        await accounts.update_usage(records)
    spent = Counter()
    for record in first.values():
        spent[record.account_id] += record.tokens.total
    for person in people:
        assert await accounts.get_credits(person.id) == 130 - spent[person.id]
    assert await admin.audit() == []


# -- Memory ----------------------------------------------------------------------------------------------


async def test_a_later_configuration_replaces_an_earlier_one_even_if_it_arrives_first(
    accounts, ada, key_hash
):
    await accounts.save_session(saved(ada.id, 2, '{"later":1}', born_us=20))
    await accounts.save_session(saved(ada.id, 1, '{"earlier":1}', born_us=10))
    assert (await accounts.validate_and_load(key_hash, "s1")).config == '{"later":1}'


async def test_a_passage_sent_twice_is_said_once(accounts, ada, key_hash):
    said = [passage(ada.id, 1, "user: hi\n")]
    await accounts.append_conversation(said)
    await accounts.append_conversation([*said, passage(ada.id, 2, "agent: ho\n")])
    assert (await accounts.validate_and_load(key_hash, "s1")).history == "user: hi\nagent: ho\n"


async def test_a_switch_comes_with_the_words_and_stands_beside_them(accounts, database, ada, key_hash):
    first, second = switched(ada.id, 2, born_us=1), switched(ada.id, 1, born_us=2)
    await accounts.append_conversation([passage(ada.id, 1, "user: hi\n"), second])
    await accounts.append_conversation([second, first, passage(ada.id, 2, "agent: ho\n")])
    assert (await accounts.validate_and_load(key_hash, "s1")).history == "user: hi\nagent: ho\n"
    assert await database.read(lambda repos: repos.sessions.switches(ada.id, "s1")) == [first, second]


async def test_text_that_no_database_can_hold_holds_up_nothing(accounts, ada, key_hash):
    await accounts.append_conversation([passage(ada.id, 1, "user: a\0b\ud800c\n")])
    assert (await accounts.validate_and_load(key_hash, "s1")).history == "user: a\ufffdb\ufffdc\n"


async def test_what_strangers_said_is_dropped_aloud_and_holds_up_nobody(accounts, ada, key_hash):
    with capture_logs() as logs:
        await accounts.append_conversation(
            [passage("acct_x", 1, "secret"), switched("acct_x", 1), passage(ada.id, 2, "user: hi\n")]
        )
        await accounts.save_session(saved("acct_x", config="secret"))
    assert (await accounts.validate_and_load(key_hash, "s1")).history == "user: hi\n"
    assert [entry["event"] for entry in logs] == [
        "conversation_of_unknown_accounts",
        "session_of_unknown_account",
    ]
    assert "secret" not in str(logs)


async def test_how_long_bills_were_on_their_way_is_counted(accounts, ada, clock):
    born_us = clock()
    clock.pass_s(40)
    await accounts.update_usage([usage(ada, number, born_us=born_us) for number in (1, 2)])
    assert 'realtime_switch_ledger_bills_total{process="p"} 2\n' in accounts.metrics.page("p")
    assert 'realtime_switch_ledger_lag_seconds_sum{process="p"} 80\n' in accounts.metrics.page("p")
