"""The provider's end of a call: one connection of one generation. Nearly every frame goes the short way
(short_way.py) and is not seen here."""

from typing import TYPE_CHECKING

from picows import WSFrame, WSMsgType, WSTransport

from ..session import limits
from .closing import answer_close
from .fragments import Fragments
from .short_way import ProviderEnd
from .sockets import CLOSE, PING, PONG

if TYPE_CHECKING:
    from .conductor import Conductor


class Line(ProviderEnd):
    """A provider connection, one generation of a call's."""

    call: "Conductor"

    def __init__(self, call: "Conductor", generation: int) -> None:
        super().__init__(call, generation)
        self._fragments = Fragments(limits.MESSAGE_BYTES_MAX)

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.call.provider_opened(self, transport)

    def on_message(self, kind: WSMsgType, payload: bytes, last: bool) -> None:
        call = self.call
        call.more_comes = not last
        call.from_provider(self.generation, kind, payload)
        call.more_comes = False  # what is not for this to see may be the last of it
        if last:
            call.flush()

    def on_other_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        call = self.call
        call.more_comes = not frame.last_in_buffer
        kind = frame.msg_type
        if kind is PING:
            call.provider_heard = True
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind is PONG:
            call.provider_ponged(self.generation)
        elif kind is CLOSE:
            answer_close(transport, frame)
        else:
            whole = self._fragments.add(kind, frame)
            self.in_pieces = self._fragments.open
            if whole is not None:
                call.from_provider(self.generation, *whole)
        call.more_comes = False
        if frame.last_in_buffer:
            call.flush()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        received = transport.close_handshake and transport.close_handshake.recv
        if received:
            self.call.provider_closed(self.generation, received.code.value, received.reason or "")
        else:
            self.call.provider_lost(self.generation, "without a close")

    def pause_writing(self) -> None:
        self.call.provider_full(self.generation, True)

    def resume_writing(self) -> None:
        self.call.provider_full(self.generation, False)
