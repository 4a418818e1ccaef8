"""One connection of a gateway to a business process, from its dial to its end.

One ZeroMQ socket is one connection here, and a lost one is thrown away:
libzmq's own reconnecting gives up for ever, and in silence, after a refusal,
a message too long or a broken frame (seen with 4.3.5), and what a new
connection finds in an old socket's queues is anybody's guess.
"""

from collections.abc import Callable

import zmq
from zmq.utils.monitor import parse_monitor_message

from .options import set_options
from .place import Place
from .socket import LoopSocket

_NEVER_MS = 24 * 60 * 60 * 1000

# All the ways a connection ends or does not begin; CLOSED is "nobody listens". CONNECT_RETRIED is all that is
# told of a name that cannot be resolved (seen with 4.3.5).
_ENDINGS = (
    zmq.Event.CLOSED
    | zmq.Event.CONNECT_RETRIED
    | zmq.Event.DISCONNECTED
    | zmq.Event.HANDSHAKE_FAILED_NO_DETAIL
    | zmq.Event.HANDSHAKE_FAILED_PROTOCOL
    | zmq.Event.HANDSHAKE_FAILED_AUTH
)


class Connection:
    """Dials at once. What goes out goes by `dealer`; `made` is called when both ends have shaken hands,
    `ended` when it ends or does not begin: with True if the other end does not let us in."""

    def __init__(
        self,
        context: "zmq.Context[zmq.Socket[bytes]]",
        place: Place,
        heard: Callable[[list[bytes]], None],
        writable: Callable[[], None],
        made: Callable[[], None],
        ended: Callable[[bool], None],
    ) -> None:
        self._made = made
        self._ended = ended
        self._socket: zmq.Socket[bytes] = context.socket(zmq.DEALER)
        set_options(self._socket)
        # Never by itself; and not -1, the documented "never", nor IMMEDIATE: with either, answers that
        # arrived and were not yet received are thrown away when the connection ends (seen with 4.3.5).
        self._socket.setsockopt(zmq.RECONNECT_IVL, _NEVER_MS)
        monitor = self._socket.get_monitor_socket(zmq.Event.HANDSHAKE_SUCCEEDED | _ENDINGS)
        self.dealer = LoopSocket(self._socket, heard, writable)
        self._monitor = LoopSocket(monitor, self._noticed)
        place.approach(self._socket)
        self._socket.connect(place.endpoint)

    def _noticed(self, parts: list[bytes]) -> None:
        """What libzmq says of it."""
        event = parse_monitor_message(parts)["event"]
        if event == zmq.Event.HANDSHAKE_SUCCEEDED:
            self._made()
        else:
            self._ended(event == zmq.Event.HANDSHAKE_FAILED_AUTH)

    def close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(linger_ms=0)
        self.dealer.close(linger_ms=0)
