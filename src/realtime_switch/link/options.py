"""What both ends set on their socket: ZeroMQ's defaults hang, or have no bounds (LIBRARIES.md 5)."""

import zmq

from .envelope import MESSAGE_BYTES_MAX

# A peer that is stopped, or gone without a word, is noticed in three to four seconds: within a deadline.
_HEARTBEAT_MS = 1000
_HEARTBEAT_TIMEOUT_MS = 3000
_HANDSHAKE_MS = 5000
_CONNECT_MS = 3000  # a machine that is not there does not say so, and the kernel's patience is two minutes
_MESSAGES_MAX = 1000  # on their way to one peer, each side; more wait with their sender


def set_options(socket: "zmq.Socket[bytes]") -> None:
    socket.setsockopt(zmq.LINGER, 0)  # unless closed with another; the default is to wait for ever
    socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES_MAX)
    socket.setsockopt(zmq.SNDHWM, _MESSAGES_MAX)
    socket.setsockopt(zmq.RCVHWM, _MESSAGES_MAX)
    socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
    socket.setsockopt(zmq.CONNECT_TIMEOUT, _CONNECT_MS)
    socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _HEARTBEAT_TIMEOUT_MS)
