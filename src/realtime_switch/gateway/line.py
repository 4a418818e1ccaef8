"""The provider's end of a call: one connection of one generation, and the short way of nearly every frame."""

from typing import TYPE_CHECKING

from picows import WSFrame, WSListener, WSMsgType, WSTransport

from ..session import limits
from .fragments import Fragments
from .sockets import BINARY, CLOSE, CONTINUATION, PONG, TEXT

if TYPE_CHECKING:
    from .conductor import Conductor


class Line(WSListener):
    """A provider connection, one generation of a call's."""

    def __init__(self, call: "Conductor", generation: int) -> None:
        self._call = call
        self.generation = generation
        self._fragments = Fragments(limits.MESSAGE_BYTES_MAX)

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._call.provider_opened(self, transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        call = self._call
        kind = frame.msg_type
        last = frame.last_in_buffer
        if kind is TEXT and frame.fin and not self._fragments.open:
            payload = frame.get_payload_as_bytes()
            if last and call.line is self and not call.held and call.session.passes_from_provider(payload):
                # The way of nearly every frame; all else in this class and the next is for the others.
                call.provider_heard = True
                call.client.send(TEXT, payload)  # type: ignore[union-attr]  # no call without a client
                return
            call.more_comes = not last
            call.from_provider(self.generation, kind, payload)
        else:
            call.more_comes = not last
            self._on_other_frame(transport, kind, frame)
        if last:
            call.flush()

    def _on_other_frame(self, transport: WSTransport, kind: WSMsgType, frame: WSFrame) -> None:
        if kind is TEXT or kind is BINARY or kind is CONTINUATION:
            if (whole := self._fragments.add(kind, frame)) is not None:
                self._call.from_provider(self.generation, *whole)
        elif kind is CLOSE:
            answer_close(transport, frame)
        elif kind is PONG:
            self._call.provider_ponged(self.generation)
        else:
            self._call.provider_heard = True

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        received = transport.close_handshake and transport.close_handshake.recv
        if received:
            self._call.provider_closed(self.generation, received.code.value, received.reason or "")
        else:
            self._call.provider_lost(self.generation, "without a close")

    def pause_writing(self) -> None:
        self._call.provider_full(self.generation, True)

    def resume_writing(self) -> None:
        self._call.provider_full(self.generation, False)


def answer_close(transport: WSTransport, frame: WSFrame) -> None:
    """RFC 6455 5.5.1: a close is answered with its own code; one without a code, with none."""
    if not transport.is_close_frame_sent:
        payload = frame.get_payload_as_bytes()
        if payload:
            transport.send_close(frame.get_close_code(), payload[2:])
        else:
            transport.send(CLOSE, b"")
    transport.disconnect()
