"""How long an account keeps things; all of it taken away; all of it erased."""

from pathlib import Path

import msgspec
import pytest

from command import Command
from ledger_facts import NOW, bill, passage


@pytest.fixture
def filled(command: Command, account: str) -> str:
    command("key", "create", account, "--label", "Ada")
    command.database(lambda r: r.sessions.append([passage("p1", "user: I am Ada\n", account, "ada")], NOW))
    command.database(lambda r: r.usage.post([bill("u1", account, 0, session_id="ada")], NOW))
    return account


def lines(file: Path) -> list[dict[str, object]]:
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


def test_days_are_shown_set_and_given_back(command: Command, account: str):
    def retain(*words: str) -> object:
        return command("account", "retain", account, *words, "--json").json

    assert retain() == {"transcripts": "default", "usage": "default"}
    assert retain("--transcripts", "30") == {"transcripts": 30, "usage": "default"}
    assert retain("--usage", "forever") == {"transcripts": 30, "usage": "forever"}
    assert retain("--transcripts", "default") == {"transcripts": "default", "usage": "forever"}
    assert command("account", "retain", account).out == "transcripts  default\nusage        forever\n"


@pytest.mark.parametrize("days", ["-1", "36501", "1.5", "soon", "٣", ""])
def test_what_is_no_number_of_days_is_misuse(command: Command, account: str, days: str):
    result = command("account", "retain", account, f"--usage={days}")
    assert (result.code, result.out) == (2, "")
    assert "is no number of days up to 36,500." in result.err


def test_an_export_holds_everything_and_is_for_its_owner(command: Command, filled: str, tmp_path: Path):
    file = tmp_path / "ada.jsonl"
    said = command("account", "export", filled, "--out", str(file), "--json").json
    counts = {"accounts": 1, "api_keys": 1, "entries": 1, "usage_metrics": 1, "passages": 1}
    assert said == {"file": str(file), "rows": counts}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [line["table"] for line in lines(file)] == [*counts]
    assert lines(file)[-1]["text"] == "user: I am Ada\n"
    again = command("account", "export", filled, "--out", str(file))
    assert (again.code, again.err) == (1, f"Error: {file} cannot be written: File exists.\n")
    assert "passages       1\n" in command("account", "export", filled, "--out", str(tmp_path / "b")).out


def test_an_export_that_fails_leaves_no_file(
    command: Command, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "ada.jsonl"
    assert command("account", "export", "nobody", "--out", str(file)).code == 1
    monkeypatch.setattr("realtime_switch.cli.account._counted", lambda out: {})
    result = command("account", "export", filled, "--out", str(file))
    assert (result.code, result.err) == (1, f"Error: {file} does not hold what was written to it.\n")
    assert not file.exists()


def test_an_erased_account_is_told_by_numbers(command: Command, filled: str, tmp_path: Path):
    erased = command("account", "erase", filled, "--yes", "--json").json
    assert erased["erased"] == filled
    assert (erased["before"]["passages"], erased["after"]["passages"]) == (1, 0)
    assert (erased["before"]["usage_metrics"], erased["after"]["usage_metrics"]) == (1, 1)
    shown = command("account", "show", filled, "--json").json
    assert (shown["email"], shown["status"]) == (f"erased-{filled}@erased.invalid", "closed")
    assert command("session", "list", "--json").json == []
    file = tmp_path / "after.jsonl"
    command("account", "export", filled, "--out", str(file))
    assert "ada" not in file.read_text().lower()
    assert [one for one in command("doctor", "--json").json if one["status"] == "fail"] == []


def test_erasing_is_asked_for_twice(command: Command, filled: str):
    for said in ("n\n", "\n", ""):
        assert command("account", "erase", filled, said=said).code == 1
    assert command("account", "show", filled, "--json").json["email"] == "a@example.com"
    told = command("account", "erase", filled, said="y\n").out
    assert "passages              1      0\n" in told
