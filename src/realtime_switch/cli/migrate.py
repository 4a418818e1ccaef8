"""`realtime-switch migrate`: which migrations a database has, and bringing it forward or back."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from .options import common, json_option, print_json, print_table, settings_here

if TYPE_CHECKING:
    from ..store.migrate import Migration, Step
    from ..store.storage import Storage


@click.group()
@common
def migrate() -> None:
    """Bring the database to this version, or back. Starting any process brings it forward, too."""


@migrate.command()
@json_option
@common
def status(as_json: bool) -> None:
    """Show which migrations were run and which wait."""
    from ..store import migrate as migrations

    _print(_run(migrations.status), as_json)


@migrate.command()
@json_option
@common
def up(as_json: bool) -> None:
    """Run the migrations that wait; make the database if there is none."""
    from ..store import migrate as migrations

    _print(_run(migrations.up, create=True), as_json)


@migrate.command()
@click.option(
    "--to", type=click.IntRange(min=0), metavar="N", help="Undo all above number N; without: the last one."
)
@json_option
@common
def down(to: int | None, as_json: bool) -> None:
    """Undo migrations, the last first. What they made is lost: make a backup before."""
    from ..store import migrate as migrations

    _print(_run(lambda storage, shipped: migrations.down(storage, shipped, to), alone=True), as_json)


def _run(
    work: "Callable[[Storage, Sequence[Migration]], list[Step]]", *, create: bool = False, alone: bool = False
) -> "list[Step]":
    from ..business.main import open_as_it_is
    from ..store.migrate import shipped

    storage = open_as_it_is(settings_here(), create=create, alone=alone)
    try:
        return work(storage, shipped(storage.name))
    finally:
        storage.close()


def _print(steps: "list[Step]", as_json: bool) -> None:
    if as_json:
        print_json(steps)
    else:
        print_table(
            ("NUMBER", "NAME", "OUTCOME", "NOTE"),
            [(f"{step.number:04}", step.name, step.outcome, step.note) for step in steps],
        )
    for step in steps:
        if step.outcome == "failed":  # the last one, then: the first failure stops the run
            name = f"{step.number:04}_{step.name}"
            raise click.ClickException(f"Migration {name} failed, and nothing of it was kept: {step.note}.")
