import pytest

from command import Command
from realtime_switch.accounts.records import Tokens, UsageRecord
from realtime_switch.business.repos import PostedUsage

DAY_US = 86_400_000_000


def post(command: Command, account: str, name: str, provider: str, tokens: Tokens, reseed: int = 0) -> None:
    record = UsageRecord(
        id=name,
        account_id=account,
        session_id=f"s-{provider}",
        provider=provider,
        model="m",
        tokens=tokens,
        reseed_input=reseed,
    )
    bill = PostedUsage(record=record, credits=tokens.total, rates="")
    command.database(lambda repos: repos.usage.post([bill], DAY_US))


@pytest.fixture
def used(command: Command, account: str) -> str:
    post(command, account, "a", "openai", Tokens(input=10, output=5, input_audio=10, output_audio=5))
    post(command, account, "b", "openai", Tokens(input=1, output=1))
    post(command, account, "c", "local", Tokens(input=100, output=100), reseed=60)
    return account


def test_usage_is_summed_overall(command: Command, used: str):
    told = command("usage", "--json").json
    assert {name: value for name, value in told.items() if value} == {
        "responses": 3,
        "input_tokens": 111,
        "output_tokens": 106,
        "total_tokens": 217,
        "input_audio_tokens": 10,
        "output_audio_tokens": 5,
        "reseed_tokens": 60,
        "credits": 217,
    }
    assert "rows" not in told


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("provider", {"openai": 17, "local": 200}),
        ("session", {"s-openai": 17, "s-local": 200}),
        ("day", {"1970-01-02": 217}),
    ],
)
def test_usage_is_told_by_row_beside_the_whole(command: Command, used: str, by: str, groups: dict[str, int]):
    told = command("usage", "--by", by, "--json").json
    assert told["total_tokens"] == 217
    assert {row[by]: row["total_tokens"] for row in told["rows"]} == groups
    assert all({*told, by} - {"rows"} == {*row} for row in told["rows"])


def test_usage_of_one_account(command: Command, used: str):
    other = command("account", "create", "b@example.com", "--json").json["id"]
    post(command, other, "d", "openai", Tokens(input=1))
    assert command("usage", "--account", "b@example.com", "--json").json["total_tokens"] == 1
    rows = command("usage", "--by", "account", "--json").json["rows"]
    assert {row["account"]: row["total_tokens"] for row in rows} == {used: 217, other: 1}


def test_usage_as_a_table_ends_with_the_sum(command: Command, used: str):
    lines = [line.split() for line in command("usage", "--by", "provider").out.splitlines()]
    assert lines[0] == ["PROVIDER", "RESPONSES", "INPUT", "OUTPUT", "TOTAL", "RESEED", "CREDITS"]
    assert sorted(lines[1:-1]) == [
        ["local", "1", "100", "100", "200", "60", "200"],
        ["openai", "2", "11", "6", "17", "0", "17"],
    ]
    assert lines[-1] == ["all", "3", "111", "106", "217", "60", "217"]
