"""Gateways, a network that loses and repeats, business processes, disks: all in one thread, by one seed.

What decides is real: the outbox' delivery, the account service, the database (in
memory). What moves is made up, so that anything may stop between any two steps:

    provider speaks -> kept on disk -> forwarded to the client
    shipment -> question on a connection -> executed: committed -> answer -> forgotten on disk

A kill takes whatever is not on a disk. A lost connection takes what is on it, but a
question that had arrived may still be executed. Questions are asked again after a loss,
of the same business process or of another one, as the link's client does.
"""

import asyncio
import atexit
import random
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterator
from itertools import count
from typing import Any, TypeVar

from msgspec import Struct

from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.accounts.records import (
    Draft,
    Passage,
    SavedConfig,
    SwitchCause,
    Switched,
    Tokens,
    UsageRecord,
)
from realtime_switch.business.credits import rate_book
from realtime_switch.business.repos import Account, EntryKind, Repos
from realtime_switch.business.service import Accounts
from realtime_switch.outbox.delivery import Delivery, Request, Shipment, Verb
from realtime_switch.outbox.drafts import find_the_dead
from realtime_switch.outbox.rows import Kept, Record, Row
from realtime_switch.store.memory import MemoryDatabase

CREDITS = 10**9
ACCOUNTS = ("a1", "a2")
SESSIONS = ("s1", "s2", "s3")
T = TypeVar("T")


_loop = asyncio.new_event_loop()
atexit.register(_loop.close)


def run(work: Coroutine[Any, Any, T]) -> T:
    """To its end, alone: over the memory database nothing waits for anybody else."""
    return _loop.run_until_complete(work)


class NoSummaries:
    def begin(self, account_id: str, session_id: str) -> None:
        pass


class Disk:
    """One process' folder. Rows stand in the order in which they were kept."""

    def __init__(self, serial: int) -> None:
        self.serial = serial
        self.rows: dict[int, Record] = {}
        self.owner: Gateway | None = None
        self.numbers = count(1)
        self.drafted: dict[str, UsageRecord] = {}  # of stretches that run, the last

    def drafts(self) -> Collection[str]:
        return self.drafted

    def bills(self) -> Iterator[str]:
        return (record.id for record in self.rows.values() if isinstance(record, UsageRecord))

    def died(self, stretch: str) -> None:
        self.rows[next(self.numbers)] = self.drafted[stretch]


class Question(Struct, eq=False):
    """One request on its way, and perhaps on its way again."""

    gateway: "Gateway"
    request: Request
    answer: ErrorCode | None = None
    answered: bool = False  # the gateway knows, or has stopped waiting
    asked: bool = False  # of this connection


class Connection:
    """Between one gateway and one business process: what is on it arrives in order, unless it is lost."""

    def __init__(self, gateway: "Gateway", business: "Business") -> None:
        self.gateway = gateway
        self.business = business
        self.there: deque[Question] = deque()
        self.back: deque[tuple[Question, ErrorCode | None]] = deque()


class Business:
    """A process: what it holds in memory are questions that have arrived."""

    def __init__(self, world: "World") -> None:
        self.accounts = Accounts(world.database, rate_book(()), NoSummaries(), lambda: 1)  # type: ignore[arg-type]
        self.arrived: deque[tuple[Connection, Question]] = deque()
        self.poison = world.poison

    def execute(self, request: Request) -> ErrorCode | None:
        records = [row.record for row in request.rows]
        if request.verb is Verb.SAVE_SESSION:
            records = records[-1:]
        if any(record.id in self.poison for record in records):
            return ErrorCode.INTERNAL_UNEXPECTED
        try:
            match request.verb:
                case Verb.UPDATE_USAGE:
                    run(self.accounts.update_usage(records))
                case Verb.APPEND_CONVERSATION:
                    run(self.accounts.append_conversation(records))
                case Verb.SAVE_SESSION:
                    run(self.accounts.save_session(records[0]))
        except RealtimeSwitchError as error:
            return error.code
        return None


class Gateway:
    """A process and its memory."""

    def __init__(self, world: "World", serial: int) -> None:
        self.world = world
        self.disk = Disk(serial)
        self.disk.owner = self
        self.folders = {serial: self.disk}
        world.disks.append(self.disk)
        self.delivery = Delivery(world.dice.random)
        self.shipment: Shipment | None = None
        self.questions: list[Question] = []
        self.to_forward: deque[str] = deque()  # bills that are kept, whose frames are still here
        self.to_forget: deque[Row] = deque()
        self.connection: Connection | None = None
        self.given_up: set[str] = set()
        self.run_id = f"run{serial}"
        self.stretches: dict[str, UsageRecord] = {}  # of its calls, as far as they are drafted
        self.numbers = count(1)
        self.adopt()

    # -- What a call does ---------------------------------------------------------------------------------

    def next_id(self) -> str:
        return f"{self.run_id}-{next(self.numbers)}"

    def keep(self, record: Kept) -> bool:
        if self.world.disk_is_full:
            return False
        if isinstance(record, Draft):
            self.disk.drafted[record.id] = record.bill
            return True
        number = next(self.disk.numbers)
        self.disk.rows[number] = record
        self.delivery.add([Row(self.disk.serial, number, record, 100)], self.world.now_s)
        return True

    def adopt(self) -> None:
        for disk in self.world.disks:
            if disk.owner is None and (disk.rows or disk.drafted):
                disk.owner = self
                find_the_dead([disk])  # type: ignore[list-item]
                self.world.kept_bills |= {*disk.bills()}
                disk.drafted.clear()
                self.folders[disk.serial] = disk
                found = [Row(disk.serial, n, record, 100) for n, record in disk.rows.items()]
                self.delivery.add(found, self.world.now_s)
                self.delivery.hurry()

    # -- What the outbox does ------------------------------------------------------------------------------

    def ship(self) -> None:
        if self.shipment is None:
            self.shipment = self.delivery.ship(self.world.now_s)
        if self.shipment is not None and not self.questions:
            self.questions = [Question(self, request) for request in self.shipment.requests()]

    def ask(self) -> None:
        assert self.connection is not None
        for question in self.questions:
            if not question.asked and not question.answered:
                question.asked = True
                self.connection.there.append(question)

    def hear(self, question: Question, answer: ErrorCode | None) -> None:
        if question.answered or question not in self.questions:
            return  # its deadline has passed, or this is the answer's second copy
        question.answered, question.answer = True, answer
        self.conclude()

    def give_up_waiting(self) -> None:
        for question in self.questions:
            if not question.answered:
                question.answered, question.answer = True, ErrorCode.INTERNAL_LINK_TIMEOUT
        self.conclude()

    def conclude(self) -> None:
        if not self.questions or not all(question.answered for question in self.questions):
            return
        assert self.shipment is not None
        self.shipment.answered([(q.request, q.answer) for q in self.questions])
        self.questions = []
        if self.shipment.requests():
            return
        self.given_up |= {refused.row.record.id for refused in self.shipment.given_up}
        self.to_forget.extend(self.delivery.shipped(self.shipment, self.world.now_s))
        self.shipment = None

    def forget(self) -> None:
        row = self.to_forget.popleft()
        del self.folders[row.file].rows[row.number]


class World:
    """`step` does one thing that may happen next. `storm` is whether faults do."""

    gateway_kind: type[Gateway] = Gateway
    business_kind: type[Business] = Business

    def __init__(self, seed: int, poisonous: bool = False) -> None:
        self.dice = random.Random(seed)
        self.now_s = 0.0
        self.poison: set[str] = set()
        self.poisonous = poisonous
        self.disk_is_full = False
        self.storm = True
        self.database = MemoryDatabase()
        for account_id in ACCOUNTS:
            run(self.database.write(lambda repos, a=account_id: _open(repos, a)))
        self.disks: list[Disk] = []
        self.serials = count(1)
        self.gateways: list[Gateway | None] = [None, None]
        self.businesses: list[Business | None] = [None, None]
        # The truth.
        self.billed: dict[str, UsageRecord] = {}  # what the provider said
        self.kept_bills: set[str] = set()
        self.reached: set[str] = set()  # bills whose frame a client has seen
        self.said: dict[str, list[Passage]] = {session: [] for session in SESSIONS}
        self.switches: dict[str, list[Switched]] = {session: [] for session in SESSIONS}
        self.configs: dict[str, SavedConfig] = {}
        self.home: dict[str, Gateway | None] = dict.fromkeys(SESSIONS)  # where each session's call is now
        self.given_up: set[str] = set()
        self.serial_of_words = count(1)
        self.kills = 0

    # -- What may happen ----------------------------------------------------------------------------------

    def step(self) -> None:
        deeds: list[tuple[int, Callable[[], None]]] = [(1, self._pass_time)]
        for place, gateway in enumerate(self.gateways):
            if gateway is None:
                deeds.append((3, lambda place=place: self._start_gateway(place)))
            else:
                deeds += self._deeds_of(place, gateway)
        for place, business in enumerate(self.businesses):
            if business is None:
                deeds.append((2, lambda place=place: self._start_business(place)))
            else:
                if business.arrived:
                    deeds.append((6, lambda b=business: self._execute(b)))
                if self.storm:
                    deeds.append((1, lambda place=place: self._kill_business(place)))
        if self.storm:
            deeds.append((1, self._turn_disk))
        weights = [weight for weight, _ in deeds]
        self.dice.choices([deed for _, deed in deeds], weights)[0]()

    def _deeds_of(self, place: int, gateway: Gateway) -> list[tuple[int, Callable[[], None]]]:
        deeds: list[tuple[int, Callable[[], None]]] = [(4, gateway.ship)]
        if self.storm:
            deeds += [(12, lambda: self._speak(gateway)), (1, lambda: self._kill_gateway(place))]
        if gateway.to_forward:
            deeds.append((12, lambda: self.reached.add(gateway.to_forward.popleft())))
        if gateway.to_forget:
            deeds.append((8, gateway.forget))
        deeds.append((2, gateway.adopt))
        if gateway.connection is None:
            deeds.append((6, lambda: self._connect(gateway)))
            return deeds
        connection = gateway.connection
        deeds.append((6, gateway.ask))
        if connection.there:
            deeds.append(
                (6, lambda: connection.business.arrived.append((connection, connection.there.popleft())))
            )
        if connection.back:
            deeds.append((6, lambda: gateway.hear(*connection.back.popleft())))
        if gateway.questions and self.storm:
            deeds.append((1, gateway.give_up_waiting))
        if self.storm:
            deeds.append((1, lambda: self._lose(gateway)))
        return deeds

    def _pass_time(self) -> None:
        self.now_s += self.dice.choice((0.05, 1.0, 70.0))

    def _turn_disk(self) -> None:
        self.disk_is_full = not self.disk_is_full and self.dice.random() < 0.3

    # -- Gateways -----------------------------------------------------------------------------------------

    def _start_gateway(self, place: int) -> None:
        self.gateways[place] = self.gateway_kind(self, next(self.serials))

    def _kill_gateway(self, place: int) -> None:
        self.kills += 1
        gateway = self.gateways[place]
        assert gateway is not None
        self._lose(gateway)
        for disk in gateway.folders.values():
            disk.owner = None
        self.gateways[place] = None

    def _speak(self, gateway: Gateway) -> None:
        """A call says something worth keeping."""
        session_id = self.dice.choice(SESSIONS)
        account_id = ACCOUNTS[SESSIONS.index(session_id) % 2]
        if self.home[session_id] is not gateway:
            self._move(session_id, gateway)
        if self.dice.random() < 0.3:
            self._last_a_while(gateway, account_id, session_id)
            return
        kind = self.dice.random()
        record_id = gateway.next_id()
        if self.poisonous and self.dice.random() < 0.05:
            self.poison.add(record_id)
        if kind < 0.5:
            tokens = Tokens(input=self.dice.randrange(100), output=self.dice.randrange(100))
            record = UsageRecord(
                id=record_id, account_id=account_id, session_id=session_id, provider="p", tokens=tokens
            )
            self.billed[record_id] = record
            if gateway.keep(record):
                self.kept_bills.add(record_id)
                gateway.to_forward.append(record_id)
        elif kind < 0.8:
            born_us = next(self.serial_of_words)
            passage = Passage(
                id=record_id,
                account_id=account_id,
                session_id=session_id,
                text=f"{born_us};",
                born_us=born_us,
            )
            if gateway.keep(passage):
                self.said[session_id].append(passage)
        elif kind < 0.9:
            switched = Switched(
                id=record_id,
                account_id=account_id,
                session_id=session_id,
                from_provider="p",
                from_model="m",
                to_provider="q",
                to_model="m",
                cause=self.dice.choice(tuple(SwitchCause)),
                silent_us=self.dice.randrange(10**6),
                attempts=1,
                born_us=next(self.serial_of_words),
            )
            if gateway.keep(switched):
                self.switches[session_id].append(switched)
        else:
            born_us = next(self.serial_of_words)
            config = SavedConfig(
                id=record_id, account_id=account_id, session_id=session_id, config="{}", born_us=born_us
            )
            if gateway.keep(config):
                self.configs[session_id] = config
        if self.dice.random() < 0.3:
            gateway.delivery.hurry()

    def _last_a_while(self, gateway: Gateway, account_id: str, session_id: str) -> None:
        """A call that is billed by time goes on, or its stretch is over."""
        before = gateway.stretches.get(session_id)
        record = UsageRecord(
            id=gateway.next_id() if before is None else before.id,
            account_id=account_id,
            session_id=session_id,
            provider="p",
            tokens=Tokens(input=self.dice.randrange(100) + (0 if before is None else before.tokens.input)),
        )
        if before is None or self.dice.random() < 0.7:
            if gateway.keep(Draft(record)):
                gateway.stretches[session_id] = self.billed[record.id] = record
        elif gateway.keep(record):
            self.billed[record.id] = record
            del gateway.stretches[session_id]
            self.kept_bills.add(record.id)
            gateway.to_forward.append(record.id)

    def _move(self, session_id: str, gateway: Gateway) -> None:
        """A call moves here, whether or not what its last gateway kept has been delivered."""
        gateway.adopt()
        self.home[session_id] = gateway

    def given_up_now(self) -> set[str]:
        for gateway in self.gateways:
            if gateway is not None:
                self.given_up |= gateway.given_up
        return self.given_up

    # -- The network --------------------------------------------------------------------------------------

    def _connect(self, gateway: Gateway) -> None:
        there = [business for business in self.businesses if business is not None]
        if there:
            gateway.connection = Connection(gateway, self.dice.choice(there))
            for question in gateway.questions:
                question.asked = False

    def _lose(self, gateway: Gateway) -> None:
        """What is on the way is gone; what has arrived is executed, and nobody hears of it."""
        gateway.connection = None

    # -- Business processes -------------------------------------------------------------------------------

    def _start_business(self, place: int) -> None:
        self.businesses[place] = self.business_kind(self)

    def _kill_business(self, place: int) -> None:
        self.kills += 1
        business = self.businesses[place]
        self.businesses[place] = None
        for gateway in self.gateways:
            if (
                gateway is not None
                and gateway.connection is not None
                and gateway.connection.business is business
            ):
                self._lose(gateway)

    def _execute(self, business: Business) -> None:
        # In the order of arrival from one gateway for one session; here: in the order of arrival.
        connection, question = business.arrived.popleft()
        answer = business.execute(question.request)
        connection.back.append((question, answer))

    # -- The end ------------------------------------------------------------------------------------------

    def calm_down(self) -> None:
        """No faults any more: everything that was kept must arrive."""
        self.storm = self.disk_is_full = False
        for _ in range(20_000):
            if self.is_quiet():
                return
            self.step()
        raise AssertionError("it never came to rest")

    def is_quiet(self) -> bool:
        gone = self.given_up_now() | self.poison
        left = [r for disk in self.disks for r in disk.rows.values() if r.id not in gone]
        return not left and all(gateway is not None and not gateway.questions for gateway in self.gateways)

    def ledger(self) -> dict[str, int]:
        """Bill to credits, as the database has it."""
        return {i: bill.credits for i, bill in self.database._tables.usage.items()}

    def credits(self) -> dict[str, int]:
        tables = self.database._tables
        return {a: account.credits for a, account in tables.accounts.items()}

    def conversation(self, session_id: str) -> str:
        account_id = ACCOUNTS[SESSIONS.index(session_id) % 2]
        found = run(self.database.read(lambda repos: repos.sessions.find(account_id, session_id)))
        return found[2] if found is not None else ""

    def switches_of(self, session_id: str) -> list[Switched]:
        account_id = ACCOUNTS[SESSIONS.index(session_id) % 2]
        return run(self.database.read(lambda repos: list(repos.sessions.switches(account_id, session_id))))

    def config(self, session_id: str) -> int | None:
        account_id = ACCOUNTS[SESSIONS.index(session_id) % 2]
        config = self.database._tables.configs.get((account_id, session_id))
        return config.born_us if config is not None else None


def _open(repos: Repos, account_id: str) -> None:
    repos.accounts.add(
        Account(
            id=account_id,
            email=f"{account_id}@example.org",
            plan_name="Free",
            token_remaining=0,
            topup_remaining=0,
            created_us=1,
            updated_us=1,
        )
    )
    repos.accounts.change_purses(account_id, EntryKind.OPENED, CREDITS, 0, "test", 1)
