"""A gateway whose providers misbehave: the real wiring, the real books in memory, local providers that are
told what goes wrong and when."""

import contextlib
import functools
import secrets
import tempfile
from array import array
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from realtime_switch.accounts.records import Passage, Switched
from realtime_switch.business.admin import Administration
from realtime_switch.business.credits import RateBook
from realtime_switch.business.service import Accounts
from realtime_switch.business.summary import Summariser
from realtime_switch.dialects.terms import Terms
from realtime_switch.gateway import outward
from realtime_switch.gateway.ids import now_us
from realtime_switch.gateway.main import Gateway
from realtime_switch.gateway.switchboard import Bounds
from realtime_switch.local import LocalProvider
from realtime_switch.local.gpt_live.habits import LiveHabits
from realtime_switch.local.voice import ToneVoice
from realtime_switch.outbox.shelf import open_shelf
from realtime_switch.providers.builtin import CAPABILITIES
from realtime_switch.providers.endpoint import Capabilities, DialectName, Endpoint, Provider
from realtime_switch.providers.routes import Route, Routes, Target
from realtime_switch.session import limits
from realtime_switch.store.memory import MemoryDatabase

SESSION_ID = "the-call"
SIGNING_KEY = b"s" * 32
PACE = 40.0  # a reply of six seconds takes 150 ms, and there is a middle to it
LOUD = 1_000
BLOCK_MS = 10


class Ears:
    """They understand one thing, whatever is said, and know how much of it they heard."""

    def __init__(self, words: str) -> None:
        self.words = words
        self.loud_ms: list[int] = []
        self.heard: list[tuple[bytes, int]] = []

    async def hear(self, pcm: bytes, rate_hz: int) -> str | None:
        self.heard.append((pcm, rate_hz))
        samples = array("h", pcm)
        size = rate_hz * BLOCK_MS // 1000
        blocks = (samples[start : start + size] for start in range(0, len(samples), size))
        self.loud_ms.append(sum(BLOCK_MS for block in blocks if max(block) > LOUD))
        return self.words

    async def close(self) -> None:
        pass


class Rig(Struct):
    gateway: Gateway
    providers: list[LocalProvider]
    ears: list[Ears]
    accounts: Accounts
    admin: Administration
    account_id: str
    key: str
    url: str

    async def remember(self, conversation: str) -> None:
        """Of an earlier call of this session."""
        passage = Passage(
            id="earlier-1", account_id=self.account_id, session_id=SESSION_ID, text=conversation
        )
        await self.accounts.append_conversation([passage])

    async def switches(self) -> tuple[Switched, ...]:
        return (await self.admin.session(self.account_id, SESSION_ID)).switches

    async def ledger(self) -> tuple[int, int, int]:
        """Bills, input, output. Of replies; what transcription costs is a bill of its own."""
        assert await self.admin.audit() == []
        (totals,) = await self.admin.usage()
        return totals.responses, totals.input_tokens, totals.output_tokens

    def billed(self) -> tuple[int, int, int]:
        """What the providers have billed, as /stats answers."""
        stats = [provider.stats for provider in self.providers]
        return (
            sum(one.responses for one in stats),
            sum(one.input_tokens for one in stats),
            sum(one.output_tokens for one in stats),
        )


@contextlib.asynccontextmanager
async def failing(
    *dialects: DialectName, hears: str, live: LiveHabits | None = None, **route: Any
) -> AsyncIterator[Rig]:
    """A route with a local provider of each of these dialects, in this order."""
    async with contextlib.AsyncExitStack() as stack:
        ears = [Ears(hears) for _ in dialects]
        providers = [
            await stack.enter_async_context(LocalProvider(voice=ToneVoice(), ears=one, pace=PACE, live=live))
            for one in ears
        ]
        endpoints = {
            f"p{number}": _endpoint(f"p{number}", dialect, provider)
            for number, (dialect, provider) in enumerate(zip(dialects, providers, strict=True))
        }
        targets = tuple(Target(name, f"model-{name}") for name in endpoints)
        routes = Routes([Route(name="voice", targets=targets, **route)], endpoints)
        database = MemoryDatabase()
        summariser = Summariser(database, None, now_us)
        stack.push_async_callback(summariser.close)
        accounts = Accounts(database, RateBook(), summariser, now_us)
        admin = Administration(database, now_us, secrets.token_bytes)
        account = await admin.create_account("ada@example.com", tokens=10_000_000)
        key, _ = await admin.create_key(account.id)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="outbox-"))
        shelf = open_shelf(Path(folder), "ab" * 32, 1)
        gateway = Gateway(accounts, routes, SIGNING_KEY, shelf, Bounds(drain_s=0))
        port = await gateway.open(("127.0.0.1", 0))
        stack.push_async_callback(gateway.close)
        yield Rig(gateway, providers, ears, accounts, admin, account.id, key, f"ws://127.0.0.1:{port}")


def _endpoint(name: str, dialect: DialectName, provider: LocalProvider) -> Endpoint:
    able: dict[str, Any] = {**CAPABILITIES.get(dialect, {}), "free_transcription": True}
    urls = {"openai": provider.url, "gemini": provider.gemini_url, "gpt-live": provider.live_url}
    own = Provider(dialect=dialect, url=urls[dialect], capabilities=Capabilities(**able))
    return Endpoint(name=name, provider=own)


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """What is waited for seconds in earnest is waited for a moment."""
    short = {"PROVIDER_HANDSHAKE_IMPATIENT_S": 0.3, "PROVIDER_HANDSHAKE_S": 0.6, "PROVIDER_GREETING_S": 0.4}
    short |= {"PLAYBACK_SLACK_S": 0.05}
    kept = {name: getattr(limits, name) for name in short}
    made = outward.Terms
    for name, seconds in short.items():
        setattr(limits, name, seconds)
    outward.Terms = functools.partial(Terms, redial_after_s=(0.05, 0.1))  # type: ignore[misc]
    try:
        yield
    finally:
        for name, seconds in kept.items():
            setattr(limits, name, seconds)
        outward.Terms = made  # type: ignore[misc]
