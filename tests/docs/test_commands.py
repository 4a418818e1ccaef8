"""Every command in README and docs/ is run as it stands there, but for ports, keys, ids and directories.

They are run on one installation in a home of its own, page by page, in their order. What serves is started,
awaited, and asked to stop. Nothing in a block of code is passed over in silence: it is run here, or by the
test that ELSEWHERE names, or it is known to be no command (SHOWN, LANGUAGES).
"""

import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from msgspec import Struct

from doc_pages import PAGES, ROOT, Block, blocks, commands
from realtime_switch.cli.main import Program
from realtime_switch.settings import load
from served import PATIENCE_S, environment, free_port

READY = "is ready|wss?://"

# Not run here, by how they begin: what runs them, and how it names them.
ELSEWHERE = {
    "make test": (".ci/run", "make test"),
    "pip install": ("tests/docs/test_commands.py", "optional-dependencies"),
    "curl http://127.0.0.1:8080/v1/calls/ada-1/switch": (
        "tests/gateway/test_http_calls.py",
        "/v1/calls/{call}/switch",
    ),
    "python bench/relay.py": ("tests/bench/test_smoke.py", "relay.py"),
    "python bench/": ("tests/bench/test_commands.py", "bench"),
}
# Blocks that show what is said, by how they begin.
SHOWN = (
    *(
        "Realtime Switch is ready.",
        "{",
        "address   ws://",
        "Error: ",
        "/ws/google.",
        "OpenAI Realtime: ws://",
    ),
    *("gateway    ", "keep(record, ...)", "DATA/outbox.key"),
)
# What stands behind a fence. Those that are not looked at here: what does.
LANGUAGES = {
    "": "a drawing, or a conversation",
    "toml": "",
    "python": "",
    "json": "shown",
    "xml": "Twilio's own",
    "yaml": "Prometheus' own",
    "js": "clients/",
    "sh restore": "tests/cli/test_backup.py",
    "sh postgresql backup": "tests/cli/test_postgresql.py",
    "sh postgresql restore": "tests/cli/test_postgresql.py",
    "sh partitions": "tests/store/test_partitioned.py",
}
IMPORTS = "from google import genai\nfrom google.genai import types\nfrom openai import AsyncOpenAI\n"


class Home(Struct):
    """One user, in whose home everything lies where it lies by default."""

    path: Path
    port: int
    local_port: int
    key: str = ""
    exported: dict[str, str] = {}
    serving: "subprocess.Popen[bytes] | None" = None
    simulating: "subprocess.Popen[bytes] | None" = None

    @property
    def data(self) -> Path:
        return self.path / ".local/share/realtime-switch"

    @property
    def environ(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = {"HOME": str(self.path), "PATH": path, "RTS_API_KEY": self.key, "PORT": str(self.port)}
        return environment(**own | self.exported)

    def meant(self, line: str) -> str:
        line = line.replace("/tmp/", f"{self.path}/").replace("dir /tmp", f"dir {self.path}")
        line = line.replace(" talk ", f" talk --url ws://127.0.0.1:{self.port} ")
        line = line.replace(":8080", f":{self.port}").replace("9000", str(self.local_port))
        line = line.replace("curl ", "curl -fsS --max-time 20 ").replace("/backups/", f"{self.path}/")
        line = line.replace("rslive_v1_…", self.key).replace("sess_…", "ada-1")
        line = line.replace("python examples/", f"PORT={free_port()} python {ROOT}/examples/")
        line = line.replace("make serve", f"make -C {ROOT} serve ARGS='--port {self.port}'")
        soon = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return line.replace("2026-12-01T12:00:00Z", soon)

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
                ["sh", "-c", f"exec env {self.meant(line)}"],
                cwd=self.path,
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + PATIENCE_S
        while not (found := re.search(until, out.read_text())):
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise AssertionError(f"{line}\n{out.read_text()}")
            time.sleep(0.05)
        return process, found[0]

    def simulate(self, line: str) -> None:
        self.stop_simulating()
        self.simulating, _ = self.start(line)

    def stop_serving(self) -> None:
        serving, self.serving = self.serving, None
        if serving is not None:
            stop(serving)

    def stop_simulating(self) -> None:
        simulating, self.simulating = self.simulating, None
        if simulating is not None:
            stop(simulating)

    def answer_at_a_terminal(self, line: str, asked: str, answer: str) -> str:
        """What it says at a terminal, where it asks for something that nobody is to see."""
        master, slave = pty.openpty()
        try:
            process = subprocess.Popen(
                ["sh", "-c", f"exec 3<>{os.ttyname(slave)}\n{self.meant(line)}"],  # its own, by being opened
                cwd=self.data,
                env=self.environ,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            heard = b""
            while asked.encode() not in heard:
                heard += os.read(master, 1000)
            os.write(master, answer.encode() + b"\n")
            said, _ = process.communicate(timeout=PATIENCE_S)
        finally:
            os.close(master)
            os.close(slave)
        assert process.returncode == 0, line
        return said.decode()


def stop(process: "subprocess.Popen[bytes]") -> None:
    """As Ctrl-C does, which reaches all that a terminal runs; make says of it that it was interrupted."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        assert process.wait(PATIENCE_S) in (0, 2, 130, -signal.SIGINT)
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
        home.stop_simulating()
        home.stop_serving()


def program(example: str) -> str:
    """An example as a program: what is awaited in it stands in a function, and nothing need be imported."""
    inside = textwrap.indent(example, "    ")
    return f"{IMPORTS}import asyncio\nasync def main():\n{inside}\nasyncio.run(main())\n"


def is_run_here(line: str) -> bool:
    return not line.startswith(tuple(ELSEWHERE))


def has_commands(page: Path) -> bool:
    return any(is_run_here(line) for block in blocks(page) if block.is_command for line in commands(block))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "page", [page for page in PAGES if has_commands(page)], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_the_commands_of_a_page_do_what_they_say(page: Path, home: Home) -> None:
    config = "".join(one.text + "\n" for one in blocks(page) if one.language == "toml")
    (home.path / "realtime-switch.toml").write_text(config.replace("9000", str(home.local_port)))
    examples = [one.text for one in blocks(page) if one.language == "python"]
    app = next((one for one in examples if "genai" in one), "")
    for name in ("app.py", "my_app.py"):
        (home.path / name).write_text(home.meant(program(app)))
    for block in blocks(page):
        if block.language == "python" and block.text != app:
            (home.path / "example.py").write_text(home.meant(program(block.text)))
            home.run("python example.py")
        for line in commands(block) if block.is_command else ():
            if is_run_here(line):
                do(line, home)


def do(line: str, home: Home) -> None:
    if line.startswith(("realtime-switch serve", "make serve")):
        home.serve(line)
    elif line.startswith("realtime-switch simulate"):
        home.simulate(line)
    elif "examples/" in line:
        stop(home.start(line)[0])
    elif line.startswith("export "):
        name, _, value = line.removeprefix("export ").partition("=")
        home.exported[name] = home.meant(value)
    elif line.startswith("python -"):
        key = (home.data / "db.key").read_text().strip()
        assert "owner@localhost" in home.answer_at_a_terminal(line, "Password", key)
    else:
        if line == "realtime-switch rekey":
            home.stop_serving()  # as the page says
        home.run(line)


# -- That nothing is left out --------------------------------------------------------------------------------

ALL = [block for page in PAGES for block in blocks(page)]


def test_every_block_is_of_a_known_kind() -> None:
    """A command of a program that is not known yet is found here: it goes into PROGRAMS, in doc_pages.py."""
    indented = [block for block in ALL if block.language is None]
    assert [one for one in indented if one.is_command == one.text.startswith(SHOWN)] == []
    assert {block.language for block in ALL} - {None} == set(LANGUAGES)


def test_what_is_run_elsewhere_is_run_there() -> None:
    told = [line for block in ALL if block.is_command for line in commands(block)]
    for begins, (path, named) in ELSEWHERE.items():
        assert [line for line in told if line.startswith(begins)], f"no page says {begins}"
        assert named in (ROOT / path).read_text(), f"{path} does not run {begins}"


def test_a_block_of_another_kind_is_noticed() -> None:
    assert Block("x.md", None, "RTS_X=1 .venv/bin/realtime-switch nonsense").is_command
    assert not Block("x.md", None, "gateway      business process").is_command
    text = "a 'b\n c' \\\n  d   # said\ne <<'END'\nf\nEND\n.venv/bin/g"
    assert commands(Block("x.md", None, text)) == ["a 'b c'   d", "e <<'END'\nf\nEND", "g"]


INLINE = {
    (page.relative_to(ROOT).as_posix(), found)
    for page in PAGES
    for found in re.findall(r"`((?:realtime-switch|make|\.venv/bin/python) [^`]+)`", page.read_text())
}


@pytest.mark.parametrize(("page", "line"), sorted(INLINE))
def test_a_command_within_a_sentence_is_one(page: str, line: str) -> None:
    """It may leave out what it acts on."""
    name, *words = shlex.split(line)
    if name == "make":
        assert re.search(rf"^{words[0]}:.*##", (ROOT / "Makefile").read_text(), re.MULTILINE), line
    elif name != "realtime-switch":
        assert (ROOT / words[0]).is_file()
    elif words[0] != "COMMAND":
        command: click.Command | None = Program()
        for word in words:
            if isinstance(command, click.Group) and not word.startswith("-"):
                command = command.get_command(click.Context(command), word)
                assert command is not None, f"{page}: {line}"
        assert command is not None
        options = {one for parameter in command.params for one in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options


def test_the_extras_of_the_pages_are_there() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    told = re.findall(r"realtime-switch\[(\w+)\]", "".join(page.read_text() for page in PAGES))
    assert {"otel", "postgres", "local"} <= set(told) <= set(extras)


@pytest.mark.parametrize(
    "block",
    [one for one in ALL if one.language == "toml" and "talk.toml" not in one.text],  # that is a script
    ids=lambda block: f"{block.page}: {block.text.splitlines()[0]}",
)
def test_the_settings_on_a_page_are_good(block: Block, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(block.text)
    load(environ={"RTS_CONFIG": str(tmp_path / "c.toml"), "SUMMARY_KEY": "k"})
