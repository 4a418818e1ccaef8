"""A running Realtime Switch for real clients to call. No provider key: the local provider plays all."""

import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from speech import say

ROOT = Path(__file__).parent.parent
COMMAND = ROOT / ".venv" / "bin" / "realtime-switch"
EMAIL = "test@example.com"
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0
# No client that behaves as these do may make the server complain about itself.
TROUBLE = re.compile(r'"level":"(error|critical)"|Traceback|Warning:')


@dataclass(frozen=True)
class Target:
    """Where to call, as whom, and for which model."""

    address: str  # host:port
    key: str
    model: str = "gpt-realtime"

    @property
    def http_url(self) -> str:
        return f"http://{self.address}/v1"

    @property
    def ws_url(self) -> str:
        return f"ws://{self.address}/v1"


@dataclass(frozen=True)
class Server:
    """The server under test, with the command beside it."""

    address: str
    data: Path

    def target(self, email: str, *options: str) -> Target:
        """A new account with a key of its own."""
        self.command("account", "create", email, *options)
        return Target(self.address, self.command("key", "create", email)["key"])

    def command(self, *words: str) -> Any:
        done = subprocess.run(
            [COMMAND, *words, "--data", self.data, "--json"],
            env=clean_environment(),
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.decode()}"
        return msgspec.json.decode(done.stdout)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("switch")
    address = f"127.0.0.1:{free_port()}"
    log = data / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, "serve", "--data", data, "--host", "127.0.0.1", "--port", address.rpartition(":")[2]],
            env=clean_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(f"http://{address}/readyz", process, log)
        yield Server(address, data)
    finally:
        process.terminate()
        try:
            process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert process.returncode == 0
    trouble = [line for line in log.read_text().splitlines() if TROUBLE.search(line)]
    assert not trouble, "\n".join(trouble)


@pytest.fixture(scope="session")
def target(server: Server) -> Target:
    return server.target(EMAIL, "--plan", "Enterprise")


@pytest.fixture(scope="session")
def wrong_key(target: Target) -> Target:
    return replace(target, key="rslive_v1_" + "0" * 48)


@pytest.fixture(scope="session")
def no_credits(server: Server) -> Target:
    return server.target("spent@example.com", "--tokens", "0")


@pytest.fixture(scope="session")
def question(target: Target) -> bytes:
    return say("What time is it?", target.http_url, target.key, target.model)


@pytest.fixture(scope="session")
def interruption(target: Target) -> bytes:
    return say("Stop.", target.http_url, target.key, target.model)


@pytest.fixture
def session_id(request: pytest.FixtureRequest) -> str:
    """One for each test, the same in all its calls."""
    return f"{request.node.name}-{os.getpid()}-{time.monotonic_ns()}"


def clean_environment() -> dict[str, str]:
    """No provider key, no setting of whoever runs the tests."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


def free_port() -> int:
    with socket.socket() as unbound:
        unbound.bind(("127.0.0.1", 0))
        return int(unbound.getsockname()[1])


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.05)
    raise AssertionError(f"the server did not become ready:\n{log.read_text()[-4000:]}")
