"""One machine of two is struck down under load and comes back: the other goes on, and nothing is lost."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from machines import Machines, a_network, machines_on
from real_processes import Caller, all_talk, check

NAMES = ("Nora", "Olga", "Pia", "Rosa")


class Customer(Caller):
    """Calls one machine until that breaks off, then the other. Tells a name, and asks for it ever after."""

    PATIENCE_S = 3.0

    def __init__(self, site: Machines, key: str, number: int, seed: int) -> None:
        super().__init__(site, key, number, random.Random(seed * 100 + number))
        self.home = number % len(site.machines)
        self.name = NAMES[number]
        self.calls: list[tuple[int, str]] = []  # the machine, and what the agent said first
        self._next = self.home

    def door(self) -> int:
        return self._next

    async def _call(self, stop: asyncio.Event) -> None:
        try:
            await super()._call(stop)
        except BaseException:
            self._next = 1 - self._next
            raise

    async def _greet(self, line: Any) -> None:
        text = "What is my name?" if self.calls else f"My name is {self.name}."
        self.calls.append((self._next, await self._ask(line, text)))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.05)


def are_remembered(users: list[Customer], conversations: dict[str, str]) -> bool:
    return all(user.name in conversations.get(user.session_id, "") for user in users)


async def strike_and_come_back(site: Machines, users: list[Customer]) -> None:
    async with asyncio.timeout(60):
        while not are_remembered(users, (await site.books()).conversations):
            await asyncio.sleep(0.2)
    await asyncio.to_thread(site.strike_one)
    said = {user.session_id: len(user.finished) for user in users}
    left = list((site.struck.data / "outbox").iterdir())
    async with asyncio.timeout(60):
        await until(lambda: all(user.calls[-1][0] != site.struck.number - 1 for user in users))
        await until(lambda: all(len(user.finished) >= said[user.session_id] + 20 for user in users))
    await asyncio.to_thread(site.struck.come_back)
    async with asyncio.timeout(60):
        await until(lambda: not any(folder.exists() for folder in left))


@pytest.mark.timeout(300)
async def test_a_machine_that_is_struck_down_costs_its_callers_a_new_call_and_others_nothing() -> None:
    seed = random.randrange(10**6)
    print(f"SEED={seed}")  # noqa: T201  # pytest shows it when the test fails
    with a_network(machines=2) as network, machines_on(network, 2) as site:
        print(f"two machines on {network.kind}")  # noqa: T201
        key = site.open_account()
        site.start()
        users = [Customer(site, key, number, seed) for number in range(4)]
        await all_talk(users, strike_and_come_back(site, users))
        struck = site.struck.number - 1
        for user in users:
            assert user.name in user.calls[0][1]
            came_back = user.calls[1:]
            if user.home == struck:
                assert came_back
                assert all((at, user.name in said) == (1 - struck, True) for at, said in came_back), came_back
            else:
                assert (came_back, user.endings) == ([], [])
        await check(site, users, gateways_were_killed=True)
