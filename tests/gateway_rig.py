"""A gateway in this process, on loopback, with a provider that does exactly what a test says."""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import websockets
from msgspec import Struct
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import Server, ServerConnection

from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.accounts.keys import hash_key
from realtime_switch.accounts.questions import (
    AboutAccount,
    AccountFacts,
    Answer,
    KeyFacts,
    Question,
    TokenUsed,
    UseToken,
)
from realtime_switch.accounts.records import (
    Balance,
    Grant,
    Passage,
    Posted,
    Refusal,
    SavedConfig,
    Switched,
    UsageRecord,
)
from realtime_switch.accounts.service import AccountService
from realtime_switch.dialects.profile import Profile
from realtime_switch.gateway.main import Gateway, Watched
from realtime_switch.gateway.switchboard import Bounds
from realtime_switch.outbox.shelf import open_shelf
from realtime_switch.providers.endpoint import Capabilities, DialectName, Endpoint, Provider
from realtime_switch.providers.routes import Route, Routes, Target
from realtime_switch.secret import Secret
from realtime_switch.traces import Traces

T = TypeVar("T")

KEY = "rslive_v1_" + "0a" * 24
OTHER_KEY = "rslive_v1_" + "0b" * 24
POOR_KEY = "rslive_v1_" + "0c" * 24
PROVIDER_KEY = "sk-provider-0123456789"
SIGNING_KEY = b"s" * 32
METRICS_TOKEN = "t" * 64

CREATED = {
    "type": "session.created",
    "event_id": "event_1",
    "session": {"type": "realtime", "object": "realtime.session", "id": "sess_up", "model": "m"},
}


def text(message: object) -> str:
    return msgspec.json.encode(message).decode()


def done(reply: str = "resp_1", tokens: int = 10) -> dict[str, Any]:
    usage = {"total_tokens": tokens, "input_tokens": tokens - 1, "output_tokens": 1}
    return {
        "type": "response.done",
        "event_id": f"e_{reply}",
        "response": {"id": reply, "status": "completed", "usage": usage},
    }


def begun(reply: str = "resp_1") -> dict[str, Any]:
    return {
        "type": "response.created",
        "event_id": f"c_{reply}",
        "response": {"id": reply, "status": "in_progress", "conversation_id": "c"},
    }


class Books:
    """The six verbs over dicts. What a test wants to go wrong, it puts into `failures`."""

    def __init__(self) -> None:
        self.credits = {"a1": 1_000_000, "poor": 0}
        self.keys = {hash_key(KEY): "a1", hash_key(OTHER_KEY): "a1", hash_key(POOR_KEY): "poor"}
        self.bills: dict[str, UsageRecord] = {}
        self.writes = 0
        self.said: dict[str, str] = {}
        self.switches: list[Switched] = []
        self.configs: dict[str, str] = {}
        self.token_uses: list[UseToken] = []
        self.questions = 0
        self.failures: list[RealtimeSwitchError] = []
        self.open = asyncio.Event()  # closed, the business process is slow
        self.open.set()

    async def _answer(self) -> None:
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)

    async def validate_and_load(self, key_hash: str, session_id: str) -> Grant | Refusal:
        self.questions += 1
        await self._answer()
        account_id = self.keys.get(key_hash)
        if account_id is None:
            return Refusal(code=ErrorCode.EXTERNAL_INVALID_AUTH, message="Incorrect API key provided.")
        if self.credits[account_id] <= 0:
            return Refusal(code=ErrorCode.EXTERNAL_NO_CREDITS, message="The account has no credits left.")
        return Grant(
            account_id=account_id,
            session_id=session_id,
            credits=self.credits[account_id],
            config=self.configs.get(session_id),
            history=self.said.get(session_id, ""),
        )

    async def get_credits(self, account_id: str) -> int:
        await self._answer()
        return self.credits.get(account_id, 0)

    async def update_usage(self, records: Sequence[UsageRecord]) -> Posted:
        await self._answer()
        self.writes += 1
        for record in records:
            if record.id not in self.bills:
                self.bills[record.id] = record
                self.credits[record.account_id] -= record.tokens.total
        accounts = {record.account_id for record in records}
        return Posted(
            balances=tuple(Balance(account_id=a, credits=self.credits[a]) for a in sorted(accounts))
        )

    async def save_session(self, saved: SavedConfig) -> None:
        await self._answer()
        self.configs[saved.session_id] = saved.config

    async def ask(self, key_hash: str, question: Question) -> Answer | Refusal:
        """Of the account and of tokens; what is remembered is asked of the real service,
        test_http_sessions.py."""
        self.questions += 1
        await self._answer()
        account_id = self.keys.get(key_hash)
        if account_id is None:
            return Refusal(code=ErrorCode.EXTERNAL_INVALID_AUTH, message="Incorrect API key provided.")
        if isinstance(question, UseToken):
            begun = sum(one.token_id == question.token_id and not one.goes_on for one in self.token_uses)
            if not question.goes_on and begun >= question.uses:
                return Refusal(code=ErrorCode.EXTERNAL_TOKEN_SPENT, message="Spent.")
            self.token_uses.append(question)
            return TokenUsed(token_id=question.token_id)
        assert isinstance(question, AboutAccount)
        return AccountFacts(
            id=account_id,
            email=f"{account_id}@example.com",
            plan_name="Free",
            plan_credits=self.credits[account_id],
            topup_credits=0,
            status="active",
            created_us=1_700_000_000_000_000,
            key=KeyFacts(
                indicator="rsliv...a0a0a",
                label="",
                created_us=1_700_000_000_000_000,
                expires_us=None,
                last_used_us=None,
            ),
        )

    async def append_conversation(self, parts: Sequence[Passage | Switched]) -> None:
        await self._answer()
        for part in parts:
            if isinstance(part, Switched):
                self.switches.append(part)
            else:
                self.said[part.session_id] = self.said.get(part.session_id, "") + part.text


class Line:
    """One connection that the provider was given, in a test's hands."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        assert socket.request is not None
        self.path = socket.request.path
        self.headers = socket.request.headers

    async def say(self, *messages: object) -> None:
        for message in messages:
            await self.socket.send(message if isinstance(message, str | bytes) else text(message))

    async def hear(self) -> Any:
        return msgspec.json.decode(await asyncio.wait_for(self.socket.recv(), 5))

    async def raw(self) -> str | bytes:
        return await asyncio.wait_for(self.socket.recv(), 5)

    async def closed(self) -> int:
        await asyncio.wait_for(self.socket.wait_closed(), 5)
        return self.socket.close_code or 0


class Upstream:
    """A provider that greets and then waits for orders. `lines` are its connections, as they come."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[Line] = asyncio.Queue()
        self.greets = True
        self.refuses_with: list[Callable[[ServerConnection], Any]] = []
        self.dials = 0
        self._server: Server | None = None
        self._held: list[asyncio.Event] = []

    async def __aenter__(self) -> "Upstream":
        self._server = await websockets.serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._refuse,
            compression=None,
            max_size=None,
            ping_interval=None,
            close_timeout=1,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1/realtime"

    async def line(self) -> Line:
        return await asyncio.wait_for(self.lines.get(), 5)

    def _refuse(self, socket: ServerConnection, request: object) -> Any:
        self.dials += 1
        return self.refuses_with.pop(0)(socket) if self.refuses_with else None

    async def _serve(self, socket: ServerConnection) -> None:
        line = Line(socket)
        if self.greets:
            with contextlib.suppress(websockets.ConnectionClosed):
                await line.say(CREATED)
        self.lines.put_nowait(line)
        await socket.wait_closed()


class Rig(Struct):
    gateway: Gateway
    books: Books
    upstream: Upstream
    other: Upstream  # the provider "other", which no route leads to unless a test says so
    port: int
    names: tuple[str, ...]  # of the routes
    secure: bool = False

    @property
    def url(self) -> str:
        return f"{'wss' if self.secure else 'ws'}://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        return f"{'https' if self.secure else 'http'}://127.0.0.1:{self.port}"

    def connect(self, path: str = "/v1/realtime?model=m", *, key: str | None = KEY, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= options.pop("headers", {})
        options.setdefault("compression", None)
        options.setdefault("max_size", None)
        options.setdefault("ping_interval", None)
        return websockets.connect(f"{self.url}{path}", additional_headers=headers, **options)

    async def call(self, **options: Any) -> tuple[ClientConnection, Line]:
        """A client that has been greeted, and the provider's end of its call."""
        client = await self.connect(**options)
        line = await self.upstream.line()
        assert await hear(client) == CREATED
        return client, line


async def hear(client: ClientConnection) -> Any:
    return msgspec.json.decode(await asyncio.wait_for(client.recv(), 5))


async def ending(client: ClientConnection) -> tuple[int, str]:
    """How the gateway closed; frames before it are left unread."""
    await asyncio.wait_for(client.wait_closed(), 5)
    return client.close_code or 0, client.close_reason or ""


def beside(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run it while the test goes on."""
    return asyncio.create_task(work)


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def rig(
    *,
    bounds: Bounds | None = None,
    books: Books | None = None,
    service: AccountService | None = None,
    url: str = "",
    capabilities: Capabilities | None = None,
    tls: ssl.SSLContext | None = None,
    dialect: DialectName = "openai",
    profiles: dict[str, Profile] | None = None,
    provider_key: dict[str, Any] | None = None,
    data: Path | None = None,
    neighbours: Path | None = None,
    traces: Traces | None = None,
    **route: Any,
) -> AsyncIterator[Rig]:
    async with Upstream() as upstream, Upstream() as elsewhere:
        provider = Provider(
            dialect=dialect,
            url=url or upstream.url,
            capabilities=capabilities or Capabilities(),
            profiles=profiles or {},
            **(provider_key or {}),
        )
        endpoint = Endpoint(name="up", provider=provider, key=Secret(PROVIDER_KEY))
        other = Endpoint(name="other", provider=Provider(dialect="openai", url=elsewhere.url))
        route.setdefault("targets", (Target("up", "*"),))
        route.setdefault("aliases", ("m*",))
        fixed = Route(name="fixed", targets=(Target("up", "fixed-1"),))
        routes = Routes([Route(name="voice", **route), fixed], {"up": endpoint, "other": other})
        books = books or Books()
        bounds = bounds or Bounds(drain_s=0)  # tests end in the middle of replies
        outbox = tempfile.TemporaryDirectory(prefix="outbox-")
        shelf = open_shelf(Path(outbox.name), "ab" * 32, 1)
        board = tempfile.TemporaryDirectory(prefix="metrics-")
        watched = Watched(folder=neighbours or Path(board.name), token=Secret(METRICS_TOKEN))
        gateway = Gateway(
            service or books,
            routes,
            SIGNING_KEY,
            shelf,
            bounds,
            tls=tls,
            watched=watched,
            data=data,
            traces=traces,
        )
        port = await gateway.open(("127.0.0.1", 0))
        try:
            yield Rig(gateway, books, upstream, elsewhere, port, routes.names(), tls is not None)
        finally:
            books.open.set()
            await gateway.close()
            outbox.cleanup()
            board.cleanup()
