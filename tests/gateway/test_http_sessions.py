"""The key holder's own account over HTTP: a real gateway, and the real service over a database in memory."""

import asyncio
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest

from gateway_house import MINE, THEIRS, House, fill
from gateway_rig import OTHER_KEY, SIGNING_KEY, hear, until
from ledger_facts import NOW, passage
from realtime_switch.accounts.errors import ErrorCode, LinkError
from realtime_switch.accounts.keys import hash_key
from realtime_switch.accounts.questions import AboutUsage
from realtime_switch.gateway.client_secrets import unseal
from realtime_switch.gateway.ids import now_us

AT = NOW // 1_000_000

TOTALS = dict.fromkeys(
    (
        "output_tokens", "input_text_tokens", "input_audio_tokens", "input_image_tokens", "cached_tokens",
        "output_text_tokens", "output_audio_tokens", "transcription_tokens", "transcription_ms",
        "reseed_tokens", "session_ms", "fees",
    ),
    0,
)  # fmt: skip
SEVEN = {**TOTALS, "responses": 1, "input_tokens": 7, "total_tokens": 7, "credits": 7}
SESSION = {
    "object": "session",
    "id": "ada/1",
    "created_at": AT,
    "updated_at": AT,
    "characters": 24,
    "credits": 7,
    "has_settings": True,
    "preview": "user: 0\n",
}
DETAILS = {
    "settings": {
        "type": "session.update",
        "session": {
            "instructions": "Be brief.",
            "tools": [
                {
                    "type": "mcp",
                    "server_url": "https://x.y/mcp",
                    "authorization": "(hidden)",
                    "headers": "(hidden)",
                }
            ],
        },
    },
    "usage": SEVEN,
    "usage_by_provider": [{"provider": "openai", **SEVEN}],
    "switches": [
        {
            "object": "session.switch",
            "created_at": AT,
            "from": "openai/gpt-realtime",
            "to": "gemini/flash",
            "cause": "dropped",
            "silent_ms": 250,
            "attempts": 2,
        }
    ],
}


def told(n: int) -> dict[str, Any]:
    return {"object": "session.passage", "id": f"a1-ada/1-{n}", "created_at": AT, "text": f"user: {n}\n"}


# -- The account -----------------------------------------------------------------------------------------


async def test_an_account_shows_its_purses_and_the_key_that_asked(house: House) -> None:
    assert await house.get("/v1/account") == {
        "object": "account",
        "id": "a1",
        "email": "a1@example.com",
        "plan": "Pro",
        "status": "active",
        "credits": 1_000_000,
        "plan_credits": 1_000_000,
        "topup_credits": 0,
        "overdraft": 0,
        "created_at": AT,
        "key": {
            "indicator": "rsliv...a0a0a",
            "label": "page",
            "created_at": AT,
            "expires_at": None,
            "last_used_at": None,
        },
    }


async def test_who_has_no_credits_left_may_still_look_but_not_call(house: House) -> None:
    await fill(house)
    await house.database.write(lambda r: r.accounts.spend("a1", 1_000_100, "usage", NOW))
    account = await house.get("/v1/account")
    assert (account["credits"], account["overdraft"]) == (-107, 107)
    for path in ("/v1/usage", "/v1/sessions", "/v1/sessions/ada/1", "/v1/calls", "/v1/models"):
        await house.get(path)
    page = await house.secret(opens="account")
    await house.get("/v1/sessions", key=page["value"])
    call = await house.ask("/v1/realtime/client_secrets", "POST", json={})
    assert (call.status_code, call.json()["error"]["code"]) == (429, "insufficient_quota")


# -- Usage -----------------------------------------------------------------------------------------------


async def test_usage_is_told_by_what_is_asked_for(house: House) -> None:
    await fill(house)
    await fill(house, session_id="bob", at=NOW + 3_600_000_000)
    whole = await house.get("/v1/usage")
    assert whole == {
        "object": "usage",
        "start_time": None,
        "end_time": None,
        "group_by": [],
        "total": {key: value * 2 for key, value in SEVEN.items()},
        "data": [],
        "has_more": False,
        "next": None,
    }
    first = await house.get("/v1/usage?group_by=hour,provider&limit=1&start_time=2023-11-14")
    assert first["start_time"] == 1_699_920_000
    assert first["data"] == [{"hour": "2023-11-14T22:00Z", "provider": "openai", **SEVEN}]
    rest = await house.get(f"/v1/usage?group_by=hour,provider&limit=1&after={first['next']}")
    assert (rest["data"][0]["hour"], rest["has_more"], rest["next"]) == ("2023-11-14T23:00Z", False, None)
    until = await house.get(f"/v1/usage?group_by=session&end_time={AT + 1}")
    assert [(row["session"], row["credits"]) for row in until["data"]] == [("ada/1", 7)]


# -- Sessions --------------------------------------------------------------------------------------------


async def test_sessions_are_listed_newest_first_in_pages(house: House) -> None:
    await fill(house)
    await fill(house, session_id="bob", at=NOW + 1)
    await fill(house, "a2")
    first = await house.get("/v1/sessions?limit=1")
    assert [session["id"] for session in first["data"]] == ["bob"]
    await fill(house, session_id="new", at=NOW + 2)
    assert await house.get(f"/v1/sessions?limit=1&after={first['next']}") == {
        "object": "list",
        "data": [{**SESSION, "live": False}],
        "has_more": False,
        "next": None,
    }


async def test_sessions_are_searched(house: House) -> None:
    await fill(house)
    await fill(house, session_id="bob", at=NOW + 1)
    await house.database.write(lambda r: r.sessions.append([passage("x", "a Needle", session_id="bob")], NOW))
    found = await house.get("/v1/sessions?q=needle")
    assert [(session["id"], session["preview"]) for session in found["data"]] == [("bob", "a Needle")]
    assert (await house.get("/v1/sessions?q=nothing"))["data"] == []


async def test_a_session_is_shown_without_what_is_secret_in_its_settings(house: House) -> None:
    await fill(house)
    first = await house.get("/v1/sessions/ada/1?limit=2")
    passages = first.pop("passages")
    assert first == {**SESSION, **DETAILS, "live": False}
    assert (passages["data"], passages["has_more"]) == ([told(0), told(1)], True)
    rest = await house.get(f"/v1/sessions/ada%2F1?after={passages['next']}")
    assert rest["passages"] == {"object": "list", "data": [told(2)], "has_more": False, "next": None}


async def test_a_session_is_taken_away_as_lines_or_text(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime_switch.gateway.http_sessions.PAGE_MAX", 2)  # so that an export has pages
    await fill(house)
    for options in (
        {"path": "/v1/sessions/ada/1?format=jsonl"},
        {"path": "/v1/sessions/ada/1", "accept": "application/x-ndjson"},
    ):
        answer = await house.ask(**options)
        assert answer.headers["content-type"] == "application/jsonl; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="ada_1.jsonl"'
        assert [msgspec.json.decode(line) for line in answer.text.splitlines()] == [
            {**SESSION, **DETAILS},
            *({**told(n), "session_id": "ada/1"} for n in range(3)),
        ]
    text = await house.ask("/v1/sessions/ada/1", accept="text/plain")
    assert text.text == "# ada/1\n\nuser: 0\nuser: 1\nuser: 2\n\n\n"


async def test_all_sessions_are_taken_away_at_once(house: House) -> None:
    for n, session_id in enumerate(("ada/1", "bob", "eve")):
        await fill(house, session_id=session_id, at=NOW + n)
    await fill(house, "a2", "theirs")
    answer = await house.ask("/v1/sessions?format=jsonl&limit=1")
    lines = [msgspec.json.decode(line) for line in answer.text.splitlines()]
    assert [line["id"] for line in lines if line["object"] == "session"] == ["eve", "bob", "ada/1"]
    assert [line["session_id"] for line in lines if line["object"] == "session.passage"] == [
        *["eve"] * 3, *["bob"] * 3, *["ada/1"] * 3
    ]  # fmt: skip


async def test_a_deleted_session_is_gone_and_what_it_cost_is_not(house: House) -> None:
    await fill(house)
    await fill(house, "a2")
    answer = await house.ask("/v1/sessions/ada/1", "DELETE")
    assert (answer.status_code, answer.json()) == (
        200,
        {"object": "session.deleted", "id": "ada/1", "deleted": True},
    )
    for method in ("GET", "DELETE"):
        assert await house.refused("/v1/sessions/ada/1", method=method) == (404, "session_not_found", None)
    assert (await house.get("/v1/usage?group_by=session"))["data"] == [{"session": "", **SEVEN}]
    assert (await house.get("/v1/sessions/ada/1", key=THEIRS))["id"] == "ada/1"


async def test_a_session_with_a_live_call_is_deleted_when_the_call_has_ended(house: House) -> None:
    client = await house.rig.connect("/v1/realtime?model=m&session_id=ada%2F1", key=MINE)
    await house.rig.upstream.line()
    await hear(client)
    await fill(house)
    assert (await house.get("/v1/sessions/ada/1"))["live"] is True
    assert await house.refused("/v1/sessions/ada/1", method="DELETE") == (409, "session_in_use", None)
    assert await house.refused("/v1/sessions/ada/1", method="DELETE", key=THEIRS) == (
        404,
        "session_not_found",
        None,
    )
    await client.close()
    await until(lambda: len(house.rig.gateway.switchboard.calls) == 0)
    assert (await house.ask("/v1/sessions/ada/1", "DELETE")).status_code == 200
    assert (await house.get("/v1/sessions"))["data"] == []


# -- Who may -----------------------------------------------------------------------------------------------

PATHS = ("/v1/account", "/v1/usage", "/v1/sessions", "/v1/sessions/ada/1", "/v1/calls", "/v1/models")


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_key_nothing_is_told(house: House, path: str) -> None:
    await fill(house)
    assert await house.refused(path, key=None) == (401, "missing_api_key", None)
    for wrong in ("sk-1", OTHER_KEY, "rslive_v1_" + "ff" * 24, "ek_abc.def"):
        assert await house.refused(path, key=wrong) == (401, "invalid_api_key", None)


@pytest.mark.parametrize("path", PATHS)
async def test_a_secret_of_a_call_tells_nothing_and_one_of_the_account_what_the_key_does(
    house: House, path: str
) -> None:
    await fill(house)
    call, page = await house.secret(), await house.secret(opens="account")
    assert await house.refused(path, key=call["value"]) == (403, "insufficient_permissions", None)
    expected = await house.get(path)
    assert await house.get(path, key=page["value"]) == expected


async def test_a_secret_of_the_account_opens_any_session_and_makes_no_other_secret(house: House) -> None:
    page = await house.secret(opens="account")
    for session_id in ("ada", "bob"):
        client = await house.rig.connect(f"/v1/realtime?model=m&session_id={session_id}", key=page["value"])
        assert client.response.headers["x-session-id"] == session_id
        await house.rig.upstream.line()
        await client.close()
    for body in ({}, {"opens": "account"}):
        options = {"method": "POST", "key": page["value"], "json": body}
        assert await house.refused("/v1/realtime/client_secrets", **options) == (401, "invalid_api_key", None)
    assert unseal(page["value"], SIGNING_KEY, page["expires_at"]) is None


async def test_a_secret_ends_with_its_time_and_with_its_key(house: House, monkeypatch: Any) -> None:
    page = (await house.secret(opens="account"))["value"]
    await house.get("/v1/account", key=page)
    monkeypatch.setattr("realtime_switch.gateway.holder.now_us", lambda: now_us() + 601_000_000)
    assert await house.refused("/v1/account", key=page) == (401, "invalid_api_key", None)
    monkeypatch.undo()
    await house.database.write(lambda r: r.accounts.expire_key(hash_key(MINE), NOW))
    assert await house.refused("/v1/account", key=page) == (401, "invalid_api_key", None)


async def test_no_page_of_another_site_is_let_in(house: House) -> None:
    async with httpx.AsyncClient(base_url=house.rig.http) as client:
        headers = {"origin": "https://elsewhere.example", "access-control-request-method": "GET"}
        asked = await client.options("/v1/sessions", headers=headers)
        answer = await client.get("/v1/sessions", headers={**headers, "authorization": f"Bearer {MINE}"})
    assert asked.status_code == 405
    for said in (asked, answer):
        assert not [name for name in said.headers if name.startswith("access-control-")]


# -- Bad questions ----------------------------------------------------------------------------------------

BAD = {
    "/v1/account?x=1": "x",
    "/v1/usage?strat_time=1": "strat_time",
    "/v1/usage?start_time=yesterday": "start_time",
    "/v1/usage?start_time=-1": "start_time",
    "/v1/usage?end_time=99999999999999999999999": "end_time",
    "/v1/usage?end_time=2023-13-01": "end_time",
    "/v1/usage?group_by=month": "group_by",
    "/v1/usage?group_by=account": "group_by",
    "/v1/usage?group_by=day,day": "group_by",
    "/v1/usage?group_by=day,hour,kind,model": "group_by",
    "/v1/usage?limit=0": "limit",
    "/v1/usage?limit=1001": "limit",
    "/v1/usage?limit=%D9%A1": "limit",
    "/v1/usage?after=%ff": "after",
    "/v1/usage?group_by=day&after=kaF4": "after",  # one text that is no day
    "/v1/usage?group_by=day,kind&after=kaF4": "after",  # one group of two
    "/v1/sessions?limit=201": "limit",
    "/v1/sessions?format=xml": "format",
    "/v1/sessions?after=kaF4": "after",
    "/v1/sessions?after=" + "A" * 5000: "after",
    "/v1/sessions?q=" + "x" * 201: "q",
    "/v1/sessions/ada/1?after=nonsense": "after",
    "/v1/sessions/ada/1?limit=x": "limit",
    "/v1/sessions/ada/1?q=x": "q",
}


@pytest.mark.parametrize("path", BAD)
async def test_a_question_that_is_none_is_told_what_is_wrong(house: House, path: str) -> None:
    await fill(house)
    assert await house.refused(path) == (400, "invalid_value", BAD[path])


async def test_a_business_process_that_is_away_is_503_and_names_no_inside(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*question: object) -> None:
        raise LinkError(ErrorCode.INTERNAL_LINK_TIMEOUT, "No business process answers at /secret/place.")

    monkeypatch.setattr(house.service, "ask", away)
    for path in PATHS:
        answer = await house.ask(path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (503, "server_error")
        assert "/secret/place" not in answer.text


async def test_what_breaks_off_in_the_middle_of_an_export_is_seen_by_its_reader(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(house)
    ask = house.service.ask
    asked = 0

    async def failing(*question: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked > 2:
            raise LinkError(ErrorCode.INTERNAL_LINK_TIMEOUT, "away")
        return await ask(*question)

    monkeypatch.setattr(house.service, "ask", failing)
    with pytest.raises(httpx.RemoteProtocolError):
        await house.ask("/v1/sessions?format=jsonl")


async def test_a_question_that_reads_much_does_not_hold_up_who_connects(house: House) -> None:
    """Readers are few: of the questions that read much one is answered at a time."""
    held, running, most = asyncio.Event(), 0, 0
    read = house.database.read

    async def slow(work: Any) -> Any:
        nonlocal running, most
        if isinstance(work, partial) and "About" in repr(work.keywords.get("question")):
            running += 1
            most = max(most, running)
            await held.wait()
            running -= 1
        return await read(work)

    house.database.read = slow  # type: ignore[method-assign]
    key_hash = hash_key(MINE)
    asked = [asyncio.create_task(house.service.ask(key_hash, AboutUsage())) for _ in range(5)]
    await until(lambda: running == 1)
    grant = await house.service.validate_and_load(key_hash, "s1")
    assert grant.account_id == "a1"  # type: ignore[union-attr]
    held.set()
    await asyncio.gather(*asked)
    assert most == 1
