"""`realtime-switch bench` on loopback, with tiny numbers."""

import subprocess
import sys

import msgspec
import pytest

from command import Command
from realtime_switch.bench.systems import cores, program

SYSTEMS = ["direct", *(name for name in ("haproxy", "nginx") if program(name)), "realtime-switch"]
TINY = ("bench", "--calls", "2", "--rounds", "1", "--seconds", "0.5")

pytestmark = pytest.mark.skipif(cores() is None, reason="bench needs Linux and two cores")


def bench(environ: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "realtime_switch", *TINY, *words], env=environ, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_stranger_sees_what_his_gateway_costs(environ: dict[str, str]):
    lines = bench(environ).splitlines()
    assert lines[0].split("  ")[0] == "SYSTEM"
    assert [line.split()[0] for line in lines[1 : 1 + len(SYSTEMS)]] == SYSTEMS


def test_a_program_gets_json(environ: dict[str, str]):
    found = msgspec.json.decode(bench(environ, "--json"))
    assert [one["system"] for one in found] == SYSTEMS
    assert {name for name, value in found[0].items() if value is None} == {
        "cpu_us_per_message",
        "user_us",
        "kernel_us",
    }
    assert all(found[-1].values())


def test_one_core_is_said_to_be_too_few(command: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0})
    done = command(*TINY, data=False)
    assert (done.code, done.err) == (
        1,
        "Error: This needs Linux and two cores: one for the load, one for what is measured.\n",
    )
