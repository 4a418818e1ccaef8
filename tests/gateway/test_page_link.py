"""The link that `serve` prints: it opens the account without a key, once, soon, and on this machine only."""

import hashlib
import time
from pathlib import Path

import httpx
import pytest

from gateway_rig import OTHER_KEY, Rig, ending, rig
from realtime_switch.accounts.keys import hash_key
from realtime_switch.gateway import page_link

NOW_S = 1_800_000_000
TRADE = "/v1/realtime/client_secrets"


async def trade(here: Rig, code: str, body: object = None, **headers: str) -> httpx.Response:
    headers["authorization"] = f"Bearer {code}"
    async with httpx.AsyncClient(base_url=here.http) as client:
        return await client.post(TRADE, headers=headers, json=body or {"opens": "account"})


async def account(here: Rig, secret: str) -> int:
    async with httpx.AsyncClient(base_url=here.http) as client:
        answer = await client.get("/v1/account", headers={"authorization": f"Bearer {secret}"})
        return answer.status_code


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_code_is_accepted_once_and_soon(tmp_path: Path) -> None:
    code = page_link.invite(tmp_path, "the hash", NOW_S)
    [file] = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert code not in file.name + file.read_text()
    assert page_link.accept(tmp_path, code + "x", NOW_S) is None
    assert page_link.accept(tmp_path, code, NOW_S + page_link.SECONDS - 1) == "the hash"
    assert page_link.accept(tmp_path, code, NOW_S) is None
    late = page_link.invite(tmp_path, "the hash", NOW_S)
    assert page_link.accept(tmp_path, late, NOW_S + page_link.SECONDS) is None


def test_a_new_code_ends_those_before_it(tmp_path: Path) -> None:
    first = page_link.invite(tmp_path, "one", NOW_S)
    second = page_link.invite(tmp_path, "two", NOW_S)
    assert page_link.accept(tmp_path, first, NOW_S) is None
    assert page_link.accept(tmp_path, second, NOW_S) == "two"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "\0", "once_" + "a" * 10_000])
def test_no_code_names_another_file(tmp_path: Path, name: str) -> None:
    (tmp_path / hashlib.sha256(b"").hexdigest()).write_text("{}")
    assert page_link.accept(tmp_path, name, NOW_S) is None
    assert len(list(tmp_path.iterdir())) == 1


async def test_the_link_lets_the_page_in_once_and_only_from_this_machine(tmp_path: Path) -> None:
    async with rig(data=tmp_path) as here:
        code = page_link.invite(tmp_path, hash_key(OTHER_KEY), time.time())
        for header in ("x-forwarded-for", "forwarded", "x-real-ip"):
            answer = await trade(here, code, **{header: "203.0.113.9"})
            assert code_of(answer) == (403, "link_from_elsewhere")
        for more in ({"opens": "call"}, {"opens": "account", "session": {"instructions": "Be rude."}}):
            assert code_of(await trade(here, code, more)) == (400, "invalid_value")
        secret = (await trade(here, code)).json()["value"]
        assert await account(here, secret) == 200
        client, _ = await here.call(key=secret)
        await client.close()
        assert code_of(await trade(here, code)) == (401, "link_used")
        assert await account(here, code) == 401
        here.books.keys.pop(hash_key(OTHER_KEY))
        assert await account(here, secret) == 401


async def test_a_link_opens_no_call(tmp_path: Path) -> None:
    async with rig(data=tmp_path) as here:
        code = page_link.invite(tmp_path, hash_key(OTHER_KEY), time.time())
        async with here.connect(key=code) as client:
            assert (await ending(client))[0] == 3000


async def test_where_nobody_prints_links_none_is_accepted() -> None:
    async with rig() as here:
        assert code_of(await trade(here, "once_" + "a" * 32)) == (401, "link_used")
