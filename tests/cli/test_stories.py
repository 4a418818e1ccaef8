"""Whole stories with real processes, as a person or a script would have them."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from command import Command

WORDS = [sys.executable, "-m", "realtime_switch"]


def test_a_customer_comes_and_is_found_by_another_process(environ: dict[str, str]):
    def told(*words: str) -> dict[str, object]:
        done = subprocess.run([*WORDS, *words, "--json"], env=environ, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, ""), words
        read: dict[str, object] = msgspec.json.decode(done.stdout)
        return read

    made = told("account", "create", "ann@example.com", "--plan", "Pro", "--tokens", "10", "--topup", "5")
    assert (made["token_remaining"], made["topup_remaining"]) == (10, 5)
    assert told("account", "topup", str(made["id"]), "100")["credits"] == 115


def test_no_secret_is_ever_told_unasked(command: Command, tmp_path: Path):
    """Everything that a life with this command prints, but the one line that a key is made for."""
    key_file, copy = command.data / "db.key", tmp_path / "copy.db"
    told: list[str] = []

    def tell(*words: str, said: str = "") -> str:
        done = command(*words, said=said)
        told.append(done.out + done.err)
        return done.out

    tell("account", "create", "a@example.com")
    secrets = {key_file.read_text().strip()}
    secrets.add(msgspec.json.decode(tell("key", "create", "a@example.com", "--json"))["key"])
    told.pop()  # this is the line
    tell("key", "list")
    tell("key", "revoke", "-", said=max(secrets, key=len) + "\n")
    tell("account", "list", "--debug")
    tell("backup", str(copy))
    tell("rekey")
    secrets.add(key_file.read_text().strip())
    tell("rekey", "--from", "-", said="a passphrase of mine\n")
    secrets.add("a passphrase of mine")
    tell("doctor")
    command.environ["DB_ENCRYPTION_KEY"] = "another passphrase"
    secrets.add("another passphrase")
    for words in (["account", "list"], ["account", "list", "--debug"], ["doctor"], ["business"], ["rekey"]):
        tell(*words)
    command.environ["DATABASE_URL"] = "postgresql://me:the-password@127.0.0.1:1/x"
    secrets.add("the-password")
    for words in (["account", "list"], ["account", "list", "--debug"], ["doctor"], ["business"], ["rekey"]):
        tell(*words)
    assert len(secrets) == 6
    assert [(secret, text) for secret in secrets for text in told if secret in text] == []


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        ("no key", "INTERNAL_ENV_KEY_NOT_FOUND"),
        ("open key", "INTERNAL_CONFIG_INVALID"),
        ("wrong key", "INTERNAL_DATABASE_KEY_WRONG"),
        ("plain file", "INTERNAL_DATABASE_NOT_ENCRYPTED"),
        ("damage", "INTERNAL_DATABASE_DAMAGED"),
        ("newer", "INTERNAL_DATABASE_TOO_NEW"),
    ],
)
@pytest.mark.parametrize("words", [["account", "list"], ["migrate", "up"]])
def test_a_database_that_does_not_open_says_why_in_one_line(
    command: Command, account: str, harm: str, code: str, words: list[str]
):
    file, key = command.data / "realtime-switch.db", command.data / "db.key"
    match harm:
        case "no key":
            key.unlink()
        case "open key":
            key.chmod(0o640)
        case "wrong key":
            key.write_text("00" * 32)
        case "plain file":
            file.write_bytes(b"SQLite format 3\0" + bytes(4080))
        case "damage":
            content = bytearray(file.read_bytes())
            content[100:200] = bytes(100)
            file.write_bytes(content)
        case "newer":
            sql = "INSERT INTO schema_migrations VALUES (9999, 'later', 'x', 'executed', 1)"
            command.database(lambda repos: repos.accounts._connection.exec_driver_sql(sql))
    result = command(*words)
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith(f"({code})\n")
    assert result.err.count("\n") == 1
