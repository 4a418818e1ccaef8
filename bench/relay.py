"""The relay's figures: Realtime Switch against a direct connection, proxies and relays, in turns.

    .venv/bin/python bench/relay.py                     CPU per message, 50 busy calls, all systems
    .venv/bin/python bench/relay.py --only haproxy 'realtime-switch*'
    .venv/bin/python bench/relay.py paced --calls 200   how long sound is on its way
    .venv/bin/python bench/relay.py memory|connects|start
    .venv/bin/python bench/relay.py all --again         everything, into docs/performance.md (some 45 minutes)
    .venv/bin/python bench/relay.py all                 goes on where that was stopped
    .venv/bin/python bench/relay.py goals --again       only what the goals are judged by (some 15 minutes), likewise
    .venv/bin/python bench/relay.py page                writes that page again, without measuring

The load (clients and fake providers, both on picows) runs in this process on one core; the system under test has
the other to itself. Systems take turns, A B A B, so that a machine that changes its mood changes it for all. What is
shown is the median of the rounds, with their range.
"""

import argparse
import asyncio
import gc
import os
import shutil
import signal
import sys
import tempfile
import time
from fnmatch import fnmatch
from pathlib import Path

import uvloop

import page
from kept import Kept
from realtime_switch.bench import measuring, starting
from realtime_switch.bench.figures import Round
from realtime_switch.bench.load import Providers
from realtime_switch.bench.systems import (
    Candidate,
    Cores,
    NotStartedError,
    Place,
    System,
    cores,
    open_files_allowed,
)
from rivals import candidates, certificate

KEPT = Path(__file__).parents[1] / "docs" / "performance" / "relay.json"
CALLS = {
    "closed": 50,
    "paced": 200,
    "idle": 1000,
    "talking": 200,
    "connects": measuring.CONNECTS_AT_ONCE,
    "start": 1,
}
# What `all` measures: kind, calls, rounds, seconds of one round, and which systems (empty: all).
_PLAIN = ("direct", "haproxy", "nginx", "bare picows relay", "realtime-switch")
_OTHERS = ("websockets relay", "aiohttp relay", "litellm")
_TLS = ("haproxy, TLS to its server", "realtime-switch, TLS to the provider")
_TRANSLATED = ("realtime-switch, OpenAI client on Gemini", "realtime-switch, Gemini client on OpenAI")
ALL = (
    ("closed", 50, 5, 3.0, ()),
    ("closed", 200, 5, 3.0, (*_PLAIN, *_OTHERS)),
    ("paced", 1, 3, 4.0, _PLAIN),
    ("paced", 50, 3, 4.0, (*_PLAIN, *_OTHERS)),
    ("paced", 200, 5, 4.0, (*_PLAIN, *_OTHERS, *_TLS, *_TRANSLATED)),
    ("paced", 500, 3, 5.0, _PLAIN),
    ("paced", 700, 3, 5.0, ("direct", "haproxy", "nginx", "realtime-switch")),
    ("paced", 900, 3, 5.0, ("direct", "haproxy", "nginx", "realtime-switch")),
    ("idle", 1000, 1, 1.0, ()),
    ("talking", 200, 1, 6.0, ()),
    ("connects", 32, 3, 3.0, (*_PLAIN, *_OTHERS, *_TLS, "*its clients")),
    ("start", 1, 5, 0.0, ("realtime-switch",)),
)  # fmt: skip

# What `goals` measures: no more than bench/goals.py reads, the shortest and those that count most first.
_JUDGED = (*_PLAIN, "websockets relay", "litellm", *_TLS, *_TRANSLATED)
GOALS = (
    ("closed", 50, 5, 2.5, _JUDGED),
    ("talking", 200, 1, 6.0, ("realtime-switch",)),
    ("connects", 32, 3, 3.0, ("direct", "haproxy", "realtime-switch")),
    ("start", 1, 3, 0.0, ("realtime-switch",)),
    ("paced", 200, 5, 4.0, ("direct", "haproxy", "nginx", "realtime-switch")),
    ("closed", 200, 5, 3.0, ("haproxy", "nginx", "realtime-switch")),
    ("idle", 1000, 1, 1.0, ("realtime-switch",)),
    ("paced", 900, 3, 5.0, ("direct", "haproxy", "realtime-switch")),
)
PLANS = {"all": ALL, "goals": GOALS}


async def measured(kind: str, system: System, providers: Providers, calls: int, seconds: float) -> Round:
    match kind:
        case "closed":
            return await measuring.closed(system, calls, seconds)
        case "paced":
            return await measuring.paced(system, providers, calls, seconds)
        case "connects":
            return await measuring.connects(system, calls, seconds)
    return await measuring.memory(system, providers, calls, seconds, talking=kind == "talking")


async def measure_all(options: argparse.Namespace, place: Place, kept: Kept) -> None:
    there = [
        candidate
        for candidate in candidates(place, options.litellm)
        if not options.only
        or candidate.name == "direct"
        or any(fnmatch(candidate.name, wish) for wish in options.only)
    ]
    if options.only and len(there) == 1:
        print(f"nothing here is called {' or '.join(options.only)}", file=sys.stderr)
    for kind, calls, rounds, seconds, wishes in options.plan:
        chosen = [c for c in there if not wishes or any(fnmatch(c.name, wish) for wish in wishes)]
        print(f"{kind}, {calls} calls", file=sys.stderr, flush=True)
        if kind == "start":
            await _starts(place, kept, calls, rounds, chosen)
        elif kind in ("idle", "talking"):
            await _apart(place, kept, kind, calls, rounds, seconds, chosen)
        else:
            await _in_turns(place, kept, kind, calls, rounds, seconds, chosen)


async def _in_turns(
    place: Place, kept: Kept, kind: str, calls: int, rounds: int, seconds: float, chosen: list[Candidate]
) -> None:
    """A B A B, all systems up at once."""
    missing = [c for c in chosen if len(kept.rounds(kind, calls, c.name)) < rounds]
    systems = {c.name: started for c in missing if (started := _started(c)) is not None}
    try:
        for number in range(rounds):
            for name, system in list(systems.items()):
                if len(kept.rounds(kind, calls, name)) > number:
                    continue
                try:
                    found = await measured(kind, system, place.providers, calls, seconds)
                except (OSError, TimeoutError, ConnectionError) as error:
                    print(f"  {name}: left out, {type(error).__name__} {error}", file=sys.stderr)
                    systems.pop(name).stop()
                    continue
                kept.add(kind, calls, name, found)
    finally:
        for system in systems.values():
            system.stop()


async def _apart(
    place: Place, kept: Kept, kind: str, calls: int, rounds: int, seconds: float, chosen: list[Candidate]
) -> None:
    """Each in a process that has done nothing before."""
    for number in range(rounds):
        for candidate in chosen:
            if candidate.name == "direct" or len(kept.rounds(kind, calls, candidate.name)) > number:
                continue
            system = _started(candidate)
            if system is None:
                continue
            try:
                found = await measured(kind, system, place.providers, calls, seconds)
                kept.add(kind, calls, candidate.name, found)
            except (OSError, TimeoutError, ConnectionError) as error:
                print(f"  {candidate.name}: left out, {type(error).__name__} {error}", file=sys.stderr)
            finally:
                system.stop()


async def _starts(place: Place, kept: Kept, calls: int, rounds: int, chosen: list[Candidate]) -> None:
    for candidate in chosen:
        while len(kept.rounds("start", calls, candidate.name)) < rounds:
            kept.add("start", calls, candidate.name, starting.start(place))


def _started(candidate: Candidate) -> System | None:
    try:
        return candidate.start()
    except NotStartedError as error:
        print(f"  {candidate.name}: left out. {error}", file=sys.stderr)
        return None


async def run(options: argparse.Namespace, on: Cores, kept: Kept) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    os.sched_setaffinity(0, {on.load})
    open_files_allowed()
    folder = Path(tempfile.mkdtemp(prefix="rts-bench-"))
    providers = Providers()
    try:
        made = certificate(folder)
        await providers.open((str(made[0]), str(made[1])) if made else None)
        gc.freeze()
        await measure_all(options, Place(folder, on, providers, made), kept)
    finally:
        providers.close()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "kind",
        nargs="?",
        default="closed",
        choices=["closed", "paced", "memory", "connects", "start", "all", "goals", "page"],
    )
    parser.add_argument("--calls", type=int, help="how many at once")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one round")
    parser.add_argument(
        "--only", nargs="*", help="names of the systems that are wanted; * stands for anything"
    )
    parser.add_argument(
        "--litellm", default=shutil.which("litellm"), help="LiteLLM's command, where it is installed"
    )
    parser.add_argument("--json", type=Path, help=f"where the rounds are kept; of `all` and `goals`: {KEPT}")
    parser.add_argument(
        "--again",
        action="store_true",
        help="with `all` or `goals`: forget what was measured before, of those systems",
    )
    options = parser.parse_args()
    whole = options.kind in (*PLANS, "page")
    kept = Kept(options.json or (KEPT if whole else None))
    if options.again or not whole:
        kept.forget(options.only if whole else None)
    if options.kind != "page":
        on = cores()
        if on is None:
            sys.exit("This needs Linux, and two cores that it may use.")
        kinds = {"memory": ("idle", "talking")}.get(options.kind, (options.kind,))
        options.plan = PLANS.get(options.kind) or [
            (kind, options.calls or CALLS[kind], options.rounds, options.seconds, ()) for kind in kinds
        ]
        began_s = time.monotonic()
        try:
            uvloop.run(run(options, on, kept))
        except (asyncio.CancelledError, KeyboardInterrupt):
            sys.exit("stopped; `all` and `goals` go on from here when they are called again")
        print(f"{time.monotonic() - began_s:.0f} s", file=sys.stderr)
    if whole:
        page.write(kept, KEPT.parents[1] / "performance.md", KEPT.parent)
    else:
        print(page.tables(kept))


if __name__ == "__main__":
    main()
