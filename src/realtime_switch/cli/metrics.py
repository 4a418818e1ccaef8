"""`realtime-switch metrics`: what /metrics shows, where there is no port to ask (docs/metrics.md)."""

import asyncio

import click

from .options import common, settings_here


@click.command()
@common
def metrics() -> None:
    """Print the metrics of all processes of this machine, in Prometheus' format."""
    from ..metrics.board import processes, read, together
    from ..settings import metrics_folder

    folder = metrics_folder(settings_here())

    async def page() -> str:
        names = processes(folder)
        pages = await asyncio.gather(*(read(folder, name) for name in names))
        return together(dict(zip(names, pages, strict=True)))

    click.echo(asyncio.run(page()), nl=False)
