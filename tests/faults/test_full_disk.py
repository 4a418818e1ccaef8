"""A gateway whose disk takes no more: calls end by name, and what reached anybody is billed all the same."""

import asyncio
import random
import re
from collections.abc import Callable

import pytest

from real_processes import Caller, a_plant, all_talk, check, talk_while

SEED = 11


@pytest.mark.timeout(120)
async def test_a_bill_that_cannot_be_written_ends_its_call_and_is_given_to_nobody() -> None:
    with a_plant(gateways=1) as plant:
        key = plant.open_account()
        # Some forty records a file, and a new file a second at best: under this load it is mostly full.
        plant.gateways[0].file_bytes_max = 16 * 1024
        plant.start()
        users = await talk_while(plant, key, SEED, asyncio.sleep(8))
        told = [words for user in users for words in user.endings]
        assert any("1013" in words or "cannot write bills" in words for words in told), told
        assert "bill not kept" in plant.gateways[0].log
        await check(plant, users, gateways_were_killed=True)


@pytest.mark.timeout(120)
async def test_what_a_full_disk_still_took_is_posted_after_a_kill_once_there_is_room() -> None:
    """Nobody takes bills meanwhile, so all that reached a caller lies in the outbox when its gateway dies."""
    with a_plant(gateways=1) as plant:
        key = plant.open_account()
        [gateway], [business] = plant.gateways, plant.businesses
        plant.start()
        users = [Caller(plant, key, number, random.Random(SEED + number)) for number in range(4)]

        def replies() -> int:
            return sum(len(user.seen) for user in users)

        async def fill_and_kill() -> None:
            await until(lambda: replies() >= 8)
            business.pause()
            before = replies()
            await until(lambda: replies() >= before + 8)
            gateway.let_no_file_grow(4_000)
            await until(lambda: "bill not kept" in gateway.log)
            gateway.kill()
            business.go_on()
            gateway.start()
            await until(lambda: bool(ADOPTED.search(gateway.log)))

        await all_talk(users, fill_and_kill())
        await check(plant, users, gateways_were_killed=True)
        adopted = ADOPTED.search(gateway.log)
        assert adopted is not None
        assert int(adopted[1]) >= 8


ADOPTED = re.compile(r'adopted".*"rows":(\d+)')


async def until(happened: Callable[[], bool]) -> None:
    while not happened():
        await asyncio.sleep(0.02)
