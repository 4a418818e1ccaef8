"""`realtime-switch rekey`: the database gets a new key.

Where the key lies in the key file, the new one is first written beside it, then
the database is rekeyed, then the new file takes the place of the old. Whatever
is killed when, one of the two files holds the key; running the command again
finds out which, and finishes.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..accounts.errors import ErrorCode, StorageError
from ..secret import Secret
from .options import common, json_option, print_json, settings_here

if TYPE_CHECKING:
    from ..settings import Settings


@click.command()
@click.option("--from", "source", metavar="FILE", help="Read the new key from FILE; - is standard input.")
@click.option("--prompt", is_flag=True, help="Ask for the new key.")
@json_option
@common
def rekey(source: str | None, prompt: bool, as_json: bool) -> None:
    """Give the database a new key. Stop the processes before. Without an option a key is made and put
    into the key file; where the key comes from DB_ENCRYPTION_KEY, it is asked for."""
    settings = settings_here()
    if source and prompt:
        raise click.UsageError("--from and --prompt exclude each other.")
    if settings.database_key is not None:
        _rekey_for_environment(settings, source)
        told = "The database has the new key. Set DB_ENCRYPTION_KEY to it before you start anything."
    elif _finish_interrupted(settings):
        told = f"An interrupted rekey is finished: the key in {settings.key_file} is the new one."
    else:
        _rekey_key_file(settings, source, prompt)
        told = f"The database has a new key; it is in {settings.key_file}."
    if as_json:
        in_file = settings.database_key is None
        print_json({"rekeyed": True, "key_file": str(settings.key_file) if in_file else None})
    else:
        click.echo(told)


def _rekey_for_environment(settings: "Settings", source: str | None) -> None:
    from ..business.main import sqlite_file
    from ..store import upkeep

    path, key = sqlite_file(settings, otherwise="its server keeps its own keys")
    new = _read(source) if source else _ask()
    upkeep.rekey(path, key.reveal(), new.reveal())


def _rekey_key_file(settings: "Settings", source: str | None, prompt: bool) -> None:
    from ..business.main import sqlite_file
    from ..settings.place import new_key, write_key_file
    from ..store import upkeep

    path, key = sqlite_file(settings, otherwise="its server keeps its own keys")
    new = _read(source) if source else _ask() if prompt else new_key()
    pending = settings.pending_key_file
    write_key_file(pending, new)

    try:
        upkeep.rekey(path, key.reveal(), new.reveal())
    except StorageError as error:
        # Busy or wrong from the start: nothing was written, and nothing is to be finished.
        if error.code in (ErrorCode.INTERNAL_DATABASE_BUSY, ErrorCode.INTERNAL_DATABASE_KEY_WRONG):
            pending.unlink()
        raise
    _take_place(settings)


def _finish_interrupted(settings: "Settings") -> bool:
    """A new key file that was left beside the old one: does it open the database already?"""
    from ..settings.place import read_key_file
    from ..store.database import open_storage

    pending = settings.pending_key_file
    if settings.database.url or not pending.exists():
        return False
    try:
        open_storage(path=settings.database_path, key=read_key_file(pending).reveal()).close()
    except StorageError as error:
        if error.code != ErrorCode.INTERNAL_DATABASE_KEY_WRONG:
            raise
        pending.unlink()  # it was interrupted before the database changed
        return False
    _take_place(settings)
    return True


def _take_place(settings: "Settings") -> None:
    from ..settings.place import sync_directory

    settings.pending_key_file.rename(settings.key_file)
    sync_directory(settings.key_file.parent)


def _read(source: str) -> Secret:
    try:
        text = sys.stdin.readline() if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise click.ClickException(f"The new key cannot be read from {source}: {why}.") from None
    if not text.strip():
        raise click.UsageError(f"There is no key in {source}.")
    return Secret(text.strip())


def _ask() -> Secret:
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the new key: use --from FILE, or --from -.")
    return Secret(click.prompt("New key", hide_input=True, confirmation_prompt=True, err=True).strip())
