"""The socket that clients come to, and what it does when too many files are open."""

import errno
import os
import resource
import socket
import time
from typing import Any

import structlog

from ..accounts.errors import ConfigurationError, ErrorCode

SPARE_FILES = 64
_SAY_AGAIN_S = 10.0

_log = structlog.get_logger("gateway")


class Listening(socket.socket):
    """One that turns people away when the process may soon open no more files.

    It keeps some for the calls that it has: for their providers, and for the outbox. If those are used up as
    well, one that is held in reserve takes the connection and closes it. Otherwise who comes would be left
    waiting, and the loop told of him again and again: aiofastnet 1.2 means to rest for a second then, as
    asyncio does, but calls a method that no socket has, so a core and the log fill up.
    """

    _reserve = -1
    _said_s = -_SAY_AGAIN_S

    def listen(self, *backlog: int) -> None:
        super().listen(*backlog)
        self._keep_one()

    def accept(self) -> tuple[socket.socket, Any]:
        try:
            client, address = super().accept()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE) or self._reserve < 0:
                raise
            self._let_go_of_one()
            client, address = super().accept()
            self._turn_away(client)
            self._keep_one()
        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if client.fileno() >= most - min(SPARE_FILES, most // 4):  # it is the lowest number that was free
            self._turn_away(client)
        if client.fileno() < 0:
            raise ConnectionAbortedError  # by us; there may be others
        return client, address

    def close(self) -> None:
        super().close()
        self._let_go_of_one()

    def _turn_away(self, client: socket.socket) -> None:
        client.close()
        if time.monotonic() - self._said_s >= _SAY_AGAIN_S:
            self._said_s = time.monotonic()
            remedy = "allow more (ulimit -n, LimitNOFILE)"
            _log.error("clients are turned away, too many files are open", remedy=remedy)

    def _keep_one(self) -> None:
        if self._reserve < 0:
            self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _let_go_of_one(self) -> None:
        reserve, self._reserve = self._reserve, -1
        if reserve >= 0:
            os.close(reserve)


def bound(host: str, port: int) -> Listening:
    """It does not listen yet."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = Listening(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        door.close()
        shown = f"[{host}]" if ":" in host else host
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            f"Cannot listen on {shown}:{port}: {error.strerror or error}. Choose another --host or --port.",
        ) from None
    door.setblocking(False)
    return door
