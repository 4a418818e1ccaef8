"""Counters, gauges and histograms, and Prometheus' text format 0.0.4 for them. Pure.

A family is one name with its samples, told apart by the values of its labels. Values are few and known
(providers, causes, codes), never a call's, a client's or a key's: each new one stays until the process ends.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# A dial, a connect, a first word: from what cannot be felt to what nobody waits for.
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
# A question over the link: from one machine's to a deadline.
LINK_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
# How long a bill may be on its way: minutes are usual (outbox/delivery.py), hours mean that somebody is away.
LAG_SECONDS = (1.0, 5.0, 15.0, 30.0, 60.0, 90.0, 120.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0)
CALL_SECONDS = (1.0, 5.0, 15.0, 60.0, 180.0, 600.0, 1_800.0, 3_600.0, 7_200.0)

Labels = tuple[str, ...]


class Counter:
    """Only grows. Its name ends with _total, by Prometheus' custom."""

    kind: ClassVar[str] = "counter"

    def __init__(self, name: str, help: str, *labels: str) -> None:
        self.name = name
        self.help = help
        self.labels = labels
        self.values: dict[Labels, float] = {} if labels else {(): 0}

    def add(self, *labels: str, by: float = 1) -> None:
        self.values[labels] = self.values.get(labels, 0) + by

    def begin(self, *labels: str) -> None:
        """At 0, so that the first time is an increase and not a beginning, which no rate sees."""
        self.values.setdefault(labels, 0)

    def samples(self) -> Iterator[tuple[str, Mapping[str, str], float]]:
        for values, value in self.values.items():
            yield self.name, dict(zip(self.labels, values, strict=True)), value


class Gauge(Counter):
    """Goes up and down: all of it is set anew whenever somebody looks."""

    kind: ClassVar[str] = "gauge"

    def set(self, values: Mapping[Labels, float]) -> None:
        self.values = dict(values)


class Histogram:
    kind: ClassVar[str] = "histogram"

    def __init__(self, name: str, help: str, bounds: Sequence[float], *labels: str) -> None:
        self.name = name
        self.help = help
        self.labels = labels
        self._bounds = bounds
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, value: float, *labels: str) -> None:
        counts = self._counts.get(labels)
        if counts is None:
            counts = self._counts[labels] = [0] * (len(self._bounds) + 1)
            self._sums[labels] = 0.0
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[labels] += value

    def samples(self) -> Iterator[tuple[str, Mapping[str, str], float]]:
        for values, counts in self._counts.items():
            labels = dict(zip(self.labels, values, strict=True))
            upto = 0
            for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
                upto += count
                yield f"{self.name}_bucket", {**labels, "le": _number(bound)}, upto
            yield f"{self.name}_sum", labels, self._sums[values]
            yield f"{self.name}_count", labels, upto


Family = Counter | Gauge | Histogram


def page(families: Iterable[Family], process: str) -> str:
    """Of one process; each sample says of which."""
    lines: list[str] = []
    for family in families:
        lines += _head(family)
        for name, labels, value in family.samples():
            told = ",".join(
                f'{key}="{_escaped(text)}"' for key, text in {"process": process, **labels}.items()
            )
            lines.append(f"{name}{{{told}}} {_number(value)}")
    return "".join(f"{line}\n" for line in lines)


def merged(pages: Iterable[str]) -> str:
    """Pages of several processes as one: the format wants all samples of a family together."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for text in pages:
        name = ""
        for line in text.removesuffix("\n").split("\n"):
            if line.startswith("# HELP "):
                name = line.split(" ", 3)[2]
                samples.setdefault(name, [])
                heads[name] = [line]
            elif line.startswith("# "):
                heads[name].append(line)
            else:
                samples[name].append(line)
    return "".join(f"{line}\n" for name, head in heads.items() for line in (*head, *samples[name]))


def _head(family: Family) -> list[str]:
    help = family.help.replace("\\", "\\\\").replace("\n", "\\n")
    return [f"# HELP {family.name} {help}", f"# TYPE {family.name} {family.kind}"]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(float(value))
