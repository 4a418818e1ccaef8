"""What commands share: where to look (--data, --config), and how to print."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

if TYPE_CHECKING:
    from ..settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

_META = "realtime_switch"
_debug = False


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    # `meta` is one for all contexts of a command line, so a flag may stand before or after a subcommand.
    if value is not None:
        ctx.meta[f"{_META}.{param.name}"] = value


def _keep_debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    global _debug
    _debug = value if ctx.parent is None else _debug or value


def debugging() -> bool:
    return _debug


def common(command: F) -> F:
    """Options that every command takes, before or after its name."""
    path = click.Path(path_type=Path)
    for option in (
        click.option(
            "--debug",
            is_flag=True,
            expose_value=False,
            callback=_keep_debug,
            help="Show where an error arose.",
        ),
        click.option(
            "--config",
            type=path,
            expose_value=False,
            callback=_keep,
            metavar="FILE",
            help="The configuration file.",
        ),
        click.option(
            "--data", type=path, expose_value=False, callback=_keep, metavar="DIR", help="The data directory."
        ),
    ):
        command = option(command)
    return command


def tls_options(command: F) -> F:
    """Of commands that listen."""
    key = click.option("--tls-key", metavar="FILE", help="The certificate's key; overrides TLS_KEY.")
    cert = click.option("--tls-cert", metavar="FILE", help="Speak TLS with this; overrides TLS_CERT.")
    return cert(key(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def settings_here(**flags: Any) -> "Settings":
    """The settings as this command line means them."""
    from ..settings import Flags, load

    meta = click.get_current_context().meta
    return load(Flags(data=meta.get(f"{_META}.data"), config=meta.get(f"{_META}.config"), **flags))


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_YEARS_MAX = 100


def duration_us(text: str) -> int:
    """30d, 12h, 90m, 45s or 2w, in microseconds."""
    match = re.fullmatch(r"([1-9][0-9]{0,9})([smhdw])", text)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= _YEARS_MAX * 365 * 86_400:
        raise click.BadParameter(
            "A duration is a number and a unit, like 30d, 12h or 90m; at most 100 years."
        )
    return seconds * 1_000_000


def new_file(path: Path) -> BinaryIO:
    """For its owner only, and never in another one's place."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}.") from None
    return os.fdopen(descriptor, "wb")


# -- Printing ----------------------------------------------------------------------------------------------


def iso(us: int | None) -> str | None:
    """Microseconds since 1970 as ISO 8601 in UTC."""
    if us is None:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).isoformat().replace("+00:00", "Z")


def print_json(value: object) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns; numbers to the right."""
    lines = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(headings, *lines, strict=True)]
    numeric = [
        bool(lines) and all(_is_number(cell) for cell in column) for column in zip(*lines, strict=True)
    ]
    for line in (list(headings), *lines):
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric or [False] * len(widths), strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def print_members(members: dict[str, object]) -> None:
    """One thing, a line a member."""
    width = max(map(len, members))
    for name, value in members.items():
        click.echo(f"{name.ljust(width)}  {_cell(value)}")


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return printable(str(value))


def printable(text: str) -> str:
    """Labels and session ids are other people's text, and a terminal obeys control characters."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.lstrip("-").replace(",", "").isdigit()
