"""The vocabulary of acts, and that docs/dialects.md tells of each of them."""

import re
from pathlib import Path

import pytest

from realtime_switch.dialects import acts

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "dialects.md").read_text()
READERS = [
    *(ROOT / "src/realtime_switch/session").glob("*.py"),
    ROOT / "src/realtime_switch/dialects/openai/client_side.py",
    ROOT / "src/realtime_switch/dialects/openai/gate.py",
]
SAID = [act for act in vars(acts).values() if isinstance(act, type) and issubclass(act, acts.Act)]
ACTS = [act for act in SAID if act not in (acts.Act, acts.Bill)]


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_the_docs_tell_of_every_act(act):
    assert re.search(rf"\b{act.__name__}\b", DOCS)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_somebody_reads_every_act(act):
    assert any(re.search(rf"\b{act.__name__}\b", path.read_text()) for path in READERS)


def test_there_are_about_twenty():
    assert 15 <= len(ACTS) <= 30
