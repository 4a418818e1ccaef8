"""`realtime-switch gateway`: one gateway process, by itself or started by `serve`."""

from functools import partial

import click

from ..cli.options import common, settings_here, tls_options


@click.command()
@click.option("--host", help="Where to listen; overrides HOST.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port; overrides PORT.")
@click.option("--fd", type=click.IntRange(3), help="Listen on this socket, which is open and bound already.")
@tls_options
@click.option(
    "--local-url",
    envvar="RTS_LOCAL_URL",
    default="",
    metavar="URL",
    help="Where the local provider runs, for routes that lead to it.",
)
@common
def gateway(
    host: str | None,
    port: int | None,
    tls_cert: str | None,
    tls_key: str | None,
    fd: int | None,
    local_url: str,
) -> None:
    """Run one gateway process. Stops on SIGTERM or Ctrl-C; SIGHUP reads the configuration again."""
    import uvloop

    from ..log import set_up
    from .listening import Listening
    from .main import run

    again = partial(settings_here, host=host, port=port, tls_cert=tls_cert, tls_key=tls_key)
    settings = again()
    set_up("gateway", level=settings.log.level, form=settings.log.format)
    listening = Listening(fileno=fd) if fd is not None else None
    uvloop.run(run(settings, listening=listening, local_url=local_url, again=again))
