"""How a WebSocket is closed so that the other end hears why."""

import asyncio

from picows import WSFrame, WSTransport

from .sockets import CLOSE, REASON_BYTES_MAX

CLOSING_S = 2.0  # for a client's half of the closing handshake


def close_client(client: WSTransport, code: int, reason: str) -> asyncio.TimerHandle:
    """Say why, then wait a moment for the client's own close: closing a socket that still has unread
    frames in it would reset the connection, and the client would lose our last words."""
    client.send_close(code, reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore"))  # type: ignore[arg-type]
    return asyncio.get_running_loop().call_later(CLOSING_S, client.disconnect, False)


def hang_up(provider: WSTransport) -> None:
    provider.send_close(1000)  # type: ignore[arg-type]
    provider.disconnect()


def answer_close(transport: WSTransport, frame: WSFrame) -> None:
    """RFC 6455 5.5.1: a close is answered with its own code; one without a code, with none."""
    if not transport.is_close_frame_sent:
        payload = frame.get_payload_as_bytes()
        if payload:
            transport.send_close(frame.get_close_code(), payload[2:])
        else:
            transport.send(CLOSE, b"")
    transport.disconnect()
