"""`realtime-switch serve`: everything on this machine; so far that is the business process."""

import click

from .options import common, settings_here


@click.command()
@click.option("--host", help="Where to listen; overrides HOST.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port; overrides PORT.")
@common
def serve(host: str | None, port: int | None) -> None:
    """Run everything on this machine. Stops on SIGTERM or Ctrl-C."""
    import uvloop

    from ..business.main import run
    from ..log import set_up

    settings = settings_here(host=host, port=port)
    set_up("business", level=settings.log.level, form=settings.log.format)
    uvloop.run(run(settings))
