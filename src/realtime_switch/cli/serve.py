"""`realtime-switch serve`: everything on this machine, under one roof.

It binds the port, starts the business process and the gateways (and the local
provider, where a route leads to it), keeps them running, and stops them in
order. The first start makes what is needed, an account and an API key too,
and shows the key: it is shown once, because only its hash is kept.
"""

import asyncio
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..accounts.errors import ConfigurationError, ErrorCode
from .options import common, settings_here, tls_options

if TYPE_CHECKING:
    from ..settings import Settings
    from .supervisor import Program

FIRST_EMAIL = "owner@localhost"
FIRST_PLAN = "Enterprise"
LISTEN_BACKLOG = 1024
READY_S = 15.0  # then the addresses are shown all the same, with a word of warning
# How long each may take to stop before it is killed: longer than it takes by its own bounds.
GATEWAY_STOP_S = 20.0  # besides what its calls are given to come to their end
BUSINESS_STOP_S = 20.0
LOCAL_STOP_S = 5.0


@click.command()
@click.option("--host", help="Where to listen; overrides HOST.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port; overrides PORT.")
@click.option(
    "--gateways",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="How many gateway processes share the port; one a core.",
)
@tls_options
@common
def serve(
    host: str | None, port: int | None, gateways: int, tls_cert: str | None, tls_key: str | None
) -> None:
    """Run everything on this machine. Stops on SIGTERM or Ctrl-C."""
    import uvloop

    from ..gateway.tls import tls_of
    from ..log import set_up
    from ..settings import make_directory

    settings = settings_here(host=host, port=port, tls_cert=tls_cert, tls_key=tls_key)
    set_up("serve", level=settings.log.level, form=settings.log.format)
    settings.build_routes("ws://127.0.0.1/")  # what is wrong with the routes is better said here, once,
    tls_of(settings)  # and so it is with the certificate
    make_directory(settings.data)
    with _only_one(settings.data), _listening(settings.gateway.host, settings.gateway.port) as door:
        uvloop.run(_serve(settings, door, gateways))


async def _serve(settings: "Settings", door: socket.socket, gateways: int) -> None:
    from ..process import stop_requested
    from .supervisor import Supervisor

    stop = stop_requested()
    first_key, code = await _first_start(settings)
    supervisor = Supervisor(_programs(settings, door, gateways), now=time.monotonic)
    if not sys.stdin.isatty():  # there it says that the terminal has gone, and we go with it
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, supervisor.reload)
    running = asyncio.create_task(supervisor.run(stop))
    telling = asyncio.create_task(_tell(settings, door, first_key, code))
    try:
        await running
    finally:
        telling.cancel()


def _programs(settings: "Settings", door: socket.socket, gateways: int) -> "list[list[Program]]":
    """In the order in which they are to stop. The gateways at once: one that went on would take in the
    clients that another has just sent away, and send them away as well."""
    from .supervisor import Program

    where = ("--data", str(settings.data), *(("--config", str(settings.file)) if settings.file else ()))
    gateway = settings.gateway
    tls = [
        f"--tls-{name}={file}"
        for name, file in (("cert", gateway.tls_cert), ("key", gateway.tls_key))
        if file
    ]
    local_port = _free_port() if settings.needs_local else None
    local = ("--local-url", f"ws://127.0.0.1:{local_port}/v1/realtime") if local_port else ()
    of_gateways = [
        Program(
            name=f"gateway {number}",
            words=("gateway", *where, "--fd", str(door.fileno()), *tls, *local),
            stop_s_max=gateway.drain_s + GATEWAY_STOP_S,
            pass_fds=(door.fileno(),),
            reloads=True,
        )
        for number in range(1, gateways + 1)
    ]
    rows = [of_gateways]
    if local_port:
        words = ("simulate", "--port", str(local_port))
        rows.append([Program(name="local provider", words=words, stop_s_max=LOCAL_STOP_S)])
    rows.append([Program(name="business", words=("business", *where), stop_s_max=BUSINESS_STOP_S)])
    return rows


async def _first_start(settings: "Settings") -> tuple[str | None, str]:
    """Make the database and, where nobody has an account yet, one with a key. The key, if one was made, and
    the code that lets a page in to the first account; "" when that has no key any more."""
    from ..business.main import administration
    from ..gateway.page_link import invite

    first_key = None
    async with administration(settings, create=True) as admin:
        accounts = await admin.accounts()
        if not accounts:
            account = await admin.create_account(FIRST_EMAIL, FIRST_PLAN)
            first_key, _ = await admin.create_key(account.id, label="first start")
            accounts = [account]
        owner = next((one for one in accounts if one.email == FIRST_EMAIL), None)
        keys = await admin.keys(owner.id) if owner is not None else []
        now_s = time.time()
        good = [key for key in keys if key.expires_us is None or key.expires_us > now_s * 1e6]
        return first_key, invite(settings.data, good[0].key_hash, now_s) if good else ""


async def _tell(settings: "Settings", door: socket.socket, first_key: str | None, code: str) -> None:
    """Say where everything is, once it is there."""
    host, port = door.getsockname()[:2]
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    address = f"{_bracketed(shown)}:{port}"
    secure = "s" if settings.gateway.tls_cert else ""
    ready = await _is_ready(f"http{secure}://{address}")
    base = f"http{secure}://{address}"
    click.echo(f"Realtime Switch {'is ready' if ready else 'is still starting; the log says why'}.")
    click.echo(
        f"  page     {base}/{f'#{code}   (open it to talk: once, within ten minutes)' if code else ''}"
    )
    click.echo(f"  address  ws{secure}://{address}/v1/realtime")
    click.echo(f"  for SDKs base URL {base}/v1, for Google's {base}")
    click.echo(f"  data     {settings.data}")
    if first_key is not None:
        click.echo(f"  account  {FIRST_EMAIL}, plan {FIRST_PLAN}")
        click.echo(f"  API key  {first_key}   (shown only now: keep it)")
        click.echo(f"  try      RTS_API_KEY={first_key} \\")
        click.echo(
            f'           realtime-switch talk --url ws{secure}://{address} --text "Hello, who are you?"'
        )


async def _is_ready(base_url: str) -> bool:
    """Ask /readyz until it says yes."""
    import httpx

    # Whose certificate it is does not matter here: we gave it to it, and ask for no more than a yes.
    async with httpx.AsyncClient(base_url=base_url, timeout=1, verify=False) as http:
        end = time.monotonic() + READY_S
        while time.monotonic() < end:
            try:
                if (await http.get("/readyz")).status_code == 200:
                    return True
            except httpx.HTTPError:
                pass  # not yet
            await asyncio.sleep(0.1)
    return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """One socket for all gateways. It outlives each of them: while one is started again nobody is refused."""
    from ..gateway.listening import bound

    with bound(host, port) as door:
        door.listen(LISTEN_BACKLOG)
        yield door


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Two of us on one data directory would start two business processes that throw each other out."""
    path = data / "serve.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            f"Another `realtime-switch serve` runs on {data}. Stop it, or choose another --data.",
        ) from None
    try:
        yield
    finally:
        os.close(lock)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
