"""The gateway as a process: it starts, says what is wrong, and stops in order."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from msgspec import Struct

from gateway_rig import CREATED, KEY, Books, Upstream, begun, done, ending, hear, until
from realtime_switch.link.server import LinkServer

CONFIG = """
[providers.up]
dialect = "openai"
url = "{url}"
key_env = "UP_KEY"

[routes.voice]
targets = ["up/*"]
aliases = ["m"]
"""


class Process(Struct):
    running: asyncio.subprocess.Process
    port: int
    data: Path
    log: Path

    def connect(self) -> websockets.connect:
        headers = {"Authorization": f"Bearer {KEY}"}
        return websockets.connect(
            f"ws://127.0.0.1:{self.port}/v1/realtime?model=m", additional_headers=headers
        )

    async def get(self, path: str) -> str:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(f"GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
            answer = await asyncio.wait_for(reader.read(), 5)
            writer.close()
            return answer.decode()
        return ""

    async def ready(self) -> bool:
        return (await self.get("/readyz")).startswith("HTTP/1.1 200")


@contextlib.asynccontextmanager
async def process(data: Path, upstream: Upstream) -> AsyncIterator[Process]:
    """`realtime-switch gateway`, listening on a socket that was bound for it, as `serve` does."""
    config = data / "c.toml"
    config.write_text(CONFIG.format(url=upstream.url))
    door = socket.create_server(("127.0.0.1", 0))
    words = ["gateway", "--data", data, "--config", config, "--fd", door.fileno()]
    log = data / "log"
    with log.open("wb") as out:
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "realtime_switch", *map(str, words),
            stdout=out, stderr=subprocess.STDOUT, pass_fds=(door.fileno(),), env=_environment(),
        )  # fmt: skip
    port = door.getsockname()[1]
    door.close()
    try:
        yield Process(running, port, data, log)
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


def _environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("RTS_", "ZMQ_", "OPENAI_"))
    }
    return {**kept, "UP_KEY": "sk-provider-0123456789", "LOG_FORMAT": "json"}


@contextlib.asynccontextmanager
async def business(data: Path, books: Books) -> AsyncIterator[None]:
    server = LinkServer(f"ipc://{data}/run/business.sock", books)
    await server.start()
    try:
        yield
    finally:
        await server.close()


async def test_it_is_ready_with_its_business_process_and_not_without(tmp_path: Path) -> None:
    async with Upstream() as upstream, process(tmp_path, upstream) as gateway:
        async with asyncio.timeout(20):
            while not (answer := await gateway.get("/readyz")):
                await asyncio.sleep(0.05)
            assert answer.endswith("the business process is away\n")
            assert (await gateway.get("/healthz")).endswith("ok\n")
            async with business(tmp_path, Books()):
                while not await gateway.ready():
                    await asyncio.sleep(0.05)
        assert stat.S_IMODE((tmp_path / "client-secret.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_calls_delivers_bills_and_exits_with_0(
    tmp_path: Path, sign: signal.Signals
) -> None:
    books = Books()
    async with Upstream() as upstream, business(tmp_path, books), process(tmp_path, upstream) as gateway:
        async with asyncio.timeout(20):
            while not await gateway.ready():
                await asyncio.sleep(0.05)
        client = await gateway.connect()
        line = await upstream.line()
        assert await hear(client) == CREATED
        await line.say(begun(), done())
        assert [(await hear(client))["type"] for _ in range(2)] == ["response.created", "response.done"]
        gateway.running.send_signal(sign)
        assert await ending(client) == (1001, "The gateway is stopping. Connect again.")
        assert await asyncio.wait_for(gateway.running.wait(), 20) == 0
        await until(lambda: [bill.tokens.total for bill in books.bills.values()] == [10])
        log = gateway.log.read_text()
        assert [secret for secret in (KEY, "sk-provider-0123456789") if secret in log] == []
        assert '"level":"error"' not in log


async def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "client-secret.key").write_text("nonsense")
    async with Upstream() as upstream, process(tmp_path, upstream) as gateway:
        assert await asyncio.wait_for(gateway.running.wait(), 20) == 1
        assert "client-secret.key, cannot be used" in gateway.log.read_text()


async def test_a_hangup_has_it_read_routes_and_limits_again_and_no_call_ends(tmp_path: Path) -> None:
    books = Books()
    async with Upstream() as upstream, business(tmp_path, books), process(tmp_path, upstream) as gateway:
        async with asyncio.timeout(20):
            while not await gateway.ready():
                await asyncio.sleep(0.05)
        client = await gateway.connect()
        line = await upstream.line()
        assert await hear(client) == CREATED
        config = tmp_path / "c.toml"
        first = config.read_text()

        async def reloaded(text: str, told: str) -> None:
            before = gateway.log.read_text().count(told)
            config.write_text(text)
            gateway.running.send_signal(signal.SIGHUP)
            await until(lambda: gateway.log.read_text().count(told) > before, within_s=10)

        await reloaded("[routes.voice]\nnonsense = 1\n", "configuration not reloaded")
        assert "c.toml, line 1: routes.voice needs targets" in gateway.log.read_text()
        other = await gateway.connect()  # as before
        await upstream.line()
        await other.close()
        renamed = first.replace('aliases = ["m"]', 'aliases = ["another"]')
        await reloaded(renamed + "\n[gateway]\ncalls_per_key_max = 1\n", '"configuration reloaded"')
        with pytest.raises(websockets.InvalidStatus) as refused:
            await gateway.connect()
        assert refused.value.response.status_code == 429
        await line.say(begun(), done())
        assert [(await hear(client))["type"] for _ in range(2)] == ["response.created", "response.done"]
        await client.close()
        await reloaded(renamed, '"configuration reloaded"')
        late = await gateway.connect()
        assert (await hear(late))["error"]["code"] == "EXTERNAL_MODEL_NOT_FOUND"
        assert gateway.running.returncode is None
