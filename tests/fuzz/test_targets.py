"""Each target of the fuzzer, for a moment: `make fuzz` plays them for longer, led by what the code does."""

import importlib.util
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

_spec = importlib.util.spec_from_file_location("fuzz_targets", Path(__file__).with_name("targets.py"))
assert _spec is not None
targets = importlib.util.module_from_spec(_spec)
assert _spec.loader is not None
_spec.loader.exec_module(targets)


@pytest.mark.parametrize("name", targets.TARGETS)
def test_nothing_that_a_stranger_says_makes_it_fail(name: str) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=600))
    def play(data: bytes) -> None:
        targets.TARGETS[name](data)

    play()


def test_the_dice_reach_what_is_spoken() -> None:
    """Otherwise a target would pass because it does nothing."""
    dice = random.Random(1)
    throws = [dice.randbytes(500) for _ in range(150)]
    for name in targets.TARGETS:
        if name not in ("door", "link"):
            assert {"LIVE", "ENDED"} <= set().union(*(_phases(name, data) for data in throws)), name


def _phases(name: str, data: bytes) -> set[str]:
    seen = set()
    go_on = targets._Call.go_on

    def watched(call, *messages):  # type: ignore[no-untyped-def]
        go_on(call, *messages)
        seen.add(call.session.phase.name)

    targets._Call.go_on = watched
    try:
        targets.TARGETS[name](data)
    finally:
        targets._Call.go_on = go_on
    return seen


def test_make_plays_every_target() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text()
    [played] = re.findall(r"^FUZZED = (.*)$", makefile, re.MULTILINE)
    assert played.split() == list(targets.TARGETS)
