"""Logging, set up in one place for every process (A31).

One line an event, to standard error: JSON for machines, key=value where
somebody is looking. Every line says when, how bad and which part. Our own code
uses structlog; what libraries say through `logging` comes out in the same form.

Nothing here can know what is secret. The rule is kept where lines are written:
no keys, no audio, no transcripts.
"""

import contextlib
import io
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import msgspec

# structlog loads rich wherever it is installed, for tracebacks that are not printed here: 5 MB a process.
_NO_RICH = "rich" not in sys.modules
if _NO_RICH:
    sys.modules["rich"] = None  # type: ignore[assignment]  # an import of it fails
import structlog  # noqa: E402

if _NO_RICH:
    del sys.modules["rich"]

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

# Talkative at info, and what they say there is for their own developers.
_QUIET = ("httpx", "httpcore", "asyncio", "sqlalchemy")
# uvicorn gives these handlers of their own, which would print a second line in another form.
_ROUTED = ("uvicorn", "uvicorn.error", "uvicorn.access")


def set_up(
    part: str,
    *,
    level: str = "info",
    form: Literal["auto", "json", "text"] = "auto",
    to: TextIO | None = None,
) -> None:
    """Called once at the start of a process. `part` is the word in every line that says which one it is."""
    written_to = to or _unbuffered_stderr()
    as_text = form == "text" or (form == "auto" and written_to.isatty())
    stream: Any = _Lines(written_to)
    render = structlog.processors.LogfmtRenderer(key_order=_ORDER) if as_text else _as_json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _say_part(part),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        # Loggers are often made before this runs, at import; they must not keep what was before.
        cache_logger_on_first_use=False,
    )
    _route_libraries(level, stream, [*shared, structlog.stdlib.ExtraAdder()], render)


class _Lines:
    """A line that cannot be written (the disk is full, the reader has gone) is lost and nothing else is:
    lines are written in the middle of everybody's calls."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def _unbuffered_stderr() -> TextIO:
    # What sys.stderr could not write it would keep, try again with each line, and fail with at exit.
    try:
        return io.TextIOWrapper(
            io.FileIO(sys.stderr.fileno(), "w", closefd=False),
            "utf-8",
            "backslashreplace",
            write_through=True,
        )
    except (AttributeError, OSError, ValueError):  # it is no file: a test's, or closed
        return sys.stderr


_ORDER = ["timestamp", "level", "part", "event"]


def _as_json(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> str:
    line = {**{key: event[key] for key in _ORDER if key in event}, **event}
    try:
        return msgspec.json.encode(line, enc_hook=str).decode()
    except UnicodeEncodeError:  # half a surrogate pair, from somebody's JSON: JSON has no bytes for it
        printable = {key: str(v).encode("utf-8", "backslashreplace").decode() for key, v in line.items()}
        return msgspec.json.encode(printable).decode()


def _say_part(part: str) -> Any:
    def say(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("part", part)
        return event

    return say


def _route_libraries(level: str, stream: TextIO, shared: list[Any], render: Any) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(LEVELS[level])
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, LEVELS[level]))
    for name in _ROUTED:
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    logging.captureWarnings(True)
