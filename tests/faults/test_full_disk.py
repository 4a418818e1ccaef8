"""A gateway whose disk takes no more: calls end by name, and what reached anybody is billed all the same."""

import asyncio

import pytest

from real_processes import a_plant, check, talk_while

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
