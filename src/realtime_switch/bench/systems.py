"""The systems under test: how each is started, pinned to one core, asked for its time, and stopped."""

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from .load import Providers, Way
from .mix import GEMINI, GPT_LIVE, OPENAI

COMMAND = (sys.executable, "-m", "realtime_switch")
LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
READY_S = 120.0  # LiteLLM's proxy takes half a minute on a busy machine
CALLS_MAX = 4_000
# Settings of whoever runs this (an address, a database, a provider's key) are not those of what is measured.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV")


class NotStartedError(Exception):
    """A system that does not come up; the sentence says which."""


class Cores(NamedTuple):
    load: int
    system: int


def cores() -> Cores | None:
    """The first two that we may use; None where that cannot be told, or there are not two."""
    if not hasattr(os, "sched_getaffinity"):  # not Linux
        return None
    ours = sorted(os.sched_getaffinity(0))
    return Cores(ours[0], ours[1]) if len(ours) > 1 else None


def open_files_allowed() -> None:
    """As many as we may have, here and in what is started from here: a call has two sockets at each end."""
    import resource  # not on every system that has Python

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Times(NamedTuple):
    cpu_s: float
    user_s: float
    kernel_s: float


def times(pid: int) -> Times:
    """Of a process, all its threads: the sum to the nanosecond, the parts to 10 ms. Zero for no process."""
    if not pid:
        return Times(0.0, 0.0, 0.0)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    # clock_getcpuclockid(3), which Python has not: Linux numbers the clock of a process so.
    return Times(
        time.clock_gettime(~pid << 3 | 2), int(fields[11]) / ticks_per_s, int(fields[12]) / ticks_per_s
    )


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pid else 0


class System(Struct):
    """One that runs. `pid` is the process whose time counts; 0: there is none."""

    way: Way
    pid: int = 0
    business_pid: int = 0
    processes: list[subprocess.Popen[bytes]] = []

    def stop(self) -> None:
        """One after the other: a gateway still has to deliver to its business process."""
        for process in self.processes:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Candidate(NamedTuple):
    name: str
    start: Callable[[], System]


class Place(NamedTuple):
    """Where systems are started."""

    folder: Path
    cores: Cores
    providers: Providers
    # Files of a certificate for 127.0.0.1 and of its key; one file with both.
    certificate: tuple[Path, Path, Path] | None = None

    def new_folder(self, name: str) -> Path:
        folder = self.folder / f"{name}-{time.monotonic_ns()}"
        folder.mkdir()
        return folder

    def run(self, command: list[str], environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=environment, preexec_fn=pinned(self.cores.system))

    def trusting(self) -> ssl.SSLContext:
        """A client's context that knows the certificate."""
        assert self.certificate is not None
        return ssl.create_default_context(cafile=str(self.certificate[0]))


def pinned(core: int) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, {core})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes], path: str = "") -> None:
    """Until somebody listens there, and, with a path, answers 200 to it."""
    end_s = time.monotonic() + READY_S
    while time.monotonic() < end_s:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as asked:
            if not path:
                return
            asked.sendall(f"GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n".encode())
            if asked.recv(32).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.005)
    words = process.args if isinstance(process.args, list) else [process.args]
    raise NotStartedError(f"`{' '.join(map(str, words))}` did not start: nothing is ready on port {port}.")


def program(name: str) -> str | None:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


# -- What needs nothing but a program -----------------------------------------------------------------------


def direct(place: Place) -> System:
    return System(Way(f"ws://127.0.0.1:{place.providers.openai}/v1/realtime?model=bench"))


def haproxy(place: Place, *, to_server: bool = False, to_client: bool = False) -> System:
    """As a plain WebSocket proxy. `to_server`, `to_client`: with TLS there."""
    port, folder = free_port(), place.new_folder("haproxy")
    bind, server = "", f"127.0.0.1:{place.providers.openai}"
    if to_client:
        assert place.certificate is not None
        bind = f" ssl crt {place.certificate[2]}"
    if to_server:
        assert place.certificate is not None
        server = f"127.0.0.1:{place.providers.openai_tls} ssl verify required ca-file {place.certificate[0]}"
    config = folder / "haproxy.cfg"
    config.write_text(
        f"global\n  nbthread 1\n  maxconn {CALLS_MAX}\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        "  timeout tunnel 1h\n"
        f"frontend f\n  bind 127.0.0.1:{port}{bind}\n  default_backend b\n"
        f"backend b\n  server s {server}\n"
    )
    process = place.run([str(program("haproxy")), "-db", "-q", "-f", str(config)])
    wait_for(port, process)
    scheme, tls = ("wss", place.trusting()) if to_client else ("ws", None)
    way = Way(f"{scheme}://127.0.0.1:{port}/v1/realtime?model=bench", tls=tls)
    return System(way, process.pid, processes=[process])


def nginx(place: Place) -> System:
    port, folder = free_port(), place.new_folder("nginx")
    config = folder / "nginx.conf"
    temporary = "".join(
        f"  {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config.write_text(
        # One process, so that its time is all of its time.
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr crit;\n"
        f"events {{ worker_connections {2 * CALLS_MAX}; }}\n"
        f"http {{\n  access_log off;\n{temporary}"
        f"  server {{\n    listen 127.0.0.1:{port} backlog=2000;\n    location / {{\n"
        f"      proxy_pass http://127.0.0.1:{place.providers.openai};\n      proxy_http_version 1.1;\n"
        "      proxy_set_header Upgrade $http_upgrade;\n      proxy_set_header Connection upgrade;\n"
        "      proxy_read_timeout 1h;\n      proxy_send_timeout 1h;\n    }\n  }\n}\n"
    )
    process = place.run([str(program("nginx")), "-e", "stderr", "-c", str(config)])
    wait_for(port, process)
    return System(Way(f"ws://127.0.0.1:{port}/v1/realtime?model=bench"), process.pid, processes=[process])


# -- Realtime Switch ----------------------------------------------------------------------------------------


class Installation:
    """A data directory with an account and a key, and a business process. A gateway is started by itself."""

    def __init__(
        self, place: Place, provider: str, *, to_provider: bool, to_client: bool, interpreted: bool
    ) -> None:
        self._place = place
        self.folder = place.new_folder("realtime-switch")
        self.port = free_port()
        ports = place.providers
        if provider == "gemini":
            url = f"ws://127.0.0.1:{ports.gemini}{LIVE}"
        elif provider == "gpt-live":
            url = f"ws://127.0.0.1:{ports.gpt_live}/v1/live/sessions"
        elif to_provider:
            url = f"wss://127.0.0.1:{ports.openai_tls}/v1/realtime"
        else:
            url = f"ws://127.0.0.1:{ports.openai}/v1/realtime"
        (self.folder / "realtime-switch.toml").write_text(
            f"[gateway]\ncalls_max = {CALLS_MAX}\ncalls_per_key_max = {CALLS_MAX}\n"
            f'[providers.bench]\ndialect = "{provider}"\nurl = "{url}"\n'
            '[routes.default]\ntargets = ["bench/bench"]\naliases = ["*"]\n'
        )
        self.environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self.environment |= {"LOG_LEVEL": "error", "RTS_INTERPRETED": str(int(interpreted))}
        self._flags: tuple[str, ...] = ()
        if to_provider or to_client:
            assert place.certificate is not None
            self.environment["SSL_CERT_FILE"] = str(place.certificate[0])
        if to_client and place.certificate is not None:
            self._flags = ("--tls-cert", str(place.certificate[0]), "--tls-key", str(place.certificate[1]))
        self._command("account", "create", "bench@example.com", "--topup", str(10**12))
        self.key = self._command("key", "create", "bench@example.com")["key"]

    def _data(self) -> tuple[str, str]:
        return "--data", str(self.folder)

    def _command(self, *words: str) -> dict[str, str]:
        done = subprocess.run(
            [*COMMAND, *words, *self._data(), "--json"], capture_output=True, env=self.environment, text=True
        )
        if done.returncode:
            raise NotStartedError(f"`realtime-switch {' '.join(words[:2])}` failed: {done.stderr.strip()}")
        answer: dict[str, str] = msgspec.json.decode(done.stdout)
        return answer

    def business(self) -> subprocess.Popen[bytes]:
        """On the load's core: its time is not the relay's."""
        return subprocess.Popen(
            [*COMMAND, "business", *self._data()],
            env=self.environment,
            preexec_fn=pinned(self._place.cores.load),
        )

    def gateway(self, *under: str) -> subprocess.Popen[bytes]:
        """`under`: a program that runs it, and that program's arguments."""
        words = [*under, *COMMAND, "gateway", *self._data(), "--port", str(self.port), *self._flags]
        return self._place.run(words, self.environment)


def realtime_switch(
    place: Place,
    *,
    provider: str = "openai",
    client: str = "openai",
    to_provider: bool = False,
    to_client: bool = False,
    interpreted: bool = False,
) -> System:
    """Everything on: key checked, gate, proofs, meter, transcript, records kept and posted.

    `provider`, `client`: their dialects. `to_provider`, `to_client`: with TLS there. `interpreted`: the
    frames' short way in Python instead of compiled.
    """
    here = Installation(
        place, provider, to_provider=to_provider, to_client=to_client, interpreted=interpreted
    )
    business, gateway = here.business(), here.gateway()
    try:
        wait_for(here.port, gateway, "" if to_client else "/readyz")
    except NotStartedError:
        System(Way(""), processes=[gateway, business]).stop()
        raise
    scheme, tls = ("wss", place.trusting()) if to_client else ("ws", None)
    if client == "gemini":
        way = Way(f"{scheme}://127.0.0.1:{here.port}{LIVE}", {"x-goog-api-key": here.key}, GEMINI, tls)
    elif client == "gpt-live":
        url = f"{scheme}://127.0.0.1:{here.port}/v1/live/sessions"
        way = Way(url, {"Authorization": f"Bearer {here.key}"}, GPT_LIVE, tls)
    else:
        url = f"{scheme}://127.0.0.1:{here.port}/v1/realtime?model=default"
        way = Way(url, {"Authorization": f"Bearer {here.key}"}, OPENAI, tls)
    return System(way, gateway.pid, business.pid, [gateway, business])


def public(place: Place) -> Iterator[Candidate]:
    """What can be measured with an installation and public programs: the direct way first, then proxies."""
    yield Candidate("direct", lambda: direct(place))
    if program("haproxy"):
        yield Candidate("haproxy", lambda: haproxy(place))
    if program("nginx"):
        yield Candidate("nginx", lambda: nginx(place))
    yield Candidate("realtime-switch", lambda: realtime_switch(place))
