"""Plots are well-formed, say what they show, and their lengths are in proportion."""

import xml.etree.ElementTree as ET

import plot
from realtime_switch.bench.figures import Spread

SVG = "{http://www.w3.org/2000/svg}"


def _texts(drawn: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(drawn).iter(f"{SVG}text")]


def test_bars_are_as_long_as_their_medians():
    drawn = plot.bars("CPU <us>", [("haproxy", Spread(5, 4, 6)), ("realtime-switch & co", Spread(10, 9, 20))])
    rects = [rect.get("width") for rect in ET.fromstring(drawn).iter(f"{SVG}rect")]
    haproxy, ours = (float(width) for width in rects[1:] if width)
    assert abs(ours - 2 * haproxy) <= 0.2  # they are written to a tenth
    assert _texts(drawn) == ["CPU <us>", "haproxy", "5.0", "realtime-switch & co", "10.0"]


def test_lines_rise_with_their_values_and_are_named():
    found = {
        "direct": [(1.0, Spread(100, 90, 110)), (100.0, Spread(1000, 900, 1100))],
        "haproxy": [(1.0, Spread(100, 90, 110)), (100.0, Spread(1000, 900, 1100))],
    }
    drawn = plot.lines("p99", found)
    first, second = (line.get("points") for line in ET.fromstring(drawn).iter(f"{SVG}polyline"))
    assert first == second
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in (first or "").split())
    assert x1 < x2
    assert y1 > y2  # down is up in SVG
    assert {"direct", "haproxy", "1", "100", "1,000"} <= set(_texts(drawn))
    # Two names never stand one on the other.
    at = [float(t.get("y", 0)) for t in ET.fromstring(drawn).iter(f"{SVG}text") if t.text in found]
    assert abs(at[0] - at[1]) >= 15


def test_one_point_is_a_plot_too():
    assert "direct" in _texts(plot.lines("p99", {"direct": [(1.0, Spread(5, 5, 5))]}))
