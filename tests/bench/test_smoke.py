"""The harness itself on loopback, with tiny numbers: every kind of measurement gives its figures."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from realtime_switch.bench.systems import cores

RELAY = Path(__file__).parents[2] / "bench" / "relay.py"
OURS = "realtime-switch"
CPU = {"messages_per_s", "cpu_us_per_message", "user_us", "kernel_us", "core_share"}
WAY = {"p50_us", "p99_us", "p999_us", "up_p50_us", "up_p99_us", "down_p50_us", "down_p99_us"}
CONNECT = {"created_p50_ms", "created_p99_ms", "connects_per_s", "relay_cpu_ms"}

pytestmark = pytest.mark.skipif(cores() is None, reason="the harness needs Linux and two cores")


def measure(kind: str, file: Path, *only: str) -> dict[str, dict[str, set[str]]]:
    """Which figures each system has, by kind and calls."""
    words = ["--calls", "2", "--rounds", "1", "--seconds", "0.5", "--json", str(file), "--only", *only]
    done = subprocess.run([sys.executable, str(RELAY), kind, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(file.read_bytes())["rounds"]
    assert all(
        value >= 0 for systems in found.values() for one in systems.values() for value in one[0].values()
    )
    return {key: {name: set(one[0]) for name, one in systems.items()} for key, systems in found.items()}


def test_closed_loop_in_one_dialect_and_translated(tmp_path: Path):
    ours = [f"{OURS}, OpenAI client on Gemini", f"{OURS}, Gemini client on OpenAI"]
    found = measure("closed", tmp_path / "found.json", *ours, "bare picows relay")
    assert found == {"closed 2": dict.fromkeys(("direct", "bare picows relay", *ours), CPU)}


def test_paced_with_tls_and_translated(tmp_path: Path):
    ours = [f"{OURS}, TLS to the provider", f"{OURS}, TLS to its clients", f"{OURS}, OpenAI client on Gemini"]
    found = measure("paced", tmp_path / "found.json", *ours)
    assert found == {"paced 2": dict.fromkeys(("direct", *ours), CPU | WAY | {"late_p99_us", "load_share"})}


def test_connects(tmp_path: Path):
    assert measure("connects", tmp_path / "found.json", OURS) == {
        "connects 2": {
            "direct": CONNECT,
            OURS: CONNECT | {"connects_per_core_s", "business_cpu_ms", "business_share"},
        }
    }
