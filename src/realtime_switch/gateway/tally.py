"""What is counted of a call, and the line that the log has of it when it ends."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from ..accounts.records import Switched, UsageRecord
from ..outbox.rows import Kept
from ..session.steps import End
from .books import Books
from .ending import how_it_ended
from .traffic import Traffic

if TYPE_CHECKING:
    from .conductor import Conductor


class Tally:
    def __init__(self, call: "Conductor", books: Books) -> None:
        self._call = call
        self._books = books
        self._loop = asyncio.get_running_loop()
        self._begun_s = self._loop.time()
        self.seen = Traffic()  # but for what passed
        self._connected = False  # a provider has listened
        self._first_audio_us: int | None = None
        self._tokens = [0, 0]  # billed: of input, of output
        self._switches = 0
        self._heard_before = (0, 0)  # messages and bytes of the client, when somebody looked

    @property
    def tokens(self) -> int:
        return sum(self._tokens)

    @property
    def traffic(self) -> Traffic:
        call = self._call
        return replace(
            self.seen,
            passed_from_client=call.passed_from_client,
            passed_from_client_bytes=call.passed_from_client_bytes,
            passed_from_provider=call.passed_from_provider,
            passed_from_provider_bytes=call.passed_from_provider_bytes,
            unsent_from_provider=call.unsent_from_provider,
            grown_to_client_bytes=call.grown_to_client_bytes,
            grown_to_provider_bytes=call.grown_to_provider_bytes,
            unproven_from_client=call.session.unproven_from_client,
            unproven_from_provider=call.session.unproven_from_provider,
        )

    def heard_since(self) -> tuple[int, int]:
        """Messages and bytes from the client since this was asked last."""
        seen, before = self.seen, self._heard_before
        messages = self._call.passed_from_client + seen.read_from_client
        size = self._call.passed_from_client_bytes + seen.read_from_client_bytes
        self._heard_before = (messages, size)
        return messages - before[0], size - before[1]

    def kept(self, records: Iterable[Kept]) -> None:
        for record in records:
            if type(record) is UsageRecord:
                self._tokens[0] += record.tokens.input
                self._tokens[1] += record.tokens.output
            elif type(record) is Switched:
                self._switches += 1

    def live(self) -> None:
        """A provider listens."""
        if not self._connected:
            self._connected = True
            self._books.live(self._call, self._loop.time() - self._begun_s)

    def answered(self, took_us: int) -> None:
        if self._first_audio_us is None:
            self._first_audio_us = took_us
        self._books.answered(self._call, took_us)

    def ended(self, end: End, left_with: tuple[int, str], log: FilteringBoundLogger) -> None:
        call = self._call
        how = how_it_ended(end, left_with)
        age_s = self._loop.time() - self._begun_s
        traffic, first_us = self.traffic, self._first_audio_us
        self._books.ended(call, how, age_s)
        log.info(
            "call ended",
            by=how.by,
            end=how.end,
            code=how.code,
            reason=how.reason,
            age_s=round(age_s, 3),
            peer=call.who.peer,
            route=call.session.route,
            provider=call.provider,
            from_client=traffic.from_client,
            from_client_bytes=traffic.from_client_bytes,
            to_client=traffic.to_client,
            to_client_bytes=traffic.to_client_bytes,
            first_audio_ms=None if first_us is None else round(first_us / 1000),
            tokens_in=self._tokens[0],
            tokens_out=self._tokens[1],
            switches=self._switches,
        )
