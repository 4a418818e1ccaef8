import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from command import Command
from realtime_switch.accounts.errors import ErrorCode, StorageError
from realtime_switch.cli import account as account_module
from realtime_switch.cli.main import COMMANDS, PROGRAM, main

WORDS = [sys.executable, "-m", "realtime_switch"]


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command there is, with the words that lead to it."""
    with click.Context(main, info_name=PROGRAM) as root:
        for name in main.list_commands(root):
            command = main.get_command(root, name)
            assert command is not None
            yield name, command
            if isinstance(command, click.Group):
                yield from ((f"{name} {sub}", inner) for sub, inner in command.commands.items())


def test_alone_the_command_says_what_there_is(command: Command):
    shown = command(data=False)
    assert (shown.code, shown.err) == (0, "")
    assert "account " in shown.out
    assert shown == command("--help", data=False)


def test_help_names_each_command_as_the_command_itself_does():
    for words, each in commands():
        if words in COMMANDS and COMMANDS[words].where.startswith("realtime_switch.cli.") and words != "talk":
            assert each.get_short_help_str(limit=200) == COMMANDS[words].help


def test_help_imports_neither_a_database_nor_a_link(environ: dict[str, str]):
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "realtime_switch", "--help"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    modules = {line.rpartition("|")[2].strip() for line in loaded.splitlines()}
    assert "click" in modules
    assert not modules & {
        "sqlalchemy",
        "zmq",
        "httpx",
        "structlog",
        "picows",
        "msgspec",
        "asyncio",
        "ssl",
        "uvloop",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["acount"], "No such command 'acount'. Did you mean 'account'?"),
        (
            ["account"],
            "A command is missing; there are close, create, erase, export, list, retain, show, topup.",
        ),
        (["account", "create"], "Missing argument 'EMAIL'."),
        (["account", "create", "a@b.c", "--tokens", "-1"], "Invalid value for '--tokens'"),
        (["account", "create", "a@b.c", "--tokens", "many"], "Invalid value for '--tokens'"),
        (["account", "create", "a@b.c", "--plan", "Gold"], "There is no plan of that name"),
        (["account", "create", "nobody"], "That is not an email address"),
        (["account", "topup", "a@b.c", "0"], "Invalid value for 'TOKENS'"),
        (["key", "create", "a@b.c", "--expires", "soon"], "A duration is a number and a unit"),
        (["key", "create", "a@b.c", "--expires", "99999w"], "at most 100 years"),
        (
            ["usage", "--by", "moon"],
            "'moon' is not one of 'account', 'provider', 'model', 'kind', 'session', 'day'",
        ),
        (["session", "show", "a@b.c"], "Missing argument 'SESSION'."),
        (["migrate", "down", "--to", "x"], "Invalid value for '--to'"),
        (["--nope"], "No such option '--nope'."),
        (["list", "--nope"], "No such command 'list'."),
    ],
)
def test_misuse_is_answered_in_one_line_with_exit_code_2(command: Command, words: list[str], said: str):
    result = command(*words)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.startswith("Error: ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["account", "show", "nobody@example.com"],
        ["account", "topup", "nobody@example.com", "1"],
        ["account", "close", "acct_0"],
        ["key", "create", "nobody@example.com"],
        ["key", "list", "nobody@example.com"],
        ["key", "revoke", "rsliv...00000"],
        ["usage", "--account", "nobody@example.com"],
        ["session", "list", "nobody@example.com"],
        ["session", "show", "a@example.com", "nothing"],
        ["session", "export", "a@example.com", "nothing"],
        ["session", "delete", "a@example.com", "nothing"],
    ],
)
def test_what_is_not_there_fails_in_one_line_with_exit_code_1(
    command: Command, account: str, words: list[str]
):
    result = command(*words)
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith("(EXTERNAL_NOT_FOUND)\n")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [["account", "list"], ["key", "list"], ["usage"], ["session", "list"], ["migrate", "status"]],
)
def test_a_wrong_data_directory_does_not_look_like_an_empty_ledger(command: Command, words: list[str]):
    result = command(*words)
    assert result.code == 1
    assert result.err.startswith(f"Error: There is no database at {command.data}/realtime-switch.db.")
    assert not command.data.exists()


def test_data_and_config_may_stand_anywhere(command: Command, account: str, tmp_path: Path):
    data = ("--data", str(command.data))
    for words in (
        (*data, "account", "list", "--json"),
        ("account", *data, "list", "--json"),
        ("account", "list", *data, "--json"),
        ("--data", "/nowhere", "account", "list", "--json", *data),
    ):
        assert [each["id"] for each in command(*words, data=False).json] == [account]
    (tmp_path / "bad.toml").write_text("[nope]\n")
    for words in (
        ("--config", str(tmp_path / "bad.toml"), "account", "list"),
        ("account", "list", "--config", str(tmp_path / "bad.toml")),
    ):
        result = command(*words)
        assert result.code == 1
        assert result.err == (
            f"Error: {tmp_path}/bad.toml, line 1: nope is not a section. Known here: database, gateway, "
            "limits, link, log, metrics, outbox, providers, rates, retention, routes, summary. "
            "(INTERNAL_CONFIG_INVALID)\n"
        )


def test_every_command_takes_the_common_options():
    for words, each in commands():
        if words not in ("talk", "bench", "simulate", "gateway"):
            options = {name for parameter in each.params for name in parameter.opts}
            assert {"--data", "--config", "--debug"} <= options, words


def test_what_was_not_expected_is_one_line_too_unless_it_is_debugged(
    command: Command, account: str, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise ValueError("hush")

    monkeypatch.setattr(account_module, "administer", fail)
    result = command("account", "list")
    assert result.code == 1
    assert result.err == (
        "Error: Something unexpected happened (ValueError). Run it again with --debug to see where.\n"
    )
    for words in (["--debug", "account", "list"], ["account", "list", "--debug"]):
        assert "Traceback" in command(*words).err


def test_a_limit_of_open_files_that_does_not_let_it_start_is_named(environ: dict[str, str]):
    limited = ["sh", "-c", 'ulimit -n 24; exec "$@"', "sh", *WORDS, "serve", "--port", "0"]
    done = subprocess.run(limited, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        "Error: This process may open 24 files, and that is too few. Allow more and start it again: "
        "`ulimit -n 4096` in a shell, LimitNOFILE= of a service, `ulimits: nofile` of a container.",
    )


def test_an_error_is_one_line_whatever_it_quotes(command: Command, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise StorageError(ErrorCode.INTERNAL_DATABASE_DAMAGED, "one\ntwo\x1b[31m")

    monkeypatch.setattr(account_module, "administer", fail)
    result = command("account", "list")
    assert (result.code, result.err) == (1, "Error: one two?[31m (INTERNAL_DATABASE_DAMAGED)\n")


def test_a_reader_that_goes_away_is_no_news(environ: dict[str, str]):
    subprocess.run([*WORDS, "account", "create", "a@b.c"], env=environ, check=True, capture_output=True)
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run([*WORDS, "account", "list"], env=environ, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (result.returncode, result.stderr) == (1, b"")


def test_ctrl_c_is_answered_in_one_line(environ: dict[str, str]):
    process = subprocess.Popen(
        [*WORDS, "key", "revoke", "-"],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # It reads its input once it is up; there is no other sign of that than the state of the process.
    deadline = time.monotonic() + 20
    while "pipe" not in Path(f"/proc/{process.pid}/wchan").read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    # The empty line ends the one where the terminal shows ^C.
    assert (process.returncode, out, err.lstrip()) == (1, b"", b"Error: Stopped.\n")


def test_the_version_is_told(command: Command):
    assert command("--version", data=False).out.startswith("realtime-switch 0.")
