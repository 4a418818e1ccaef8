"""What befalls the business side under load: what is kept, what callers are told, how it ends."""

import asyncio
import fcntl
import os
import random
import time
from typing import Any

import pytest
import websockets

from real_postgres import running_postgres
from real_processes import Plant, a_plant, check, talk_while
from realtime_switch.store.sqlite import connect

SEED = 7


async def _refused(plant: Plant, key: str) -> tuple[int | None, str, float]:
    """How a new call is turned down: close code, reason, after how long."""
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {key}"}
    async with websockets.connect(
        f"{plant.url(0)}?model=m", additional_headers=headers, open_timeout=20, ping_interval=None
    ) as line:
        async with asyncio.timeout(20):
            await line.wait_closed()
        return line.close_code, line.close_reason or "", time.monotonic() - began


@pytest.mark.timeout(120)
async def test_calls_go_on_without_a_business_process_and_all_is_billed_when_it_is_back() -> None:
    with a_plant(gateways=1) as plant:
        key = plant.open_account()
        plant.start()
        seen: list[Any] = []

        async def away() -> None:
            await asyncio.sleep(3)
            plant.businesses[0].kill()
            said = plant.said_by_provider()[0]
            seen.append(await _refused(plant, key))
            seen.append(plant.said_by_provider()[0] - said)
            plant.businesses[0].start()
            await asyncio.sleep(2)

        users = await talk_while(plant, key, SEED, away())
        (code, reason, after_s), turns_meanwhile = seen
        assert (code, reason) == (1013, "server_error.INTERNAL_LINK_TIMEOUT")
        assert after_s < 8, "the named refusal comes within the deadline"
        assert turns_meanwhile > 10, "running calls went on"
        assert [user.endings for user in users] == [[] for _ in users]
        await check(plant, users, gateways_were_killed=False)


@pytest.mark.timeout(120)
async def test_a_business_process_that_is_stopped_and_goes_on_bills_nothing_twice() -> None:
    """SIGSTOP: questions are asked again, of it and by then of its answers' ghosts."""
    with a_plant(gateways=2) as plant:
        key = plant.open_account()
        plant.start()

        async def stutter() -> None:
            dice = random.Random(SEED)
            await asyncio.sleep(3)
            for _ in range(3):
                plant.businesses[0].pause()
                await asyncio.sleep(dice.choice((0.2, 1.0, 4.0)))
                plant.businesses[0].go_on()
                await asyncio.sleep(1)

        users = await talk_while(plant, key, SEED, stutter())
        await check(plant, users, gateways_were_killed=False)


@pytest.mark.timeout(120)
async def test_a_locked_database_is_waited_for() -> None:
    with a_plant(gateways=1) as plant:
        key = plant.open_account()
        plant.start()

        async def lock() -> None:
            await asyncio.sleep(3)
            password = (plant.data / "db.key").read_text().strip()
            connection = connect(plant.data / "realtime-switch.db", password)
            connection.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(7)  # longer than a gateway waits for an answer
            connection.execute("ROLLBACK")
            connection.close()
            await asyncio.sleep(2)

        users = await talk_while(plant, key, SEED, lock())
        assert "INTERNAL_LINK_TIMEOUT" in plant.gateways[0].log
        await check(plant, users, gateways_were_killed=False)


@pytest.mark.timeout(120)
async def test_postgresql_restarts_under_load() -> None:
    with (
        running_postgres() as server,
        a_plant(gateways=1, database_url=server.url(server.new_database())) as plant,
    ):
        key = plant.open_account()
        plant.start()

        async def restart() -> None:
            await asyncio.sleep(3)
            for _ in range(2):
                await asyncio.to_thread(server.restart)
                await asyncio.sleep(2)

        users = await talk_while(plant, key, SEED, restart())
        await check(plant, users, gateways_were_killed=False)


def test_flock_is_what_tells_the_living_from_the_dead(tmp_path: Any) -> None:
    """What all of adoption stands on: the kernel lets go of the lock when its holder is killed."""
    first = os.open(tmp_path, os.O_RDONLY)
    second = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(first, fcntl.LOCK_EX)
    with pytest.raises(BlockingIOError):
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(first)
    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(second)
