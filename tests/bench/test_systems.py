"""What is measured is started in a place of its own, and may open as many sockets as a measurement needs."""

import os
import subprocess
import sys
import time

from realtime_switch.bench.load import Way
from realtime_switch.bench.systems import System, rss_bytes, times

OPENS_ALL_IT_MAY = """
import resource
from realtime_switch.bench.systems import open_files_allowed

open_files_allowed()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_a_low_limit_of_open_files_is_lifted_as_far_as_it_may_be():
    limited = ["sh", "-c", 'ulimit -Sn 64; ulimit -Hn 512; exec "$@"', "sh"]
    done = subprocess.run(
        [*limited, sys.executable, "-c", OPENS_ALL_IT_MAY], capture_output=True, text=True, check=True
    )
    assert done.stdout == "512 512\n"


def test_a_processs_time_is_what_it_says_itself_and_of_none_it_is_nothing():
    before = time.process_time()
    seen = times(os.getpid()).cpu_s
    assert before <= seen <= time.process_time()
    assert (tuple(times(0)), rss_bytes(0)) == ((0.0, 0.0, 0.0), 0)


class Noted:
    """A process that is asked to stop."""

    def __init__(self, name, notes):
        self._name = name
        self._notes = notes

    def terminate(self):
        self._notes.append(f"{self._name} is told to stop")

    def wait(self, timeout):
        self._notes.append(f"{self._name} has stopped")


def test_a_gateway_is_stopped_before_the_business_process_to_which_it_delivers():
    notes = []
    System(Way(""), processes=[Noted("gateway", notes), Noted("business", notes)]).stop()
    assert notes == [
        "gateway is told to stop",
        "gateway has stopped",
        "business is told to stop",
        "business has stopped",
    ]
