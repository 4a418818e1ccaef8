"""What was measured: every round of every system, by kind and number of calls, in a file that can be gone on with."""

import platform
import statistics
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

import msgspec

from realtime_switch.bench.figures import Round

Rounds = dict[str, dict[str, list[Round]]]  # "closed 50" -> system -> rounds


class Kept:
    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self.machine = machine()
        self.found: Rounds = {}
        if file is not None and file.exists():
            before = msgspec.json.decode(file.read_bytes())
            self.machine, self.found = before["machine"], before["rounds"]

    def forget(self, names: list[str] | None) -> None:
        """All rounds of these systems; None: everything."""
        if names is None:
            self.machine, self.found = machine(), {}
        for systems in self.found.values():
            for name in [one for one in systems if any(fnmatch(one, wish) for wish in names or ())]:
                del systems[name]

    def rounds(self, kind: str, calls: int, name: str) -> list[Round]:
        return self.found.get(f"{kind} {calls}", {}).get(name, [])

    def measured(self) -> list[tuple[str, int]]:
        return [(kind, int(calls)) for kind, _, calls in (key.partition(" ") for key in self.found)]

    def systems(self, kind: str, calls: int) -> list[str]:
        return list(self.found.get(f"{kind} {calls}", {}))

    def ratio(self, kind: str, calls: int, ours: str, theirs: str, figure: str) -> float | None:
        """Of rounds that were measured one after the other, so that a machine's mood is in both."""
        return self._compared(kind, calls, ours, theirs, figure, lambda a, b: a / b)

    def difference(self, kind: str, calls: int, ours: str, theirs: str, figure: str) -> float | None:
        return self._compared(kind, calls, ours, theirs, figure, lambda a, b: a - b)

    def _compared(
        self, kind: str, calls: int, ours: str, theirs: str, figure: str, by: Callable[[float, float], float]
    ) -> float | None:
        pairs = zip(self.rounds(kind, calls, ours), self.rounds(kind, calls, theirs), strict=False)
        found = [by(a[figure], b[figure]) for a, b in pairs if figure in a and figure in b]
        return statistics.median(found) if found else None

    def add(self, kind: str, calls: int, name: str, one: Round) -> None:
        self.found.setdefault(f"{kind} {calls}", {}).setdefault(name, []).append(one)
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            whole = {"machine": self.machine, "rounds": _rounded(self.found)}
            self._file.write_bytes(msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n")


def _rounded(found: Rounds) -> Rounds:
    return {
        kind: {
            name: [{figure: float(f"{value:.5g}") for figure, value in one.items()} for one in rounds]
            for name, rounds in systems.items()
        }
        for kind, systems in found.items()
    }


def machine() -> dict[str, str]:
    """What it was measured on, and with which versions."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    found = {
        "cpu": cpu,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "day": datetime.now(UTC).date().isoformat(),
    }
    for name, command in (("haproxy", ["haproxy", "-v"]), ("nginx", ["nginx", "-v"])):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError:
            continue
        found[name] = (done.stdout or done.stderr).split("\n")[0].split()[2].removeprefix("nginx/")
    return found
