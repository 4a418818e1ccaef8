"""The front door of the port: reads one HTTP request and lets it be answered, upgraded or left to hang.

A protocol of our own before picows, for three reasons: picows answers only plain GETs of a known status, it
refuses the `Connection: keep-alive, Upgrade` that Firefox sends, and an exception in its listener factory
reaches the client as the body of a 500 (LIBRARIES.md 9). An upgrade is handed over by replaying a canonical
handshake to a picows protocol object.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from logging import getLogger
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import msgspec
from picows import (
    WSAutoPingStrategy,
    WSListener,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined]

HEAD_BYTES_MAX = 16 * 1024
HEAD_WITHIN_S = 10
BODY_BYTES_MAX = 1024 * 1024
# An append is at most 15 MiB, and base64 and JSON around it (OPENAI-REALTIME.md 2.5).
MESSAGE_BYTES_MAX = 20 * 1024 * 1024


class Request(msgspec.Struct, frozen=True):
    method: str
    path: str
    query: dict[str, str]
    # Names in small letters; what came twice is joined as RFC 9110 has it.
    headers: dict[str, str]
    body: bytes = b""

    @property
    def wants_websocket(self) -> bool:
        return (
            self.headers.get("upgrade", "").lower() == "websocket"
            and "upgrade" in self.tokens("connection")
            and self.headers.get("sec-websocket-version") == "13"
            and bool(self.headers.get("sec-websocket-key"))
        )

    @property
    def body_bytes(self) -> int:
        length = self.headers.get("content-length", "0")
        return int(length[:12]) if length.isascii() and length.isdigit() else 0

    def tokens(self, header: str) -> list[str]:
        return [token.strip().lower() for token in self.headers.get(header, "").split(",")]


class Response(msgspec.Struct, frozen=True):
    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


class Upgrade:
    def __init__(self, listener: WSListener, subprotocol: str | None = None) -> None:
        self.listener = listener
        self.subprotocol = subprotocol


class Hang:
    """Never answered, and kept open until the client or the provider ends it."""


class Reset:
    """Not even read: the connection is reset."""


Decision = Response | Upgrade | Hang | Reset


class Door(asyncio.Protocol):
    def __init__(self, decide: Callable[[Request], Decision], doors: set["Door"]) -> None:
        self._decide = decide
        self._doors = doors
        self._head = bytearray()
        self._transport: asyncio.Transport | None = None
        self._patience: asyncio.TimerHandle | None = None
        # Whose body is still to come.
        self._request: Request | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._doors.add(self)
        self._patience = asyncio.get_running_loop().call_later(HEAD_WITHIN_S, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._request is not None:
            self._read_body(self._request)
            return
        end = self._head.find(b"\r\n\r\n")
        if end >= 0:
            head = bytes(self._head[:end])
            del self._head[: end + 4]
            self._read_head(parse_head(head))
        elif len(self._head) > HEAD_BYTES_MAX:
            self._answer(Response(431, b"The request head is too long.\n"))

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _read_head(self, request: Request | None) -> None:
        if request is None:
            self._answer(Response(400, b"This is not an HTTP request.\n"))
        elif request.wants_websocket:
            self._take(request, bytes(self._head))
        elif request.body_bytes > BODY_BYTES_MAX:
            self._answer(Response(413, b"The body is too long.\n"))
        else:
            self._request = request
            self._read_body(request)

    def _read_body(self, request: Request) -> None:
        if len(self._head) >= request.body_bytes:
            whole = msgspec.structs.replace(request, body=bytes(self._head[: request.body_bytes]))
            self._take(whole, b"")

    def _take(self, request: Request, rest: bytes) -> None:
        self._leave_patience()
        match decision := self._decide(request):
            case Response():
                self._answer(decision)
            case Upgrade():
                self._hand_over(request, decision, rest)
            case Hang():
                self._head.clear()
                self.data_received = _ignore  # type: ignore[method-assign]
            case Reset():
                self.abort()

    def _answer(self, response: Response) -> None:
        assert self._transport is not None
        self._leave_patience()
        self.data_received = _ignore  # type: ignore[method-assign]
        phrase = HTTPStatus(response.status).phrase if response.status in set(HTTPStatus) else "Unnamed"
        head = (
            f"HTTP/1.1 {response.status} {phrase}\r\n"
            f"Content-Type: {response.content_type}\r\n"
            f"Content-Length: {len(response.body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        self._transport.write(head.encode() + response.body)
        self._transport.close()

    def _hand_over(self, request: Request, upgrade: Upgrade, rest: bytes) -> None:
        transport = self._transport
        assert transport is not None
        chosen = {"Sec-WebSocket-Protocol": upgrade.subprotocol} if upgrade.subprotocol else {}
        response = WSUpgradeResponseWithListener(
            WSUpgradeResponse.create_101_response(extra_headers=chosen), upgrade.listener
        )
        protocol = _picows(lambda _: response)
        self._leave()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        key = request.headers["sec-websocket-key"]
        canonical = (
            "GET / HTTP/1.1\r\nHost: local\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        )
        data = canonical.encode() + rest
        while data:
            room = protocol.get_buffer(-1)
            size = min(len(room), len(data))
            room[:size] = data[:size]
            protocol.buffer_updated(size)
            data = data[size:]

    def _leave_patience(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _leave(self) -> None:
        self._leave_patience()
        self._doors.discard(self)
        self._transport = None


def parse_head(head: bytes) -> Request | None:
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        return None
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            return None
        name = name.strip().lower()
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    # A path may begin with two slashes (GEMINI-LIVE.md 1), and urlsplit would take what follows for a host.
    try:
        target = urlsplit(f"//host{parts[1]}" if parts[1].startswith("/") else parts[1])
    except ValueError:
        return None
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    return Request(parts[0], target.path, query, headers)


def _ignore(data: bytes) -> None:
    pass


def _picows(factory: Callable[[WSUpgradeRequest], WSUpgradeResponseWithListener]) -> WSProtocol:
    """As picows.ws_create_server makes one (2.3); pings are call.py's own."""
    return WSProtocol(
        None,  # host and path are a client's
        None,
        False,
        factory,
        getLogger("picows.local"),  # picows writes to the standard library's log, and wants the object
        True,  # disconnect on exception
        HEAD_WITHIN_S,
        False,  # automatic pings: picows waits for the pong before it starts the next interval
        20,
        20,
        WSAutoPingStrategy.PING_WHEN_IDLE,
        True,  # answers pings
        MESSAGE_BYTES_MAX,
        None,
        16 * 1024,
    )
