"""What is beside the load does not disturb it, while it tells the time."""

import os
import subprocess
import sys

from realtime_switch.bench.measuring import gives_way


def test_a_process_gives_way_for_a_while():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        with gives_way(process.pid):
            assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
        assert os.sched_getscheduler(process.pid) == os.SCHED_OTHER
        process.communicate(b"\n")


def test_where_there_is_none_nobody_does():
    with gives_way(0):
        assert os.sched_getscheduler(0) == os.SCHED_OTHER
