from datetime import UTC, datetime, timedelta

from command import Command
from realtime_switch.accounts.keys import hash_key, indicator, is_key


def test_a_key_is_shown_once_and_recognised_later(command: Command, account: str):
    made = command("key", "create", account, "--label", "phone app", "--json").json
    key = made.pop("key")
    assert is_key(key)
    assert made == {
        "key_indicator": indicator(key),
        "key_hash": hash_key(key),
        "account_id": account,
        "label": "phone app",
        "created_at": made["created_at"],
        "expires_at": None,
        "last_used_at": None,
    }
    assert command("key", "list", account, "--json").json == [made]
    assert key not in command("key", "list").out


def test_a_key_may_expire(command: Command, account: str):
    made = command("key", "create", account, "--expires", "30d", "--json").json
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


def test_a_person_is_told_to_keep_the_key(command: Command, account: str):
    result = command("key", "create", account)
    assert "rslive_v1_" in result.out
    assert result.err == "\nKeep the key now: it is not stored and cannot be shown again.\n"


def test_a_label_that_would_steer_the_terminal_is_shown_harmless(command: Command, account: str):
    command("key", "create", account, "--label", "\x1b[31mred")
    assert "?[31mred" in command("key", "list").out


def test_a_key_is_revoked_by_indicator_hash_or_by_itself_on_standard_input(command: Command, account: str):
    for name in ("key_indicator", "key_hash", "key"):
        made = command("key", "create", account, "--json").json
        words, said = (("-",), made["key"] + "\n") if name == "key" else ((made[name],), "")
        revoked = command("key", "revoke", *words, "--json", said=said).json
        assert revoked["key_hash"] == made["key_hash"]
        assert revoked["expires_at"] is not None
        assert "key" not in revoked


def test_a_key_on_the_command_line_is_refused_and_not_repeated(command: Command, account: str):
    key = command("key", "create", account, "--json").json["key"]
    result = command("key", "revoke", key)
    assert (result.code, result.out) == (2, "")
    assert "standard input" in result.err
    assert key not in result.err
    assert command("key", "list", "--json").json[0]["expires_at"] is None
