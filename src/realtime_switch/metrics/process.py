"""What every process tells of itself, by the names that Prometheus' own clients use."""

import os
import time
from importlib.metadata import version
from pathlib import Path

from .families import Counter, Family, Gauge

_PROC = Path("/proc/self")


class Process:
    def __init__(self, **told: str) -> None:
        """`told` stands in the labels of realtime_switch_info, beside the version."""
        self._info = Gauge("realtime_switch_info", "1; the labels say what runs here.", "version", *told)
        self._info.set({(version("realtime-switch"), *told.values()): 1})
        self._cpu = Counter("process_cpu_seconds_total", "User and system CPU time, in seconds.")
        self._memory = Gauge("process_resident_memory_bytes", "Memory that is in RAM.")
        self._fds = Gauge("process_open_fds", "Open files and sockets.")
        self._start = Gauge("process_start_time_seconds", "When it started, in seconds since 1970.")
        self._start.set({(): round(time.time(), 3)})

    def families(self) -> list[Family]:
        used = os.times()
        self._cpu.values[()] = round(used.user + used.system, 3)
        if _PROC.exists():  # Linux; elsewhere these two are left out
            pages = int((_PROC / "statm").read_text().split()[1])
            self._memory.set({(): pages * os.sysconf("SC_PAGE_SIZE")})
            self._fds.set({(): sum(1 for _ in (_PROC / "fd").iterdir())})
        return [self._info, self._cpu, self._memory, self._fds, self._start]
