"""What this gateway asks of picows, in one place: its protocol class, its opcodes, its log.

picows' core API is used, not its server: the front door hands over a transport
that uvicorn accepted (upgrade.py), and the dialler wants to own the transport
from its first byte (dial.py). Both need `WSProtocol`, which picows keeps in
`picows.picows` and builds in `ws_connect` and `ws_create_server` the same way.

Every transport must be one of aiofastnet's. On a transport of uvloop's own,
picows hands a message of more than 8 KiB over as a view of memory that it
writes to again before uvloop has sent it; two such messages in one turn of the
loop arrive as garbage (test_conductor.py has them pass whole).
"""

import socket
from typing import Any

import structlog
from picows import WSAutoPingStrategy, WSListener, WSMsgType, WSTransport
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # its stub leaves it out

TEXT = WSMsgType.TEXT
BINARY = WSMsgType.BINARY
CONTINUATION = WSMsgType.CONTINUATION
PING = WSMsgType.PING
PONG = WSMsgType.PONG
CLOSE = WSMsgType.CLOSE

REASON_BYTES_MAX = 123  # RFC 6455 5.5: a control frame holds 125 bytes, two are the code


# What the kernel may hold of one peer's data before it is read (Linux doubles it). picows' read buffer
# doubles whenever a read fills it and never shrinks, so in a burst it grows to what the kernel has ready: by
# default up to 6 MiB a connection. At 100 ms of distance this still lets through 20 times the data of a call.
KERNEL_BYTES = 128 * 1024


def bound_reading(transport: WSTransport) -> None:
    kernel_socket = transport.underlying_transport.get_extra_info("socket")
    kernel_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)


def frame_head(kind: WSMsgType, payload_bytes: int) -> bytes:
    """What stands before the payload of a whole, unmasked frame: a server's (RFC 6455 5.2)."""
    first = 0x80 | kind  # type: ignore[operator]  # it is an int; its `value` is a slow property
    if payload_bytes < 126:
        return bytes((first, payload_bytes))
    if payload_bytes < 0x10000:
        return bytes((first, 126)) + payload_bytes.to_bytes(2, "big")
    return bytes((first, 127)) + payload_bytes.to_bytes(8, "big")


class PicowsLog:
    """picows' own log, as far as anybody needs it.

    A peer that breaks the protocol is closed by picows with the code that says
    so; that is the peer's mistake, and the line at the end of the call tells it.
    What remains is an exception in a callback of ours: a defect, said aloud.
    """

    def __init__(self) -> None:
        self._log = structlog.get_logger("gateway.sockets")

    def isEnabledFor(self, level: int) -> bool:  # the name is logging's
        return False

    def exception(self, message: str, *details: object, **extra: Any) -> None:
        self._log.exception("exception in a socket's callback", told_by_picows=message)

    def _unsaid(self, *said: object, **extra: Any) -> None: ...

    debug = info = warning = error = log = _unsaid


_LOG = PicowsLog()


def server_side(answer: Any, *, message_bytes_max: int, buffer_bytes: int) -> tuple[Any, ...]:
    """The arguments of WSProtocol for a client's socket; `answer` gives the response to its request."""
    return _arguments(None, None, False, answer, message_bytes_max, buffer_bytes, None)


def client_side(
    host_port: str,
    resource: str,
    headers: list[tuple[str, str]],
    listener: WSListener,
    *,
    message_bytes_max: int,
    buffer_bytes: int,
) -> tuple[Any, ...]:
    """The arguments of WSProtocol for a provider's socket."""
    return _arguments(host_port, resource, True, lambda: listener, message_bytes_max, buffer_bytes, headers)


def _arguments(
    host_port: str | None,
    resource: str | None,
    is_client: bool,
    listener_factory: Any,
    message_bytes_max: int,
    buffer_bytes: int,
    headers: list[tuple[str, str]] | None,
) -> tuple[Any, ...]:
    return (
        host_port,
        resource,
        is_client,
        listener_factory,
        _LOG,
        True,  # an exception of ours ends the connection
        None,  # no timer of picows': who opens the socket bounds the handshake
        False,  # nor pings: one tick serves a whole call, not a task per socket
        10,
        10,
        WSAutoPingStrategy.PING_WHEN_IDLE,
        False,  # pings are ours to answer: a swallowed one could be the last of a read, and we wait for that
        message_bytes_max,
        headers,
        buffer_bytes,
    )


__all__ = [
    "BINARY",
    "CLOSE",
    "CONTINUATION",
    "PING",
    "PONG",
    "TEXT",
    "WSProtocol",
    "bound_reading",
    "client_side",
    "frame_head",
    "server_side",
]
