"""The short way of nearly every frame, in Python: the twin of _compiled.pyx, used where that is not built.

Both ends of a call ask the session whether a plain frame passes unread, and then
send it on. A plain frame is a whole message of text or binary without RSV bits.
One that does not pass goes to `on_message`, and any other frame to
`on_other_frame`, which a subclass has. What the two twins do is the same to the
byte; tests/laws/test_short_way_laws.py holds them to it.
"""

from typing import TYPE_CHECKING, Any

from picows import WSFrame, WSListener, WSMsgType, WSTransport

from .sockets import BINARY, TEXT, WSProtocol

if TYPE_CHECKING:
    from ..session.session import Session


class ClientEnd(WSListener):
    """Hears the client. What is here is all that the short way of both directions has to know of a call."""

    session: "Session"
    client: WSTransport | None = None
    line: "ProviderEnd | None" = None  # the provider connection of the present
    own_kind: WSMsgType  # how frames that are not as they came travel to the client
    held: list[bytes]  # for the client; while there are any, nothing may overtake them
    provider_heard = False
    in_pieces = False  # a message of the client has begun and is not whole
    provider_transport: WSTransport | None = None
    client_heard = True
    passed_from_client = 0  # messages, for whoever counts (traffic.py)
    passed_from_client_bytes = 0
    passed_from_provider = 0
    passed_from_provider_bytes = 0
    unsent_from_provider = 0  # of these, the messages that crossed to nobody
    grown_to_client_bytes = 0  # by what crossing has made of them
    grown_to_provider_bytes = 0

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.client_heard = True
        kind = frame.msg_type
        if (kind is TEXT or kind is BINARY) and is_plain(frame) and not self.in_pieces:
            payload = frame.get_payload_as_bytes()
            if self.provider_transport is not None and (passed := self.session.passes_from_client(payload)):
                self.passed_from_client += 1
                self.passed_from_client_bytes += len(payload)
                if passed is True:
                    self.provider_transport.send(kind, payload)
                else:
                    self.grown_to_provider_bytes += len(passed) - len(payload)
                    self.provider_transport.send(TEXT, passed)
            else:
                self.on_message(kind, payload)
        else:
            self.on_other_frame(transport, frame)

    def on_message(self, kind: WSMsgType, payload: bytes) -> None: ...
    def flush(self) -> None:
        """Send what is held."""

    def on_other_frame(self, transport: WSTransport, frame: WSFrame) -> None: ...


class ProviderEnd(WSListener):
    """Hears one connection to a provider."""

    def __init__(self, call: ClientEnd, generation: int) -> None:
        self.call = call
        self.generation = generation
        self.in_pieces = False  # a message of the provider has begun and is not whole

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        call = self.call
        kind = frame.msg_type
        last = bool(frame.last_in_buffer)
        if not ((kind is TEXT or kind is BINARY) and is_plain(frame) and not self.in_pieces):
            self.on_other_frame(transport, frame)
            return
        payload = frame.get_payload_as_bytes()
        # What is not the last of one read goes the other way, where it is sent on together with the last.
        passed: bool | bytes = False
        if last and call.line is self and not call.held:
            passed = call.session.passes_from_provider(payload)
        if passed is False:
            self.on_message(kind, payload, last)
            return
        call.provider_heard = True
        call.passed_from_provider += 1
        call.passed_from_provider_bytes += len(payload)
        if passed is not True:
            call.unsent_from_provider += not passed
            call.grown_to_client_bytes += len(passed) - len(payload)
            kind, payload = call.own_kind, passed
        if call.client is not None and payload:
            call.client.send(kind, payload)

    def on_message(self, kind: WSMsgType, payload: bytes, last: bool) -> None:
        """`last`: nothing more of what the provider sent in one go."""

    def on_other_frame(self, transport: WSTransport, frame: WSFrame) -> None: ...


def reader(picows: WSProtocol, end: WSListener, payload_bytes_max: int) -> Any:
    """Who is to read for `picows`, which has nothing in its buffer yet; `end` hears what it reads."""
    return picows


def is_plain(frame: WSFrame) -> bool:
    return bool(frame.fin) and not (frame.rsv1 or frame.rsv2 or frame.rsv3)
