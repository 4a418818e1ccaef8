"""What the measurement of many accounts reads of a server whose workers come and go."""

import subprocess
import sys

import psutil

import scale


def test_a_worker_that_has_ended_since_it_was_listed_costs_nothing_more(monkeypatch):
    this = psutil.Process()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        listed = this.children()
        worker.communicate(b"\n")
    assert listed
    monkeypatch.setattr(psutil.Process, "children", lambda self, recursive: listed)
    assert scale.cpu_s(this) > 0
