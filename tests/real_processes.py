"""A whole installation of real processes, callers that talk to it, and somebody who kills at random instants.

Truth has two witnesses. Callers write down every `response.done` that they saw. The local provider
counts what it said (`/stats`). The ledger must hold at least the first and at most the second.
"""

import asyncio
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import websockets
from msgspec import Struct

from realtime_switch.business.audit import findings
from realtime_switch.business.main import open_from
from realtime_switch.business.repos import Account, Entry, Repos
from realtime_switch.settings import Flags, load

COMMAND = (sys.executable, "-m", "realtime_switch")
TOKENS = 100_000_000
START_S = 30
STOP_S = 30


class Program:
    """One process, started again as often as a test likes. Its log grows over all its lives."""

    def __init__(
        self,
        site: "Site",
        name: str,
        *words: str,
        pass_fds: tuple[int, ...] = (),
        before: Sequence[str] = (),
        **env: str,
    ) -> None:
        """`before`: a command that becomes ours, as `ip netns exec` does."""
        self.name = name
        self.kills = 0
        self.file_bytes_max: int | None = None  # as on a disk that is full: no file may grow over it
        self._command = [*before, *COMMAND, *words]
        self._log = site.data / f"{name}.log"
        self._pass_fds = pass_fds
        self._env = {**site.environ, **env}
        self._process: subprocess.Popen[bytes] | None = None
        self._born_at = 0  # bytes of log of its former lives

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._born_at = log.tell()
            self._process = subprocess.Popen(
                self._limited(), stdout=log, stderr=log, env=self._env, pass_fds=self._pass_fds
            )

    def wait_until_ready(self) -> None:
        """How long a process takes to start is the machine's affair, not a fault that a test is about."""
        deadline = time.monotonic() + START_S
        while not re.search(rb"\bready\b", self._log.read_bytes()[self._born_at :]):
            assert self._process is None or self._process.poll() is None, (
                f"{self.name} ended: {self.log[-3000:]}"
            )
            assert time.monotonic() < deadline, f"{self.name} is not ready: {self.log[-3000:]}"
            time.sleep(0.02)

    def _limited(self) -> list[str]:
        if self.file_bytes_max is None:
            return self._command
        return ["/bin/sh", "-c", f'ulimit -f {self.file_bytes_max // 512}; exec "$@"', "sh", *self._command]

    def let_no_file_grow(self, more: int) -> None:
        """From now on, but for so many bytes over the longest of outbox and log, until it is killed."""
        assert self._process is not None
        longest = max(path.stat().st_size for path in (*self._log.parent.rglob("*.outbox"), self._log))
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (longest + more, longest + more))

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} ended by itself: {self.log[-3000:]}"
        self._process.kill()
        self._process.wait()
        self._process = None
        self.kills += 1

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """As an operator does; it must end by itself, and well."""
        if self._process is None:
            return
        self.wait_until_ready()  # before that a SIGTERM just ends it
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(STOP_S)
        self._process = None
        assert code == 0, f"{self.name} ended with {code}: {self.log[-3000:]}"

    def end(self) -> None:
        """Whatever state a failed test left it in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Books(Struct):
    """What the database holds at the end."""

    bills: dict[str, int]  # response id to tokens
    account: Account
    entries: list[Entry]
    credits_posted: int
    conversations: dict[str, str]


class Site:
    """Whatever stands where: a provider, business processes and gateways, and one database behind them."""

    def __init__(self, data: Path, database_url: str) -> None:
        self.data = data
        self.environ = {k: v for k, v in os.environ.items() if k not in ("OPENAI_API_KEY", "GEMINI_API_KEY")}
        if database_url:
            self.environ["DATABASE_URL"] = database_url
        self.businesses: list[Program] = []
        self.gateways: list[Program] = []

    def start_provider(self, *words: str) -> str:
        """Its address."""
        self.provider = Program(self, "provider", "simulate", "--pace", "1000", *words)
        self.provider.start()
        url = self._address_of_provider()
        self.stats_url = f"http://{url.split('/')[2]}/stats"
        return url

    def command(self, *words: str) -> Any:
        done = subprocess.run(
            [*COMMAND, *words, "--json", "--data", str(self.data)], env=self.environ, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()
        return msgspec.json.decode(done.stdout)

    def text(self, *words: str) -> str:
        done = subprocess.run(
            [*COMMAND, *words, "--data", str(self.data)], env=self.environ, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def open_account(self, tokens: int = TOKENS) -> str:
        self.command("account", "create", "caller@example.org", "--tokens", str(tokens))
        key: str = self.command("key", "create", "caller@example.org")["key"]
        return key

    def start(self) -> None:
        for program in (*self.businesses, *self.gateways):
            program.start()
        for program in (*self.businesses, *self.gateways):
            program.wait_until_ready()

    def stop(self) -> None:
        """Gateways first: what they hold finds the business process alive."""
        for program in (*self.gateways, *self.businesses):
            program.stop()

    def end(self) -> None:
        for program in (*self.gateways, *self.businesses, self.provider):
            program.end()

    def url(self, number: int) -> str:
        """Of a gateway, for OpenAI's clients."""
        raise NotImplementedError

    def stats(self) -> dict[str, int]:
        with urllib.request.urlopen(self.stats_url, timeout=10) as answer:
            stats: dict[str, int] = msgspec.json.decode(answer.read())
        return stats

    def said_by_provider(self) -> tuple[int, int]:
        """Responses and their tokens."""
        stats = self.stats()
        return stats["responses"], stats["input_tokens"] + stats["output_tokens"]

    def outbox(self) -> list[Path]:
        return sorted(self.data.rglob("*.outbox"))

    def logs(self) -> str:
        return "".join(program.log for program in (*self.gateways, *self.businesses))

    async def books(self) -> Books:
        environ = {k: v for k, v in self.environ.items() if k == "DATABASE_URL"}
        database = open_from(load(Flags(data=self.data), environ), create=False)
        try:
            return await database.read(_read_books)
        finally:
            await database.close()

    def _address_of_provider(self) -> str:
        deadline = time.monotonic() + 20
        while (found := re.search(r"ws://\S+", self.provider.log)) is None:
            assert time.monotonic() < deadline, self.provider.log
            time.sleep(0.02)
        return found[0]


class Plant(Site):
    """All on one data directory; the doors are ours, so that ports stay."""

    def __init__(self, data: Path, gateways: int = 2, database_url: str = "", config: str = "") -> None:
        """On PostgreSQL there are two business processes, one of them over tcp as if far away."""
        super().__init__(data, database_url)
        (data / "realtime-switch.toml").write_text(config)
        self.businesses = [Program(self, "business", "business", "--data", str(data))]
        if database_url:
            self.businesses.append(self._far_business(data))
        provider_url = self.start_provider()
        self.doors = [_door() for _ in range(gateways)]
        self.gateways = [
            Program(
                self,
                f"gateway-{number}",
                *("gateway", "--data", str(data), "--fd", str(door.fileno()), "--local-url", provider_url),
                pass_fds=(door.fileno(),),
            )
            for number, door in enumerate(self.doors, 1)
        ]

    def end(self) -> None:
        super().end()
        for door in self.doors:
            door.close()

    def url(self, number: int) -> str:
        return f"ws://127.0.0.1:{self.doors[number].getsockname()[1]}/v1/realtime"

    def _far_business(self, data: Path) -> Program:
        self.command("link", "keys")
        far = data / "far"
        far.mkdir()
        (data / "link-business.key").rename(far / "link-business.key")
        with socket.create_server(("127.0.0.1", 0)) as found:
            address = f"tcp://127.0.0.1:{found.getsockname()[1]}"
        near = load(Flags(data=data), {}).link_address
        (far / "realtime-switch.toml").write_text(f'[link]\nsocket_path = "{address}"\n')
        with (data / "realtime-switch.toml").open("a") as file:
            file.write(f'[link]\nbusiness = ["{near}", "{address}"]\n')
        return Program(self, "far-business", "business", "--data", str(far))


def _read_books(repos: Repos) -> Books:
    [account] = repos.accounts.list()
    connection: Any = repos.usage._connection  # type: ignore[attr-defined]
    rows = connection.exec_driver_sql("SELECT response_id, total_tokens FROM usage_metrics").all()
    assert len({row[0] for row in rows}) == len(rows), "a response was billed twice"
    found = {s.session_id: repos.sessions.find(account.id, s.session_id) for s in repos.sessions.list()}
    return Books(
        bills={row[0]: row[1] for row in rows},
        account=account,
        entries=repos.accounts.entries(account.id),
        credits_posted=repos.usage.credits_posted(account.id),
        conversations={session: conversation[2] for session, conversation in found.items() if conversation},
    )


@contextmanager
def a_plant(**options: Any) -> Iterator[Plant]:
    # Not tmp_path: the link's socket is in it, whose path has 107 bytes.
    with tempfile.TemporaryDirectory(prefix="rs-") as directory:
        plant = Plant(Path(directory), **options)
        try:
            yield plant
        finally:
            plant.end()


# -- Load ------------------------------------------------------------------------------------------------


class Caller:
    """One user who keeps talking, and calls again whenever the line breaks."""

    PATIENCE_S = 20.0  # with an answer; then the line must be dead

    def __init__(self, site: Site, key: str, number: int, dice: random.Random) -> None:
        self.session_id = f"session-{number}"
        self.seen: dict[str, int] = {}  # response id to tokens, of every response.done that reached us
        self.finished: list[int] = []  # numbers of the turns whose response.done reached us
        self.endings: list[str] = []  # errors that we were told
        self.cut_off: list[int] = []  # numbers of the turns whose answer had begun and did not end
        self._site = site
        self._key = key
        self._dice = dice
        self._numbers = count(1)

    async def talk(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._call(stop)
            except (OSError, websockets.WebSocketException, TimeoutError) as error:
                self.endings.append(f"{type(error).__name__}: {error}")
                await asyncio.sleep(self._dice.uniform(0.02, 0.2))

    def door(self) -> int:
        """The number of the gateway to call now."""
        return self._dice.randrange(len(self._site.gateways))

    async def _call(self, stop: asyncio.Event) -> None:
        url = self._site.url(self.door())
        headers = {"Authorization": f"Bearer {self._key}"}
        async with websockets.connect(
            f"{url}?model=m&session_id={self.session_id}",
            additional_headers=headers,
            compression=None,
            open_timeout=min(self.PATIENCE_S, 15),
            close_timeout=2,
            ping_interval=None,
        ) as line:
            await line.send(
                '{"type":"session.update","session":{"type":"realtime","output_modalities":["text"]}}'
            )
            await self._greet(line)
            while not stop.is_set():
                await self._turn(line)

    async def _greet(self, line: Any) -> None:
        """What is said first of all, if anything is."""

    async def _turn(self, line: Any) -> None:
        number = next(self._numbers)
        await self._ask(line, f"#{number}", number)
        self.finished.append(number)

    async def _ask(self, line: Any, text: str, number: int = 0) -> str:
        """What the agent says to that."""
        begun = False
        said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await line.send(msgspec.json.encode({"type": "conversation.item.create", "item": said}).decode())
        await line.send('{"type":"response.create"}')
        async with asyncio.timeout(self.PATIENCE_S):
            while True:
                try:
                    event = msgspec.json.decode(await line.recv())
                except websockets.ConnectionClosed:
                    self.cut_off += [number] * begun
                    raise
                begun |= event["type"] == "response.created"
                if event["type"] == "error":
                    self.endings.append(event["error"]["message"])
                if event["type"] == "response.done":
                    response = event["response"]
                    self.seen[response["id"]] = response["usage"]["total_tokens"]
                    parts = [part for item in response["output"] for part in item["content"]]
                    return "".join(part["text"] for part in parts)


async def talk_while(plant: Plant, key: str, seed: int, work: Any, callers: int = 4) -> list[Caller]:
    users = [Caller(plant, key, number, random.Random(seed * 100 + number)) for number in range(callers)]
    await all_talk(users, work)
    return users


async def all_talk(users: Sequence[Caller], work: Any) -> None:
    """They talk until `work` is done; then they finish their sentence."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for user in users:
            group.create_task(user.talk(stop))
        try:
            await work
        finally:
            stop.set()


async def kill_at_random(victims: list[Program], kills: int, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(kills):
        await asyncio.sleep(dice.uniform(0.3, 1.5))
        victim = dice.choice(victims)
        victim.kill()
        await asyncio.sleep(dice.choice((0.0, 0.1, 0.7)))
        victim.start()
    for victim in victims:
        await asyncio.to_thread(victim.wait_until_ready)
    await asyncio.sleep(1.5)


# -- What must hold --------------------------------------------------------------------------------------


async def check(site: Site, users: Sequence[Caller], *, gateways_were_killed: bool) -> Books:
    """Stops everything: what is left in the outbox is delivered by then, and nothing may be."""
    responses, tokens = site.said_by_provider()
    site.stop()
    books = await site.books()
    seen = {i: t for user in users for i, t in user.seen.items()}
    assert seen, [user.endings[-3:] for user in users]
    assert site.outbox() == [], site.logs()[-6000:]
    assert {i: books.bills.get(i) for i in seen} == seen, "what reached a caller is billed, to the token"
    assert len(books.bills) <= responses
    assert sum(books.bills.values()) <= tokens, "nothing is billed that the provider did not say"
    if not gateways_were_killed:
        assert (len(books.bills), sum(books.bills.values())) == (responses, tokens)
    assert list(findings(books.account, books.entries, books.credits_posted)) == []
    assert TOKENS - books.account.credits == sum(books.bills.values())
    for user in users:
        told = [int(n) for n in re.findall(r"user: #(\d+)", books.conversations.get(user.session_id, ""))]
        assert told == sorted(set(told)), "what was said is kept once and in order"
        # A turn is whole when the next has begun: then the caller has its answer and has gone on.
        assert set(user.finished) <= set(told), f"{user.session_id} lost turns"
    assert "Traceback" not in site.logs()
    return books


def _door() -> socket.socket:
    door = socket.create_server(("127.0.0.1", 0), backlog=100)
    door.setblocking(False)
    return door
