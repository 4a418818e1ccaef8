"""The gateway as a process: it starts, says what is wrong, and stops in order."""

import asyncio
import contextlib
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
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
async def process(data: Path, upstream: Upstream, before: tuple[str, ...] = ()) -> AsyncIterator[Process]:
    """`realtime-switch gateway`, listening on a socket that was bound for it, as `serve` does. `before`: a
    command that becomes ours."""
    config = data / "c.toml"
    config.write_text(CONFIG.format(url=upstream.url))
    door = socket.create_server(("127.0.0.1", 0))
    words = ["gateway", "--data", data, "--config", config, "--fd", door.fileno()]
    log = data / "log"
    with log.open("wb") as out:
        running = await asyncio.create_subprocess_exec(
            *before, sys.executable, "-m", "realtime_switch", *map(str, words),
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
        for _ in range(2):  # the second changes nothing
            gateway.running.send_signal(sign)
        assert await ending(client) == (1001, "The gateway is stopping. Connect again.")
        assert await asyncio.wait_for(gateway.running.wait(), 20) == 0
        await until(lambda: [bill.tokens.total for bill in books.bills.values()] == [10])
        log = gateway.log.read_text()
        assert [secret for secret in (KEY, "sk-provider-0123456789") if secret in log] == []
        assert '"level":"error"' not in log


async def test_a_key_file_that_holds_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "client-secret.key").write_text("nonsense")
    (tmp_path / "client-secret.key").chmod(0o600)
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
        assert "wait for a restart" not in gateway.log.read_text()
        chatty = renamed + '\n[log]\nlevel = "debug"\n[gateway]\nmessage_bytes_max = 99999\n'
        await reloaded(chatty, '"settings":["log","gateway.message_bytes_max"]')
        await reloaded(renamed, '"configuration reloaded"')
        late = await gateway.connect()
        assert (await hear(late))["error"]["code"] == "EXTERNAL_MODEL_NOT_FOUND"
        assert gateway.running.returncode is None


def _has_ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


async def test_who_comes_when_too_many_files_are_open_is_turned_away_and_calls_go_on(
    tmp_path: Path,
) -> None:
    """aiofastnet by itself would be told of him again and again: a core and the log would fill up."""
    async with (
        Upstream() as upstream,
        business(tmp_path, Books()),
        process(tmp_path, upstream) as gateway,
        asyncio.timeout(40),
    ):
        while not await gateway.ready():
            await asyncio.sleep(0.05)
        client = await gateway.connect()
        line = await upstream.line()
        assert await hear(client) == CREATED
        files = Path(f"/proc/{gateway.running.pid}/fd")
        most = (len(list(files.iterdir())) + 8) * 4 // 3  # of which it keeps a quarter
        resource.prlimit(gateway.running.pid, resource.RLIMIT_NOFILE, (most, most))
        idle = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(60)]
        while "clients are turned away, too many files are open" not in gateway.log.read_text():
            await asyncio.sleep(0.05)
        while sum(_has_ended(one) for one in idle) < 20:
            await asyncio.sleep(0.05)
        await line.say(begun(), done())
        assert [(await hear(client))["type"] for _ in range(2)] == ["response.created", "response.done"]
        for one in idle:
            one.close()
        while not await gateway.ready():
            await asyncio.sleep(0.05)
        await client.close()
        log = gateway.log.read_text()
        assert (log.count("turned away"), log.count("Traceback")) == (1, 0), log


async def test_a_port_that_is_taken_and_a_host_that_is_none_are_named(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(CONFIG.format(url="ws://127.0.0.1:9/"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for host, why in (("127.0.0.1", "Address already in use"), ("no.invalid", "")):
            words = ["gateway", "--data", tmp_path, "--config", config, "--host", host, "--port", port]
            running = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "realtime_switch", *map(str, words),
                stderr=subprocess.PIPE, env=_environment(),
            )  # fmt: skip
            _, said = await asyncio.wait_for(running.communicate(), 30)
            [line] = [one for one in said.decode().splitlines() if one.startswith("Error: ")]
            assert line.startswith(f"Error: Cannot listen on {host}:{port}: {why}")
            assert "Choose another --host or --port." in line
            assert running.returncode == 1


async def test_too_few_open_files_for_the_calls_that_it_takes_are_named_at_the_start(tmp_path: Path) -> None:
    few = ("sh", "-c", 'ulimit -n 328; exec "$@"', "sh")
    async with Upstream() as upstream, process(tmp_path, upstream, few) as gateway, asyncio.timeout(20):
        while not await gateway.get("/healthz"):
            await asyncio.sleep(0.05)
        [warning] = [line for line in gateway.log.read_text().splitlines() if '"warning"' in line]
        told = {"event": "too few open files for calls_max", "allowed": 328, "calls": 100}
        assert told.items() <= msgspec.json.decode(warning).items()
