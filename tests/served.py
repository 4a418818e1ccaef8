"""`realtime-switch serve` as a newcomer has it: real processes, a real port, a directory of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

PATIENCE_S = 60


def environment(**more: str) -> dict[str, str]:
    """Nobody's keys and settings but ours."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, **more}


def command(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "realtime_switch", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment(**environ),
    )


class Served:
    def __init__(self, data: Path, out: Path, *more: str) -> None:
        self.port = free_port()
        self.data = data
        self._out = out
        with out.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "realtime_switch", "serve"),
                    *("--data", str(data), "--port", str(self.port), *more),
                ],
                stdout=log,
                stderr=log,
                env=environment(),
            )

    @property
    def said(self) -> str:
        return self._out.read_text()

    def wait_for(self, pattern: str) -> str:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if found := re.search(pattern, self.said):
                return found[0]
            assert self.process.poll() is None, self.said
            time.sleep(0.05)
        raise AssertionError(f"no {pattern!r} in {self.said}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def talk(self, key: str, *words: str) -> dict:
        done = command("talk", "--url", f"ws://127.0.0.1:{self.port}", "--json", *words, RTS_API_KEY=key)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr + self.said
        return msgspec.json.decode(done.stdout)


@contextmanager
def served(data: Path, out: Path, *more: str) -> Iterator[Served]:
    running = Served(data, out, *more)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()  # its children stop by themselves: their standard input closes
            running.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
