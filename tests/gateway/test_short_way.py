"""Which of the twins runs, and why."""

from importlib.metadata import version

import pytest

from realtime_switch.gateway.short_way import why_interpreted, why_not_compiled


def test_it_is_compiled_wherever_it_was_installed_by_make() -> None:
    assert why_interpreted in ("", "RTS_INTERPRETED is set")


@pytest.mark.parametrize(("value", "why"), [("1", "RTS_INTERPRETED is set"), ("0", ""), ("", "")])
def test_who_runs_a_gateway_may_have_it_interpreted(value: str, why: str) -> None:
    assert why_not_compiled({"RTS_INTERPRETED": value}, version) == why


def test_with_another_picows_than_it_was_built_with_it_is_not_used() -> None:
    why = why_not_compiled({}, lambda name: "99.1")
    assert why == f"built with picows {version('picows')}, here is 99.1"
