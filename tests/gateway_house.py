"""A gateway over the real service, with a database in memory: for what the holder of a key asks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from msgspec import Struct

from gateway_rig import Rig, rig
from ledger_facts import NOW, bill, open_account, passage, saved, switched
from openapi_check import check_answer
from realtime_switch.accounts.keys import hash_key, indicator
from realtime_switch.business.credits import rate_book
from realtime_switch.business.repos import ApiKey
from realtime_switch.business.service import Accounts
from realtime_switch.business.summary import Summariser
from realtime_switch.gateway.ids import now_us
from realtime_switch.store.memory import MemoryDatabase

MINE, THEIRS = "rslive_v1_" + "0a" * 24, "rslive_v1_" + "0d" * 24


class House(Struct):
    rig: Rig
    database: MemoryDatabase
    service: Accounts

    async def ask(
        self, path: str, method: str = "GET", *, key: str | None = MINE, accept: str = "*/*", **body: Any
    ) -> httpx.Response:
        headers = {"accept": accept, **({"authorization": f"Bearer {key}"} if key else {})}
        async with httpx.AsyncClient(base_url=self.rig.http) as client:
            answer = await client.request(method, path, headers=headers, **body)
        check_answer(answer)
        return answer

    async def get(self, path: str, **options: Any) -> Any:
        answer = await self.ask(path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, path: str, **options: Any) -> tuple[int, str, str | None]:
        answer = await self.ask(path, **options)
        error = answer.json()["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        return answer.status_code, error["code"], error["param"]

    async def secret(self, **body: Any) -> Any:
        return (await self.ask("/v1/realtime/client_secrets", "POST", json=body)).json()


@asynccontextmanager
async def a_house() -> AsyncIterator[House]:
    database = MemoryDatabase()
    for account_id, key in (("a1", MINE), ("a2", THEIRS)):
        await open_account(database, account_id, plan=1_000_000)
        row = ApiKey(
            key_hash=hash_key(key),
            account_id=account_id,
            key_indicator=indicator(key),
            label="page",
            created_us=NOW,
        )
        await database.write(lambda r, k=row: r.accounts.add_key(k))
    service = Accounts(database, rate_book([]), Summariser(database, None, now_us), now_us)
    async with rig(service=service) as made:
        yield House(made, database, service)


async def fill(house: House, account_id: str = "a1", session_id: str = "ada/1", at: int = NOW) -> None:
    name = f"{account_id}-{session_id}"
    said = [passage(f"{name}-{n}", f"user: {n}\n", account_id, session_id) for n in range(3)]

    def work(repos: Any) -> None:
        repos.sessions.append(said, at)
        config = (
            '{"type":"session.update","session":{"instructions":"Be brief.","tools":[{"type":"mcp",'
            '"server_url":"https://u:p@x.y/mcp?k=1","authorization":"SECRET","headers":{"x-a":"SECRET"}}]}}'
        )
        repos.sessions.save_config(saved(config, account_id=account_id, session_id=session_id), at)
        repos.sessions.add_switches([switched(f"{name}-w", account_id, session_id=session_id)], at)
        repos.usage.post([bill(f"{name}-u", account_id, 7, session_id=session_id, born_us=at)], at)
        repos.accounts.spend(account_id, 7, "usage", at)

    await house.database.write(work)
