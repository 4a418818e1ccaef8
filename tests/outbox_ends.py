"""What the tests of the outbox share: records, a shelf on disk, and a business side that may be away."""

import asyncio
import resource
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.accounts.records import (
    Balance,
    Certainty,
    Draft,
    Grant,
    Passage,
    Posted,
    Refusal,
    SavedConfig,
    SwitchCause,
    Switched,
    Tokens,
    UsageKind,
    UsageRecord,
)
from realtime_switch.outbox.outbox import Outbox
from realtime_switch.outbox.rows import Record, Row
from realtime_switch.outbox.shelf import Shelf, open_shelf

KEY = "ab" * 32
_times = count(1)


def bill(number: int, account_id: str = "a1", session_id: str = "s1", tokens: int = 10) -> UsageRecord:
    return UsageRecord(
        id=f"b{number}",
        account_id=account_id,
        session_id=session_id,
        provider="openai",
        model="m",
        response_id=f"resp_{number}",
        tokens=Tokens(input=tokens - 1, output=1),
        born_us=number,
    )


def seconds(stretch: int, duration_ms: int) -> UsageRecord:
    """A bill of time; a stretch's has one id, whatever it comes to."""
    return UsageRecord(
        id=f"s{stretch}",
        account_id="a1",
        session_id="s1",
        provider="openai",
        model="gpt-live-1",
        kind=UsageKind.SESSION,
        duration_ms=duration_ms,
        certainty=Certainty.ESTIMATED,
    )


def draft(stretch: int, duration_ms: int) -> Draft:
    return Draft(seconds(stretch, duration_ms))


def passage(number: int, session_id: str = "s1", text: str | None = None) -> Passage:
    return Passage(
        id=f"p{number}", account_id="a1", session_id=session_id, text=text or f"{number};", born_us=number
    )


def config(number: int, session_id: str = "s1") -> SavedConfig:
    return SavedConfig(id=f"c{number}", account_id="a1", session_id=session_id, config=f"{{{number}}}")


def switched(number: int, session_id: str = "s1") -> Switched:
    return Switched(
        id=f"w{number}",
        account_id="a1",
        session_id=session_id,
        from_provider="openai",
        from_model="m",
        to_provider="",
        to_model="",
        cause=SwitchCause.REFUSED,
        silent_us=number,
        attempts=3,
        born_us=number,
    )


def rows(*records: Record) -> list[Row]:
    return [Row(1, number, record, 100) for number, record in enumerate(records, 1)]


def a_shelf(directory: Path, **options: bool) -> Shelf:
    return open_shelf(directory, KEY, next(_times), **options)


class Ledger:
    """The verbs that records go by, over lists. `refuses` says by what code a record is not taken."""

    def __init__(self) -> None:
        self.bills: dict[str, UsageRecord] = {}
        self.said: dict[str, Passage] = {}
        self.switches: dict[str, Switched] = {}
        self.configs: dict[str, SavedConfig] = {}
        self.writes = 0  # of usage
        self.asked = 0  # requests of any kind
        self.failure: ErrorCode | None = None  # of everything
        self.refuses: dict[str, ErrorCode] = {}  # by id
        self.open = asyncio.Event()  # closed, nothing is answered
        self.open.set()

    async def _answer(self, records: Sequence[Record]) -> None:
        self.asked += 1
        await self.open.wait()
        codes = [self.refuses[record.id] for record in records if record.id in self.refuses]
        if self.failure or codes:
            raise RealtimeSwitchError(self.failure or codes[0], "no")

    async def update_usage(self, records: Sequence[UsageRecord]) -> Posted:
        await self._answer(records)
        self.writes += 1
        for record in records:
            self.bills.setdefault(record.id, record)  # as the database: the first under an id is the one
        accounts = {record.account_id for record in records}
        return Posted(balances=tuple(Balance(account_id=a, credits=1_000) for a in sorted(accounts)))

    async def append_conversation(self, parts: Sequence[Passage | Switched]) -> None:
        await self._answer(parts)
        for part in parts:
            if isinstance(part, Passage):
                self.said.setdefault(part.id, part)
            else:
                self.switches.setdefault(part.id, part)

    async def save_session(self, saved: SavedConfig) -> None:
        await self._answer([saved])
        self.configs[saved.session_id] = saved

    async def validate_and_load(self, key_hash: str, session_id: str) -> Grant | Refusal:
        raise NotImplementedError

    async def get_credits(self, account_id: str) -> int:
        raise NotImplementedError

    def conversation(self, session_id: str = "s1") -> str:
        return "".join(said.text for said in self.said.values() if said.session_id == session_id)


class Watch:
    """What a gateway's calls would be told."""

    def __init__(self) -> None:
        self.sent_ids: list[str] = []
        self.balances: list[Balance] = []

    def sent(self, bills: Sequence[UsageRecord]) -> None:
        self.sent_ids += [bill.id for bill in bills]

    def balance_known(self, balance: Balance, posted: Collection[str]) -> None:
        self.balances.append(balance)


@asynccontextmanager
async def an_outbox(directory: Path, ledger: Ledger, **options: object) -> AsyncIterator[Outbox]:
    outbox = Outbox(ledger, a_shelf(directory), Watch(), **options)
    try:
        yield outbox
    finally:
        await outbox.close(within_s=5 if ledger.open.is_set() and ledger.failure is None else 0.01)


async def until(condition: Callable[[], bool], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.005)


def files(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.outbox"))


@contextmanager
def room_for_files(size: int) -> Iterator[None]:
    """As on a disk that is full: no file of this process may grow over it. What is written over it is cut
    off, and the next byte fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
