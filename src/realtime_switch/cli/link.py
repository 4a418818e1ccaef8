"""`realtime-switch link keys`: what both ends of a link over tcp need."""

import os
from pathlib import Path

import click

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from .options import common, json_option, print_json, settings_here


@click.group()
@common
def link() -> None:
    """Make keys for a link between machines."""


@link.command()
@json_option
@common
def keys(as_json: bool) -> None:
    """Make a key for the business process and one for the gateways, in the data directory. Run it where the
    business process runs, and copy link-gateway.key to the data directory of each machine with gateways."""
    from ..link.keys import BUSINESS_FILE, GATEWAY_FILE, make_keys, spell
    from ..settings import make_directory

    data = settings_here().data
    make_directory(data)
    paths = data / BUSINESS_FILE, data / GATEWAY_FILE
    for path in paths:
        if path.exists():
            raise RealtimeSwitchError(
                ErrorCode.EXTERNAL_ALREADY_EXISTS,
                f"{path} is there already. Move both away first; gateways with an old one are then shut out.",
            )
    for path, made in zip(paths, make_keys(), strict=True):
        _write(path, spell(made))
    if as_json:
        print_json({"business": str(paths[0]), "gateway": str(paths[1])})
    else:
        click.echo(f"{paths[0]} stays here, for the business process.")
        click.echo(f"{paths[1]} goes to the data directory of each machine with gateways.")


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
