"""`realtime-switch bench`: what the gateway that is installed here costs on this machine."""

import asyncio
import gc
import os
import shutil
import signal
import tempfile
from pathlib import Path

import click
import uvloop
from msgspec import Struct

from ..bench.figures import Round, spread
from ..bench.load import Providers
from ..bench.measuring import closed, paced
from ..bench.systems import Cores, NotStartedError, Place, System, cores, open_files_allowed, public
from .options import json_option, print_json, print_table


class Figures(Struct, kw_only=True):
    """What --json prints of one system: medians. None: it has no process of its own."""

    system: str
    cpu_us_per_message: float | None
    user_us: float | None
    kernel_us: float | None
    messages_per_s: float  # with as many exchanges under way as there are calls
    p50_us: float  # how long sound is on its way, at the pace of real calls
    p99_us: float


@click.command()
@click.option("--calls", type=click.IntRange(1, 1000), default=50, show_default=True, help="Calls at once.")
@click.option(
    "--rounds", type=click.IntRange(1, 100), default=3, show_default=True, help="Rounds of each system."
)
@click.option(
    "--seconds", type=click.FloatRange(0.1, 60), default=2.0, show_default=True, help="Length of a round."
)
@json_option
def bench(calls: int, rounds: int, seconds: float, as_json: bool) -> None:
    """Measure this installation's gateway on this machine.

    It takes about a minute. Callers and a fake provider run on one core; on another, in turns, a gateway
    with everything on, and HAProxy and nginx as plain proxies where they are installed. This
    installation's data is not touched.
    """
    on = cores()
    if on is None:
        raise click.ClickException(
            "This needs Linux and two cores: one for the load, one for what is measured."
        )
    try:
        found = uvloop.run(_measure(on, calls, rounds, seconds))
    except NotStartedError as error:
        raise click.ClickException(str(error)) from None
    except asyncio.CancelledError:  # by SIGTERM
        raise click.Abort from None
    figures = [_figures(name, *of_both) for name, of_both in found.items()]
    if as_json:
        print_json(figures)
        return
    print_table(
        ("SYSTEM", "CPU US/MESSAGE", "USER", "KERNEL", "MESSAGES/S", "P50 US", "P99 US"),
        [
            (
                one.system,
                *(_tenths(cpu) for cpu in (one.cpu_us_per_message, one.user_us, one.kernel_us)),
                round(one.messages_per_s),
                round(one.p50_us),
                round(one.p99_us),
            )
            for one in figures
        ],
    )
    click.echo(
        f"Medians of {rounds} rounds, {calls} calls at once. CPU and messages: each call answers at once.\n"
        "P50 and P99: how long sound is on its way at the pace of real calls. Read ratios, on a machine\n"
        "that does nothing else."
    )


async def _measure(
    on: Cores, calls: int, rounds: int, seconds: float
) -> dict[str, tuple[list[Round], list[Round]]]:
    """Of each system the rounds of the closed loop and of the paced one. Systems take turns."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    os.sched_setaffinity(0, {on.load})
    open_files_allowed()
    folder = Path(tempfile.mkdtemp(prefix="rts-bench-"))
    providers = Providers()
    systems: dict[str, System] = {}
    try:
        await providers.open()
        for candidate in public(Place(folder, on, providers)):
            systems[candidate.name] = candidate.start()
        found: dict[str, tuple[list[Round], list[Round]]] = {name: ([], []) for name in systems}
        gc.freeze()
        for _ in range(rounds):
            for name, system in systems.items():
                found[name][0].append(await closed(system, calls, seconds))
                found[name][1].append(await paced(system, providers, calls, seconds))
    finally:
        for system in systems.values():
            system.stop()
        providers.close()
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _figures(name: str, busy: list[Round], talking: list[Round]) -> Figures:
    def median(rounds: list[Round], figure: str) -> float:
        found = spread(rounds, figure)
        assert found is not None
        return round(found.median, 2)

    has_process = name != "direct"
    return Figures(
        system=name,
        cpu_us_per_message=median(busy, "cpu_us_per_message") if has_process else None,
        user_us=median(busy, "user_us") if has_process else None,
        kernel_us=median(busy, "kernel_us") if has_process else None,
        messages_per_s=median(busy, "messages_per_s"),
        p50_us=median(talking, "p50_us"),
        p99_us=median(talking, "p99_us"),
    )


def _tenths(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
