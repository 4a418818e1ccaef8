"""What many measurements come to. Pure."""

import statistics
from collections.abc import Iterable, Sequence

from msgspec import Struct

Round = dict[str, float]  # what one measurement found, by the figure's name


class Spread(Struct, frozen=True):
    """The median of several rounds, and between what they lay."""

    median: float
    least: float
    most: float

    def shown(self, digits: int = 1) -> str:
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f}-{self.most:,.{digits}f})"


def spread(rounds: Iterable[Round], figure: str) -> Spread | None:
    """None where no round has it."""
    found = [one[figure] for one in rounds if figure in one]
    return Spread(statistics.median(found), min(found), max(found)) if found else None


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ordered values that `share` of them do not exceed."""
    if not ordered:
        return float("nan")
    rank = -(-len(ordered) * share // 1)  # rounded up
    return ordered[min(len(ordered), max(1, int(rank))) - 1]
