"""The data directory: what lies where, who may read it, and the key of the database.

Nothing here is for other users of the machine: directories are 0700, files
0600, and a key file that others can read is refused, not repaired, because
whoever could read it may have done so.
"""

import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from ..accounts.errors import ConfigurationError, ErrorCode
from ..secret import Secret
from .shape import Settings

DATABASE_FILE = "realtime-switch.db"
KEY_FILE = "db.key"
OUTBOX_DIRECTORY = "outbox"
OUTBOX_KEY_FILE = "outbox.key"
CONFIG_FILE = "realtime-switch.toml"
SOCKET_FILE = "run/business.sock"
METRICS_FOLDER = "run/metrics"
METRICS_TOKEN_FILE = "metrics.token"

KEY_BYTES = 32
SOCKET_NAME_BYTES_MAX = len("/business-1000.sock")  # in the folder of metrics
SOCKET_PATH_BYTES_MAX = 107  # sockaddr_un holds 108, and the last is a zero (unix(7))


def default_directory(environ: Mapping[str, str]) -> Path:
    """Where users expect data of a program (XDG Base Directory Specification)."""
    home = environ.get("XDG_DATA_HOME", "")
    # A relative path in there is to be ignored, says the specification.
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "share"
    return base / "realtime-switch"


def socket_path(data: Path, environ: Mapping[str, str]) -> Path:
    """The link's socket: in the data directory, or where paths are short enough for a socket."""
    path = data / SOCKET_FILE
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
        return path
    return _short(data, environ).with_suffix(".sock")


def metrics_folder(settings: Settings, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the processes of this data directory show each other their metrics. It is made, for us alone."""
    folder = settings.data / METRICS_FOLDER
    if len(os.fsencode(folder)) + SOCKET_NAME_BYTES_MAX > SOCKET_PATH_BYTES_MAX:
        folder = _short(settings.data, environ).with_suffix(".metrics")
    make_directory(folder.parent)  # the link's too, which insists that only we may enter
    make_directory(folder)
    return folder


def _short(data: Path, environ: Mapping[str, str]) -> Path:
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(runtime) / "realtime-switch" if runtime else Path(f"/tmp/realtime-switch-{os.getuid()}")
    return folder / hashlib.sha256(os.fsencode(data)).hexdigest()[:16]


def make_directory(path: Path) -> None:
    """Make a directory for our own eyes, or see that the one there is ours."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            f"The directory {path} cannot be made: {error.strerror}. Choose another with --data.",
        ) from error
    if found.st_uid != os.getuid() or found.st_mode & stat.S_IWOTH:
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            f"The directory {path} belongs to somebody else or can be written by everybody. "
            "Choose another with --data.",
        )


def database_key(settings: Settings, *, make: bool = False) -> Secret:
    """The key: from DB_ENCRYPTION_KEY, else from the key file, else (with `make`) a new one, if there is
    no database yet that would need the old one."""
    if settings.database_key is not None:
        return settings.database_key
    if settings.key_file.exists():
        return read_key_file(settings.key_file)
    if settings.database_path.exists() or not make:
        raise ConfigurationError(
            ErrorCode.INTERNAL_ENV_KEY_NOT_FOUND,
            f"The database {settings.database_path} needs its key: set DB_ENCRYPTION_KEY, "
            f"or put the key into {settings.key_file}.",
        )
    return _make_key_file(settings.key_file)


def outbox_key(settings: Settings) -> Secret:
    """Of what gateways keep until the business process has it: a key of their own, made at first use. They
    need not know the database's, which may not even be on their machine."""
    path = settings.data / OUTBOX_KEY_FILE
    if not path.exists() and settings.outbox_path.exists() and any(settings.outbox_path.iterdir()):
        raise ConfigurationError(
            ErrorCode.INTERNAL_ENV_KEY_NOT_FOUND,
            f"The outbox {settings.outbox_path} holds records, and its key {path} is not there: put it back, "
            "or move the outbox away if it is lost for good.",
        )
    if not path.exists():
        return _make_key_file(path)
    key = read_key_file(path)
    if not re.fullmatch(r"[0-9a-f]{64}", key.reveal()):
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            f"The key file {path} does not hold 64 hexadecimal digits: put the right one back.",
        )
    return key


def metrics_token(settings: Settings) -> Secret:
    """What somebody must say who wants to see the metrics: from its file, made at first use."""
    path = Path(settings.metrics.token_file)
    return read_key_file(path) if path.exists() else _make_key_file(path)


def read_key_file(path: Path) -> Secret:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID, f"The key file {path} cannot be read: {why}."
        ) from error
    if mode & 0o077:
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            f"The key file {path} can be read by others: run `chmod 600 {path}`, and take a new key if "
            "somebody may have read it.",
        )
    if not text:
        raise ConfigurationError(ErrorCode.INTERNAL_CONFIG_INVALID, f"The key file {path} is empty.")
    return Secret(text)


def new_key() -> Secret:
    return Secret(secrets.token_hex(KEY_BYTES))


def write_key_file(path: Path, key: Secret) -> None:
    """Whole or not at all, and on the disk when this returns."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key.reveal() + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """A rename is on the disk only when its directory is (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_key_file(path: Path) -> Secret:
    make_directory(path.parent)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)  # two first starts at once must not make two keys
        if not path.exists():
            write_key_file(path, new_key())
    finally:
        os.close(directory)
    return read_key_file(path)
