"""Somebody beside a call's client: a trusted server that hears the call and may steer it, as OpenAI's
sideband (GPT-LIVE.md 2.3). The call lives without it, and ends it."""

from typing import Protocol

from picows import WSFrame, WSListener, WSMsgType, WSTransport

from ..dialects.gpt_live.sideband import Sideband
from ..session import limits
from .closing import answer_close
from .fragments import Fragments
from .ids import new_id
from .sockets import CLOSE, PING, PONG, TEXT

WATCHERS_MAX = 4  # of one call: each costs it the short way of its frames, and a copy of them


class Watched(Protocol):
    """What a watcher asks of a call."""

    def watch(self, watcher: "Watcher") -> None: ...
    def unwatch(self, watcher: "Watcher") -> None: ...
    def on_message(self, kind: WSMsgType, payload: bytes) -> None: ...


class Watcher(WSListener):
    def __init__(self, call: Watched, greeting: bytes, graceful: bool) -> None:
        """`graceful`: it wants a closing handshake when the call is over."""
        self._call = call
        self._greeting = greeting
        self._graceful = graceful
        self._sideband = Sideband(greeting, new_id)
        self._fragments = Fragments(limits.MESSAGE_BYTES_MAX)
        self._transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        transport.send(TEXT, self._greeting)
        self._call.watch(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is CLOSE:
            answer_close(transport, frame)
        elif frame.msg_type is PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type is not PONG:
            whole = self._fragments.add(frame.msg_type, frame)
            if whole is not None:
                self._hear(*whole)

    def _hear(self, kind: WSMsgType, payload: bytes) -> None:
        refused = self._sideband.refused(payload)
        if refused is not None:
            self._send(refused)
        else:
            self._call.on_message(kind, payload)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        self._call.unwatch(self)

    # -- Of the call -------------------------------------------------------------------------------------

    def client_said(self, payload: bytes) -> None:
        reflected = self._sideband.client_said(payload)
        if reflected is not None:
            self._send(reflected)

    def told(self, payload: bytes) -> None:
        self._send(self._sideband.told(payload))

    def over(self) -> None:
        transport = self._transport
        if transport is not None:
            if self._graceful:
                transport.send_close(1000)  # type: ignore[arg-type]
            transport.disconnect()

    def _send(self, payload: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        if transport.underlying_transport.get_write_buffer_size() > limits.SLOW_CLIENT_BYTES_MAX:
            transport.disconnect(False)  # who does not read what it is sent holds nobody up
        else:
            transport.send(TEXT, payload)
