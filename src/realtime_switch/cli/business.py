"""`realtime-switch business`: the process that alone keeps accounts, credits and conversations."""

import click

from .options import common, settings_here


@click.command()
@common
def business() -> None:
    """Run the business process. Stops on SIGTERM or Ctrl-C."""
    import uvloop

    from ..business.main import run
    from ..log import set_up

    settings = settings_here()
    set_up("business", level=settings.log.level, form=settings.log.format)
    uvloop.run(run(settings))
