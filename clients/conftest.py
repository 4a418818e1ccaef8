"""A running Realtime Switch for real clients to call, with two doors to one house: with TLS and without.

No provider key: the local provider plays both providers, each in its own dialect, and counts its tokens.
"""

import os
import re
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from certificate import make_certificate
from speech import FASTER_THAN_LIFE, say

ROOT = Path(__file__).parent.parent
COMMAND = ROOT / ".venv" / "bin" / "realtime-switch"
EMAIL = "test@example.com"
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0
SETTLED_WITHIN_S = 10.0
# No client that behaves as these do may make the server complain about itself.
TROUBLE = re.compile(r'"level":"(error|critical)"|Traceback|Warning:')

# Which provider answers, whichever dialect the client speaks.
ROUTES = ("on-openai", "on-gemini")
CONFIGURATION = """
[providers.local]
url = "ws://{provider}/v1/realtime"

[routes.live]
targets = ["local-gpt-live/gpt-live-1"]
aliases = ["gpt-live*"]

[routes.new-voice]
targets = ["local-gpt-live/gpt-live-1"]
backend_model = "gpt-5.6-terra"
aliases = ["gemini-*-new-voice"]

[routes.on-openai]
targets = ["local/gpt-realtime"]
aliases = ["gpt-*", "gemini-*-on-openai"]

[routes.on-gemini]
targets = ["local-gemini/gemini-3.8-live"]
aliases = ["gemini-3.8-live", "gemini-*-on-gemini"]
"""
# The local provider sends five times as fast as it speaks, and with Gemini ends a turn when all would have
# been played. Here it does both as much faster as the users of these tests speak.
PACE = 5 * FASTER_THAN_LIFE


@dataclass(frozen=True)
class Target:
    """Where to call, as whom, and on which route."""

    address: str  # host:port
    secure_address: str  # the same with TLS, which Google's SDK insists on
    key: str
    model: str = "gpt-realtime"
    tls: str = ""  # "s" where `address` is the secure one

    @property
    def http_url(self) -> str:
        return f"http{self.tls}://{self.address}/v1"

    @property
    def ws_url(self) -> str:
        return f"ws{self.tls}://{self.address}/v1"

    @property
    def with_tls(self) -> "Target":
        return replace(self, address=self.secure_address, tls="s")

    @property
    def https_url(self) -> str:
        return f"https://{self.secure_address}"

    @property
    def gemini_model(self) -> str:
        """Frameworks read off a model's name what it can, so an app keeps the name of a Gemini model."""
        return f"gemini-3.8-live-{self.model}"


@dataclass(frozen=True)
class Server:
    """The server under test, with the command beside it."""

    address: str
    secure_address: str
    provider: str
    data: Path

    def target(self, email: str, *options: str) -> Target:
        """A new account with a key of its own."""
        self.command("account", "create", email, *options)
        return Target(self.address, self.secure_address, self.command("key", "create", email)["key"])

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

    def balance(self, email: str) -> int:
        return int(self.command("account", "show", email)["credits"])

    def settled(self, email: str, expected: int) -> int:
        """The balance once every bill has arrived: they are posted in batches, after the call (A13)."""
        until = time.monotonic() + SETTLED_WITHIN_S
        while (now := self.balance(email)) != expected and time.monotonic() < until:
            time.sleep(0.25)
        return now

    def billed(self) -> tuple[int, int]:
        """Tokens in the ledger, of everybody since the start, and milliseconds of GPT-Live's sessions."""
        used = self.command("usage")
        return int(used["input_tokens"]) + int(used["output_tokens"]), int(used["session_ms"])

    def played(self) -> tuple[int, int]:
        """What the local provider has told anybody of since the start."""
        with urllib.request.urlopen(f"http://{self.provider}/stats", timeout=5) as answer:
            stats = msgspec.json.decode(answer.read())
        return int(stats["input_tokens"]) + int(stats["output_tokens"]), int(stats["session_ms"])


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("switch")
    certificate, key = make_certificate(data)
    open_, secure, provider = (f"127.0.0.1:{free_port()}" for _ in range(3))
    (data / "realtime-switch.toml").write_text(CONFIGURATION.format(provider=provider))
    tls = ("--tls-cert", str(certificate), "--tls-key", str(key))
    here = ("--data", str(data))
    with (
        running(("simulate", *at(provider), "--pace", str(PACE)), f"http://{provider}/healthz", data),
        running(("serve", *at(secure), *tls, *here), f"https://{secure}/readyz", data, certificate),
        running(("gateway", *at(open_), *here), f"http://{open_}/readyz", data),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SSL_CERT_FILE", str(certificate))
        yield Server(open_, secure, provider, data)


@contextmanager
def running(words: Sequence[str], url: str, data: Path, certificate: Path | None = None) -> Iterator[None]:
    """A command that is ready, stops when it is told to, and has nothing to complain about."""
    log = data / f"{words[0]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [COMMAND, *words], env=clean_environment(), stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until_ready(url, process, log, certificate)
        yield
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
def account(server: Server) -> Target:
    return server.target(EMAIL, "--plan", "Enterprise")


@pytest.fixture(scope="session", params=ROUTES)
def target(account: Target, request: pytest.FixtureRequest) -> Target:
    """Every test that calls does so on either provider."""
    return replace(account, model=request.param)


@pytest.fixture(scope="module", autouse=True)
def all_is_billed(server: Server) -> Iterator[None]:
    """Whatever was said, by a client and on a route: the ledger has each token and each second of it,
    and none besides."""
    yield
    until = time.monotonic() + SETTLED_WITHIN_S
    while (billed := server.billed()) != (played := server.played()) and time.monotonic() < until:
        time.sleep(0.25)
    assert billed == played


@pytest.fixture(scope="session")
def live(account: Target) -> Target:
    """GPT-Live, which has a route and a provider of its own."""
    return replace(account, model="gpt-live-1")


@pytest.fixture(scope="session")
def new_voice(account: Target) -> Target:
    """GPT-Live, where the route wants it for clients of other dialects."""
    return replace(account, model="new-voice")


@pytest.fixture(scope="session")
def wrong_key(target: Target) -> Target:
    return replace(target, key="rslive_v1_" + "0" * 48)


@pytest.fixture(scope="session")
def spent(server: Server) -> Target:
    return server.target("spent@example.com", "--tokens", "0")


@pytest.fixture(scope="session")
def no_credits(spent: Target, target: Target) -> Target:
    return replace(spent, model=target.model)


@pytest.fixture(scope="session")
def unknown_model(target: Target) -> Target:
    return replace(target, model="nobody")


@pytest.fixture(scope="session")
def question(account: Target) -> bytes:
    return say("What time is it?", account.http_url, account.key, account.model)


@pytest.fixture(scope="session")
def weather_in_pune(account: Target) -> bytes:
    return say("What is the weather in Pune?", account.http_url, account.key, account.model)


@pytest.fixture(scope="session")
def interruption(account: Target) -> bytes:
    return say("Stop.", account.http_url, account.key, account.model)


@pytest.fixture
def session_id(request: pytest.FixtureRequest) -> str:
    """One for each test, the same in all its calls."""
    return f"{re.sub('[^a-z-]', '_', request.node.name)}-{os.getpid()}-{time.monotonic_ns()}"


def clean_environment() -> dict[str, str]:
    """No provider key, no setting of whoever runs the tests."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


def free_port() -> int:
    with socket.socket() as unbound:
        unbound.bind(("127.0.0.1", 0))
        return int(unbound.getsockname()[1])


def at(address: str) -> tuple[str, ...]:
    host, _, port = address.partition(":")
    return ("--host", host, "--port", port)


def wait_until_ready(
    url: str, process: "subprocess.Popen[bytes]", log: Path, certificate: Path | None
) -> None:
    trusting = ssl.create_default_context(cafile=certificate) if certificate else None
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1, context=trusting):
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.05)
    raise AssertionError(f"it did not become ready:\n{log.read_text()[-4000:]}")
