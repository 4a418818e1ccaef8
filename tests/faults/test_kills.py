"""kill -9 at random instants under load, then the books are compared. `make soak` kills far more often.

KILLS and SEED in the environment say how often and when.
"""

import os
import random

import pytest

from real_processes import a_plant, check, kill_at_random, talk_while

KILLS = int(os.environ.get("KILLS", "5"))
SEED = int(os.environ.get("SEED", str(random.randrange(10**6))))


@pytest.mark.timeout(60 + 10 * KILLS)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_whatever_is_killed_every_answer_is_billed_once(
    engine: str, request: pytest.FixtureRequest
) -> None:
    print(f"SEED={SEED}")  # noqa: T201  # pytest shows it when the test fails
    url = request.getfixturevalue("postgres_url") if engine == "postgresql" else ""
    with a_plant(database_url=url) as plant:
        key = plant.open_account()
        plant.start()
        victims = [*plant.businesses, *plant.gateways]
        users = await talk_while(plant, key, SEED, kill_at_random(victims, KILLS, SEED))
        await check(plant, users, gateways_were_killed=any(gateway.kills for gateway in plant.gateways))
