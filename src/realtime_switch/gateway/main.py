"""The wiring of the gateway process: what exists once is built here (A28)."""

import asyncio
import gc
import signal
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog
from msgspec import Struct

from ..accounts.errors import ConfigurationError, ErrorCode
from ..accounts.service import AccountService
from ..metrics.board import Board
from ..metrics.families import Histogram
from ..outbox.room import Bounds as OutboxBounds
from ..outbox.room import Room
from ..outbox.shelf import Shelf, open_shelf
from ..process import open_files_max, stop_requested
from ..providers.endpoint import Dial
from ..providers.routes import Routes
from ..secret import Secret
from ..session import limits
from ..settings import Settings, make_directory, metrics_folder, metrics_token, outbox_key
from ..traces import Traces, open_traces
from .client_secrets import signing_key
from .dial import dial
from .front_door import FrontDoor
from .http import Api
from .http_calls import answer_other, nobody
from .http_metrics import MetricsPage
from .ids import now_us
from .line import Line
from .listening import Listening
from .metrics import link_round_trip
from .neighbours import Neighbours
from .short_way import short_way
from .switchboard import Bounds, Registry, Switchboard
from .tls import tls_of

SIGNING_KEY_FILE = "client-secret.key"  # in the data directory, shared by its gateways
# picows' first read buffers, which grow when messages are larger. They hold handshakes, and what does not
# pass: all else is read into one memory for all sockets (_reader.pxi). A provider may send its first word
# with its handshake: a buffer that grows before that is over is no longer known as empty, and then all of
# this connection goes through picows. Of 4 KiB 3.4 are filled before it grows.
CLIENT_BUFFER_BYTES = 2 * 1024
PROVIDER_BUFFER_BYTES = 4 * 1024
HTTP_CLOSE_S = 2.0
CALLS_CLOSE_S = 5.0  # of all calls at once: their last words to be committed, and the closing handshake
FILES_BESIDE_CALLS = 128  # sockets of HTTP and of the link, the outbox, the board; a call has two
FLUSH_S = 10.0  # what is in the outbox
TRACES_S = 2.0  # what the collector has not been told

_log = structlog.get_logger("gateway")


class Watched(Struct, frozen=True, kw_only=True):
    """Where the processes of this machine meet, to show metrics and calls, and who may see metrics."""

    folder: Path | None = None
    token: Secret = Secret("")


NOT_WATCHED = Watched()


class Gateway:
    """Built inside of a running loop. `open`, serve until told to stop, `close`."""

    def __init__(
        self,
        service: AccountService,
        routes: Routes,
        signing_key: bytes,
        shelf: Shelf,
        bounds: Bounds | None = None,
        link_is_up: Callable[[], bool] = lambda: True,
        tls: ssl.SSLContext | None = None,
        watched: Watched = NOT_WATCHED,
        round_trip: Histogram | None = None,
        data: Path | None = None,
        registry: Registry | None = None,
        traces: Traces | None = None,
    ) -> None:
        """`tls`: for clients; without it they come in the clear. `watched`: without it nobody is shown
        metrics, nor are other gateways asked for their calls; `round_trip`: the link's; `data`: where `serve`
        leaves the codes of its links; `registry`: where gateways say which sessions they have; `traces`:
        without it calls are not traced."""
        bounds = bounds or Bounds()
        self._link_is_up = link_is_up
        self._traces = traces
        self._routes = routes
        self._tls = ssl.create_default_context()
        self._bounds = bounds
        self.switchboard = Switchboard(
            service,
            routes,
            self._dial,
            signing_key,
            shelf,
            bounds,
            link_is_up,
            round_trip or link_round_trip(),
            registry,
            traces.tracer if traces is not None else None,
        )
        own = self.switchboard.metrics.page
        self._board: Board | None = None
        self._neighbours: Neighbours | None = None
        if watched.folder is not None:
            self._board = Board(watched.folder, "gateway", own)
            answer = partial(answer_other, self.switchboard.calls)
            self._neighbours = Neighbours(watched.folder, self._board.name, answer)
        api = Api(
            service,
            routes,
            signing_key,
            self._why_not_ready,
            self.switchboard.settle,
            self.switchboard.calls,
            MetricsPage(self._page, watched.token),
            data,
            self._neighbours.ask if self._neighbours is not None else nobody,
        )
        self._door = FrontDoor(
            api.app(),
            self.switchboard.door.admit,
            head_s_max=limits.CLIENT_HANDSHAKE_S,
            message_bytes_max=bounds.message_bytes_max,
            buffer_bytes=CLIENT_BUFFER_BYTES,
            tls=tls,
        )

    async def open(self, where: tuple[str, int] | Listening) -> int:
        """The port that it listens on."""
        if self._board is not None:
            await self._board.open()
        if self._neighbours is not None:
            await self._neighbours.open()
        return await self._door.open(where)

    async def reload(self, routes: Routes, bounds: Bounds, tls: ssl.SSLContext | None = None) -> None:
        """Other routes, providers, limits and certificates for the calls that come; not the port, whether TLS
        is spoken there, nor what is on disk."""
        self._routes.become(routes)
        self._bounds = bounds
        self.switchboard.reload(bounds)
        if tls is not None and self._door.speaks_tls:
            await self._door.present(tls)

    async def close(self) -> None:
        """No more calls. Those there are end with 1001, each when nobody would miss a word, and what they
        leave is sent."""
        self.switchboard.door.stopping = True
        self._door.stop_accepting()
        await self.switchboard.drain(self._bounds.drain_s)
        await self.switchboard.end_all(CALLS_CLOSE_S)
        await self.switchboard.released()
        left = await self.switchboard.outbox.close(FLUSH_S)
        if left:
            _log.error("records could not be delivered", records=left)
        await self._door.close(HTTP_CLOSE_S)
        if self._neighbours is not None:
            await self._neighbours.close()
        if self._board is not None:
            await self._board.close()
        if self._traces is not None:
            await self._traces.close(TRACES_S)

    async def _page(self) -> str:
        return await self._board.page() if self._board is not None else ""

    async def _dial(self, address: Dial, line: Line, within_s: float) -> object:
        return await dial(
            address,
            line,
            within_s=within_s,
            message_bytes_max=limits.MESSAGE_BYTES_MAX,
            buffer_bytes=PROVIDER_BUFFER_BYTES,
            tls=self._tls,
        )

    def _why_not_ready(self) -> str:
        if self.switchboard.door.stopping:
            return "stopping"
        if not self._link_is_up():
            return "the business process is away"
        room = self.switchboard.outbox.room
        return "" if room is Room.ENOUGH else f"the outbox is {room.value}"


async def run(
    settings: Settings,
    *,
    listening: Listening | None = None,
    local_url: str = "",
    again: Callable[[], Settings] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; returns when every call has ended and what they left is delivered.

    `listening` is a socket that somebody bound for several gateways; `local_url` is where the local provider
    runs. `again` reads the settings once more, on SIGHUP.
    """
    # ZeroMQ is loaded by who runs, not by who reads this file.
    from ..link.keys import GATEWAY_FILE, keys_for
    from ..link.several import LinkClients

    stop = stop_requested()
    make_directory(settings.data)
    _look_at_open_files(settings.gateway.calls_max)
    addresses = settings.link_addresses
    keys = keys_for(addresses, settings.data / GATEWAY_FILE)
    round_trip = link_round_trip()
    traces = open_traces("gateway")
    link = LinkClients(
        addresses,
        timeout_ms=settings.link.timeout_ms,
        keys=keys,
        took=round_trip.observe,
        taken=lambda claim: gateway.switchboard.taken(claim),
        traceparent=traces.traceparent if traces is not None else str,
    )
    gateway = Gateway(
        link,
        settings.build_routes(local_url),
        _signing_key(settings),
        _shelf(settings),
        _bounds(settings),
        lambda: link.connected,
        tls_of(settings),
        Watched(folder=metrics_folder(settings), token=metrics_token(settings)),
        round_trip,
        settings.data,
        link,
        traces,
    )
    await link.start()
    try:
        port = await gateway.open(listening or _address(settings))
        _log.info("ready", host=settings.gateway.host, port=port, short_way=short_way)
        if again is not None:
            loop, begun = asyncio.get_running_loop(), set[asyncio.Task[None]]()

            def reload() -> None:
                task = loop.create_task(_reload(gateway, again, local_url, settings))
                begun.add(task)  # else nobody holds it
                task.add_done_callback(begun.discard)

            loop.add_signal_handler(signal.SIGHUP, reload)
        gc.collect()
        gc.freeze()  # what was loaded to start stays for ever; the collector need not look at it again
        await stop.wait()
        _log.info("stopping")
    finally:
        await gateway.close()
        await link.close()
    _log.info("stopped")


def _look_at_open_files(calls_max: int) -> None:
    allowed = open_files_max()
    if allowed < (wanted := 2 * calls_max + FILES_BESIDE_CALLS):
        carries = max((allowed - FILES_BESIDE_CALLS) // 2, 0)
        remedy = f"allow {wanted} (ulimit -n, LimitNOFILE), or lower calls_max"
        _log.warning("too few open files for calls_max", allowed=allowed, calls=carries, remedy=remedy)


async def _reload(
    gateway: Gateway, again: Callable[[], Settings], local_url: str, begun_with: Settings | None = None
) -> None:
    """What is wrong is said, and then all stays as it was. What is new and needs a restart is named."""
    try:
        settings = again()
        await gateway.reload(settings.build_routes(local_url), _bounds(settings), tls_of(settings))
    except ConfigurationError as error:
        _log.error("configuration not reloaded", code=error.code, reason=error.message)
        return
    _log.info("configuration reloaded", routes=[route.name for route in settings.routes])
    if begun_with is not None and (waiting := _needs_a_restart(begun_with, settings)):
        _log.warning("new settings wait for a restart", settings=waiting)


def _needs_a_restart(begun_with: Settings, now: Settings) -> list[str]:
    sections = ("database", "link", "outbox", "rates", "summary", "retention", "log", "metrics")
    new = [name for name in sections if getattr(now, name) != getattr(begun_with, name)]
    before, after = begun_with.gateway, now.gateway
    for name in ("host", "port", "message_bytes_max"):
        if getattr(before, name) != getattr(after, name):
            new.append(f"gateway.{name}")
    if bool(before.tls_cert) != bool(after.tls_cert):
        new.append("gateway.tls_cert")
    return new


def _signing_key(settings: Settings) -> bytes:
    path = settings.data / SIGNING_KEY_FILE
    try:
        return signing_key(path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it does not hold 32 bytes in hexadecimal"
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            f"The key for client secrets, {path}, cannot be used: {why}. Without it a new one is made.",
        ) from None


def _shelf(settings: Settings) -> Shelf:
    synced = settings.outbox.power_cut_loses == "nothing"
    key = outbox_key(settings).reveal()
    return open_shelf(settings.outbox_path, key, now_us(), every_commit_synced=synced)


def _bounds(settings: Settings) -> Bounds:
    chosen, outbox = settings.gateway, settings.outbox
    return Bounds(
        message_bytes_max=chosen.message_bytes_max,
        idle_s=chosen.idle_s,
        calls_max=chosen.calls_max,
        calls_per_key_max=chosen.calls_per_key_max,
        drain_s=chosen.drain_s,
        limits=settings.limits,
        outbox=OutboxBounds(rows_max=outbox.records_max, bytes_max=outbox.bytes_max),
    )


def _address(settings: Settings) -> tuple[str, int]:
    return settings.gateway.host, settings.gateway.port
