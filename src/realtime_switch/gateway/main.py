"""The wiring of the gateway process: what exists once is built here (A28)."""

import ssl

import structlog

from ..accounts.service import AccountService
from ..providers.endpoint import Dial
from ..providers.routes import Routes
from ..session import limits
from .conductor import Line
from .dial import dial
from .front_door import FrontDoor
from .http import Api
from .switchboard import Bounds, Switchboard

BUFFER_BYTES = 16 * 1024  # a socket's first read buffer; it grows when messages are larger
HTTP_CLOSE_S = 2.0
CALLS_CLOSE_S = 3.0  # the closing handshake of all calls
FLUSH_S = 10.0  # what is in the outbox

_log = structlog.get_logger("gateway")


class Gateway:
    """Built inside of a running loop. `open`, serve until told to stop, `close`."""

    def __init__(
        self, service: AccountService, routes: Routes, signing_key: bytes, bounds: Bounds | None = None
    ) -> None:
        bounds = bounds or Bounds()
        self._tls = ssl.create_default_context()
        self._bounds = bounds
        self.switchboard = Switchboard(service, routes, self._dial, signing_key, bounds)
        api = Api(service, routes, signing_key, self._why_not_ready)
        self._door = FrontDoor(
            api.app(),
            self.switchboard.admit,
            head_s_max=limits.CLIENT_HANDSHAKE_S,
            message_bytes_max=bounds.message_bytes_max,
            buffer_bytes=BUFFER_BYTES,
        )

    async def open(self, host: str, port: int) -> int:
        """The port that it listens on."""
        return await self._door.open(host, port)

    async def close(self) -> None:
        """No more calls; those there are end with 1001, and what they leave is sent."""
        self.switchboard.stopping = True
        self._door.stop_accepting()
        await self.switchboard.end_all(CALLS_CLOSE_S)
        left = await self.switchboard.outbox.close(FLUSH_S)
        if left:
            _log.error("records could not be delivered", records=left)
        await self._door.close(HTTP_CLOSE_S)

    async def _dial(self, address: Dial, line: Line) -> object:
        return await dial(
            address,
            line,
            within_s=limits.PROVIDER_HANDSHAKE_S,
            message_bytes_max=limits.MESSAGE_BYTES_MAX,
            buffer_bytes=BUFFER_BYTES,
            tls=self._tls,
        )

    def _why_not_ready(self) -> str:
        if self.switchboard.stopping:
            return "stopping"
        return "the outbox is full" if self.switchboard.outbox.is_full else ""
