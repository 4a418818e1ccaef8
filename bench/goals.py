"""What was aimed at, and whether it was met. Pure."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from kept import Kept
from realtime_switch.bench.figures import spread

OURS = "realtime-switch"


class Goal(NamedTuple):
    says: str
    found: float | None  # None: not measured
    unit: str
    mark: float
    least: bool = False  # the mark is the least that is wanted, and not the most

    @property
    def met(self) -> bool | None:
        if self.found is None:
            return None
        return self.found >= self.mark if self.least else self.found <= self.mark


def goals(kept: Kept) -> Iterator[Goal]:
    cpu, p50, p99 = "cpu_us_per_message", "p50_us", "p99_us"

    def ratio(says: str, mark: float, kind: str, calls: int, ours: str, theirs: str) -> Goal:
        return Goal(says, kept.ratio(kind, calls, ours, theirs, cpu), "x", mark)

    def more(
        says: str, mark: float, kind: str, calls: int, theirs: str, figure: str, unit: str, scale: float = 1
    ) -> Goal:
        found = kept.difference(kind, calls, OURS, theirs, figure)
        return Goal(says, None if found is None else found * scale, unit, mark)

    def plain(
        says: str, mark: float, kind: str, calls: int, figure: str, unit: str, least: bool = False
    ) -> Goal:
        found = spread(kept.rounds(kind, calls, OURS), figure)
        return Goal(says, found.median if found else None, unit, mark, least)

    yield ratio("CPU per message to HAProxy's, 50 busy sessions", 1.05, "closed", 50, OURS, "haproxy")
    yield ratio("CPU per message to HAProxy's, 200 busy sessions", 1.05, "closed", 200, OURS, "haproxy")
    yield ratio("CPU per message to LiteLLM's, 50 busy sessions", 0.25, "closed", 50, OURS, "litellm")
    yield ratio(
        "CPU per message to the `websockets` relay's, 50 busy sessions",
        0.35,
        "closed",
        50,
        OURS,
        "websockets relay",
    )
    yield ratio(
        "with TLS to the provider, to HAProxy with TLS to its server",
        1.08,
        "closed",
        50,
        f"{OURS}, TLS to the provider",
        "haproxy, TLS to its server",
    )
    yield ratio(
        "an OpenAI client on Gemini, to the relay",
        1.4,
        "closed",
        50,
        f"{OURS}, OpenAI client on Gemini",
        OURS,
    )
    yield ratio(
        "a Gemini client on OpenAI, to the relay", 1.4, "closed", 50, f"{OURS}, Gemini client on OpenAI", OURS
    )
    yield ratio("CPU per message to HAProxy's, 200 talking sessions", 1.05, "paced", 200, OURS, "haproxy")
    yield more("p50 of the way, less HAProxy's, 200 talking sessions", 30, "paced", 200, "haproxy", p50, "us")
    yield more(
        "p99 of the way, less HAProxy's, 200 talking sessions", 300, "paced", 200, "haproxy", p99, "us"
    )
    yield more(
        "p99 that is added to the direct way, 900 talking sessions",
        5,
        "paced",
        900,
        "direct",
        p99,
        "ms",
        1e-3,
    )
    yield plain("memory per idle session, of 1,000", 64, "idle", 1000, "kib_per_session", "KiB")
    yield plain("memory per talking session, of 200", 128, "talking", 200, "kib_per_session", "KiB")
    yield plain("memory of a gateway that has just started", 60, "idle", 1000, "base_mb", "MB")
    yield more(
        "time to `session.created`, less the direct way's, p50",
        2,
        "connects",
        32,
        "direct",
        "created_p50_ms",
        "ms",
    )
    yield plain(
        "connects a second of gateway's CPU", 300, "connects", 32, "connects_per_core_s", "/s", least=True
    )
    yield plain(
        "connects a second, 32 at once, all of the load on the other core",
        300,
        "connects",
        32,
        "connects_per_s",
        "/s",
        least=True,
    )
    yield plain("the business process' share of a connect's CPU", 0.5, "connects", 32, "business_share", "")
    yield plain("`realtime-switch --help`", 150, "start", 1, "help_ms", "ms")
    yield plain("a gateway is ready after", 1000, "start", 1, "ready_ms", "ms")


def table(
    kept: Kept,
    shown: Callable[[float], str] = lambda value: f"{value:,.3g}" if value < 1000 else f"{value:,.0f}",
) -> str:
    lines = ["| goal | mark | found | |", "|---|---|---|---|"]
    for goal in goals(kept):
        mark = f"{'at least' if goal.least else 'at most'} {shown(goal.mark)} {goal.unit}".rstrip()
        if goal.found is None:
            lines.append(f"| {goal.says} | {mark} | not measured | |")
        else:
            verdict = "met" if goal.met else "**not met**"
            lines.append(
                f"| {goal.says} | {mark} | {shown(goal.found)} {goal.unit}".rstrip() + f" | {verdict} |"
            )
    return "\n".join(lines)
