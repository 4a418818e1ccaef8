"""Two kinds of plot, written as SVG: bars with their range, and lines over logarithmic axes. Pure."""

import math
from collections.abc import Iterable
from html import escape

from realtime_switch.bench.figures import Spread

WIDTH, ROW, NAMES, FOOT = 860, 26, 290, 24
PLOT_HEIGHT = 360
# Told apart also by who does not see colours as most do (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#666666")
OURS = "realtime-switch"


def bars(title: str, found: list[tuple[str, Spread]]) -> str:
    """One line a system; ours stand out."""
    most = max(spread.most for _, spread in found)
    scale = (WIDTH - NAMES - 90) / most
    drawn = [_text(10, 20, title, weight="bold")]
    for number, (name, spread) in enumerate(found):
        y = 36 + number * ROW
        colour = COLOURS[1] if name.startswith(OURS) else COLOURS[0]
        drawn += [
            _text(NAMES - 8, y + 14, name, anchor="end"),
            f'<rect x="{NAMES}" y="{y}" width="{spread.median * scale:.1f}" height="{ROW - 8}" fill="{colour}"/>',
            _line(NAMES + spread.least * scale, y + 9, NAMES + spread.most * scale, y + 9, "#222222"),
            _text(NAMES + spread.most * scale + 6, y + 14, f"{spread.median:.1f}"),
        ]
    return _svg(36 + len(found) * ROW + 10, drawn)


def lines(title: str, found: dict[str, list[tuple[float, Spread]]]) -> str:
    """One line a system, with a stroke from the least to the most at each point."""
    points = [(x, spread) for line in found.values() for x, spread in line]
    x_of = _axis([x for x, _ in points], 70, WIDTH - 190)
    y_of = _axis([y for _, s in points for y in (s.least, s.most)], PLOT_HEIGHT - FOOT, 40)
    drawn = [_text(10, 20, title, weight="bold")]
    for x in sorted({x for x, _ in points}):
        drawn.append(_text(x_of(x), PLOT_HEIGHT - 4, f"{x:,.0f}", anchor="middle"))
    for y in _ticks([s.median for _, s in points]):
        drawn += [
            _line(70, y_of(y), WIDTH - 190, y_of(y), "#dddddd"),
            _text(64, y_of(y) + 4, f"{y:,.0f}", anchor="end"),
        ]
    last_y = -math.inf
    ends = sorted(found.items(), key=lambda item: y_of(item[1][-1][1].median))
    colours = dict(zip(found, COLOURS * (1 + len(found) // len(COLOURS)), strict=False))
    for name, line in ends:
        path = " ".join(f"{x_of(x):.1f},{y_of(spread.median):.1f}" for x, spread in line)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
        drawn += [
            _line(x_of(x), y_of(spread.least), x_of(x), y_of(spread.most), colours[name])
            for x, spread in line
        ]
        # Names stand at their line's end, but never one on the other.
        last_y = max(last_y + 15, y_of(line[-1][1].median) + 4)
        drawn.append(_text(WIDTH - 182, last_y, name, fill=colours[name]))
    return _svg(PLOT_HEIGHT, drawn)


def _axis(values: Iterable[float], start: float, end: float):
    """Where a value stands, logarithmically between the least and the most."""
    logs = [math.log10(value) for value in values]
    least, span = min(logs), max(logs) - min(logs) or 1.0
    return lambda value: start + (math.log10(value) - least) / span * (end - start)


def _ticks(values: Iterable[float]) -> list[float]:
    """1, 2 and 5 of each power of ten that the values span."""
    found = list(values)
    least, most = min(found), max(found)
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    return [
        step * 10.0**power for power in powers for step in (1, 2, 5) if least <= step * 10.0**power <= most
    ]


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal", fill: str = "#222222"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}" fill="{fill}">'
        f"{escape(words)}</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _svg(height: float, drawn: list[str]) -> str:
    inside = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{inside}\n</svg>\n'
    )
