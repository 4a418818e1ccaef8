"""What was measured is kept, compared in pairs, and written between a page's markers."""

from pathlib import Path

import pytest

import goals
import page
from kept import Kept
from realtime_switch.bench.figures import Round

PLOTS = (("CPU per message", "closed"), ("How long sound is on its way", "paced"))
REPOSITORY = Path(__file__).parents[2]


def cpu(us: float) -> Round:
    return {
        "cpu_us_per_message": us,
        "user_us": us / 4,
        "kernel_us": us * 3 / 4,
        "messages_per_s": 60_000,
        "core_share": 0.5,
    }


def filled_with(*rounds: tuple[str, int, str, Round]) -> Kept:
    kept = Kept()
    for kind, calls, name, one in rounds:
        kept.add(kind, calls, name, one)
    return kept


def test_a_ratio_is_of_rounds_that_followed_each_other():
    kept = filled_with(
        *(("closed", 50, "haproxy", cpu(us)) for us in (10.0, 20.0, 10.0)),
        *(("closed", 50, "realtime-switch", cpu(us)) for us in (11.0, 24.0, 12.0)),
    )
    assert kept.ratio("closed", 50, "realtime-switch", "haproxy", "cpu_us_per_message") == 1.2
    assert kept.ratio("closed", 50, "realtime-switch", "nginx", "cpu_us_per_message") is None
    assert kept.difference("closed", 50, "realtime-switch", "haproxy", "cpu_us_per_message") == 2.0


def test_what_was_measured_is_gone_on_with(tmp_path: Path):
    file = tmp_path / "folder" / "relay.json"
    first = Kept(file)
    first.add("closed", 50, "haproxy", {"us": 8.0})
    again = Kept(file)
    again.add("closed", 50, "haproxy", {"us": 9.0})
    assert Kept(file).rounds("closed", 50, "haproxy") == [{"us": 8.0}, {"us": 9.0}]
    assert Kept(file).machine == first.machine


def test_what_was_measured_is_forgotten_by_names_or_wholly():
    kept = filled_with(*(("closed", 50, name, cpu(8.0)) for name in ("haproxy", "haproxy, TLS", "nginx")))
    kept.forget(["haproxy*"])
    assert kept.found == {"closed 50": {"nginx": [cpu(8.0)]}}
    kept.forget(None)
    assert kept.found == {}


def test_the_table_of_a_closed_loop():
    kept = filled_with(
        ("closed", 50, "direct", cpu(0)),
        ("closed", 50, "haproxy", cpu(8.0)),
        ("closed", 50, "realtime-switch", cpu(10.0)),
        ("closed", 50, "haproxy", cpu(9.0)),
    )
    assert page.tables(kept) == "\n".join(
        [
            "50 busy calls, closed loop, median (range) of 2:",
            "",
            "| system | CPU us/message | user | kernel | x HAProxy | messages/s | of a core |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            "| haproxy | 8.5 (8.0-9.0) | 2.1 | 6.4 | 1.00 | 60,000 | 0.50 |",
            "| realtime-switch | 10.0 (10.0-10.0) | 2.5 | 7.5 | 1.25 | 60,000 | 0.50 |",
        ]
    )


def test_a_goal_is_met_not_met_or_not_measured():
    kept = filled_with(
        ("closed", 50, "haproxy", cpu(10.0)),
        ("closed", 50, "litellm", cpu(100.0)),
        ("closed", 50, "realtime-switch", cpu(11.0)),
        ("connects", 32, "realtime-switch", {"connects_per_s": 299.0, "connects_per_core_s": 301.0}),
    )
    met = {goal.says: goal.met for goal in goals.goals(kept) if goal.met is not None}
    assert met == {
        "CPU per message to HAProxy's, 50 busy sessions": False,
        "CPU per message to LiteLLM's, 50 busy sessions": True,
        "connects a second of gateway's CPU": True,
        "connects a second, 32 at once, all of the load on the other core": False,
    }
    lines = goals.table(kept).splitlines()
    assert (
        lines[2]
        == "| CPU per message to HAProxy's, 50 busy sessions | at most 1.05 x | 1.1 x | **not met** |"
    )
    assert lines[3] == "| CPU per message to HAProxy's, 200 busy sessions | at most 1.05 x | not measured | |"


def test_a_page_is_written_between_its_markers_and_nowhere_else():
    text = "a\n<!-- measured: one -->\nold\n<!-- end of what was measured -->\nb\n"
    text += "<!-- measured: two -->\n<!-- end of what was measured -->\nc"
    filled = page.filled(text, {"one": r"new \1", "two": "x"})
    assert filled == text.replace("old", r"new \1").replace("two -->\n", "two -->\nx\n")
    assert page.filled(filled, {"one": r"new \1", "two": "x"}) == filled


def test_what_a_page_has_no_place_for_is_not_lost_silently():
    with pytest.raises(SystemExit, match="the page has 0 places <!-- measured: three --> instead of one"):
        page.filled("", {"three": "x"})


def test_a_page_is_written_with_its_plots(tmp_path: Path):
    names = ("machine", "goals", "closed", "paced")
    file = tmp_path / "performance.md"
    file.write_text(
        "".join(f"<!-- measured: {name} -->\n<!-- end of what was measured -->\n" for name in names)
    )
    way = {"p50_us": 100.0, "p99_us": 900.0, "late_p99_us": 0.0, "load_share": 0.2}
    kept = filled_with(
        ("closed", 50, "realtime-switch", cpu(10.0)),
        *(("paced", calls, "direct", cpu(0.0) | way) for calls in (1, 50)),
    )
    page.write(kept, file, tmp_path / "performance")
    written = file.read_text()
    assert "One run, " in written
    assert "| realtime-switch | 10.0 (10.0-10.0) |" in written
    assert [f"![{says}](performance/{name}.svg)" in written for says, name in PLOTS] == [True, True]
    assert all("</svg>" in (tmp_path / "performance" / f"{name}.svg").read_text() for _, name in PLOTS)


def test_the_pages_own_markers_are_all_there():
    text = (REPOSITORY / "docs" / "performance.md").read_text()
    names = ("machine", "goals", "closed", "paced", "memory", "connects", "start")
    assert all(page.filled(text, {name: "x"}) for name in names)
