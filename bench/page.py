"""The tables of what was measured, and docs/performance.md between its markers."""

import re
from collections.abc import Iterator
from pathlib import Path

import goals
import plot
from kept import Kept
from realtime_switch.bench.figures import Spread, spread

REFERENCE = "haproxy"
MARKER = "<!-- measured: {} -->"
END = "<!-- end of what was measured -->"


def tables(kept: Kept) -> str:
    """Everything, to be read in a terminal."""
    return "\n\n".join(f"{title}\n\n{table}" for _, title, table in _sections(kept))


def write(kept: Kept, page: Path, folder: Path) -> None:
    """The page's tables, and its plots beside the kept rounds."""
    sections = {"machine": _machine(kept), "goals": goals.table(kept)}
    for name, title, table in _sections(kept):
        shown = f"{title}\n\n{table}"
        sections[name] = f"{sections[name]}\n\n{shown}" if name in sections else shown
    folder.mkdir(parents=True, exist_ok=True)
    for name, says, drawn in (
        ("closed", "CPU per message", _cpu(kept)),
        ("paced", "How long sound is on its way", _latency(kept)),
    ):
        if drawn:
            (folder / f"{name}.svg").write_text(drawn)
            sections[name] += f"\n\n![{says}]({folder.name}/{name}.svg)"
    page.write_text(filled(page.read_text(), sections))


def filled(text: str, sections: dict[str, str]) -> str:
    """The text with each section between its marker and the next end. Whatever has no marker is an error, so
    that nothing measured is lost from a page by a slip."""
    for name, section in sections.items():
        found = re.compile(re.escape(MARKER.format(name)) + r"\n.*?" + re.escape(END), re.DOTALL)
        inside = f"{MARKER.format(name)}\n{section}\n{END}"
        text, times = found.subn(lambda match, inside=inside: inside, text)
        if times != 1:
            raise SystemExit(f"the page has {times} places {MARKER.format(name)} instead of one")
    return text


def markdown(headings: list[str], rows: list[list[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _sections(kept: Kept) -> Iterator[tuple[str, str, str]]:
    """(which place of the page, title, table)"""
    for kind, calls in sorted(kept.measured()):
        rounds = max(len(kept.rounds(kind, calls, name)) for name in kept.systems(kind, calls))
        match kind:
            case "closed":
                yield (
                    kind,
                    f"{calls} busy calls, closed loop, median (range) of {rounds}:",
                    _closed(kept, calls),
                )
            case "paced":
                yield kind, f"{calls} talking calls, paced, median (range) of {rounds}:", _paced(kept, calls)
            case "connects":
                yield kind, f"Median (range) of {rounds}, {calls} connects at once:", _connects(kept, calls)
            case "start":
                yield kind, f"Median (range) of {rounds}:", _start(kept, calls)
    if any(kind in ("idle", "talking") for kind, _ in kept.measured()):
        yield "memory", "", _memory(kept)


def _closed(kept: Kept, calls: int) -> str:
    rows = []
    for name in kept.systems("closed", calls):
        if name == "direct":
            continue  # it has no CPU of its own
        rows.append(
            [
                name,
                _cell(kept, "closed", calls, name, "cpu_us_per_message"),
                *(_median(kept, "closed", calls, name, figure) for figure in ("user_us", "kernel_us")),
                _ratio(kept, "closed", calls, name),
                _median(kept, "closed", calls, name, "messages_per_s", 0),
                _median(kept, "closed", calls, name, "core_share", 2),
            ]
        )
    return markdown(
        ["system", "CPU us/message", "user", "kernel", "x HAProxy", "messages/s", "of a core"], rows
    )


def _paced(kept: Kept, calls: int) -> str:
    rows = []
    for name in kept.systems("paced", calls):
        added = (
            ["", ""]
            if name == "direct"
            else [
                _shown(kept.difference("paced", calls, name, "direct", figure), 0)
                for figure in ("p50_us", "p99_us")
            ]
        )
        cpu = (
            ["", "", ""]
            if name == "direct"
            else [
                _cell(kept, "paced", calls, name, "cpu_us_per_message"),
                _ratio(kept, "paced", calls, name),
                _median(kept, "paced", calls, name, "core_share", 3),
            ]
        )
        rows.append(
            [
                name,
                _cell(kept, "paced", calls, name, "p50_us", 0),
                _cell(kept, "paced", calls, name, "p99_us", 0),
                *added,
                *cpu,
                _median(kept, "paced", calls, name, "late_p99_us", 0),
                _median(kept, "paced", calls, name, "load_share", 2),
            ]
        )
    headings = [
        "system",
        "p50 us",
        "p99 us",
        "added p50",
        "added p99",
        "CPU us/message",
        "x HAProxy",
        "of a core",
    ]
    return markdown([*headings, "load late p99 us", "load's core"], rows)


def _memory(kept: Kept) -> str:
    idle = next((calls for kind, calls in kept.measured() if kind == "idle"), 0)
    talking = next((calls for kind, calls in kept.measured() if kind == "talking"), 0)
    names = list(dict.fromkeys((*kept.systems("idle", idle), *kept.systems("talking", talking))))
    rows = [
        [
            name,
            _median(kept, "idle" if kept.rounds("idle", idle, name) else "talking", idle if kept.rounds("idle", idle, name) else talking, name, "base_mb"),
            _median(kept, "idle", idle, name, "kib_per_session"),
            _median(kept, "talking", talking, name, "kib_per_session"),
        ]
        for name in names
    ]  # fmt: skip
    return markdown(
        ["system", "base MB", f"KiB per session, {idle:,} idle", f"KiB per session, {talking:,} talking"],
        rows,
    )


def _connects(kept: Kept, calls: int) -> str:
    rows = [
        [
            name,
            *(_cell(kept, "connects", calls, name, figure, 2) for figure in ("created_p50_ms", "created_p99_ms")),
            _cell(kept, "connects", calls, name, "connects_per_s", 0),
            *(_median(kept, "connects", calls, name, figure, 2) for figure in ("relay_cpu_ms", "business_cpu_ms", "business_share")),
        ]
        for name in kept.systems("connects", calls)
    ]  # fmt: skip
    return markdown(
        ["system", "first event, p50 ms", "p99 ms", "connects/s", "its CPU ms each", "business CPU ms", "business' share"],
        rows,
    )  # fmt: skip


def _start(kept: Kept, calls: int) -> str:
    names = {
        "help_ms": ("`realtime-switch --help`, ms", 0),
        "ready_ms": ("a gateway, from its start until it is ready, ms", 0),
        "gateway_mb": ("a gateway at rest, MB", 1),
        "business_mb": ("the business process at rest, MB", 1),
    }
    return markdown(
        ["", ""],
        [
            [says, _cell(kept, "start", calls, goals.OURS, figure, digits)]
            for figure, (says, digits) in names.items()
        ],
    )


def _machine(kept: Kept) -> str:
    machine = dict(kept.machine)
    cpu, system, python, day = (machine.pop(name) for name in ("cpu", "system", "python", "day"))
    others = "".join(f", {name} {version}" for name, version in machine.items())
    return f"One run, {day}: two cores ({cpu}), {system}, CPython {python}{others}."


def _cpu(kept: Kept) -> str:
    bars = [
        (name, found)
        for name in kept.systems("closed", 50)
        if name != "direct" and (found := spread(kept.rounds("closed", 50, name), "cpu_us_per_message"))
    ]
    bars.sort(key=lambda bar: bar[1].median)
    return (
        plot.bars("CPU per message, 50 busy calls, closed loop (us; lower is better)", bars) if bars else ""
    )


def _latency(kept: Kept) -> str:
    lines: dict[str, list[tuple[float, Spread]]] = {}
    for calls in sorted(calls for kind, calls in kept.measured() if kind == "paced"):
        for name in ("direct", "haproxy", "nginx", goals.OURS, "litellm"):
            if found := spread(kept.rounds("paced", calls, name), "p99_us"):
                lines.setdefault(name, []).append((calls, found))
    return (
        plot.lines("p99 of sound's way (us), by talking sessions; both axes logarithmic", lines)
        if lines
        else ""
    )


def _cell(kept: Kept, kind: str, calls: int, name: str, figure: str, digits: int = 1) -> str:
    found = spread(kept.rounds(kind, calls, name), figure)
    return found.shown(digits) if found else ""


def _median(kept: Kept, kind: str, calls: int, name: str, figure: str, digits: int = 1) -> str:
    found = spread(kept.rounds(kind, calls, name), figure)
    return _shown(found.median if found else None, digits)


def _ratio(kept: Kept, kind: str, calls: int, name: str) -> str:
    return _shown(kept.ratio(kind, calls, name, REFERENCE, "cpu_us_per_message"), 2)


def _shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"
