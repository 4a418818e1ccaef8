"""Every talk, played through session and lane."""

from pathlib import Path

import pytest

from openai_frames import is_for_client, is_for_provider
from talk import play, read_talk

TALKS = sorted((Path(__file__).parents[1] / "talks").glob("*.talk"))


@pytest.mark.parametrize("path", TALKS, ids=lambda path: path.stem)
def test_the_talk_goes_as_written(path):
    play(path)


@pytest.mark.parametrize("path", TALKS, ids=lambda path: path.stem)
def test_everything_written_in_a_talk_is_of_openais_types(path):
    """A talk with a slip in it would prove nothing."""
    beta = path.name.startswith("beta_")
    for who, said in read_talk(path):
        if said == "as said" or "never of its types" in said:
            continue
        if who in (">c", "p>"):
            assert is_for_client(said.encode(), beta=beta and who == ">c")
        elif who == ">p" or (who == "c>" and not beta):
            assert is_for_provider(said.encode())


def test_there_are_talks():
    assert len(TALKS) >= 6
