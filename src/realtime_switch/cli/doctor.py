"""`realtime-switch doctor`: looks at everything an installation stands on, and says what to do.

It changes nothing and makes nothing, and one thing that is wrong does not keep
it from looking at the next.
"""

import asyncio
import http.client
import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import click
from msgspec import Struct

from ..accounts.errors import RealtimeSwitchError
from ..business.main import administration, open_as_it_is
from ..settings import Settings, database_key
from ..store import migrate
from ..store.storage import Storage
from ..store.upkeep import check_integrity
from .options import common, json_option, print_json, printable, settings_here

FREE_BYTES_FAIL = 100 << 20  # SQLite stops when there is no room, and so do bills
FREE_BYTES_WARN = 1 << 30
CONNECT_S = 1.0

# Every route is checked as if the local provider were running, because `serve` runs it.
_LOCAL_URL = "ws://127.0.0.1:1/"


class Finding(Struct, frozen=True):
    check: str
    status: Literal["ok", "warn", "fail"]
    text: str
    remedy: str = ""


@click.command()
@json_option
@common
def doctor(as_json: bool) -> None:
    """Check this installation and say what to do. Exit code 1 if something is wrong."""
    findings = list(_examine())
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            remedy = f" -> {finding.remedy}" if finding.remedy else ""
            click.echo(printable(f"{finding.status:4}  {finding.check:13}  {finding.text}{remedy}"))
    if any(finding.status == "fail" for finding in findings):
        click.get_current_context().exit(1)


def _examine() -> Iterator[Finding]:
    try:
        settings = settings_here()
    except RealtimeSwitchError as error:
        yield Finding("configuration", "fail", str(error))
        return
    yield Finding(
        "configuration", "ok", f"read {settings.file}" if settings.file else "no file; the defaults hold"
    )
    for name, check in _CHECKS.items():
        try:
            yield from (Finding(name, *rest) for rest in check(settings))
        except RealtimeSwitchError as error:
            yield Finding(name, "fail", str(error))


_Told = Iterator[tuple[Literal["ok", "warn", "fail"], str, str] | tuple[Literal["ok", "warn", "fail"], str]]


# -- Where calls go ----------------------------------------------------------------------------------------


def _routes(settings: Settings) -> _Told:
    routes = settings.build_routes(_LOCAL_URL)
    for route in routes.all:
        yield "ok", f"{route.name}: {', '.join(map(str, route.targets))}"
    if settings.needs_local and not settings.routes:
        yield "warn", "no provider key is set, so every call goes to the local provider", "set OPENAI_API_KEY"


# -- Files -------------------------------------------------------------------------------------------------


def _data(settings: Settings) -> _Told:
    data = settings.data
    if not data.exists():
        yield "warn", f"{data} is not there yet", "`realtime-switch serve` makes it"
        return
    found = data.stat()
    if found.st_uid != os.getuid():
        yield "warn", f"{data} belongs to another user", "run this as the user that runs the processes"
    elif found.st_mode & 0o077:
        yield "warn", f"{data} can be entered by others", f"chmod 700 {data}"
    else:
        yield "ok", f"{data} is for its owner alone"
    if settings.file and settings.file.stat().st_mode & 0o022:
        yield "fail", f"{settings.file} can be written by others", f"chmod 600 {settings.file}"


def _room(settings: Settings) -> _Told:
    place = settings.data if settings.database.url else settings.database_path.parent
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    text = f"{free / (1 << 30):.1f} GiB free at {place}"
    if free < FREE_BYTES_FAIL:
        yield "fail", text, "make room: without it nothing can be billed"
    elif free < FREE_BYTES_WARN:
        yield "warn", text, "make room soon"
    else:
        yield "ok", text


# -- The database ------------------------------------------------------------------------------------------


def _key(settings: Settings) -> _Told:
    if settings.database.url:
        yield "ok", "PostgreSQL keeps its own"
    elif settings.database_key is not None:
        yield "ok", "from DB_ENCRYPTION_KEY"
        if settings.key_file.exists():
            yield (
                "warn",
                f"{settings.key_file} is there too and not used",
                "unset DB_ENCRYPTION_KEY, or move the file away",
            )
    elif settings.database_path.exists() or settings.key_file.exists():
        database_key(settings)
        yield "ok", f"from {settings.key_file}"
    else:
        yield "warn", "not made yet", "`realtime-switch serve` makes it"


def _database(settings: Settings) -> _Told:
    if not settings.database.url and not settings.database_path.exists():
        yield "warn", f"{settings.database_path} is not there yet", "`realtime-switch serve` makes it"
        return
    storage = open_as_it_is(settings)
    try:
        yield "ok", f"{'PostgreSQL' if settings.database.url else settings.database_path} opens"
        yield from _integrity(settings)
        migrations = list(_migrations(storage))
    finally:
        storage.close()
    yield from migrations
    # Opening the database to read the ledger would bring it up to date, and a doctor changes nothing.
    if all(status == "ok" for status, *_ in migrations):
        yield from asyncio.run(_ledger(settings))


def _integrity(settings: Settings) -> _Told:
    if settings.database.url:
        return
    wrong = check_integrity(settings.database_path, database_key(settings).reveal())
    for text in wrong:
        yield "fail", text, "restore a backup (docs/backup.md)"
    if not wrong:
        yield "ok", "every page is whole"


def _migrations(storage: Storage) -> _Told:
    steps = migrate.status(storage, migrate.shipped(storage.name))
    wrong = [step for step in steps if step.note]
    waiting = [step for step in steps if step.outcome is migrate.Outcome.WAITING]
    for step in wrong:
        yield "fail", f"migration {step.number:04}_{step.name}: {step.note}", "see docs/backup.md"
    if waiting:
        yield "warn", f"{len(waiting)} migrations wait", "realtime-switch migrate up"
    if not wrong and not waiting:
        yield "ok", f"at migration {steps[-1].number:04}, as this version knows it"


async def _ledger(settings: Settings) -> list[tuple[Literal["ok", "fail"], str, str]]:
    async with administration(settings) as admin:
        wrong = await admin.audit()
    remedy = "compare with a backup; correct by `account topup` with a reason, never by hand"
    return [("fail", text, remedy) for text in wrong] or [
        ("ok", "every balance follows from its entries and bills", "")
    ]


# -- Processes and ports ---------------------------------------------------------------------------------


def _business(settings: Settings) -> _Told:
    path = Path(settings.link_address.removeprefix("ipc://"))
    if _answers(socket.AF_UNIX, str(path)):
        yield "ok", f"a business process serves {path}"
    else:
        yield "warn", f"no business process serves {path}", "`realtime-switch serve` starts one"


def _port(settings: Settings) -> _Told:
    gateway = settings.gateway
    where = f"{gateway.host}:{gateway.port}"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(gateway.host, gateway.host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if _answers(family, (host, gateway.port)):
        if _is_gateway(host, gateway.port, bool(gateway.tls_cert)):
            yield "ok", f"a gateway answers at {where}"
        else:
            yield "fail", f"another program listens at {where}", "stop that one, or choose another --port"
        return
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((gateway.host, gateway.port))
    except OSError as error:
        yield "fail", f"{where} cannot be listened at: {error.strerror}", "choose another --host or --port"
    else:
        yield "ok", f"{where} is free"


def _answers(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family) as probe:
        probe.settimeout(CONNECT_S)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


def _is_gateway(host: str, port: int, tls: bool) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=CONNECT_S)
    if tls:
        # Whose certificate it is does not matter for the question whether it is ours that listens.
        unverified = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection(host, port, timeout=CONNECT_S, context=unverified)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


_CHECKS: dict[str, Callable[[Settings], _Told]] = {
    "routes": _routes,
    "data": _data,
    "disk": _room,
    "key": _key,
    "database": _database,
    "business": _business,
    "port": _port,
}
