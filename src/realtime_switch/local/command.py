"""realtime-switch simulate: the offline provider alone, as a test double for anyone's app."""

import asyncio
import contextlib
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from realtime_switch.local.certificate import Certificate, certificate
from realtime_switch.local.faults import KINDS, FaultMistake, faults
from realtime_switch.local.gemini.habits import KNOBS, SHAPES, KnobMistake, ShapeName, named_habits
from realtime_switch.local.gemini.setup import bare_model
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
@click.option(
    "--gemini-shape",
    type=click.Choice(list(SHAPES)),
    help="Talk Gemini Live as this model or surface does; else as the address says: 3.8, or vertex.",
)
@click.option(
    "--gemini",
    "gemini_knobs",
    multiple=True,
    metavar="KNOB=yes|no",
    help=f"Change one thing of that shape; may be given more than once. Knobs: {', '.join(KNOBS)}.",
)
@click.option(
    "--gemini-model", "gemini_models", multiple=True, help="A Gemini model there is; without any, all are."
)
@click.option("--tls", is_flag=True, help="Serve https and wss, with a certificate made for this run.")
@click.option(
    "--tls-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Where to write what clients must trust; else a temporary directory.",
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
    gemini_shape: ShapeName | None,
    gemini_knobs: tuple[str, ...],
    gemini_models: tuple[str, ...],
    tls: bool,
    tls_dir: Path | None,
) -> None:
    """Run the local provider alone, as a test double for any app that speaks OpenAI Realtime, Gemini Live or
    GPT-Live.

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
    try:
        gemini = named_habits(gemini_shape, gemini_knobs)
    except KnobMistake as mistake:
        raise click.BadParameter(str(mistake), param_hint="--gemini") from None
    with contextlib.ExitStack() as until_the_end:
        trusted = None
        if tls or tls_dir is not None:
            directory = tls_dir or Path(until_the_end.enter_context(TemporaryDirectory()))
            trusted = _certificate(directory, host)
        provider = LocalProvider(
            host,
            port,
            faults=wanted,
            script=script,
            key=key,
            pace=pace,
            life_s=life_s,
            tls=None if trusted is None else trusted.context,
            gemini=gemini,
            gemini_models=tuple(map(bare_model, gemini_models)),
        )
        _run(provider, host, port, trusted)


def _certificate(directory: Path, host: str) -> Certificate:
    try:
        return certificate(directory, host)
    except ImportError:
        raise click.ClickException("--tls needs trustme: install realtime-switch[local].") from None
    except OSError as error:
        raise click.ClickException(
            f"The certificate cannot be written to {directory}: {error.strerror}."
        ) from None


def _run(provider: LocalProvider, host: str, port: int, trusted: Certificate | None) -> None:
    import uvloop  # not paid for by other commands

    try:
        uvloop.run(_until_interrupted(provider, trusted))
    except OSError as error:
        raise click.ClickException(
            f"Cannot listen on {host}:{port}: {error.strerror}. Choose another --port."
        ) from None


async def _until_interrupted(provider: LocalProvider, trusted: Certificate | None) -> None:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    async with provider:
        click.echo(f"OpenAI Realtime: {provider.url}")
        click.echo(f"Gemini Live: {provider.gemini_url}")
        click.echo(f"GPT-Live: {provider.live_url}")
        if trusted is not None:
            click.echo(f"Certificate: {trusted.path}")
        await interrupted.wait()
