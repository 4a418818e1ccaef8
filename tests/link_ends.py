"""What the tests of the link share: a service that writes down what it hears, and ends of a link."""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import zmq.asyncio

from realtime_switch.accounts.questions import (
    Answer,
    Question,
    Said,
    SessionFacts,
    SessionWhole,
    UsageTotals,
)
from realtime_switch.accounts.records import (
    Balance,
    Grant,
    Passage,
    Posted,
    Refusal,
    SavedConfig,
    SwitchCause,
    Switched,
    UsageRecord,
)
from realtime_switch.link import envelope
from realtime_switch.link.client import LinkClient
from realtime_switch.link.keys import Keys
from realtime_switch.link.server import LinkServer

GRANT = Grant(
    account_id="a1", session_id="s1", credits=42, config='{"voice":"alloy"}', history="user: مرحبا 👋\n"
)
POSTED = Posted(balances=(Balance(account_id="a1", credits=-3),), unknown=("r9",))

SESSION = SessionWhole(
    session=SessionFacts(
        id="s1", began_us=1, updated_us=2, has_config=True, chars=3, credits=4, preview="مرحبا 👋"
    ),
    config='{"voice":"alloy"}',
    usage=UsageTotals(credits=4),
    usage_by_provider=(UsageTotals(groups=("openai",), credits=4),),
    switches=(),
    said=(Said(number=1, id="p1", text="user: مرحبا 👋\n", born_us=5),),
    more=False,
)


class Notebook:
    """An AccountService that keeps `begun` and `ended`; what is in `held` waits until `let_go`."""

    def __init__(self) -> None:
        self.begun: list[object] = []
        self.ended: list[object] = []
        self.held: set[object] = set()
        self.errors: dict[object, Exception] = {}
        self.answer: Grant | Refusal = GRANT
        self._let_go = asyncio.Event()

    async def validate_and_load(self, key_hash: str, session_id: str) -> Grant | Refusal:
        await self._do((key_hash, session_id))
        return self.answer

    async def get_credits(self, account_id: str) -> int:
        await self._do(account_id)
        return 42

    async def update_usage(self, records: Sequence[UsageRecord]) -> Posted:
        await self._do(tuple(records))
        return POSTED

    async def save_session(self, saved: SavedConfig) -> None:
        await self._do(saved)

    async def append_conversation(self, parts: Sequence[Passage | Switched]) -> None:
        await self._do(tuple(parts))

    async def ask(self, key_hash: str, question: Question) -> Answer | Refusal:
        await self._do((key_hash, question))
        return self.answer if isinstance(self.answer, Refusal) else SESSION

    def let_go(self) -> None:
        self.held.clear()
        self._let_go.set()

    async def _do(self, what: object) -> None:
        self.begun.append(what)
        if what in self.held:
            await self._let_go.wait()
        if what in self.errors:
            raise self.errors[what]
        self.ended.append(what)


def passage(number: int, session_id: str = "s1") -> Passage:
    return Passage(id=f"p{number}", account_id="a1", session_id=session_id, text=f"agent: {number}\n")


def switched(number: int, session_id: str = "s1") -> Switched:
    return Switched(
        id=f"w{number}",
        account_id="a1",
        session_id=session_id,
        from_provider="openai",
        from_model="gpt-realtime",
        to_provider="gemini",
        to_model="flash",
        cause=SwitchCause.STALLED,
        silent_us=1_500_000,
        attempts=2,
        born_us=number,
    )


@contextmanager
def an_address() -> Iterator[str]:
    # Not tmp_path: a socket's path has 107 bytes, and pytest's names are long.
    directory = tempfile.mkdtemp(prefix="rs-")
    try:
        yield f"ipc://{directory}/link"
    finally:
        shutil.rmtree(directory)


@asynccontextmanager
async def a_server(address: str, service: object, **options: object) -> AsyncIterator[LinkServer]:
    server = LinkServer(address, service, **options)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def a_client(
    address: str, timeout_ms: int = 20_000, keys: Keys | None = None
) -> AsyncIterator[LinkClient]:
    client = LinkClient(address, timeout_ms=timeout_ms, keys=keys)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def a_raw_socket(kind: int) -> AsyncIterator[zmq.asyncio.Socket]:
    """For what our own ends would never send."""
    context = zmq.asyncio.Context()
    socket = context.socket(kind)
    try:
        yield socket
    finally:
        context.destroy(linger=0)


@asynccontextmanager
async def a_bare_server(address: str) -> AsyncIterator[zmq.asyncio.Socket]:
    async with a_raw_socket(zmq.ROUTER) as router:
        router.bind(address)
        yield router


async def welcome(router: zmq.asyncio.Socket) -> bytes:
    """Greet one client as a business process would; its routing id."""
    peer, data = await router.recv_multipart()
    hello = envelope.decode_request(data)
    assert isinstance(hello, envelope.Hello)
    await answer(router, peer, envelope.Welcome(id=hello.id, version=envelope.VERSION, boot="b1"))
    return peer


async def question(router: zmq.asyncio.Socket) -> envelope.Request:
    _, data = await router.recv_multipart()
    return envelope.decode_request(data)


async def answer(router: zmq.asyncio.Socket, peer: bytes, reply: envelope.Reply) -> None:
    await router.send_multipart([peer, envelope.encode(reply)])


async def until(condition: Callable[[], bool], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


@contextmanager
def a_server_process(address: str) -> Iterator[subprocess.Popen[bytes]]:
    """A business process that never answers get_credits("never"); ready when this returns."""
    process = subprocess.Popen([sys.executable, Path(__file__), address], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        while (line := process.stdout.readline()) != b"ready\n":
            assert line, "the server process died"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def _serve(address: str) -> None:
    notebook = Notebook()
    notebook.held = {"never"}
    async with a_server(address, notebook):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
