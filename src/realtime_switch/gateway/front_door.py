"""Listening: one port, HTTP and WebSockets, until it is shut.

uvicorn's `Server` is left out: it owns signals and ends the process by
re-raising them, and it listens through uvloop (see sockets.py for why it must be
aiofastnet). What remains of it is this file.
"""

import asyncio
import socket
import ssl
from functools import partial
from typing import Any

import aiofastnet
from uvicorn import Config
from uvicorn.server import ServerState

from .listening import Listening, bound
from .upgrade import Doorkeeper, Http, Upgrade

KEEP_ALIVE_S = 15
BACKLOG = 2048


class FrontDoor:
    """Opened once; `close` stops accepting at once and lets running HTTP requests finish."""

    def __init__(
        self,
        app: Any,
        doorkeeper: Doorkeeper,
        *,
        head_s_max: float,
        message_bytes_max: int,
        buffer_bytes: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self._handshake_s_max = head_s_max if tls is not None else None
        self._state = ServerState()
        self._config = Config(
            app,
            http=partial(Http, head_s_max),  # type: ignore[arg-type]  # uvicorn calls it, whatever it is
            ws=partial(Upgrade, doorkeeper, message_bytes_max, buffer_bytes),  # type: ignore[arg-type]
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        self._config.load()
        self._servers: list[asyncio.Server] = []
        self._stopped = False

    async def open(self, where: tuple[str, int] | Listening) -> int:
        """The port it listens on: of an address (0: the system chooses), or of a socket bound already."""
        loop = asyncio.get_running_loop()
        if self._tls is not None:
            loop.set_exception_handler(_note)
        self._servers = [await self._listen(bound(*where) if isinstance(where, tuple) else where)]
        return int(self._servers[0].sockets[0].getsockname()[1])

    @property
    def speaks_tls(self) -> bool:
        return self._tls is not None

    async def present(self, tls: ssl.SSLContext) -> None:
        """Another certificate, to those who come. The same sockets are listened to anew, and only then no
        more in the old way, so nobody is turned away. (A context that is in use cannot be told: one that is
        given a key of another kind has both.)"""
        self._tls = tls
        former = self._servers
        anew = [await self._listen(one.dup()) for server in former for one in server.sockets]
        for server in anew if self._stopped else former:
            server.close()
        if not self._stopped:
            self._servers = anew

    async def _listen(self, sock: socket.socket) -> asyncio.Server:
        return await aiofastnet.create_server(
            asyncio.get_running_loop(),
            self._protocol,
            sock=sock,
            backlog=BACKLOG,
            ssl=self._tls,
            ssl_handshake_timeout=self._handshake_s_max,
        )

    def stop_accepting(self) -> None:
        self._stopped = True
        for server in self._servers:
            server.close()

    async def close(self, within_s: float) -> None:
        self.stop_accepting()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            _, late = await asyncio.wait(self._state.tasks, timeout=within_s)
            for task in late:
                task.cancel()
        for connection in list(self._state.connections):
            connection.transport.abort()

    def _protocol(self) -> asyncio.Protocol:
        return self._config.http_protocol_class(  # type: ignore[call-arg]
            config=self._config, server_state=self._state, app_state={}
        )


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Whoever hangs up before the TLS handshake is over, as load balancers do that only look whether the port
    is open, is no error of ours. aiofastnet says it is one, and has the class in the exception's place, which
    logging cannot even write down."""
    if context.get("exception") is not ConnectionResetError:
        loop.default_exception_handler(context)
