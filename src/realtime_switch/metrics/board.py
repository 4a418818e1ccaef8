"""One page for all processes of a machine, whichever of them is asked.

Gateways share one port, so a scrape is answered by any of them. Each process shows its own page at a socket
in a folder of the data directory, which only we may enter, and whoever is asked reads them all. Nothing is
kept in files, so a kill leaves nothing behind but a name.

A name is held by a lock as long as its process lives: the first that is free of gateway-1, gateway-2 and so
on. So names stay few over restarts, and what answers no more is told from what has gone.
"""

import asyncio
import fcntl
import os
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from pathlib import Path

from .families import merged

ANSWER_S_MAX = 1.0  # a process that cannot say its page within that is in trouble, and is told to be
_LOCK, _SOCKET = ".lock", ".sock"


class Board:
    """`own` is this process' page, by its name. Made inside of a running loop; `close` takes it down."""

    def __init__(self, folder: Path, kind: str, own: Callable[[str], str]) -> None:
        """`kind`: gateway or business."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._own = own
        self.name, self._lock = _claim(folder, kind)
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        path = self._path
        path.unlink(missing_ok=True)  # of whoever had the name and was killed
        loop = asyncio.get_running_loop()
        shown = partial(_Shown, partial(self._own, self.name))
        self._server = await loop.create_unix_server(shown, str(path))

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
            self._server = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def page(self) -> str:
        """Everybody's."""
        others = [name for name in processes(self._folder) if name != self.name]
        pages = await asyncio.gather(*(read(self._folder, name) for name in others))
        return together({self.name: self._own(self.name), **dict(zip(others, pages, strict=True))})

    @property
    def _path(self) -> Path:
        return self._folder / f"{self.name}{_SOCKET}"


class _Shown(asyncio.Protocol):
    """Whoever connects is told the page, and that is all."""

    def __init__(self, page: Callable[[], str]) -> None:
        self._page = page

    def connection_made(self, transport: asyncio.WriteTransport) -> None:  # type: ignore[override]
        transport.write(self._page().encode())
        transport.close()


async def read(folder: Path, name: str) -> str | None:
    """The page of one process; None: it is there and does not answer."""
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            reader, writer = await asyncio.open_unix_connection(str(folder / f"{name}{_SOCKET}"))
            try:
                text = (await reader.read()).decode()
                return text if text.endswith("\n") else None  # else it ended in the middle
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None


def together(pages: Mapping[str, str | None]) -> str:
    up = "realtime_switch_up"
    lines = [
        f"# HELP {up} 1: the process is there and answers. 0: it is there and does not.",
        f"# TYPE {up} gauge",
    ]
    lines += [f'{up}{{process="{name}"}} {int(text is not None)}' for name, text in sorted(pages.items())]
    return merged(["\n".join(lines), *(text for text in pages.values() if text is not None)])


def processes(folder: Path) -> list[str]:
    """The names that are held now."""
    return sorted(path.stem for path in folder.glob(f"*{_LOCK}") if _is_held(path))


def _claim(folder: Path, kind: str) -> tuple[str, int | None]:
    for number in count(1):
        name = f"{kind}-{number}"
        lock = os.open(folder / f"{name}{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return name, lock
    raise AssertionError("there is always a next number")


def _is_held(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
