"""A whole installation is given secrets of every kind, and everything it emits is searched for each of them:
what its processes print at their most talkative, their lines in the process list, HTTP answers, frames and
closes to a client, what the command prints, the traces that a collector is sent, and every file, the
encrypted ones by their bytes.

Not searched are the files that a secret is kept in (0600), the environment of a process, which its user set,
and what a key's holder is told of his own: his key, once when it is made, and what was said.
"""

import asyncio
import base64
import contextlib
import re
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil
import pytest
import websockets
from websockets.http11 import Response

from collector import Collector, collecting
from gateway_rig import Upstream, begun, done, hear
from realtime_switch.accounts.keys import hash_key

PATIENCE_S = 60
# Of each kind one that can be told from all others. None of them is a word that something else might say.
SECRETS = {
    "the database's key": "dbkey-7b1e52c0",
    "a provider's key from the environment": "sk-env-5f0d9a71",
    "a provider's key from a file": "sk-file-2c84e6b3",
    "a provider's key from a command": "sk-command-91d7fa20",
    "a summariser's key": "sk-summary-63ce01b8",
    "a header of a provider": "header-e58b4f92",
    "a password in a provider's address": "query-c07a3d16",
    "a header of the collector of traces": "collector-9e20b7d4",
}
SAID, INSTRUCTED, MCP = "said-4d92b7e1", "instructed-0a6c85f3", "mcp-b81f3e97"
KEPT_IN = {
    "db.key",
    "client-secret.key",
    "outbox.key",
    "metrics.token",
    "provider.key",
    "realtime-switch.toml",
}


class Installation:
    def __init__(self, folder: Path, upstream: Upstream, collector: Collector) -> None:
        self.data = folder / "data"
        self.told: list[tuple[str, bytes]] = []  # where, and what
        self.secrets = dict(SECRETS)
        self._log = folder / "log"
        self._environ = {
            "PATH": "/usr/bin:/bin",
            "RTS_DATA": str(self.data),
            "DB_ENCRYPTION_KEY": SECRETS["the database's key"],
            "UP_KEY": SECRETS["a provider's key from the environment"],
            "SUMMARY_KEY": SECRETS["a summariser's key"],
            "LOG_LEVEL": "debug",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"x-api-key={SECRETS['a header of the collector of traces']}",
        }
        self.data.mkdir(mode=0o700)
        key_file = self.data / "provider.key"
        key_file.write_text(SECRETS["a provider's key from a file"])
        key_file.chmod(0o600)
        query = SECRETS["a password in a provider's address"]
        (self.data / "realtime-switch.toml").write_text(f"""
            [providers.env]
            dialect = "openai"
            url = "{upstream.url}?code={query}"
            key_env = "UP_KEY"
            headers = {{ "x-more" = "{SECRETS["a header of a provider"]}" }}
            [providers.file]
            dialect = "openai"
            url = "{upstream.url}"
            key_file = "provider.key"
            [providers.command]
            dialect = "openai"
            url = "{upstream.url}"
            key_command = "cat {self.data}/command-key"
            [providers.broken]
            dialect = "openai"
            url = "{upstream.url}"
            key_command = "sh {self.data}/broken-command"
            [providers.nobody]
            dialect = "gemini"
            url = "ws://127.0.0.1:9/ws?code={query}"
            key_env = "UP_KEY"
            [routes.env]
            targets = ["env/m"]
            [routes.file]
            targets = ["file/m"]
            [routes.command]
            targets = ["command/m"]
            [routes.broken]
            targets = ["broken/m"]
            [routes.nobody]
            targets = ["nobody/m"]
            [summary]
            model = "m"
            url = "http://127.0.0.1:9/v1"
            key_env = "SUMMARY_KEY"
        """)
        (self.data / "broken-command").write_text(
            f"cat {self.data}/command-key\ncat {self.data}/command-key >&2\nexit 1\n"
        )
        (self.data / "command-key").write_text(SECRETS["a provider's key from a command"])
        (self.data / "realtime-switch.toml").chmod(0o600)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        with self._log.open("wb") as log:
            words = [sys.executable, "-m", "realtime_switch", "serve", "--port", "0"]
            process = subprocess.Popen(words, stdout=log, stderr=log, env=self._environ, cwd=self.data)
        try:
            self.port = int(self._wait_for(process, r"(?:http://127.0.0.1:|port\W+)(\d{4,5})\b")[1])
            self._wait_for(process, r"is ready")
            self._family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(True)]
            yield
            self.told += [("the process list", "\0".join(one.cmdline()).encode()) for one in self._family]
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0, self._log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        # The first start makes an account and a key, and greets the newcomer with it, this once.
        greeting = [line for line in self._log.read_text().splitlines() if self.key in line]
        assert [line for line in greeting if not re.match(r"\s*(API key|key|try)\b", line)] == []
        others = [line for line in self._log.read_text().splitlines() if self.key not in line]
        self.told.append(("the log", "\n".join(others).encode()))

    def _wait_for(self, process: subprocess.Popen[bytes], pattern: str) -> re.Match[str]:
        end = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self._log.read_text())):
            assert process.poll() is None, self._log.read_text()
            assert time.monotonic() < end, self._log.read_text()
            time.sleep(0.05)
        return found

    def take_key(self) -> None:
        found = re.search(r"rslive_v1_[0-9a-f]{48}", self._log.read_text())
        assert found is not None
        self.key = found[0]
        self.secrets["an API key"] = self.key
        self.secrets["the hash of an API key"] = hash_key(self.key)

    def command(self, *words: str) -> Any:
        ran = subprocess.run(
            [sys.executable, "-m", "realtime_switch", *words],
            env=self._environ,
            capture_output=True,
            timeout=PATIENCE_S,
        )
        self.told.append((f"the command {words}", ran.stdout + ran.stderr))
        return ran

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        # Certificates are not needed here, and loading them is most of what a client costs.
        url = f"http://127.0.0.1:{self.port}"
        async with httpx.AsyncClient(base_url=url, verify=False) as client:
            answer = await client.request(method, path, **options)
        self.told.append((f"{method} {path}", str(answer.headers.raw).encode() + answer.content))
        return answer

    async def call(self, upstream: Upstream, model: str, key: str, *said: object) -> None:
        """A call in which the client says this; what it is sent is written down, to the end."""
        client = await websockets.connect(
            f"ws://127.0.0.1:{self.port}/v1/realtime?model={model}&session_id=s-{model}",
            additional_headers={"Authorization": f"Bearer {key}"},
            compression=None,
        )
        try:
            if said:
                line = await upstream.line()
                self.told.append(("a greeting", msgspec.json.encode(await hear(client))))
                for one in said:
                    await client.send(msgspec.json.encode(one).decode())
                    await line.raw()
                await line.say(begun(), done(tokens=30))
                while (frame := await hear(client))["type"] != "response.done":
                    self.told.append(("a frame", msgspec.json.encode(frame)))
                await client.close()
            else:
                with contextlib.suppress(websockets.ConnectionClosed):
                    # A provider of the other dialect is dialled when the client has said how.
                    await client.send('{"type":"session.update","session":{"type":"realtime"}}')
                    async for frame in client:  # it is refused: an error, and a close
                        self.told.append(("a frame", frame if isinstance(frame, bytes) else frame.encode()))
        finally:
            await client.close()
        self.told.append(("a close", (client.close_reason or "").encode()))

    def files(self) -> Iterator[tuple[str, bytes]]:
        for path in sorted(self.data.rglob("*")):
            # The link that lets the page in once names the key's hash, for its owner only (decision 19).
            kept = path.name in {*KEPT_IN, "command-key"} or path.name.startswith("page-link-")
            if path.is_file() and not kept:
                yield f"the file {path.relative_to(self.data)}", path.read_bytes()


def forms(secret: str) -> set[bytes]:
    """As it is, in an address, in base64 wherever it may begin, and in hexadecimal."""
    raw = secret.encode()
    encoded = {base64.b64encode(b"x" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)}
    return {raw, urllib.parse.quote(secret, safe="").encode(), raw.hex().encode(), *encoded}


def found(told: list[tuple[str, bytes]], secrets: dict[str, str]) -> list[tuple[str, str]]:
    patterns = {
        name: re.compile(b"|".join(map(re.escape, forms(secret)))) for name, secret in secrets.items()
    }
    return [(name, where) for where, what in told for name, form in patterns.items() if form.search(what)]


def echoing(connection: Any) -> Response:
    """A provider that refuses a key says it, as some do."""
    sent = connection.request.headers.get("Authorization", "").encode()
    body = b'{"error":{"message":"Incorrect API key provided: ' + sent + b'"}}'
    return Response(401, "Unauthorized", websockets.Headers({"x-key": sent.decode()}), body)


async def live(here: Installation, upstream: Upstream) -> None:
    """Calls that work and calls that fail, and every address, by every way to hand a key over."""
    config = {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "instructions": INSTRUCTED,
            "tools": [
                {"type": "mcp", "server_label": "x", "server_url": "https://x.y", "authorization": MCP}
            ],
        },
    }
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": SAID}]}
    words = {"type": "conversation.item.create", "item": item}
    for model in ("env", "file", "command"):
        await here.call(upstream, model, here.key, config, words)
    upstream.refuses_with += [echoing] * 20
    for model in ("env", "file", "command", "broken", "nobody", "none"):
        await here.call(upstream, model, here.key)
    upstream.refuses_with.clear()
    await here.call(upstream, "env", "rslive_v1_" + "0" * 48)

    bearer = {"authorization": f"Bearer {here.key}"}
    named = {**bearer, "x-session-id": "s-made"}
    made = {}
    for opens in ("call", "account"):
        answer = await here.ask(
            "POST", "/v1/realtime/client_secrets", headers=named, json={"opens": opens, **config}
        )
        made[opens] = answer.json()["value"]
        here.told.pop()  # which is meant to hold it
        here.secrets[f"a secret that opens its {opens}"] = made[opens]
    answer = await here.ask("POST", "/v1beta/auth_tokens", headers={"x-goog-api-key": here.key})
    here.told.pop()
    here.secrets["a Gemini token"] = answer.json()["name"].removeprefix("auth_tokens/")
    paths = ["/", "/healthz", "/readyz", "/metrics", "/v1/account", "/v1/usage?group_by=session,hour"]
    paths += [
        "/v1/sessions",
        "/v1/sessions?q=said",
        "/v1/calls",
        "/v1/models",
        "/v1/openapi.json",
        "/nothing",
    ]
    keys = {"key": here.key, **made}
    for path in paths:
        for key in keys.values():
            await here.ask("GET", path, headers={"authorization": f"Bearer {key}"})
            await here.ask("GET", path, headers={"api-key": key})
            glue = "&" if "?" in path else "?"
            await here.ask("GET", f"{path}{glue}key={key}")
            here.told[-1] = (path, here.told[-1][1])
    token = (here.data / "metrics.token").read_text().strip()
    here.secrets["the token of the metrics"] = token
    for told in (token, f"{token}x"):
        await here.ask("GET", "/metrics", headers={"authorization": f"Bearer {told}"})
    for session in ("s-env", "s-made", "s-none"):
        await here.ask("GET", f"/v1/sessions/{session}?limit=1", headers=bearer)
    for content in (b"{", msgspec.json.encode({"session": {"type": here.key}})):
        await here.ask("POST", "/v1/realtime/client_secrets", headers=bearer, content=content)
    await here.ask("POST", f"/v1/calls/{here.key}x/switch", headers=bearer)
    here.told.pop()  # it says what it was asked for
    await here.ask("DELETE", "/v1/sessions/s-file", headers=bearer)


async def watch(here: Installation, upstream: Upstream) -> None:
    """Everything that it emits, from its start to its end."""
    with here.running():
        here.take_key()
        async with asyncio.timeout(120):
            await live(here, upstream)
        for words in (
            ("doctor",),
            ("account", "list", "--json"),
            ("key", "list"),
            ("usage", "--by", "session"),
            ("session", "list", "--json"),
            ("migrate", "--help"),
            ("key", "revoke", f"{here.key[:-1]}x"),
        ):
            here.command(*words)
        here.secrets["the key of client secrets"] = (here.data / "client-secret.key").read_text().strip()
        here.secrets["the outbox's key"] = (here.data / "outbox.key").read_text().strip()
        here.told += here.files()  # while all of them are open
    here.told += here.files()


def search(here: Installation) -> None:
    assert len(here.told) > 150, "otherwise hardly anything was asked"
    told = [(where, what) for where, what in here.told if not where.startswith("the command ('key'")]
    hashes = {"the hash of an API key"}  # the operator may see: it names a key
    assert found(told, here.secrets) == []
    named = {name: secret for name, secret in here.secrets.items() if name not in hashes}
    assert found(here.told, named) == []
    # Of what was said and configured log and traces know nothing, and no file that is not encrypted.
    public = ("the log", "a trace", "the file", "the process")
    silent = [(where, what) for where, what in here.told if where.startswith(public)]
    private = {"what was said": SAID, "instructions": INSTRUCTED, "a tool server's key": MCP}
    assert found(silent, private) == []
    # To the account itself settings are shown, but for what opens something.
    assert found(here.told, {"a tool server's key": MCP}) == []
    assert found([("s", b"".join(what for _, what in here.told))], {"instructions": INSTRUCTED}) != []


@pytest.mark.timeout(300)
async def test_whatever_happens_no_secret_is_told(tmp_path: Path) -> None:
    async with Upstream() as upstream:
        with collecting() as collector:
            here = Installation(tmp_path, upstream, collector)
            await watch(here, upstream)
        here.told += [("a trace", body) for body in collector.bodies]
        # Otherwise nothing was traced: through both processes, and of calls that failed as well.
        assert {span.name for span in collector.spans} == {
            "call",
            "key check",
            "validate_and_load",
            "dial",
            "connect",
            "reply",
        }
        assert {part for _, part in collector.services} == {"gateway", "business"}
        asked = {span.span_id: span.trace_id for span in collector.spans if span.name == "key check"}
        verbs = [span for span in collector.spans if span.name == "validate_and_load"]
        assert [asked.get(verb.parent_span_id) for verb in verbs] == [verb.trace_id for verb in verbs]
        search(here)


@pytest.mark.parametrize("secret", ["sk-env-5f0d9a71", "a+b/c d", "x" * 20])
def test_a_secret_is_found_in_every_form(secret: str) -> None:
    raw = secret.encode()
    for what in (
        b"..." + raw + b"...",
        raw.hex().encode(),
        urllib.parse.quote(secret, safe="").encode(),
        *(base64.b64encode(b"y" * n + raw + b"z" * 7) for n in range(6)),
    ):
        assert found([("somewhere", what)], {"it": secret}) == [("it", "somewhere")]
    assert found([("somewhere", b"nothing of it")], {"it": secret}) == []
