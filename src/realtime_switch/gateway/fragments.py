"""A message that comes in pieces, until it is whole (RFC 6455 5.4).

picows hands frames on as they come and does not check their order; whoever
breaks it is closed with 1002, and who sends too much with 1009. The pieces are
copied into one buffer, so a flood of empty ones costs nothing.
"""

from picows import WSCloseCode, WSFrame, WSMsgType, WSProtocolError

from .sockets import CONTINUATION


class Fragments:
    def __init__(self, bytes_max: int) -> None:
        self.open = False  # a message has begun and is not whole
        self._bytes_max = bytes_max
        self._kind = CONTINUATION
        self._pieces = bytearray()

    def add(self, kind: WSMsgType, frame: WSFrame) -> tuple[WSMsgType, bytes] | None:
        """The message, once it is whole, and whether it is text or binary."""
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            raise WSProtocolError(WSCloseCode.PROTOCOL_ERROR, "No extension was agreed on.")
        if (kind is CONTINUATION) is not self.open:
            raise WSProtocolError(
                WSCloseCode.PROTOCOL_ERROR, "A message began inside of another, or in its middle."
            )
        if frame.fin and not self.open:
            return kind, frame.get_payload_as_bytes()
        if len(self._pieces) + frame.payload_size > self._bytes_max:
            raise WSProtocolError(
                WSCloseCode.MESSAGE_TOO_BIG, f"A message holds at most {self._bytes_max} bytes."
            )
        if not self.open:
            self.open, self._kind = True, kind
        self._pieces += frame.get_payload_as_memoryview()
        if not frame.fin:
            return None
        whole = bytes(self._pieces)
        self.open, self._pieces = False, bytearray()
        return self._kind, whole
