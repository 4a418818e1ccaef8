"""The commands of bench/ that docs/ names, each with tiny numbers: that they run, not what they find."""

import subprocess
import sys
from pathlib import Path

import pytest

from realtime_switch.bench.systems import cores

BENCH = Path(__file__).parents[2] / "bench"
SMALL = {
    "failover.py": ["--drops", "2", "--connects", "2", "--rolls", "1"],
    "ledger.py": ["--seconds", "0.2", "--rounds", "1", "--engine", "sqlite"],
    "outbox.py keep": ["--records", "200"],
    "outbox.py drain": ["--records", "200"],
    "own_account.py": ["--sessions", "20", "--passages", "2"],
    "scale.py": ["--minutes", "40"],
    "waking.py": ["--writes", "20"],
}

pytestmark = pytest.mark.skipif(cores() is None, reason="the harness needs Linux and two cores")


@pytest.mark.timeout(120)
@pytest.mark.parametrize("words", SMALL)
def test_a_measurement_gives_its_figures(words: str) -> None:
    name, *mode = words.split()
    done = subprocess.run(
        [sys.executable, str(BENCH / name), *mode, *SMALL[words]],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert any(character.isdigit() for character in done.stdout), done.stdout


def test_every_measurement_is_among_them() -> None:
    beside = {"relay.py": "test_smoke.py"}
    programs = {path.name for path in BENCH.glob("*.py") if "argparse" in path.read_text()}
    assert programs == {words.split()[0] for words in SMALL} | set(beside)
