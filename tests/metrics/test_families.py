"""Prometheus' text format, to the letter."""

import re

from hypothesis import given
from hypothesis import strategies as st

import prometheus
from realtime_switch.metrics.families import Counter, Gauge, Histogram, merged, page


def test_a_page_of_one_process() -> None:
    calls = Counter("calls_total", "All\ncalls \\ ever.", "end")
    calls.add("left")
    calls.add("left", by=2)
    calls.begin("lost")
    calls.begin("left")
    depth = Gauge("depth", "Now.")
    depth.set({(): 2.5})
    took = Histogram("took_seconds", "Long.", (0.1, 1.0), "verb")
    for seconds in (0.05, 0.1, 0.5, 7):
        took.observe(seconds, "ask")
    assert page([calls, depth, took], "gateway-1") == (
        "# HELP calls_total All\\ncalls \\\\ ever.\n"
        "# TYPE calls_total counter\n"
        'calls_total{process="gateway-1",end="left"} 3\n'
        'calls_total{process="gateway-1",end="lost"} 0\n'
        "# HELP depth Now.\n"
        "# TYPE depth gauge\n"
        'depth{process="gateway-1"} 2.5\n'
        "# HELP took_seconds Long.\n"
        "# TYPE took_seconds histogram\n"
        'took_seconds_bucket{process="gateway-1",verb="ask",le="0.1"} 2\n'
        'took_seconds_bucket{process="gateway-1",verb="ask",le="1"} 3\n'
        'took_seconds_bucket{process="gateway-1",verb="ask",le="+Inf"} 4\n'
        'took_seconds_sum{process="gateway-1",verb="ask"} 7.65\n'
        'took_seconds_count{process="gateway-1",verb="ask"} 4\n'
    )


def test_what_has_no_labels_is_there_from_the_start_and_what_has_some_is_not() -> None:
    assert page([Counter("a_total", "A."), Counter("b_total", "B.", "code")], "p") == (
        '# HELP a_total A.\n# TYPE a_total counter\na_total{process="p"} 0\n'
        "# HELP b_total B.\n# TYPE b_total counter\n"
    )


def test_pages_of_several_processes_have_each_family_once() -> None:
    both = Counter("both_total", "Both.")
    one = Counter("one_total", "One.")
    other = Counter("other_total", "Other.")
    text = merged([page([one, both], "a"), page([both, other], "b")])
    assert prometheus.names(text) == dict.fromkeys(["one_total", "both_total", "other_total"], "counter")
    assert prometheus.read(text) == {
        ("one_total", frozenset({("process", "a")})): 0,
        ("both_total", frozenset({("process", "a")})): 0,
        ("both_total", frozenset({("process", "b")})): 0,
        ("other_total", frozenset({("process", "b")})): 0,
    }


@given(st.text(), st.integers(0, 10**9))
def test_whatever_a_label_holds_is_read_again(text: str, count: int) -> None:
    calls = Counter("calls_total", "Calls.", "end")
    calls.add(text, by=count)
    [told] = re.findall(r'calls_total\{process="p",end="(.*)"\} (\d+)\n\Z', page([calls], "p"))
    assert re.sub(r"\\(.)", lambda escaped: {"n": "\n"}.get(escaped[1], escaped[1]), told[0]) == text
    assert int(told[1]) == count
    assert merged([page([calls], "p")]) == page([calls], "p")
