"""A place where the two ends meet: a socket file of one machine, or a port with keys on both ends."""

import os
import re
from collections.abc import Callable, Sequence
from typing import Protocol

import zmq

from . import zap
from .address import Lock, make_private, socket_path, wrong
from .keys import Keys

_TCP = re.compile(r"tcp://(?P<host>[^\s/#?]+):(?P<port>\d{1,5})\Z")


class Place(Protocol):
    endpoint: str  # as ZeroMQ spells it
    refusal: str  # what is wrong when the other end does not let us in

    def prepare(self) -> None:
        """Once, before a client's first connection. Raises ConfigurationError."""
        ...

    def approach(self, socket: "zmq.Socket[bytes]") -> None:
        """Before each connection of a client."""
        ...

    def claim(self, socket: "zmq.Socket[bytes]") -> Callable[[], None]:
        """Before a server binds; raises ConfigurationError. Call what comes back when the socket is gone."""
        ...

    def lets_in(self, question: Sequence[bytes]) -> list[bytes]:
        """The answer to a question of libzmq's (zap.py)."""
        ...


def find_place(address: str, keys: Keys | None = None) -> Place:
    """Raises ConfigurationError."""
    return Port(address, keys) if address.startswith("tcp://") else SocketFile(address)


class SocketFile:
    """Only our user reaches it; the kernel says who connects."""

    def __init__(self, address: str) -> None:
        self._path = socket_path(address)
        self.endpoint = f"ipc://{self._path}"
        self.refusal = f"The business process at {self._path} belongs to another user: run both as one."

    def __str__(self) -> str:
        return str(self._path)

    def prepare(self) -> None:
        make_private(self._path.parent)

    def approach(self, socket: "zmq.Socket[bytes]") -> None:
        pass  # no keys: the kernel vouches for us

    def claim(self, socket: "zmq.Socket[bytes]") -> Callable[[], None]:
        make_private(self._path.parent)
        return Lock(self._path).release

    def lets_in(self, question: Sequence[bytes]) -> list[bytes]:
        return zap.decide(question, os.geteuid())


class Port:
    """Everything on it is encrypted, and nobody without the right key is let in."""

    def __init__(self, address: str, keys: Keys | None) -> None:
        found = _TCP.match(address)
        if found is None or not 0 < int(found["port"]) < 65_536:
            raise wrong(
                f"The link's address {address!r} is not a host and a port, as in tcp://10.0.0.5:7000."
            )
        if keys is None:
            raise wrong(
                f"The link cannot use {address}: without keys on both ends anybody on the network could "
                "grant and bill calls. Make them with `realtime-switch link keys`."
            )
        self._keys = keys
        self.endpoint = address
        self.refusal = (
            f"The business process at {address} does not know our key: copy its link-gateway.key here."
        )

    def __str__(self) -> str:
        return self.endpoint

    def prepare(self) -> None:
        pass

    def approach(self, socket: "zmq.Socket[bytes]") -> None:
        self._show_our_key(socket)
        socket.setsockopt(zmq.CURVE_SERVERKEY, self._keys.peer)

    def claim(self, socket: "zmq.Socket[bytes]") -> Callable[[], None]:
        self._show_our_key(socket)
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        return lambda: None  # the kernel refuses a second binder by itself

    def lets_in(self, question: Sequence[bytes]) -> list[bytes]:
        return zap.decide_by_key(question, self._keys.peer)

    def _show_our_key(self, socket: "zmq.Socket[bytes]") -> None:
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._keys.secret)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self._keys.public)
