"""`realtime-switch backup`: a copy of the database while it is in use. How to restore: docs/backup.md."""

from pathlib import Path

import click

from .options import common, json_option, print_json, settings_here


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@common
def backup(file: Path, as_json: bool) -> None:
    """Copy the database while it is in use. FILE is new and has the database's key."""
    from ..business.main import sqlite_file
    from ..store import upkeep

    path, key = sqlite_file(settings_here(), otherwise="use pg_dump")
    upkeep.backup(path, key.reveal(), file)
    size = file.stat().st_size
    if as_json:
        print_json({"file": str(file), "bytes": size})
    else:
        click.echo(f"{file}: {size:,} bytes, under the key of {path}.")
