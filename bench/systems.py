"""The systems under test: how each is started, pinned to one core, asked for its CPU time, and stopped."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

TICKS = os.sysconf("SC_CLK_TCK")
COMMAND = [sys.executable, "-m", "realtime_switch"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def cpu_s(pid: int) -> tuple[float, float]:
    """User and system time of a process, all its threads, to 1/100 s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class System:
    """One thing to measure. `pid` is the process whose time counts."""

    name: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    pid: int | None = None
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    dialect: str = "openai"  # that its clients speak

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(timeout=30)


def pinned(core: int) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, {core})


def wait_for(port: int, deadline_s: float = 20) -> None:
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port} after {deadline_s} s")


def direct(upstream: int) -> System:
    return System("direct", f"ws://127.0.0.1:{upstream}/v1/realtime?model=bench")


def haproxy(upstream: int, core: int, where: Path) -> System | None:
    program = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        return None
    port = free_port()
    config = where / "haproxy.cfg"
    config.write_text(
        "global\n  nbthread 1\n  maxconn 4000\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n  timeout tunnel 1h\n"
        f"frontend f\n  bind 127.0.0.1:{port}\n  default_backend b\n"
        f"backend b\n  server s 127.0.0.1:{upstream}\n"
    )
    process = subprocess.Popen([program, "-db", "-q", "-f", str(config)], preexec_fn=pinned(core))
    wait_for(port)
    return System(
        "haproxy", f"ws://127.0.0.1:{port}/v1/realtime?model=bench", pid=process.pid, processes=[process]
    )


def script(name: str, file: str, upstream: int, core: int) -> System:
    """A relay of ours in one file."""
    port = free_port()
    script = Path(__file__).with_name(file)
    target = f"ws://127.0.0.1:{upstream}/v1/realtime?model=bench"
    process = subprocess.Popen([sys.executable, str(script), str(port), target], preexec_fn=pinned(core))
    wait_for(port)
    return System(name, f"ws://127.0.0.1:{port}/", pid=process.pid, processes=[process])


LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


def realtime_switch(
    upstream: int,
    gemini_upstream: int,
    core: int,
    where: Path,
    name: str,
    *,
    interpreted: bool = False,
    provider: str = "openai",
    client: str = "openai",
) -> System:
    """Everything on: key checked, gate, proofs, meter, transcript, records kept and posted.

    The business process runs on the other core; its time is not the relay's. `interpreted`: the frames' short
    way in Python instead of compiled.
    """
    where = where / name.replace(" ", "-")
    where.mkdir()
    port = free_port()
    config = where / "realtime-switch.toml"
    at_gemini = f"ws://127.0.0.1:{gemini_upstream}{LIVE}"
    url = at_gemini if provider == "gemini" else f"ws://127.0.0.1:{upstream}/v1/realtime"
    config.write_text(
        f'[providers.bench]\ndialect = "{provider}"\nurl = "{url}"\n'
        '[routes.default]\ntargets = ["bench/bench"]\naliases = ["*"]\n'
    )
    data = ["--data", str(where)]
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    environment["LOG_LEVEL"] = "warning"
    environment["RTS_INTERPRETED"] = str(int(interpreted))

    def command(*words: str) -> dict[str, str]:
        done = subprocess.run(
            [*COMMAND, *words, *data, "--json"], capture_output=True, check=True, env=environment
        )
        answer: dict[str, str] = msgspec.json.decode(done.stdout)
        return answer

    command("account", "create", "bench@example.com", "--topup", str(10**12))
    key = command("key", "create", "bench@example.com")["key"]
    business = subprocess.Popen([*COMMAND, "business", *data], env=environment, preexec_fn=pinned(1 - core))
    gateway = subprocess.Popen(
        [*COMMAND, "gateway", *data, "--port", str(port)], env=environment, preexec_fn=pinned(core)
    )
    wait_for(port)
    return System(
        name,
        f"ws://127.0.0.1:{port}{LIVE}"
        if client == "gemini"
        else f"ws://127.0.0.1:{port}/v1/realtime?model=default",
        {
            "x-goog-api-key" if client == "gemini" else "Authorization": key
            if client == "gemini"
            else f"Bearer {key}"
        },
        gateway.pid,
        [gateway, business],
        client,
    )


def folder(name: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"rts-bench-{name}-"))
