"""GPT-Live's clients at the front door, on real sockets: OpenAI's forms and Azure's, tokens, and a call from
its first frame to its last second."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import msgspec
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

import live_frames as live
from gateway_rig import (
    KEY,
    POOR_KEY,
    PROVIDER_KEY,
    SIGNING_KEY,
    Books,
    Line,
    Rig,
    beside,
    ending,
    hear,
    rig,
    text,
    until,
)
from realtime_switch.accounts.keys import hash_key
from realtime_switch.accounts.records import Certainty, Posted, UsageKind, UsageRecord
from realtime_switch.gateway import ids
from realtime_switch.gateway.client_secrets import Bound, seal

LIVE = "/v1/live/sessions"
START = {"type": "session.start", "event_id": "c1", "session": {"model": "m-1", "instructions": "Be kind."}}
STARTED = live.STARTED.replace(b'"gpt-live-1"', b'"m-1"')


@pytest.fixture
async def here() -> AsyncIterator[Rig]:
    async with rig(dialect="gpt-live") as made:
        made.upstream.greets = False
        yield made


async def begun(here: Rig, client: ClientConnection, start: object = START) -> tuple[Line, Any]:
    """The provider's end, and what it heard."""
    await client.send(text(start))
    line = await here.upstream.line()
    heard = await line.hear()
    await line.socket.send(STARTED.decode())
    assert await client.recv() == STARTED.decode()
    return line, heard


def bills(here: Rig) -> list[tuple[UsageKind, int, Certainty]]:
    made = sorted(here.books.bills.values(), key=lambda bill: (bill.born_us, bill.id))
    return [(bill.kind, bill.duration_ms, bill.certainty) for bill in made]


async def test_a_call_from_its_first_frame_to_its_last_second(here: Rig) -> None:
    client = await here.connect(LIVE)
    assert here.upstream.dials == 0, "nobody is dialled before the model is known"
    line, heard = await begun(here, client)
    assert heard == START
    assert line.headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert client.response.headers["x-session-id"].startswith("sess_")
    said = live.said("AAAA" * 1000).decode()
    odd = text({"type": "session.telepathy.begin"})
    for frame in (said, odd, text({"type": "session.close", "event_id": "c2"})):
        await client.send(frame)
        assert await line.raw() == frame
    told = [
        live.spoken("AAAA" * 1600),
        live.words("agent", " Hello.", 0, 400),
        live.frame("session.telepathy.began", event_id="e9"),
        live.usage(1.5),
        live.closed(2.25).replace(b'"gpt-live-1"', b'"m-1"'),
    ]
    for payload in told:
        await line.socket.send(payload.decode())
        assert await client.recv() == payload.decode()
    assert await ending(client) == (1000, "close_requested")
    await until(lambda: len(here.books.bills) == 2)
    assert bills(here) == [
        (UsageKind.SESSION, 1500, Certainty.REPORTED),
        (UsageKind.SESSION, 750, Certainty.CONFIRMED),
    ]


async def test_a_client_that_vanishes_leaves_a_bill_all_the_same(here: Rig) -> None:
    client = await here.connect(LIVE)
    line, _ = await begun(here, client)
    client.transport.abort()
    assert await line.hear() == {"type": "session.close"}
    assert len(here.gateway.switchboard.calls) == 1
    await line.socket.send(live.closed(4.0).decode())
    assert await line.closed() == 1000
    await until(lambda: bool(here.books.bills))
    assert bills(here) == [(UsageKind.SESSION, 4000, Certainty.CONFIRMED)]
    assert len(here.gateway.switchboard.calls) == 0


async def test_a_provider_that_vanishes_is_told_to_the_client_by_name(here: Rig) -> None:
    client = await here.connect(LIVE)
    line, _ = await begun(here, client)
    second = live.said(live.SECOND_OF_AUDIO).decode()
    for _ in range(40):
        await client.send(second)
        await line.raw()
    line.socket.transport.abort()
    error = await hear(client)
    assert live.is_for_client(text(error))
    assert error["error"]["code"] == "upstream_disconnected"
    assert (await ending(client))[0] == 1011
    await until(lambda: bool(here.books.bills))
    assert bills(here) == [(UsageKind.SESSION, 40_000, Certainty.ESTIMATED)]
    assert here.upstream.dials == 1, "never a silent reconnect"


async def test_a_stopping_gateway_asks_for_the_last_word(here: Rig) -> None:
    client = await here.connect(LIVE)
    line, _ = await begun(here, client)
    stopped = here.gateway.switchboard.end_all(3.0)
    task = beside(stopped)
    assert await line.hear() == {"type": "session.close"}
    last = live.closed(1.0)
    await line.socket.send(last.decode())
    assert (await hear(client))["type"] == "session.closed"
    assert (await ending(client))[0] == 1001
    await task


AZURE = {"path": "/openai/v1/live/sessions", "key": None, "headers": {"api-key": KEY}}
FORMS: dict[str, dict[str, Any]] = {
    "OpenAI": {"path": LIVE},
    "a base without a version": {"path": "/live/sessions"},
    "a slash at the end": {"path": f"{LIVE}/"},
    "Azure, by key": AZURE,
    "Azure, by token": {"path": "/openai/v1/live/sessions"},
    "a browser": {
        "path": LIVE,
        "key": None,
        "subprotocols": ["realtime", f"openai-insecure-api-key.{KEY}"],
    },
    "a query": {"path": f"{LIVE}?key={KEY}", "key": None},
    "the root": {"path": "/?rs_api=gpt-live"},
}


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_the_door_leads_to_the_same_call(here: Rig, form: str) -> None:
    given = dict(FORMS[form])
    client = await here.connect(given.pop("path"), **given)
    _, heard = await begun(here, client)
    assert heard == START
    await client.close()


@pytest.mark.parametrize("where", ["query", "header"])
async def test_a_session_that_is_named_is_told_back_and_goes_on(here: Rig, where: str) -> None:
    here.books.said["ada"] = "user: I am Bo.\nagent: Hello Bo."
    path, headers = (f"{LIVE}?session_id=ada", {}) if where == "query" else (LIVE, {"x-session-id": "ada"})
    client = await here.connect(path, headers=headers)
    assert client.response.headers["x-session-id"] == "ada"
    _, heard = await begun(here, client)
    assert [item["role"] for item in heard["session"]["input"]] == ["developer", "user", "assistant"]
    await client.close()


async def test_an_alias_is_what_the_client_sees_and_its_target_what_the_provider_hears(here: Rig) -> None:
    client = await here.connect(LIVE)
    await client.send(text({"type": "session.start", "session": {"model": "fixed"}}))
    line = await here.upstream.line()
    assert (await line.hear())["session"]["model"] == "fixed-1"
    await line.say(msgspec.json.decode(live.STARTED.replace(b"gpt-live-1", b"fixed-1")))
    assert (await hear(client))["session"]["model"] == "fixed"
    await client.close()


REFUSED = {
    "a wrong key": ({"key": "sk-x"}, START, (3000, "invalid_api_key")),
    "a key nobody has": ({"key": "rslive_v1_" + "0d" * 24}, START, (3000, "invalid_api_key")),
    "no credits": ({"key": POOR_KEY}, START, (4002, "insufficient_quota")),
    "no route": ({}, {"type": "session.start", "session": {"model": "x"}}, (4004, "invalid_model")),
    "no start": ({}, {"type": "session.close"}, (4000, "invalid_value")),
    "no model": ({}, {"type": "session.start", "session": {}}, (4000, "missing_required_parameter")),
}


@pytest.mark.parametrize("why", REFUSED)
async def test_who_may_not_come_in_is_told_by_an_event_and_a_close(here: Rig, why: str) -> None:
    given, first, (code, error) = REFUSED[why]
    client = await here.connect(LIVE, **given)
    with contextlib.suppress(websockets.ConnectionClosed):  # a wrong key is told at once
        await client.send(text(first))
    told = await hear(client)
    assert live.is_for_client(text(told))
    assert told["error"]["code"] == error
    assert (await ending(client))[0] == code
    assert here.upstream.dials == 0


async def test_without_a_key_nobody_is_let_in(here: Rig) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await here.connect(LIVE, key=None)
    assert refused.value.response.status_code == 401


def token(**bound: Any) -> str:
    """As a page holds it."""
    now_s = ids.now_us() // 1_000_000
    made = {"key_hash": hash_key(KEY), "session_id": "ada", "expires_at": now_s + 60, **bound}
    return seal(Bound(**made), SIGNING_KEY)


async def test_a_pages_token_opens_its_session(here: Rig) -> None:
    client = await here.connect(LIVE, key=token(dialect="gpt-live", model="m-1"))
    assert client.response.headers["x-session-id"] == "ada"
    await begun(here, client)
    await client.close()


@pytest.mark.parametrize(("bound", "code"), [({"dialect": "gemini"}, 3000), ({"model": "m-2"}, 1008)])
async def test_and_nothing_else(here: Rig, bound: dict[str, Any], code: int) -> None:
    client = await here.connect(LIVE, key=token(**bound))
    with contextlib.suppress(websockets.ConnectionClosed):
        await client.send(text(START))
    assert (await ending(client))[0] == code


async def test_another_dialects_client_is_refused_by_name(here: Rig) -> None:
    client = await here.connect("/v1/realtime?model=m")
    told = await hear(client)
    assert "dialects-gpt-live.md" in told["error"]["message"]
    assert (await ending(client))[0] == 4004
    assert here.upstream.dials == 0


async def test_a_page_is_given_a_token_for_its_model(here: Rig) -> None:
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as http:
        url = f"{here.http}/v1/realtime/client_secrets"
        made = (await http.post(url, json={"session": {"type": "live", "model": "m-1"}})).json()
        assert made["session"] == {
            "type": "live",
            "object": "live.session",
            "id": made["session"]["id"],
            "model": "m-1",
        }
        refused = await http.post(url, json={"session": {"type": "live", "instructions": "Be."}})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "session")
    client = await here.connect(LIVE, key=made["value"])
    await begun(here, client)
    await client.close()
    other = await here.connect("/v1/realtime?model=m-1", key=made["value"])
    assert (await hear(other))["error"]["code"] == "invalid_api_key"


class BilledByTheSecond(Books):
    """A credit a second, as a ledger's rates may say."""

    async def update_usage(self, records: Sequence[UsageRecord]) -> Posted:
        new = [record for record in records if record.id not in self.bills]
        self.credits["a1"] -= sum(record.duration_ms // 1000 for record in new)
        return await super().update_usage(records)


async def test_a_call_ends_when_its_seconds_have_spent_the_credits_at_its_providers_next_word() -> None:
    books = BilledByTheSecond()
    books.credits["a1"] = 29
    async with rig(dialect="gpt-live", books=books) as here:
        here.upstream.greets = False
        client = await here.connect(LIVE)
        line, _ = await begun(here, client)
        await line.socket.send(live.usage(15.0).decode())
        assert (await hear(client))["type"] == "session.usage.updated"
        await until(lambda: books.credits["a1"] == 14)
        await line.socket.send(live.usage(30.0).decode())
        assert (await hear(client))["type"] == "session.usage.updated"
        error = await hear(client)
        assert error["error"]["code"] == "insufficient_quota"
        assert await line.hear() == {"type": "session.close"}
        await line.socket.send(live.closed(30.5).decode())
        assert (await hear(client))["type"] == "session.closed"
        assert (await ending(client))[0] == 4002
        await until(lambda: sum(bill.duration_ms for bill in books.bills.values()) == 30_500)
