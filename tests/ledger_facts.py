"""Accounts, bills and passages as tests of databases need them, and what must be true of any ledger."""

from typing import Any

from realtime_switch.accounts.records import Passage, SavedConfig, SwitchCause, Switched, Tokens, UsageRecord
from realtime_switch.business.repos import Account, ApiKey, Database, EntryKind, PostedUsage, Repos

DB_KEY = "0f" * 32
NOW = 1_700_000_000_000_000


def new_account(account_id: str = "a1", email: str | None = None) -> Account:
    return Account(
        id=account_id,
        email=email or f"{account_id}@example.com",
        plan_name="Pro",
        token_remaining=0,
        topup_remaining=0,
        created_us=NOW,
        updated_us=NOW,
    )


def new_key(account_id: str = "a1", digit: str = "a") -> ApiKey:
    return ApiKey(
        key_hash=digit * 64,
        account_id=account_id,
        key_indicator="rsliv...12345",
        label="mine",
        created_us=NOW,
    )


def bill(record_id: str, account_id: str = "a1", credits: int = 1, **more: Any) -> PostedUsage:
    record = UsageRecord(
        id=record_id,
        account_id=account_id,
        session_id=more.pop("session_id", "s1"),
        provider=more.pop("provider", "openai"),
        tokens=more.pop("tokens", Tokens(input=credits)),
        **more,
    )
    return PostedUsage(record=record, credits=credits, rates="")


def passage(passage_id: str, text: str, account_id: str = "a1", session_id: str = "s1") -> Passage:
    return Passage(id=passage_id, account_id=account_id, session_id=session_id, text=text, born_us=NOW)


def saved(config: str, born_us: int = NOW, account_id: str = "a1", session_id: str = "s1") -> SavedConfig:
    return SavedConfig(
        id=f"c{born_us}", account_id=account_id, session_id=session_id, config=config, born_us=born_us
    )


def switched(switch_id: str, account_id: str = "a1", **more: Any) -> Switched:
    members: dict[str, Any] = {
        "session_id": "s1",
        "from_provider": "openai",
        "from_model": "gpt-realtime",
        "to_provider": "gemini",
        "to_model": "flash",
        "cause": SwitchCause.DROPPED,
        "silent_us": 250_000,
        "attempts": 2,
        "born_us": NOW,
    }
    return Switched(id=switch_id, account_id=account_id, **{**members, **more})


def post(repos: Repos, bills: list[PostedUsage], now_us: int = NOW) -> None:
    """Bill and charge, as the service does: each id once, each account charged by one statement."""
    new = set(repos.usage.post(bills, now_us))
    charges: dict[str, int] = {}
    for posted in {b.record.id: b for b in reversed(bills) if b.record.id in new}.values():
        charges[posted.record.account_id] = charges.get(posted.record.account_id, 0) + posted.credits
    for account_id, credits in sorted(charges.items()):
        repos.accounts.spend(account_id, credits, "usage", now_us)


async def open_account(database: Database, account_id: str = "a1", plan: int = 1000, topup: int = 0) -> None:
    def work(repos: Repos) -> None:
        repos.accounts.add(new_account(account_id))
        repos.accounts.change_purses(account_id, EntryKind.OPENED, plan, topup, "opened", NOW)

    await database.write(work)


def check_ledger(repos: Repos, account_id: str = "a1") -> None:
    """Entries chain without a gap, end at what the purses hold, and agree with the bills."""
    account = repos.accounts.find(account_id)
    assert account is not None
    plan = topup = used = 0
    for number, entry in enumerate(repos.accounts.entries(account_id), start=1):
        plan += entry.plan_change
        topup += entry.topup_change
        used += (entry.plan_change + entry.topup_change) * (entry.kind is EntryKind.USED)
        assert (entry.number, entry.token_remaining, entry.topup_remaining) == (number, plan, topup)
    assert (account.token_remaining, account.topup_remaining) == (plan, topup)
    assert -used == repos.usage.credits_posted(account_id)
