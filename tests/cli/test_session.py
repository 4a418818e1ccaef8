import stat
from functools import partial
from pathlib import Path

import msgspec
import pytest

from command import Command
from ledger_facts import switched
from realtime_switch.accounts.records import Passage, SavedConfig, SwitchCause
from realtime_switch.business.repos import Repos

CONFIG = '{"type":"session.update","session":{"instructions":"Be kind."}}'
SAID = "user: Grüße, 你好\nagent: “Hi”"


gemini_went_on = partial(switched, "w1", born_us=1_500_000, silent_us=1_250_400)
nobody_went_on = partial(
    switched,
    "w2",
    from_provider="gemini",
    from_model="flash",
    to_provider="",
    to_model="",
    cause=SwitchCause.STALLED,
    silent_us=15_000_000,
    attempts=11,
    born_us=2_000_000,
)


@pytest.fixture
def talked(command: Command, account: str) -> str:
    def talk(repos: Repos) -> None:
        for name in ("s1", "s2"):
            repos.sessions.append(
                [Passage(id=name, account_id=account, session_id=name, text=SAID)], 1_000_000
            )
        repos.sessions.save_config(
            SavedConfig(id="c", account_id=account, session_id="s1", config=CONFIG), 2_000_000
        )

        repos.sessions.add_switches([gemini_went_on(account), nobody_went_on(account)], 2_000_000)

    command.database(talk)
    return account


def whole(account: str) -> dict[str, object]:
    return {
        "account_id": account,
        "session_id": "s1",
        "has_config": True,
        "conversation_chars": len(SAID),
        "created_at": "1970-01-01T00:00:01Z",
        "updated_at": "1970-01-01T00:00:02Z",
        "config": CONFIG,
        "conversation": SAID,
        "switches": [
            {
                "switched_at": "1970-01-01T00:00:01.500000Z",
                "from_provider": "openai",
                "from_model": "gpt-realtime",
                "to_provider": "gemini",
                "to_model": "flash",
                "cause": "dropped",
                "silent_us": 1_250_400,
                "attempts": 2,
            },
            {
                "switched_at": "1970-01-01T00:00:02Z",
                "from_provider": "gemini",
                "from_model": "flash",
                "to_provider": None,
                "to_model": None,
                "cause": "stalled",
                "silent_us": 15_000_000,
                "attempts": 11,
            },
        ],
    }


def test_a_session_is_shown_whole(command: Command, talked: str):
    assert command("session", "show", "a@example.com", "s1", "--json").json == whole(talked)
    shown = command("session", "show", talked, "s1").out.split("\n\n")
    assert shown[2] == f"{SAID}\n"
    assert [line.split() for line in shown[1].splitlines()[1:]] == [
        ["1970-01-01T00:00:01.500000Z", "openai/gpt-realtime", "gemini/flash", "dropped", "1.250", "s", "2"],
        ["1970-01-01T00:00:02Z", "gemini/flash", "-", "stalled", "15.000", "s", "11"],
    ]
    assert "SWITCHED" not in command("session", "show", talked, "s2").out


def test_a_list_says_how_long_each_is_but_not_what_was_said(command: Command, talked: str):
    listed = command("session", "list", "--json").json
    assert [each for each in listed if each["session_id"] == "s1"] == [
        {
            name: value
            for name, value in whole(talked).items()
            if name not in ("config", "conversation", "switches")
        }
    ]
    assert command("session", "list", "a@example.com", "--json").json == listed
    assert "Grüße" not in command("session", "list").out


def test_an_export_holds_one_session_or_all_of_an_account(command: Command, talked: str):
    assert command("session", "export", talked, "s1").json == [whole(talked)]
    assert {each["session_id"] for each in command("session", "export", talked).json} == {"s1", "s2"}


def test_an_export_to_a_file_is_for_its_owner_and_overwrites_nothing(
    command: Command, talked: str, tmp_path: Path
):
    file = tmp_path / "export.json"
    words = ("session", "export", talked, "s1", "--out", str(file))
    assert command(*words).out == ""
    assert msgspec.json.decode(file.read_bytes()) == [whole(talked)]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = command(*words)
    assert (again.code, again.err) == (1, f"Error: {file} cannot be written: File exists.\n")


def test_a_session_is_deleted_alone(command: Command, talked: str):
    assert command("session", "delete", talked, "s1", "--json").json == {"deleted": "s1"}
    assert [each["session_id"] for each in command("session", "list", "--json").json] == ["s2"]
    assert command("session", "delete", talked, "s2").out == "Deleted.\n"
    assert command.database(lambda repos: repos.sessions.switches(talked, "s1")) == []
