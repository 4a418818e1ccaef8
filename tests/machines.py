"""Machines of one installation, each with a business process and a gateway, that can be struck down whole.

Where the kernel lets us, a machine is a network namespace with a cable of its own to a bridge: when it is
struck its cable is cut first, so nobody hears a goodbye from it. Where not, it is a loopback address, and the
kernel says goodbye for processes that die.
"""

import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from real_postgres import SETTINGS, running_postgres
from real_processes import Program, Site

LINK_PORT, GATEWAY_PORT = 7000, 8080


class Network:
    """Addresses for machines: loopback's."""

    kind = "loopback addresses"
    hub = "127.0.0.1"  # where database, provider and callers are

    def address(self, number: int) -> str:
        return f"127.0.0.{number + 1}"

    def port(self, number: int, wish: int) -> int:
        """Others may be on the same loopback."""
        with socket.create_server((self.address(number), 0)) as found:
            port: int = found.getsockname()[1]
        return port

    def within(self, number: int) -> tuple[str, ...]:
        """What runs a command on the machine."""
        return ()

    def cut(self, number: int) -> None:
        """From now on nothing comes from there."""

    def forget(self, number: int) -> None:
        """When all has died that ran there: a machine that starts remembers no connection."""

    def build_machine(self, number: int) -> None: ...


class Namespaces(Network):
    kind = "network namespaces"

    def __init__(self, machines: int, net: int) -> None:
        self._mark = f"rs{os.getpid()}"
        self._net = f"198.18.{net}"  # 198.18.0.0/15 is set aside for tests (RFC 2544)
        self.hub = f"{self._net}.1"
        self._machines = range(1, machines + 1)
        self._bridge = f"{self._mark}b"

    def address(self, number: int) -> str:
        return f"{self._net}.{number + 1}"

    def port(self, number: int, wish: int) -> int:
        return wish

    def within(self, number: int) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self._name(number))

    def cut(self, number: int) -> None:
        _ip("link", "set", self._cable(number), "down")

    def forget(self, number: int) -> None:
        _ip(
            "link", "delete", self._cable(number)
        )  # a namespace lives on while its kernel has goodbyes to say
        _ip("netns", "delete", self._name(number))

    def build(self) -> None:
        _ip("link", "add", self._bridge, "type", "bridge")
        _ip("address", "add", f"{self.hub}/24", "dev", self._bridge)
        _ip("link", "set", self._bridge, "up")
        for number in self._machines:
            self.build_machine(number)
        self._try(1, 2)

    def build_machine(self, number: int) -> None:
        name, here = self._name(number), self._cable(number)
        _ip("netns", "add", name)
        _ip("link", "add", here, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", here, "master", self._bridge)
        _ip("link", "set", here, "up")
        _ip("-netns", name, "link", "set", "lo", "up")
        _ip("-netns", name, "address", "add", f"{self.address(number)}/24", "dev", "eth0")
        _ip("-netns", name, "link", "set", "eth0", "up")

    def tear_down(self) -> None:
        """Whatever there is of it."""
        for number in self._machines:
            subprocess.run(["ip", "link", "delete", self._cable(number)], capture_output=True)
            subprocess.run(["ip", "netns", "delete", self._name(number)], capture_output=True)
        subprocess.run(["ip", "link", "delete", self._bridge], capture_output=True)

    def _name(self, number: int) -> str:
        return f"{self._mark}-{number}"

    def _cable(self, number: int) -> str:
        return f"{self._mark}c{number}"

    def _try(self, one: int, other: int) -> None:
        """A packet from one to the other, also where a firewall looks at what crosses a bridge."""
        reach = (
            f"import socket; s = socket.socket(); s.settimeout(2); s.connect(('{self.address(other)}', 9))"
        )
        done = subprocess.run(
            [*self.within(one), sys.executable, "-c", reach], capture_output=True, text=True
        )
        if "Connection refused" not in done.stderr:  # nobody listens there, and it is told so
            raise _NotPermitted(f"machines do not reach each other: {done.stderr[-200:].strip()}")


class _NotPermitted(Exception):
    pass


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise _NotPermitted(f"ip {' '.join(words)}: {done.stderr.strip()}")


@contextmanager
def a_network(machines: int) -> Iterator[Network]:
    """Namespaces, or, with a word why, loopback addresses."""
    if shutil.which("ip") is None:
        print("no namespaces, because iproute2 is not installed")  # noqa: T201
        yield Network()
        return
    network = Namespaces(machines, net=os.getpid() % 254 + 1)
    try:
        try:
            network.build()
        except _NotPermitted as error:
            print(f"no namespaces, because of {error}")  # noqa: T201
            yield Network()
        else:
            yield network
    finally:
        network.tear_down()


class Machine:
    def __init__(self, site: "Machines", number: int) -> None:
        self._network, self.number = site.network, number
        self.data = site.data / f"machine-{number}"
        self.data.mkdir(mode=0o700)
        self.address = site.network.address(number)
        self.link = f"tcp://{self.address}:{site.network.port(number, LINK_PORT)}"
        self.port = site.network.port(number, GATEWAY_PORT)
        for key in ("link-business.key", "link-gateway.key"):
            shutil.copy(site.data / key, self.data / key)

    def programs(self, site: "Machines", links: list[str], provider_url: str) -> tuple[Program, Program]:
        named = ", ".join(f'"{link}"' for link in links)
        config = f'[link]\nsocket_path = "{self.link}"\nbusiness = [{named}]\n'
        (self.data / "realtime-switch.toml").write_text(config)
        before, where = self._network.within(self.number), ("--data", str(self.data))
        at = ("--host", self.address, "--port", str(self.port))
        self.business = Program(site, f"business-{self.number}", "business", *where, before=before)
        self.gateway = Program(
            site,
            f"gateway-{self.number}",
            *("gateway", *where, *at, "--local-url", provider_url),
            before=before,
        )
        return self.business, self.gateway

    def strike(self) -> None:
        """As a power cut does, but for the disk: nobody says goodbye."""
        self._network.cut(self.number)
        for program in (self.gateway, self.business):
            program.kill()
        self._network.forget(self.number)

    def come_back(self) -> None:
        self._network.build_machine(self.number)
        for program in (self.business, self.gateway):
            program.start()
        for program in (self.business, self.gateway):
            program.wait_until_ready()


class Machines(Site):
    def __init__(self, data: Path, network: Network, machines: int, database_url: str) -> None:
        super().__init__(data, database_url)
        self.network = network
        self.command("link", "keys")
        provider_url = self.start_provider("--host", network.hub)
        self.machines = [Machine(self, number) for number in range(1, machines + 1)]
        links = [machine.link for machine in self.machines]
        for machine in self.machines:
            business, gateway = machine.programs(self, links, provider_url)
            self.businesses.append(business)
            self.gateways.append(gateway)

    def strike_one(self) -> None:
        """At the worst moment: in the middle of a transaction that has changed the account's purse."""
        deadline = time.monotonic() + 20
        for machine in itertools.cycle(self.machines):
            machine.business.pause()
            if self._purse_stays_locked():
                machine.strike()
                self.struck = machine
                return
            machine.business.go_on()
            assert time.monotonic() < deadline, "nobody writes"
            time.sleep(0.003)

    def _purse_stays_locked(self) -> bool:
        """By who stands still: the others let go of it sooner."""
        with psycopg.connect(self.environ["DATABASE_URL"], autocommit=True) as connection:
            end = time.monotonic() + 0.1
            while time.monotonic() < end:
                if connection.execute("SELECT 1 FROM accounts FOR UPDATE SKIP LOCKED").fetchone():
                    return False
        return True

    def url(self, number: int) -> str:
        machine = self.machines[number]
        return f"ws://{machine.address}:{machine.port}/v1/realtime"


@contextmanager
def machines_on(network: Network, count: int) -> Iterator[Machines]:
    """With a PostgreSQL beside them that all reach by its address."""
    port = network.port(0, 5432)
    with running_postgres({**SETTINGS, "listen_addresses": network.hub, "port": str(port)}) as server:
        server.admit_neighbours()
        database_url = f"postgresql://postgres@{network.hub}:{port}/{server.new_database()}"
        with tempfile.TemporaryDirectory(prefix="rs-") as folder:
            site = Machines(Path(folder), network, count, database_url)
            try:
                yield site
            finally:
                site.end()
