"""Gateways are restarted one after the other, as an operator does it, while people talk: nothing is lost."""

import asyncio
import random

import pytest

from real_processes import Plant, a_plant, check, talk_while

ROUNDS = 2


async def roll(plant: Plant) -> None:
    for _ in range(ROUNDS):
        for gateway in plant.gateways:
            await asyncio.sleep(0.7)
            await asyncio.to_thread(gateway.stop)  # it must end by itself, within its bound, with 0
            gateway.start()
            await asyncio.sleep(0.7)
    await asyncio.sleep(1)


@pytest.mark.timeout(180)
async def test_a_rolling_restart_under_load_loses_no_record_and_no_word() -> None:
    seed = random.randrange(10**6)
    print(f"SEED={seed}")  # noqa: T201  # pytest shows it when the test fails
    with a_plant(gateways=2, config="[gateway]\ndrain_s = 15\n") as plant:
        key = plant.open_account()
        plant.start()
        users = await talk_while(plant, key, seed, roll(plant))
        endings = [ending for user in users for ending in user.endings]
        # Every call of a gateway that went ended between two answers, and told its client to come again.
        assert sum("1001" in ending for ending in endings) >= len(users)
        assert [user.cut_off for user in users] == [[]] * len(users)
        await check(plant, users, gateways_were_killed=False)
