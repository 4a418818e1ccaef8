"""The business process as it is started, asked and stopped."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from command import SETTING_NAMES, Command
from ledger_facts import NOW, bill, passage
from realtime_switch.accounts.keys import hash_key
from realtime_switch.accounts.records import Grant, Tokens, UsageRecord
from realtime_switch.link.client import LinkClient
from realtime_switch.settings import Flags, Settings, load

WORDS = [sys.executable, "-m", "realtime_switch", "business"]
START_S_MAX = 30.0


class Process:
    """A business process of its own, and what it has logged."""

    def __init__(self, settings: Settings, log: Path, **environ: str) -> None:
        clean = {name: value for name, value in os.environ.items() if name not in SETTING_NAMES}
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                WORDS, env={**clean, "RTS_DATA": str(settings.data), **environ}, stderr=file, stdout=file
            )

    def lines(self) -> list[dict[str, object]]:
        return [msgspec.json.decode(line) for line in self.log.read_bytes().splitlines()]

    def wait_for(self, event: str) -> None:
        deadline = time.monotonic() + START_S_MAX
        while event not in [line["event"] for line in self.lines()]:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(START_S_MAX)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(Flags(data=tmp_path / "data"), {})


@pytest.fixture
def start(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def start(**environ: str) -> Process:
        log = tmp_path / f"{len(started)}.log"
        started.append(Process(settings, log, **environ))
        started[-1].wait_for("ready")
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def ask(settings: Settings, question: Callable[[LinkClient], object]) -> object:
    async def run() -> object:
        client = LinkClient(settings.link_address)
        await client.start()
        try:
            return await question(client)  # type: ignore[misc]
        finally:
            await client.close()

    return asyncio.run(run())


def test_the_first_start_makes_directory_key_and_database_for_its_owner_alone(
    settings: Settings, start: Callable[..., Process]
):
    start()
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (settings.data, settings.data / "run")}
    assert set(modes.values()) == {0o700}
    for path in (settings.key_file, settings.database_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_gracefully(settings: Settings, start: Callable[..., Process], number: int):
    running = start()
    assert running.stop(number) == 0
    assert [line["event"] for line in running.lines()][-2:] == ["stopping", "stopped"]
    assert {line["part"] for line in running.lines()} == {"business", "link"}


def test_a_process_list_shows_what_it_is(start: Callable[..., Process]):
    running = start()
    assert b"business" in Path(f"/proc/{running.process.pid}/cmdline").read_bytes().split(b"\0")


def test_the_command_and_the_process_see_each_others_work(settings: Settings, start: Callable[..., Process]):
    command = Command(settings.data)
    running = start()
    account = command("account", "create", "a@example.com", "--json").json["id"]
    key = command("key", "create", account, "--json").json["key"]
    grant = ask(settings, lambda client: client.validate_and_load(hash_key(key), "s1"))
    assert grant == Grant(account_id=account, session_id="s1", credits=1000)
    bill = UsageRecord(
        id="r-1",
        account_id=account,
        session_id="s1",
        provider="openai",
        model="m",
        tokens=Tokens(input=30, output=12),
    )
    ask(settings, lambda client: client.update_usage([bill]))
    assert command("account", "show", account, "--json").json["credits"] == 958
    assert command("usage", "--json").json["total_tokens"] == 42
    assert running.stop() == 0
    assert command("key", "list", "--json").json[0]["last_used_at"] is not None
    assert key not in running.log.read_text()


def test_rates_of_the_file_are_charged(settings: Settings, start: Callable[..., Process]):
    settings.data.mkdir(mode=0o700)
    (settings.data / "realtime-switch.toml").write_text('[[rates]]\nmatch = "openai/*"\ninput_text = "0.5"\n')
    command = Command(settings.data)
    start()
    account = command("account", "create", "a@example.com", "--json").json["id"]
    bill = UsageRecord(
        id="r-1",
        account_id=account,
        session_id="",
        provider="openai",
        model="m",
        tokens=Tokens(input=100, output=10),
    )
    ask(settings, lambda client: client.update_usage([bill]))
    assert command("account", "show", account, "--json").json["credits"] == 1000 - 50 - 10


def test_what_is_too_old_goes_while_it_runs(settings: Settings, start: Callable[..., Process]):
    settings.data.mkdir(mode=0o700)
    (settings.data / "realtime-switch.toml").write_text(
        "[retention]\ntranscripts_days = 30\nusage_days = 30\n"
    )
    command = Command(settings.data)
    account = command("account", "create", "a@example.com", "--json").json["id"]
    command.database(lambda r: r.sessions.append([passage("p1", "old", account)], NOW))
    command.database(lambda r: r.usage.post([bill("u1", account, 0, born_us=NOW)], NOW))
    running = start()
    deadline = time.monotonic() + START_S_MAX
    while not (said := [line for line in running.lines() if line["event"] == "retention_kept"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert (said[0]["sessions"], said[0]["bills"]) == (1, 1)
    assert command("session", "list", "--json").json == []
    assert running.stop() == 0


def test_a_second_one_on_the_same_data_is_refused_in_one_line(
    settings: Settings, start: Callable[..., Process], tmp_path: Path
):
    running = start()
    second = Process(settings, tmp_path / "second.log")
    assert second.process.wait(START_S_MAX) == 1
    [line] = second.log.read_text().splitlines()
    assert line.startswith(f"Error: Another business process (pid {running.process.pid}) already serves")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"DB_ENCRYPTION_KEY": "hush" * 16}, "INTERNAL_DATABASE_KEY_WRONG"),
        ({"ZMQ_TIMEOUT_MS": "hush"}, "ZMQ_TIMEOUT_MS must be a whole number from 1 to 600000."),
        ({"ZMQ_SOCKET_PATH": "tcp://127.0.0.1:1"}, "INTERNAL_CONFIG_INVALID"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(
    settings: Settings, tmp_path: Path, environ: dict[str, str], said: str
):
    Command(settings.data)("account", "create", "a@example.com")
    failed = Process(settings, tmp_path / "log", **environ)
    assert failed.process.wait(START_S_MAX) == 1
    [line] = failed.log.read_text().splitlines()
    assert line.startswith("Error: ")
    assert said in line
    assert "hush" not in line


def test_what_it_has_committed_survives_a_kill(settings: Settings, start: Callable[..., Process]):
    command = Command(settings.data)
    first = start()
    account = command("account", "create", "a@example.com", "--json").json["id"]
    bill = UsageRecord(id="r-1", account_id=account, session_id="", provider="p", tokens=Tokens(input=7))
    ask(settings, lambda client: client.update_usage([bill]))
    first.stop(signal.SIGKILL)
    start()
    ask(settings, lambda client: client.update_usage([bill]))
    assert command("account", "show", account, "--json").json["credits"] == 993
