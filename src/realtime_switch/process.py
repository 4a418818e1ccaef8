"""What every process of ours does alike: stop when asked, and never outlive the one that started it (A31)."""

import asyncio
import contextlib
import os
import resource
import signal

SUPERVISED = "RTS_SUPERVISED"
"""Set by `serve` for the processes it starts: standard input is then a pipe that closes when `serve` dies."""


def stop_requested() -> asyncio.Event:
    """An event that is set by SIGTERM, by SIGINT, and by the death of the process that started us."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if os.environ.get(SUPERVISED):
        _watch_parent(loop, stop)
    return stop


def open_files_max() -> int:
    """How many files may be open: as many as whoever started us allows, not the fewer that are usual."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # a system may allow less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """A pipe's end of file is the one notice of a parent's kill -9 that every POSIX system gives."""

    def read() -> None:
        if not os.read(0, 4096):
            loop.remove_reader(0)
            stop.set()

    loop.add_reader(0, read)
