"""realtime-switch simulate: the offline provider alone, as a test double for anyone's app."""

import asyncio
import signal
from pathlib import Path

import click

from realtime_switch.local.faults import KINDS, FaultMistake, faults
from realtime_switch.local.script import NO_SCRIPT, ScriptMistake, read_script
from realtime_switch.local.server import LIFE_S, PACE, LocalProvider


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="Port to listen on; 0 chooses a free one."
)
@click.option(
    "--fault",
    "named",
    multiple=True,
    metavar="KIND[:ARG]",
    help=f"Misbehave; may be given more than once. Kinds: {', '.join(KINDS)}.",
)
@click.option(
    "--fault-times", type=click.IntRange(1), help="Only the first so many connections meet the faults."
)
@click.option(
    "--script",
    "script_path",
    type=click.Path(path_type=Path),
    help="Replies and words to play, as TOML or JSON lines (docs/local-provider.md).",
)
@click.option("--key", envvar="REALTIME_SWITCH_SIMULATE_KEY", help="Accept this key only; else any, or none.")
@click.option(
    "--pace",
    default=PACE,
    show_default=True,
    type=click.FloatRange(0.1, 1000),
    help="How much faster than speech replies are sent.",
)
@click.option(
    "--life",
    "life_s",
    default=LIFE_S,
    show_default=True,
    type=click.FloatRange(0, 86400),
    help="Seconds until a session expires.",
)
def simulate(
    host: str,
    port: int,
    named: tuple[str, ...],
    fault_times: int | None,
    script_path: Path | None,
    key: str | None,
    pace: float,
    life_s: float,
) -> None:
    """Run the local provider alone, as a test double for any app that speaks OpenAI Realtime.

    Needs no key and no network. Runs until it is interrupted.
    """
    try:
        wanted = faults(*named, times=fault_times)
    except FaultMistake as mistake:
        raise click.BadParameter(str(mistake), param_hint="--fault") from None
    try:
        script = read_script(script_path) if script_path is not None else NO_SCRIPT
    except ScriptMistake as mistake:
        raise click.BadParameter(str(mistake), param_hint="--script") from None
    provider = LocalProvider(host, port, faults=wanted, script=script, key=key, pace=pace, life_s=life_s)
    _run(provider, host, port)


def _run(provider: LocalProvider, host: str, port: int) -> None:
    import uvloop  # not paid for by other commands

    try:
        uvloop.run(_until_interrupted(provider))
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port."
        ) from None


async def _until_interrupted(provider: LocalProvider) -> None:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    async with provider:
        click.echo(f"OpenAI Realtime: {provider.url}")
        await interrupted.wait()
