"""The words between the dialects: that docs/dialects.md tells of each, and that each is read."""

import re
from pathlib import Path

import pytest

from realtime_switch.dialects import acts, wishes
from realtime_switch.dialects.gemini.provider_side import _TELLERS as gemini
from realtime_switch.dialects.gpt_live.wished import _TELLERS as gpt_live
from realtime_switch.dialects.openai.translated import _TELLERS as openai

ROOT = Path(__file__).parents[2]
DIALECTS = ROOT / "src/realtime_switch/dialects"
DOCS = (ROOT / "docs" / "dialects.md").read_text()
# Files that hear acts and make none.
READERS = [
    *(ROOT / "src/realtime_switch/session").glob("*.py"),
    *(DIALECTS / "openai" / name for name in ("client_side.py", "gate.py", "telling.py", "replying.py")),
    *(DIALECTS / "gemini" / name for name in ("client_side.py", "telling.py")),
    DIALECTS / "gpt_live" / "translated.py",
]
WISHERS = {
    "openai": [DIALECTS / "openai" / name for name in ("asking.py", "items.py", "session.py")],
    "gemini": [DIALECTS / "gemini" / name for name in ("listening.py", "content.py")],
}
SAID = [act for act in vars(acts).values() if isinstance(act, type) and issubclass(act, acts.Act)]
ACTS = [act for act in SAID if act not in (acts.Act, acts.Bill)]
WISHES = [
    wish
    for wish in vars(wishes).values()
    if isinstance(wish, type) and issubclass(wish, wishes.Wish) and wish is not wishes.Wish
]


def name(word):
    return word.__name__


def is_in(path, word):
    """Besides where it is imported."""
    used = re.sub(r"^from [^(\n]+ import (\([^)]*\)|.*)$", "", path.read_text(), flags=re.MULTILINE)
    return re.search(rf"\b{word.__name__}\b", used) is not None


def row_of(word):
    return next(
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in DOCS.splitlines()
        if line.startswith("|") and re.search(rf"\b{word.__name__}\b", line.split("|")[1])
    )


@pytest.mark.parametrize("word", [*ACTS, *WISHES], ids=name)
def test_the_docs_tell_of_every_word(word):
    assert all(row_of(word))


@pytest.mark.parametrize("act", ACTS, ids=name)
def test_somebody_reads_every_act(act):
    assert any(is_in(path, act) for path in READERS)


@pytest.mark.parametrize("act", ACTS, ids=name)
def test_the_docs_say_truly_whether_the_session_reads_it(act):
    readers = row_of(act)[2]
    for part in ("transcript", "floor", "unheard", "meter"):
        path = ROOT / "src/realtime_switch/session" / f"{part}.py"
        assert is_in(path, act) == bool(re.search(rf"\b{part}\b", readers)), part


@pytest.mark.parametrize("wish", WISHES, ids=name)
def test_the_docs_say_truly_which_clients_wish_it(wish):
    _, by_openai, by_gemini, *_ = row_of(wish)
    assert (by_openai != "–") == any(is_in(path, wish) for path in WISHERS["openai"])
    assert (by_gemini != "–") == any(is_in(path, wish) for path in WISHERS["gemini"])


@pytest.mark.parametrize("takes", [gemini, gpt_live, openai], ids=["gemini", "gpt-live", "openai"])
def test_every_provider_takes_every_wish(takes):
    assert set(takes) == set(WISHES)


def test_there_are_so_many_that_one_can_know_them_all():
    assert len(ACTS) <= 41
    assert len(WISHES) <= 20
