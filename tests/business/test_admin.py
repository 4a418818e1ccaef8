import pytest
from msgspec.structs import replace

from ledger_facts import switched
from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.accounts.keys import hash_key, is_key
from realtime_switch.accounts.questions import UsageTotals
from realtime_switch.accounts.records import Passage, SavedConfig, Tokens, UsageRecord
from realtime_switch.business.admin import WholeSession
from realtime_switch.business.audit import findings
from realtime_switch.business.credits import RateBook
from realtime_switch.business.repos import Account, ApiKey, Entry, EntryKind, SessionSummary


def refused(code):
    return pytest.raises(RealtimeSwitchError, match=rf"\({code}\)$")


# -- Accounts --------------------------------------------------------------------------------------------


async def test_an_account_begins_with_its_plan_and_an_entry_that_says_so(admin, database, clock):
    account = await admin.create_account(" Ada@Example.COM ", "pro", topup=5)
    assert account == Account(
        id="acct_000000000000000000000001",
        email="ada@example.com",
        plan_name="Pro",
        token_remaining=50_000,
        topup_remaining=5,
        created_us=clock(),
        updated_us=clock(),
    )
    assert await database.read(lambda repos: repos.accounts.entries(account.id)) == [
        Entry(
            account_id=account.id,
            number=1,
            kind=EntryKind.OPENED,
            plan_change=50_000,
            topup_change=5,
            token_remaining=50_000,
            topup_remaining=5,
            reason="Pro plan",
            created_us=clock(),
        )
    ]


async def test_tokens_take_the_place_of_what_comes_with_the_plan_and_may_be_none(admin):
    assert (await admin.create_account("a@b", "Free", tokens=0)).credits == 0


async def test_an_account_is_found_by_id_and_by_email_in_any_case(admin):
    account = await admin.create_account("ada@example.com")
    assert await admin.account(account.id) == account
    assert await admin.account(" ADA@example.com") == account
    assert await admin.accounts() == [account]
    with refused(ErrorCode.EXTERNAL_NOT_FOUND):
        await admin.account("eve@example.com")


async def test_an_email_is_taken_once_in_whatever_case(admin):
    account = await admin.create_account("ada@example.com")
    with refused(ErrorCode.EXTERNAL_ALREADY_EXISTS):
        await admin.create_account("ADA@EXAMPLE.COM")
    assert await admin.accounts() == [account]


@pytest.mark.parametrize(
    "email", ["", "ada", "@", "a@", "@b", "a b@c", "a@b@c", "a@b\nc", "a\0@b", "a@" + "b" * 300]
)
async def test_what_is_no_email_is_refused(admin, email):
    with refused(ErrorCode.EXTERNAL_INVALID_VALUE):
        await admin.create_account(email)
    assert await admin.accounts() == []


@pytest.mark.parametrize(
    "mistake",
    [{"plan_name": "Gold"}, {"tokens": -1}, {"topup": -1}, {"topup": 10**15 + 1}, {"tokens": 10**30}],
)
async def test_a_plan_or_amount_that_cannot_be_is_refused(admin, mistake):
    with refused(ErrorCode.EXTERNAL_INVALID_VALUE):
        await admin.create_account("a@b", **mistake)
    assert await admin.accounts() == []


async def test_a_topup_goes_to_the_bought_purse_and_says_why(admin, database):
    account = await admin.create_account("a@b")
    await admin.topup("A@B", 300, "invoice 7")
    assert (await admin.topup(account.id, 20)).topup_remaining == 320
    entries = await database.read(lambda repos: repos.accounts.entries(account.id))
    assert [(e.number, e.kind, e.topup_change, e.reason) for e in entries] == [
        (1, EntryKind.OPENED, 0, "Free plan"),
        (2, EntryKind.TOPPED_UP, 300, "invoice 7"),
        (3, EntryKind.TOPPED_UP, 20, "top-up"),
    ]


async def test_a_topup_of_nothing_or_with_an_endless_reason_or_for_nobody_is_refused(admin):
    account = await admin.create_account("a@b")
    for tokens, reason in ((0, ""), (-1, ""), (10**16, ""), (1, "x" * 201)):
        with refused(ErrorCode.EXTERNAL_INVALID_VALUE):
            await admin.topup("a@b", tokens, reason)
    with refused(ErrorCode.EXTERNAL_NOT_FOUND):
        await admin.topup("b@b", 1)
    assert await admin.account("a@b") == account


async def test_a_closed_account_gets_no_keys(admin):
    await admin.create_account("a@b")
    assert (await admin.close_account("a@b")).status == "closed"
    with refused(ErrorCode.EXTERNAL_ACCOUNT_CLOSED):
        await admin.create_key("a@b")


# -- Keys ------------------------------------------------------------------------------------------------


async def test_a_key_is_told_once_and_kept_as_its_hash(admin, clock):
    account = await admin.create_account("a@b")
    key, kept = await admin.create_key("a@b", " laptop ", expires_us=clock() + 1)
    assert is_key(key)
    assert kept == ApiKey(
        key_hash=hash_key(key),
        account_id=account.id,
        key_indicator="rsliv...00002",
        label="laptop",
        created_us=clock(),
        expires_us=clock() + 1,
    )
    assert await admin.keys("a@b") == await admin.keys() == [kept]


async def test_a_key_with_a_long_label_or_without_a_future_is_refused(admin, clock):
    await admin.create_account("a@b")
    for mistake in ({"label": "x" * 31}, {"expires_us": clock()}):
        with refused(ErrorCode.EXTERNAL_INVALID_VALUE):
            await admin.create_key("a@b", **mistake)
    assert await admin.keys() == []


@pytest.mark.parametrize(
    "name",
    [
        lambda key, kept: key,
        lambda key, kept: f" {key}\n",
        lambda key, kept: kept.key_hash,
        lambda key, kept: kept.key_hash[:8].upper(),
        lambda key, kept: kept.key_indicator,
    ],
)
async def test_a_key_is_revoked_by_any_of_its_names(admin, clock, name):
    await admin.create_account("a@b")
    other, _ = await admin.create_key("a@b")
    key, kept = await admin.create_key("a@b")
    clock.pass_s(1)
    revoked = await admin.revoke_key(name(key, kept))
    assert (revoked.key_hash, revoked.expires_us) == (kept.key_hash, clock())
    by_hash = {k.key_hash: k.expires_us for k in await admin.keys()}
    assert by_hash == {kept.key_hash: clock(), hash_key(other): None}


async def test_a_key_revoked_twice_stays_revoked_since_the_first_time(admin, clock):
    await admin.create_account("a@b")
    key, _ = await admin.create_key("a@b")
    first = await admin.revoke_key(key)
    clock.pass_s(60)
    assert await admin.revoke_key(key) == first
    assert await admin.keys() == [first]


async def test_a_name_that_fits_no_key_is_refused_without_repeating_it(admin):
    await admin.create_account("a@b")
    key, kept = await admin.create_key("a@b")
    for name in (key[:-1] + "f", kept.key_hash[:7], "", "rsliv...fffff"):
        with refused(ErrorCode.EXTERNAL_NOT_FOUND) as caught:
            await admin.revoke_key(name)
        assert not name or name not in str(caught.value)


async def test_a_name_that_fits_two_keys_is_refused(admin, database):
    account = await admin.create_account("a@b")
    for digit in "12":
        key = ApiKey(
            key_hash="ab" * 31 + "0" + digit,
            account_id=account.id,
            key_indicator="rsliv...abcde",
            label="",
            created_us=1,
        )
        await database.write(lambda repos, key=key: repos.accounts.add_key(key))
    for name in ("rsliv...abcde", "abababab"):
        with refused(ErrorCode.EXTERNAL_INVALID_VALUE):
            await admin.revoke_key(name)
    assert [key.expires_us for key in await admin.keys()] == [None, None]


# -- Usage and sessions ----------------------------------------------------------------------------------


async def post(database, clock, account, *numbers):
    records = [
        UsageRecord(
            id=f"run-{n}",
            account_id=account.id,
            session_id="s1",
            provider="openai",
            tokens=Tokens(input=n, output=1),
            born_us=clock(),
        )
        for n in numbers
    ]
    bills = [RateBook().bill(record) for record in records]

    def work(repos):
        repos.usage.post(bills, clock())
        repos.accounts.spend(account.id, sum(bill.credits for bill in bills), "usage", clock())

    await database.write(work)


async def test_usage_is_summed_for_all_or_for_one_account_and_by_what_there_is(admin, database, clock):
    one, other = await admin.create_account("a@b"), await admin.create_account("b@b")
    await post(database, clock, one, 10, 20)
    await post(database, clock, other, 5)

    def totals(groups, responses, input_tokens):
        return UsageTotals(
            groups=groups,
            responses=responses,
            input_tokens=input_tokens,
            output_tokens=responses,
            total_tokens=input_tokens + responses,
            credits=input_tokens + responses,
        )

    assert await admin.usage() == [totals((), 3, 35)]
    assert await admin.usage(id_or_email="b@b") == [totals((), 1, 5)]
    assert await admin.usage("account") == [totals((one.id,), 2, 30), totals((other.id,), 1, 5)]
    assert await admin.usage("provider", one.id) == [totals(("openai",), 2, 30)]
    with refused(ErrorCode.EXTERNAL_INVALID_VALUE):
        await admin.usage("month")
    with refused(ErrorCode.EXTERNAL_NOT_FOUND):
        await admin.usage(id_or_email="c@b")


async def test_sessions_are_listed_shown_whole_and_deleted(admin, database, clock):
    account = await admin.create_account("a@b")
    saved = SavedConfig(id="c1", account_id=account.id, session_id="s1", config="{}")
    said = [Passage(id=f"p{n}", account_id=account.id, session_id="s1", text=f"user: {n}\n") for n in (1, 2)]
    await database.write(lambda repos: repos.sessions.save_config(saved, clock()))
    await database.write(lambda repos: repos.sessions.append(said, clock()))
    switch = switched("w1", account.id)
    await database.write(lambda repos: repos.sessions.add_switches([switch], clock()))
    await database.write(lambda repos: repos.sessions.summarise(account.id, "s1", 1, "short", clock()))
    summary = SessionSummary(
        account_id=account.id,
        session_id="s1",
        has_config=True,
        conversation_chars=16,
        created_us=clock(),
        updated_us=clock(),
    )
    assert await admin.sessions() == await admin.sessions("a@b") == [summary]
    assert await admin.session("a@b", "s1") == WholeSession(
        summary=summary, config="{}", conversation="user: 1\nuser: 2\n", switches=(switch,)
    )
    await admin.delete_session("a@b", "s1")
    for gone in (admin.session, admin.delete_session):
        with refused(ErrorCode.EXTERNAL_NOT_FOUND):
            await gone("a@b", "s1")


# -- The audit -------------------------------------------------------------------------------------------


async def test_a_ledger_that_nobody_touched_is_sound(admin, database, clock):
    account = await admin.create_account("a@b", tokens=20, topup=15)
    await admin.create_account("b@b")
    await post(database, clock, account, 10, 20)  # 32 credits: more than was bought
    await admin.topup("a@b", 100)
    await post(database, clock, account, 200)  # more than there is
    assert (await admin.account("a@b")).credits == 20 + 15 - 32 + 100 - 201
    assert await admin.audit() == []


async def test_bills_without_an_entry_and_entries_without_a_bill_are_found(admin, database, clock):
    account = await admin.create_account("a@b")
    await database.write(lambda repos: repos.accounts.spend(account.id, 7, "by hand", clock()))
    assert await admin.audit() == [f"Account {account.id}: its bills cost 0 credits, its entries charge 7."]


def chain(*changes: tuple[EntryKind, int, int]) -> tuple[Account, list[Entry]]:
    """An account and its entries, as the database makes them."""
    entries, plan, topup = [], 0, 0
    for number, (kind, plan_change, topup_change) in enumerate(changes, start=1):
        plan, topup = plan + plan_change, topup + topup_change
        entries.append(
            Entry(
                account_id="a1",
                number=number,
                kind=kind,
                plan_change=plan_change,
                topup_change=topup_change,
                token_remaining=plan,
                topup_remaining=topup,
                reason="",
                created_us=0,
            )
        )
    account = Account(
        id="a1",
        email="a@b",
        plan_name="Free",
        token_remaining=plan,
        topup_remaining=topup,
        created_us=0,
        updated_us=0,
    )
    return account, entries


SOUND = (
    (EntryKind.OPENED, 100, 50),
    (EntryKind.USED, 0, -30),
    (EntryKind.USED, -10, -20),
    (EntryKind.TOPPED_UP, 0, 5),
    (EntryKind.ADJUSTED, 3, -1),
)


def altered(entries, at, **members):
    return [
        replace(entry, **members) if number == at else entry for number, entry in enumerate(entries, start=1)
    ]


def test_a_sound_chain_has_no_findings():
    assert list(findings(*chain(*SOUND), credits_posted=60)) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            lambda account, entries: (account, []),
            ["no entry that opens", "its purses hold", "its bills cost"],
        ),
        (lambda account, entries: (account, entries[:1] + entries[2:]), ["entry 2 should stand here"]),
        (lambda account, entries: (account, entries[:-1]), ["its purses hold plan 93 and top-up 4"]),
        (
            lambda account, entries: (account, altered(entries, 4, topup_change=6)),
            ["entry 4: it says that plan 90"],
        ),
        (
            lambda account, entries: (account, altered(entries, 4, kind=EntryKind.OPENED)),
            ["entry 4: the first entry opens the account, and no other does"],
        ),
        (
            lambda account, entries: (account, altered(entries, 3, kind=EntryKind.ADJUSTED)),
            ["its bills cost 60 credits, its entries charge 30"],
        ),
    ],
)
def test_whatever_is_altered_is_found(change, found):
    account, entries = change(*chain(*SOUND))
    sentences = list(findings(account, entries, credits_posted=60))
    assert [part in sentence for part, sentence in zip(found, sentences, strict=True)] == [True] * len(found)


def test_a_plan_charged_before_the_topup_is_found():
    account, entries = chain((EntryKind.OPENED, 100, 50), (EntryKind.USED, -10, 0))
    assert list(findings(account, entries, credits_posted=10)) == [
        "Account a1, entry 2: the purses were not charged top-up first, then plan."
    ]
