"""Opens a PostgreSQL database by its URL, over psycopg (the extra `postgres`)."""

from typing import Any

from sqlalchemy import URL, Connection, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from ..accounts.errors import ConfigurationError, ErrorCode, RealtimeSwitchError, StorageError
from .storage import Storage

CONNECT_TIMEOUT_S = 10
LOCK_TIMEOUT_S = 10  # how long one process waits for another to finish its transaction
# When a machine dies in the middle of a transaction its kernel says no goodbye, and the server, who would
# notice after two hours, keeps the rows locked that it changed: bills of these accounts would wait so long.
IDLE_IN_TRANSACTION_S = 10
# The same for connections without a transaction, and for us when the server's machine dies.
_KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
_UNACKNOWLEDGED_S = 30
_CONNECTION = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "application_name": "realtime-switch",
    **_KEEPALIVE,
    "tcp_user_timeout": _UNACKNOWLEDGED_S * 1000,
}
_SESSION = {
    "lock_timeout": f"{LOCK_TIMEOUT_S}s",
    "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_S}s",
    **{f"tcp_{name}": str(value) for name, value in _KEEPALIVE.items()},
}
_MIGRATION_LOCK = 0x7265616C74696D65  # "realtime": any number that nobody else uses


def open_postgresql(url: str) -> Storage:
    parsed = _parse(url)
    try:
        engine = create_engine(
            parsed,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args={name: value for name, value in _CONNECTION.items() if name not in parsed.query},
        )
    except ImportError:
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            "PostgreSQL's driver is missing: pip install 'realtime-switch[postgres]'.",
        ) from None
    event.listen(engine, "connect", _set_up)
    storage = Storage(
        name="postgresql",
        writing=engine,
        reading=engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True),
        driver_errors=(DBAPIError, engine.dialect.loaded_dbapi.Error),
        explain=lambda error: explain(parsed, error),
        was_in_the_way=_was_in_the_way,
        lock_migrations=_lock_migrations,
        run_script=_run_script,
        close=lambda: None,
    )
    with storage.explaining():
        engine.connect().close()
    return storage


def explain(url: URL, error: Exception) -> RealtimeSwitchError:
    cause, state = _cause(error)
    words = _words(url, cause)
    if state == "23503":  # foreign_key_violation
        return RealtimeSwitchError(ErrorCode.EXTERNAL_NOT_FOUND, "There is no such account.")
    if state.startswith(("40", "55P03")):  # deadlock, serialization, lock not available
        return StorageError(
            ErrorCode.INTERNAL_DATABASE_BUSY,
            f"PostgreSQL at {_place(url)} is held by others for too long: {words}.",
        )
    if state.startswith("XX"):
        return StorageError(
            ErrorCode.INTERNAL_DATABASE_DAMAGED, f"PostgreSQL at {_place(url)} reports damage: {words}."
        )
    # Connection, read-only, authentication, no database, resources, operator, system; and without a state
    # it was not the server who spoke, because there is none.
    if not state or state.startswith(("08", "25006", "25P03", "28", "3D", "53", "57", "58")):
        return StorageError(
            ErrorCode.INTERNAL_DATABASE_UNAVAILABLE, f"PostgreSQL at {_place(url)} cannot be used: {words}."
        )
    return StorageError(
        ErrorCode.INTERNAL_UNEXPECTED, f"The database refused what was asked of it: {words} ({state})."
    )


def _was_in_the_way(error: Exception) -> bool:
    cause, state = _cause(error)
    # Serialization failure, deadlock, lost connection, server shut down, stood still for too long; without a
    # state nobody is there.
    return (
        state.startswith(("40001", "40P01", "08", "57P", "25P03"))
        or type(cause).__name__ == "OperationalError"
    )


def _cause(error: Exception) -> tuple[Any, str]:
    cause: Any = error.orig if isinstance(error, DBAPIError) else error
    return cause, getattr(cause, "sqlstate", None) or ""


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername not in ("postgresql", "postgres", "postgresql+psycopg"):
        # The URL is not shown: it may hold a password.
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            "DATABASE_URL is not a PostgreSQL address. Write postgresql://user:password@host/database, "
            "or leave it out to use the encrypted file at DB_PATH.",
        )
    return parsed.set(drivername="postgresql+psycopg")


def _place(url: URL) -> str:
    host = url.host or url.query.get("host") or "the local socket"
    port = f":{url.port}" if url.port else ""
    return f"{host}{port}, database {url.database or url.username}"


def _words(url: URL, cause: Any) -> str:
    """The server's own words on one line: the first of them, because the others may quote a row."""
    diagnosis = getattr(cause, "diag", None)
    words: str = getattr(diagnosis, "message_primary", None) or str(cause)
    words = words.strip().splitlines()[0].rstrip(".") if words.strip() else type(cause).__name__
    return words.replace(str(url.password), "***") if url.password else words


def _set_up(connection: Any, record: Any) -> None:
    connection.execute("".join(f"SET {name} = '{value}';" for name, value in _SESSION.items()))
    connection.commit()


def _lock_migrations(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")


def _run_script(connection: Connection, script: str) -> None:
    # Without parameters psycopg sends the text as it is, and then it may hold several statements.
    connection.execution_options(no_parameters=True).exec_driver_sql(script)
