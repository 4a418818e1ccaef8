"""One gateway, several business processes on one database: an AccountService over a link to each.

Whichever is there is asked; when it is lost, what it has not answered is asked
of another one. That is safe for the reason that asking again is: verbs read, or
know by its id what they were told before, and the database is one.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from ..accounts.errors import ErrorCode, LinkError
from ..accounts.questions import Answer, Question
from ..accounts.records import Claim, Grant, Passage, Posted, Refusal, SavedConfig, Switched, UsageRecord
from .client import LinkClient
from .keys import Keys

T = TypeVar("T")


class LinkClients:
    def __init__(
        self,
        addresses: Sequence[str],
        *,
        timeout_ms: int = 5000,
        keys: Keys | None = None,
        took: Callable[[float, str], None] = lambda seconds, verb: None,
        taken: Callable[[Claim], None] = lambda claim: None,
        traceparent: Callable[[], str] = str,
    ) -> None:
        """`taken` is called with a claim that another gateway has now, by one business process or by each."""
        self._claims: dict[Claim, None] = {}
        self._timeout_ms = timeout_ms
        self._addresses = addresses
        self._clients = [
            LinkClient(
                address,
                timeout_ms=timeout_ms,
                keys=keys,
                changed=self._changed,
                took=took,
                claims=lambda: self._claims,
                taken=taken,
                traceparent=traceparent,
            )
            for address in addresses
        ]
        random.shuffle(self._clients)  # gateways spread over business processes, and each stays with its own
        self._somebody = asyncio.Event()
        self._closed = False

    async def start(self) -> None:
        for client in self._clients:
            await client.start()

    async def close(self) -> None:
        self._closed = True
        self._somebody.set()
        for client in self._clients:
            await client.close()

    @property
    def connected(self) -> bool:
        return self._somebody.is_set() and not self._closed

    async def validate_and_load(self, key_hash: str, session_id: str) -> Grant | Refusal:
        return await self._ask(lambda client: client.validate_and_load(key_hash, session_id))

    async def get_credits(self, account_id: str) -> int:
        return await self._ask(lambda client: client.get_credits(account_id))

    async def update_usage(self, records: Sequence[UsageRecord]) -> Posted:
        return await self._ask(lambda client: client.update_usage(records))

    async def save_session(self, saved: SavedConfig) -> None:
        await self._ask(lambda client: client.save_session(saved))

    async def append_conversation(self, parts: Sequence[Passage | Switched]) -> None:
        await self._ask(lambda client: client.append_conversation(parts))

    async def ask(self, key_hash: str, question: Question) -> Answer | Refusal:
        return await self._ask(lambda client: client.ask(key_hash, question))

    def claim(self, claim: Claim) -> None:
        """Every business process is told: any of them may be asked for the session by another gateway."""
        self._claims[claim] = None
        for client in self._clients:
            client.claim(claim)

    def release(self, claim: Claim) -> None:
        self._claims.pop(claim, None)
        for client in self._clients:
            client.release(claim)

    async def _ask(self, verb: Callable[[LinkClient], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._timeout_ms / 1000):
                while True:
                    await self._somebody.wait()
                    client = next((client for client in self._clients if client.connected), None)
                    if self._closed or client is None:
                        raise LinkError(
                            ErrorCode.INTERNAL_LINK_CLOSED, "The links to the business processes are closed."
                        )
                    try:
                        return await verb(client)
                    except LinkError as error:
                        if error.code is not ErrorCode.INTERNAL_LINK_CLOSED or self._closed:
                            raise
        except TimeoutError:
            raise LinkError(
                ErrorCode.INTERNAL_LINK_TIMEOUT,
                f"None of the business processes answered within {self._timeout_ms} ms: "
                f"{', '.join(self._addresses)}. Is one running?",
            ) from None

    def _changed(self, client: LinkClient) -> None:
        if any(one.connected for one in self._clients):
            self._somebody.set()
        else:
            self._somebody.clear()
        if not client.connected:
            client.let_go()
