"""Opening a provider's line: every way it can fail has a name, and none leaves a socket behind."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from picows import WSListener, WSTransport

from gateway_rig import PROVIDER_KEY, Upstream, beside, until
from realtime_switch.gateway.dial import DialError, DialTrouble, dial
from realtime_switch.gateway.sockets import TEXT
from realtime_switch.providers.endpoint import Dial

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Heard(WSListener):
    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.heard = asyncio.Event()

    def on_ws_frame(self, transport: WSTransport, frame: object) -> None:
        if frame.msg_type is TEXT:  # type: ignore[attr-defined]
            self.frames.append(frame.get_payload_as_bytes())  # type: ignore[attr-defined]
            self.heard.set()


async def to(url: str, listener: WSListener | None = None, within_s: float = 5.0) -> WSTransport:
    return await dial(
        Dial(url, {"Authorization": f"Bearer {PROVIDER_KEY}"}),
        listener or WSListener(),
        within_s=within_s,
        message_bytes_max=1 << 20,
        buffer_bytes=4096,
        tls=ssl.create_default_context(),
    )


async def trouble(url: str, within_s: float = 5.0) -> DialError:
    with pytest.raises(DialError) as failed:
        await to(url, within_s=within_s)
    assert PROVIDER_KEY not in failed.value.message
    return failed.value


@contextlib.asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[str]:
    """A TCP server that does what it likes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with listening:
        yield f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def answering(answer: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    return serve


async def test_a_line_hears_what_came_with_the_handshakes_answer() -> None:
    async with Upstream() as upstream:
        listener = Heard()
        transport = await to(upstream.url, listener)
        line = await upstream.line()
        assert line.headers["Authorization"] == f"Bearer {PROVIDER_KEY}"
        await asyncio.wait_for(listener.heard.wait(), 5)
        assert b"session.created" in listener.frames[0]
        transport.disconnect()


async def test_nobody_listens() -> None:
    error = await trouble("ws://127.0.0.1:1/")
    assert (error.trouble, error.hopeless) == (DialTrouble.REFUSED, False)
    assert error.message == "127.0.0.1 refused the connection."


async def test_a_name_that_means_nothing() -> None:
    assert (await trouble("wss://no-such-host.invalid/")).trouble is DialTrouble.NAME


@pytest.mark.parametrize(
    ("status", "hopeless"), [(401, True), (403, True), (404, True), (429, False), (503, False)]
)
async def test_a_status_instead_of_an_upgrade(status: int, hopeless: bool) -> None:
    body = f'{{"error": "Incorrect API key:\x07 {PROVIDER_KEY}"}}'.encode() + b"x" * 1000
    head = f"HTTP/1.1 {status} No\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    async with server(answering(head + body)) as address:
        error = await trouble(f"ws://{address}/")
    assert (error.trouble, error.status, error.hopeless) == (DialTrouble.STATUS, status, hopeless)
    assert "[key]" in error.message
    assert "\x07" not in error.message
    assert len(error.message) < 300


@pytest.mark.parametrize(
    ("status", "told", "wait_s"),
    [
        (429, "20", 20.0),
        (503, "7", 7.0),
        (500, "20", 0.0),
        (429, "-3", 0.0),
        (429, "1e9", 0.0),
        (429, "soon", 0.0),
        (429, "Fri, 27 Nov 2026 12:00:00 GMT", 0.0),
    ],
)
async def test_who_is_asked_too_much_may_say_how_long_to_wait(status: int, told: str, wait_s: float) -> None:
    head = f"HTTP/1.1 {status} No\r\nretry-after: {told}\r\ncontent-length: 0\r\n\r\n".encode()
    async with server(answering(head)) as address:
        assert (await trouble(f"ws://{address}/")).wait_s == wait_s


async def test_a_redirect_is_not_followed_with_our_key_in_hand() -> None:
    moved = b"HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
    async with server(answering(moved)) as address:
        error = await trouble(f"ws://{address}/")
    assert (error.trouble, error.status) == (DialTrouble.STATUS, 302)


@pytest.mark.parametrize(
    "answer", [b"", b"220 mail.example ESMTP\r\n\r\n", b"HTTP/1.1 101 Fine\r\n\r\n", b"HTTP/1.1 9"]
)
async def test_whoever_is_no_websocket_server(answer: bytes) -> None:
    async with server(answering(answer)) as address:
        assert (await trouble(f"ws://{address}/")).trouble is DialTrouble.PROTOCOL


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_provider_that_never_answers() -> None:
    async with server(hang) as address:
        error = await trouble(f"ws://{address}/", within_s=0.05)
    assert error.trouble is DialTrouble.TIMEOUT
    assert error.message == "127.0.0.1 did not answer within 0.05 seconds."


async def test_a_provider_that_does_not_speak_tls() -> None:
    async with server(answering(b"")) as address:
        assert (await trouble(f"wss://{address}/", within_s=1.0)).trouble in (
            DialTrouble.TLS,
            DialTrouble.TIMEOUT,
        )


def descriptors() -> int:
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


async def test_a_dial_that_is_given_up_leaves_no_socket_behind() -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        ended.set()

    async with server(wait_for_the_end) as address:
        before = descriptors()
        dialling = beside(to(f"ws://{address}/"))
        await asyncio.wait_for(asked.wait(), 5)
        dialling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dialling
        await asyncio.wait_for(ended.wait(), 5)
        await until(lambda: descriptors() <= before)


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Every name, to these ports of this machine."""

    def to_ports(*ports: int) -> None:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

        async def getaddrinfo(loop: object, host: str, port: int, **options: object) -> list[object]:
            return [*found]

        monkeypatch.setattr(uvloop.Loop, "getaddrinfo", getaddrinfo)

    return to_ports


async def test_of_several_addresses_the_first_that_listens_is_taken(resolves: Callable[..., None]) -> None:
    async with server(answering(b"HTTP/1.1 503 Busy\r\n\r\n")) as address:
        before = descriptors()
        resolves(1, int(address.rpartition(":")[2]), 2)
        assert (await trouble("ws://provider.example/")).status == 503
        resolves(1, 2)
        assert (await trouble("ws://provider.example/")).message == "provider.example refused the connection."
        resolves()
        assert (await trouble("ws://provider.example/")).trouble is DialTrouble.UNREACHABLE
        await until(lambda: descriptors() <= before)


async def test_a_provider_whose_machine_says_nothing_leaves_no_socket_behind() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
        for _ in range(2):  # Linux takes one more than it is told to, and then answers nobody
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        before = descriptors()
        error = await trouble(f"ws://127.0.0.1:{full.getsockname()[1]}/", within_s=0.2)
        assert (error.trouble, descriptors()) == (DialTrouble.TIMEOUT, before)
