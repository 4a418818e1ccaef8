"""Opening a provider's WebSocket, within a deadline, with a name for everything that can go wrong.

The connection is opened here and not by picows' `ws_connect`: that one follows
redirects with our key in hand, hides the transport until the handshake is done
(a cancelled dial would leave the socket behind), and takes an end of the stream
in mid-handshake for a success.
"""

import asyncio
import contextlib
import enum
import os
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import aiofastnet
from picows import WSHandshakeError, WSListener, WSTransport

from ..providers.endpoint import Dial
from .short_way import reader
from .sockets import WSProtocol, client_side

EXCERPT_CHARS_MAX = 200


# HTTP answers of a provider that trying again does not change: our request or our key is wrong.
HOPELESS_STATUS = frozenset({400, 401, 403, 404, 405, 410})

# Those with which it may say when to come again (RFC 9110 10.2.3, RFC 6585 4).
TOO_MUCH_STATUS = frozenset({429, 503})


class DialTrouble(enum.StrEnum):
    NAME = enum.auto()  # the host's name means nothing
    REFUSED = enum.auto()  # nobody listens there
    UNREACHABLE = enum.auto()
    TLS = enum.auto()
    TIMEOUT = enum.auto()
    STATUS = enum.auto()  # an HTTP answer instead of an upgrade; `status` says which
    PROTOCOL = enum.auto()  # not a WebSocket server, or it hung up
    KEY = enum.auto()  # our own key for it cannot be read


class DialError(Exception):
    """Why there is no connection. The sentence holds no key, whatever the provider echoed."""

    def __init__(self, trouble: DialTrouble, message: str, status: int = 0, wait_s: float = 0.0) -> None:
        """`wait_s`: so long the provider wants to be left alone; 0: it has not said."""
        super().__init__(message)
        self.trouble = trouble
        self.message = message
        self.status = status
        self.wait_s = wait_s

    @property
    def hopeless(self) -> bool:
        return self.status in HOPELESS_STATUS or self.trouble is DialTrouble.KEY


async def dial(
    address: Dial,
    listener: WSListener,
    *,
    within_s: float,
    message_bytes_max: int,
    buffer_bytes: int,
    tls: ssl.SSLContext,
) -> WSTransport:
    """`listener` hears of frames from the first on, also of those that came with the handshake's answer."""
    parts = urlsplit(address.url)
    host = parts.hostname or ""
    secure = parts.scheme == "wss"
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    protocol = WSProtocol(
        *client_side(
            parts.netloc,
            resource,
            list(address.headers.items()),
            listener,
            message_bytes_max=message_bytes_max,
            buffer_bytes=buffer_bytes,
        )
    )
    try:
        async with asyncio.timeout(within_s):
            await _connect(
                protocol,
                reader(protocol, listener, message_bytes_max),
                host,
                parts.port or (443 if secure else 80),
                tls if secure else None,
            )
    except WSHandshakeError as error:
        raise _refusal(error, host, address) from None
    except OSError as error:  # TimeoutError among them
        raise _trouble(error, host, within_s) from None
    if protocol.listener is None:
        raise DialError(DialTrouble.PROTOCOL, f"{host} hung up during the WebSocket handshake.")
    transport: WSTransport = protocol.transport
    return transport


async def _connect(
    protocol: WSProtocol, reader: Any, host: str, port: int, tls: ssl.SSLContext | None
) -> None:
    connected = await _connected_socket(host, port)
    try:
        transport, _ = await aiofastnet.create_connection(
            asyncio.get_running_loop(),
            lambda: reader,
            sock=connected,
            ssl=tls,
            server_hostname=host if tls is not None else None,
        )
    except BaseException:
        connected.close()
        raise
    try:
        await protocol.wait_until_handshake_complete()
    except BaseException:
        transport.abort()
        raise


async def _connected_socket(host: str, port: int) -> socket.socket:
    """uvloop's `sock_connect` has a thread look up the address once more, of a number too (seen with 0.23.0),
    which takes longer than to connect."""
    loop = asyncio.get_running_loop()
    failed: OSError | None = None
    for family, kind, proto, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        one = socket.socket(family, kind, proto)
        try:
            one.setblocking(False)
            await _connect_socket(one, address)
        except OSError as error:
            failed = failed or error
            one.close()
        except BaseException:
            one.close()
            raise
        else:
            return one
    raise failed or OSError(f"{host} has no address")


async def _connect_socket(one: socket.socket, address: Any) -> None:
    with contextlib.suppress(BlockingIOError):
        one.connect(address)
        return
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_writer(one, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_writer(one)
    if code := one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(code, os.strerror(code))


def _trouble(error: OSError, host: str, within_s: float) -> DialError:
    match error:
        case TimeoutError():
            return DialError(DialTrouble.TIMEOUT, f"{host} did not answer within {within_s:g} seconds.")
        case ssl.SSLCertVerificationError():
            return DialError(
                DialTrouble.TLS, f"The certificate of {host} was not accepted: {error.verify_message}."
            )
        case ssl.SSLError():
            return DialError(
                DialTrouble.TLS, f"No TLS connection with {host}: {error.reason or 'handshake failed'}."
            )
        case socket.gaierror():
            return DialError(DialTrouble.NAME, f"The host name {host} cannot be resolved.")
        case ConnectionRefusedError():
            return DialError(DialTrouble.REFUSED, f"{host} refused the connection.")
        case ConnectionResetError():
            return DialError(DialTrouble.PROTOCOL, f"{host} hung up during the handshake.")
    return DialError(DialTrouble.UNREACHABLE, f"{host} cannot be reached: {error.strerror or error}.")


def _refusal(error: WSHandshakeError, host: str, address: Dial) -> DialError:
    if error.response is None or (status := int(error.response.status)) == 101:
        return DialError(DialTrouble.PROTOCOL, f"{host} did not answer like a WebSocket server.")
    body = _excerpt(error.raw_body or b"", address)
    told = f"{host} answered with HTTP status {status}{f': {body}' if body else '.'}"
    wait_s = _wait_s(error.response.headers.get("Retry-After", "")) if status in TOO_MUCH_STATUS else 0.0
    return DialError(DialTrouble.STATUS, told, status, wait_s)


def _wait_s(retry_after: str) -> float:
    """RFC 9110 10.2.3: seconds, or a date, which we would have to read by a clock that may not be its own."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.0


def _excerpt(body: bytes, address: Dial) -> str:
    """The beginning of an answer's body, on one line, without anything we sent as a secret."""
    text = body.decode("utf-8", "replace")
    for value in address.headers.values():
        for secret in {value, value.rpartition(" ")[2]}:
            if len(secret) >= 8:
                text = text.replace(secret, "[key]")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:EXCERPT_CHARS_MAX]
