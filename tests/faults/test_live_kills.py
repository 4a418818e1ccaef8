"""GPT-Live under kill -9 at random instants: the ledger's seconds are the provider's.

Three witnesses. Callers write down every second that they were told of, how much audio they sent, and how
much they heard: the local provider speaks ten times for each second of its clock, so that is where its clock
was. It counts itself what it told (`/stats`). KILLS and SEED in the environment say how often and when.
"""

import asyncio
import os
import random
from typing import Any

import msgspec
import pytest
import websockets

from live_frames import frame, said
from real_processes import Plant, Program, a_plant, kill_at_random
from realtime_switch.business.main import open_from
from realtime_switch.business.repos import Repos
from realtime_switch.settings import Flags, load

KILLS = int(os.environ.get("KILLS", "4"))
SEED = int(os.environ.get("SEED", str(random.randrange(10**6))))

START = frame("session.start", session={"model": "gpt-live-1"}).decode()
TENTHS = {tenths: said("AAAA" * 1_600 * tenths).decode() for tenths in (1, 2, 5, 10)}
CLOSE = frame("session.close").decode()


class Call:
    """One session of its own id: what was sent, what was heard and told of it, and whether it was closed in
    peace."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.sent_ms = 0
        self.heard_ms = 0
        self.told_ms = 0
        self.closed = False

    async def hold(self, url: str, key: str, seconds: int, tenths: int) -> None:
        """`tenths` of a second go out at once."""
        headers = {"Authorization": f"Bearer {key}", "x-session-id": self.session_id}
        options: dict[str, Any] = {"compression": None, "ping_interval": None, "close_timeout": 2}
        async with websockets.connect(url, additional_headers=headers, open_timeout=15, **options) as line:
            await line.send(START)
            await self._until(line, "session.started")
            for _ in range(seconds * 10 // tenths):
                self.sent_ms += 100 * tenths  # before: it may arrive and the line be lost
                await line.send(TENTHS[tenths])
                for _ in range(tenths):
                    await self._until(line, "session.output_audio.delta")
                    self.heard_ms += 100
            await line.send(CLOSE)
            await self._until(line, "session.closed")
            self.closed = True

    async def _until(self, line: Any, kind: str) -> None:
        async with asyncio.timeout(20):
            while True:
                event = msgspec.json.decode(await line.recv())
                if event["type"] in ("session.usage.updated", "session.closed"):
                    self.told_ms = round(event["usage"]["seconds"] * 1000)
                if event["type"] == kind:
                    return


class Caller:
    def __init__(self, plant: Plant, key: str, number: int) -> None:
        self._plant = plant
        self._key = key
        self._number = number
        self._dice = random.Random(SEED * 100 + number)
        self.calls: list[Call] = []

    async def talk(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            call = Call(f"live-{self._number}-{len(self.calls)}")
            self.calls.append(call)
            url = self._plant.url(self._dice.randrange(len(self._plant.doors)))
            url = url.replace("/v1/realtime", "/v1/live/sessions")
            try:
                tenths = self._dice.choice((*TENTHS,))
                await call.hold(url, self._key, self._dice.randrange(1, 70), tenths)
            except (OSError, websockets.WebSocketException, TimeoutError):
                await asyncio.sleep(self._dice.uniform(0.02, 0.2))


def read_seconds(repos: Repos) -> dict[str, int]:
    connection: Any = repos.usage._connection  # type: ignore[attr-defined]
    query = (
        "SELECT session_id, sum(duration_ms) FROM usage_metrics WHERE kind = 'session' GROUP BY session_id"
    )
    return {row[0]: int(row[1]) for row in connection.exec_driver_sql(query).all()}


async def ledger(plant: Plant) -> dict[str, int]:
    environ = {k: v for k, v in plant.environ.items() if k == "DATABASE_URL"}
    database = open_from(load(Flags(data=plant.data), environ), create=False)
    try:
        return await database.read(read_seconds)
    finally:
        await database.close()


async def talk_while(plant: Plant, key: str, work: Any) -> list[Call]:
    stop = asyncio.Event()
    callers = [Caller(plant, key, number) for number in range(3)]
    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(caller.talk(stop))
        try:
            await work
        finally:
            stop.set()
    return [call for caller in callers for call in caller.calls]


async def hold_to_account(plant: Plant, victims: list[Program]) -> None:
    key = plant.open_account()
    plant.start()
    calls = await talk_while(plant, key, kill_at_random(victims, KILLS, SEED))
    told_by_provider = plant.stats()["session_ms"]
    plant.stop()
    assert plant.outbox() == [], plant.logs()[-6000:]
    seconds = await ledger(plant)
    assert any(call.closed for call in calls)
    for call in calls:
        counted = seconds.get(call.session_id, 0)
        if call.closed:
            assert counted == call.told_ms == call.sent_ms, call.session_id
        assert call.told_ms <= counted <= call.sent_ms, call.session_id
        assert counted > call.heard_ms - 1_000, f"{call.session_id}: {counted} of {call.heard_ms} ms"
    if not any(gateway.kills for gateway in plant.gateways):
        assert sum(seconds.values()) == told_by_provider
    assert "Traceback" not in plant.logs()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""


@pytest.mark.timeout(90 + 15 * KILLS)
async def test_whoever_writes_is_killed_the_ledgers_seconds_are_the_providers(database_url: str) -> None:
    print(f"SEED={SEED}")  # noqa: T201  # pytest shows it when the test fails
    with a_plant(database_url=database_url) as plant:
        await hold_to_account(plant, plant.businesses)


@pytest.mark.timeout(90 + 15 * KILLS)
async def test_whoever_is_killed_the_ledger_is_exact_to_the_second(
    database_url: str,
) -> None:
    print(f"SEED={SEED}")  # noqa: T201
    with a_plant(database_url=database_url) as plant:
        await hold_to_account(plant, [*plant.businesses, *plant.gateways])
