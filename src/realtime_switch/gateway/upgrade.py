"""The front door: one port for HTTP and for WebSockets.

uvicorn's protocol reads HTTP. A request to upgrade is handed, with its
transport, to `Upgrade`, which asks the doorkeeper and then either answers like
an HTTP server or goes on as picows' protocol: the same object, so that no byte
finds nobody at home between the two.

picows is told a request of our own making, not the client's. So it never
refuses what it need not (Firefox's `Connection: keep-alive, Upgrade`), and
neither it nor the call keeps the client's headers, where its key is.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from msgspec import Struct
from picows import WSListener, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .arrival import Headers, TurnedAway
from .short_way import reader
from .sockets import WSProtocol, server_side

HEAD_BYTES_MAX = 16 * 1024  # request line and headers; browsers and proxies allow 8 to 16 KiB


class Knock(Struct, frozen=True):
    """A request to upgrade. Not for logs: the key is in the headers."""

    method: str
    target: str
    headers: Headers
    peer: str  # the address it came from


class Welcome(Struct, frozen=True):
    listener: WSListener
    headers: tuple[tuple[str, str], ...] = ()  # for the 101 response


_log = structlog.get_logger("gateway.door")
_DEFECT = TurnedAway(status=500, code="server_error", message="Something went wrong in the gateway.")

Doorkeeper = Callable[[Knock], Welcome | TurnedAway]


def error_body(
    code: str, message: str, *, type: str = "invalid_request_error", param: str | None = None
) -> bytes:
    """OpenAI's shape of an HTTP error."""
    error = {"message": message, "type": type, "param": param, "code": code}
    return msgspec.json.encode({"error": error})


class Upgrade(WSProtocol):  # type: ignore[misc]  # picows ships no types for it
    """What uvicorn is given as its `ws=` class: fed once with the request, then on the socket by itself."""

    def __init__(
        self, doorkeeper: Doorkeeper, message_bytes_max: int, buffer_bytes: int, **uvicorn: Any
    ) -> None:
        super().__init__(
            *server_side(self._answer, message_bytes_max=message_bytes_max, buffer_bytes=buffer_bytes)
        )
        self._doorkeeper = doorkeeper
        self._message_bytes_max = message_bytes_max
        self._response: WSUpgradeResponseWithListener | None = None

    def data_received(self, request: bytes) -> None:
        """uvicorn hands over the request it parsed, printed again with names in lower case."""
        method, target, headers = _parse(request)
        peername = self.transport.underlying_transport.get_extra_info("peername")
        peer = str(peername[0]) if isinstance(peername, tuple) else ""
        try:
            outcome = self._doorkeeper(Knock(method, target, headers, peer))
        except Exception:
            # Otherwise the client is left with a connection that just ends.
            _log.exception("the doorkeeper failed")
            outcome = _DEFECT
        if isinstance(outcome, TurnedAway):
            self._response = _refusal(outcome)
        else:
            accepted = WSUpgradeResponse.create_101_response(outcome.headers)
            self._response = WSUpgradeResponseWithListener(accepted, outcome.listener)
        key = next((value for name, value in headers if name == "sec-websocket-key"), "")
        canonical = (
            "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.strip()}\r\n\r\n"
        ).encode("latin-1")
        self.get_buffer(-1)[: len(canonical)] = canonical
        self.buffer_updated(len(canonical))
        if isinstance(outcome, Welcome):
            # uvicorn makes this object the socket's protocol when we return. Nothing is read in between.
            socket = self.transport.underlying_transport
            reading = reader(self, outcome.listener, self._message_bytes_max)
            asyncio.get_running_loop().call_soon(socket.set_protocol, reading)

    def _answer(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener | None:
        response, self._response = self._response, None
        return response


def _parse(request: bytes) -> tuple[str, str, list[tuple[str, str]]]:
    head, *lines = request.decode("latin-1").split("\r\n")
    method, target, _ = head.split(" ", 2)
    headers = [
        (name, value.strip(" \t")) for name, colon, value in (line.partition(":") for line in lines) if colon
    ]
    return method, target, headers


def _refusal(turned_away: TurnedAway) -> WSUpgradeResponseWithListener:
    headers = (("content-type", "application/json"), *turned_away.headers)
    body = error_body(turned_away.code, turned_away.message)
    response = WSUpgradeResponse.create_error_response(turned_away.status, body, headers)
    return WSUpgradeResponseWithListener(response, None)


class Http(HttpToolsProtocol):
    """uvicorn's protocol, with a bound on how long and how large a request's head may be."""

    def __init__(self, head_s_max: float, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_s_max = head_s_max
        self._patience: asyncio.TimerHandle | None = None
        self._head_bytes: int | None = 0  # None once the head is complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse(b"431 Request Header Fields Too Large")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        super().on_message_complete()

    def _await_head(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(self._head_s_max, self._refuse, b"408 Request Timeout")

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, status: bytes) -> None:
        self._stop_waiting()
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        self.transport.close()
