"""Where the two processes meet: a socket file that only their user can reach and only one process serves.

ZeroMQ lets a second process bind a path that is in use, and then the first one
hears nothing more (LIBRARIES.md 5). So whoever binds first locks a file beside
the socket; the kernel lets go of the lock when its holder dies, however it dies.
"""

import fcntl
import os
from pathlib import Path

from ..accounts.errors import ConfigurationError, ErrorCode

_PATH_BYTES_MAX = 107  # sockaddr_un holds 108, the last one is NUL: man 7 unix


def socket_path(address: str) -> Path:
    """The file behind `ipc:///run/x/link` or, for short, `/run/x/link`."""
    if address.startswith("tcp://"):
        raise wrong(
            f"The link cannot use {address}: without keys on both ends anybody on the network could grant "
            "and bill calls. Use ipc:// and a path on this machine."
        )
    path = address.removeprefix("ipc://")
    if not path.startswith("/"):
        raise wrong(
            f"The link's address {address!r} is not ipc:// and an absolute path, as in ipc:///run/rs/link."
        )
    if "\0" in path or "\n" in path:
        raise wrong(f"The link's address {address!r} holds a character that no path of a socket may hold.")
    length = len(os.fsencode(path))
    if length > _PATH_BYTES_MAX:
        raise wrong(
            f"The link's path {path} is {length} bytes long and a socket's may have {_PATH_BYTES_MAX}: "
            "choose a shorter one."
        )
    return Path(path)


def make_private(directory: Path) -> None:
    """Make sure that only our user can reach what is in it, or put something else in its place."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = directory.stat()
    except OSError as error:
        raise wrong(f"The link's directory {directory} cannot be made: {error.strerror}.") from None
    if status.st_uid != os.geteuid():
        raise wrong(
            f"The link's directory {directory} belongs to user {status.st_uid} and this process to "
            f"{os.geteuid()}: run both processes as one user, or give the link a directory of its own."
        )
    if status.st_mode & 0o077:
        raise wrong(
            f"The link's directory {directory} is open to other users: `chmod 700 {directory}`, "
            "or give the link one of its own."
        )


class Lock:
    """The right to serve a path; held from construction to `release`."""

    def __init__(self, path: Path) -> None:
        # Not removed at the end: a third process could hold the old file while a fourth locks a new one.
        self._file = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._file, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise wrong(
                f"Another business process (pid {pid}) already serves {path}: "
                "stop it, or give this one another path."
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        os.close(self._file)


def wrong(message: str) -> ConfigurationError:
    return ConfigurationError(ErrorCode.INTERNAL_CONFIG_INVALID, message)
