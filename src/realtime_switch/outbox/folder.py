"""Whose files are whose: one folder for each process that ever kept records here, locked while it lives.

    outbox/
      000653c1a2b3c4d5-9f86d081/    a gateway's, named by when it started
        0001.outbox  0002.outbox

A process makes a folder of its own and never writes into another's. A folder
whose lock is free belongs to a process that has died, however it died, and is
adopted by the first gateway that looks: its successor, or a neighbour.
flock, and so all of this, is for a local disk.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from .file import SUFFIX


class Folder:
    """Ours as long as it is open."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def files(self) -> list[Path]:
        """In the order in which they were made."""
        return sorted(self.path.glob(f"*{SUFFIX}"), key=lambda path: (len(path.name), path.name))

    def close(self) -> None:
        """With nothing in it, it goes."""
        try:
            self.path.rmdir()
        except OSError:
            pass  # something is left: whoever opens it next finds it
        os.close(self._descriptor)


def make_folder(directory: Path, name: str) -> Folder:
    """Locked before anybody can see it: a name with a dot is passed over."""
    hidden, path = directory / f".{name}", directory / name
    hidden.mkdir(mode=0o700)
    descriptor = os.open(hidden, os.O_RDONLY | os.O_CLOEXEC)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    hidden.rename(path)
    return Folder(path, descriptor)


def adopt_folders(directory: Path) -> Iterator[Folder]:
    """Those whose processes are gone, oldest first."""
    for path in sorted(directory.iterdir()):
        if not path.name.startswith(".") and path.is_dir() and (folder := _adopt(path)) is not None:
            yield folder


def _adopt(path: Path) -> Folder | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None  # its owner has just emptied and removed it
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Folder(path, descriptor)
