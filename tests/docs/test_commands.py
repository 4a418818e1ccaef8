"""Every command in README and docs/ is run as it stands there, but for ports, keys, ids and directories.

They are run on one installation in a home of its own. What serves is started, awaited, and asked to stop.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from served import PATIENCE_S, environment, free_port

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_LINE = re.compile(r"^(?: {4,}|\$ )((?:[A-Z_]+=\S* )*(?:\.venv/bin/)?(?:realtime-switch|curl|openssl) .*)$")
_TOML = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
READY = "is ready|wss?://"

# Not run here, by how they begin, and why.
ELSEWHERE = {
    "realtime-switch COMMAND": "no command",
    "realtime-switch bench": "takes a minute: tests/bench runs it small",
    "realtime-switch rekey": "wants every process to be stopped: tests/cli/test_rekey.py",
    "realtime-switch link keys": "tests/cli and tests/faults",
    "curl http://127.0.0.1:8080/v1/calls/ada-1/switch": "wants a call: tests/gateway/test_http_calls.py",
    "curl http://127.0.0.1:8080/v1beta/auth_tokens": "in JSON over lines: tests/gateway",
    "curl http://127.0.0.1:8080/v1/realtime/client_secrets": "in JSON over lines: tests/gateway",
}


def commands(page: Path) -> list[str]:
    """With the lines that go on after a backslash, without the comment behind."""
    text = page.read_text().replace("\\\n", " ")
    found = [match[1] for line in text.splitlines() if (match := _LINE.match(line))]
    plain = [re.sub(r"\s{2,}#.*$", "", line).removeprefix(".venv/bin/") for line in found]
    return [line for line in plain if not line.startswith(tuple(ELSEWHERE))]


class Home(Struct):
    """One user, in whose home everything lies where it lies by default."""

    path: Path
    port: int
    local_port: int
    key: str = ""
    serving: "subprocess.Popen[bytes] | None" = None

    @property
    def environ(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return environment(HOME=str(self.path), PATH=path, RTS_API_KEY=self.key, PORT=str(self.port))

    def meant(self, line: str) -> str:
        line = line.replace(" talk ", f" talk --url ws://127.0.0.1:{self.port} ")
        line = line.replace(":8080", f":{self.port}").replace("9000", str(self.local_port))
        line = line.replace("curl ", "curl -fsS --max-time 20 ").replace("/backups/", f"{self.path}/")
        line = line.replace("rslive_v1_…", self.key).replace("sess_…", "ada-1")
        return line.replace("dir /tmp", f"dir {self.path}")

    def run(self, line: str) -> str:
        done = subprocess.run(
            ["sh", "-c", self.meant(line)],
            cwd=self.path,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def serve(self, line: str, until: str = READY) -> str:
        """In the place of what serves already. What `until` has found in its words."""
        self.stop_serving()
        self.serving, found = self.start(line, until)
        return found

    def start(self, line: str, until: str = READY) -> "tuple[subprocess.Popen[bytes], str]":
        out = self.path / "out"
        with out.open("w") as log:
            process = subprocess.Popen(
                ["sh", "-c", f"exec {self.meant(line)}"],
                cwd=self.path,
                env=self.environ,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + PATIENCE_S
        while not (found := re.search(until, out.read_text())):
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise AssertionError(f"{line}\n{out.read_text()}")
            time.sleep(0.05)
        return process, found[0]

    def stop_serving(self) -> None:
        serving, self.serving = self.serving, None
        if serving is not None:
            stop(serving)


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path, free_port(), free_port())
    try:
        home.key = home.serve("realtime-switch serve", "rslive_v1_[0-9a-f]{48}")
        assert "Ada" in home.run('realtime-switch talk --session ada-1 --text "My name is Ada."')
        yield home
    finally:
        home.stop_serving()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if commands(page)], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_the_commands_of_a_page_do_what_they_say(page: Path, home: Home) -> None:
    config = "".join(_TOML.findall(page.read_text())).replace("9000", str(home.local_port))
    (home.path / "realtime-switch.toml").write_text(config)
    beside = None
    try:
        for line in commands(page):
            if line.startswith("realtime-switch serve"):
                home.serve(line)
            elif line.startswith("realtime-switch simulate"):
                if beside is not None:
                    stop(beside)
                beside, _ = home.start(line)
            else:
                home.run(line)
    finally:
        if beside is not None:
            stop(beside)


def test_each_page_is_read() -> None:
    assert commands(ROOT / "docs" / "tutorial.md")[0] == "realtime-switch serve"
    assert len([page for page in PAGES if commands(page)]) >= 7
