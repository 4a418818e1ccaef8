"""A session that is live on one gateway goes to another: who loses it, who is told, what is waited for."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from link_ends import (
    GRANT,
    SESSION,
    Notebook,
    a_bare_server,
    a_client,
    a_server,
    answer,
    question,
    until,
    welcome,
)
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.accounts.questions import (
    AboutAccount,
    AccountFacts,
    Answer,
    DeleteSession,
    KeyFacts,
    Question,
)
from realtime_switch.accounts.records import Claim, Refusal
from realtime_switch.link import server as link_server
from realtime_switch.link.claims import Claims
from realtime_switch.link.envelope import Claimed, Credits, GetCredits, Released
from realtime_switch.link.several import LinkClients


def claim(since_us: int = 1, session_id: str = "s1", key_hash: str = "hash", account_id: str = "a1") -> Claim:
    return Claim(key_hash=key_hash, account_id=account_id, session_id=session_id, since_us=since_us)


# -- Who has it -------------------------------------------------------------------------------------------


def test_the_later_claim_wins_whichever_is_told_first() -> None:
    early, late = (claim(1), "one"), (claim(2), "two")
    for first, second in ((early, late), (late, early)):
        claims = Claims()
        assert claims.claim(*first) == []
        assert claims.claim(*second) == [early]


def test_another_session_another_account_and_another_call_of_the_same_gateway_are_no_rivals() -> None:
    claims = Claims()
    claims.claim(claim(1), "one")
    assert claims.claim(claim(2, session_id="s2"), "two") == []
    assert claims.claim(claim(3, account_id="a2", key_hash="other"), "two") == []
    assert claims.claim(claim(4), "one") == []


def test_two_keys_of_one_account_are_rivals() -> None:
    claims = Claims()
    claims.claim(claim(1), "one")
    assert claims.claim(claim(2, key_hash="other"), "two") == [(claim(1), "one")]


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["claim", "release"]), st.integers(1, 5), st.sampled_from(["one", "two", "three"])
    ),
    max_size=30,
)


@given(MOVES)
def test_what_is_claimed_and_not_released_is_known_and_nothing_else(
    moves: list[tuple[str, int, str]],
) -> None:
    claims, held = Claims(), {}
    for what, since_us, gateway in moves:
        one = claim(since_us)
        if what == "claim":
            claims.claim(one, gateway)
            held[one] = gateway
        else:
            claims.release(one, gateway)
            if held.get(one) == gateway:
                del held[one]
    assert {one: g for g in ("one", "two", "three") for one in claims.of(g)} == held
    assert dict(claims.elsewhere("hash", "s1", "one")) == {one: g for one, g in held.items() if g != "one"}
    for one, gateway in held.items():
        claims.release(one, gateway)
    assert claims._of_session == {}


# -- Over the link ----------------------------------------------------------------------------------------


class Gateway:
    """One that writes down what is taken from it, and lets go of it when it is told to."""

    def __init__(self, address: str) -> None:
        self.lost: list[Claim] = []
        self.link = LinkClients([address], taken=self.lost.append)

    async def __aenter__(self) -> "Gateway":
        await self.link.start()
        await until(lambda: self.link.connected)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.link.close()


def known(server: link_server.LinkServer) -> dict[Claim, str]:
    return {one: whose for claims in server._claims._of_session.values() for one, whose in claims.items()}


async def test_a_session_is_loaded_when_the_gateway_that_has_it_has_let_go_of_it(address: str) -> None:
    notebook = Notebook()
    async with a_server(address, notebook) as server, Gateway(address) as one, Gateway(address) as two:
        one.link.claim(claim())
        await until(lambda: list(known(server)) == [claim()])
        asking = asyncio.create_task(two.link.validate_and_load("hash", "s1"))
        await until(lambda: one.lost == [claim()])
        assert notebook.begun == []
        one.link.release(claim())
        assert await asking == GRANT
        assert (known(server), two.lost) == ({}, [])


async def test_nobody_waits_for_a_session_that_no_other_gateway_has(address: str) -> None:
    async with a_server(address, Notebook()) as server, Gateway(address) as one, Gateway(address) as two:
        one.link.claim(claim())
        await until(lambda: list(known(server)) == [claim()])
        assert await one.link.validate_and_load("hash", "s1") == GRANT
        assert await two.link.validate_and_load("hash", "s2") == GRANT
        assert await two.link.validate_and_load("another hash", "s1") == GRANT
        assert (one.lost, two.lost) == ([], [])


async def test_a_gateway_that_does_not_let_go_is_not_waited_for_long(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_server, "_RELEASED_WITHIN_S", 0.05)
    async with a_server(address, Notebook()) as server, Gateway(address) as one, Gateway(address) as two:
        one.link.claim(claim())
        await until(lambda: list(known(server)) == [claim()])
        assert await two.link.validate_and_load("hash", "s1") == GRANT
        assert one.lost == [claim()]
        assert known(server) == {}


async def test_a_gateway_that_has_gone_is_not_waited_for(address: str) -> None:
    async with a_server(address, Notebook()) as server, Gateway(address) as two:
        async with Gateway(address) as one:
            one.link.claim(claim())
            one.link.claim(claim(2, session_id="s2"))
            await until(lambda: len(known(server)) == 2)
        await until(lambda: not _reachable(server, claim()))
        assert await two.link.validate_and_load("hash", "s1") == GRANT
        assert known(server) == {}, "all that it had is forgotten"


def _reachable(server: link_server.LinkServer, one: Claim) -> bool:
    """As the server finds it out."""
    if one in known(server):
        server._take(one, known(server)[one])
    return one in known(server)


async def test_a_business_process_that_starts_again_is_told_what_there_is(address: str) -> None:
    link = LinkClients([address])
    await link.start()
    link.claim(claim())
    link.claim(claim(2, session_id="s2"))
    link.release(claim(2, session_id="s2"))
    for _ in range(2):
        async with a_server(address, Notebook()) as server:
            await until(lambda server=server: list(known(server)) == [claim()])
    await link.close()


async def test_of_two_that_come_at_once_the_later_keeps_the_session(address: str) -> None:
    async with a_server(address, Notebook()), Gateway(address) as one, Gateway(address) as two:
        two.link.claim(claim(2))
        await two.link.get_credits("a1")
        one.link.claim(claim(1))
        await until(lambda: one.lost == [claim(1)])
        assert two.lost == []


async def test_who_has_not_greeted_claims_nothing(address: str) -> None:
    async with a_server(address, Notebook()) as server, a_client(address) as client:
        await client.get_credits("a1")
        server._gateways.clear()
        client.claim(claim())
        await client.get_credits("a1")
        assert known(server) == {}


class Owner(Notebook):
    """Of the account "a1"."""

    async def ask(self, key_hash: str, question: Question) -> Answer | Refusal:
        if isinstance(question, AboutAccount):
            return ACCOUNT
        return await super().ask(key_hash, question)


ACCOUNT = AccountFacts(
    id="a1",
    email="ada@example.org",
    plan_name="Free",
    plan_credits=1,
    topup_credits=0,
    status="ACTIVE",
    created_us=1,
    key=KeyFacts(indicator="rs...1", label="", created_us=1, expires_us=None, last_used_us=None),
)


@pytest.mark.parametrize(
    ("held", "in_use"),
    [(claim(), True), (claim(account_id="a2"), False), (claim(session_id="s2"), False)],
    ids=["it has it", "another account's of that name", "another session"],
)
async def test_a_session_that_another_gateway_has_is_not_deleted(
    address: str, held: Claim, in_use: bool
) -> None:
    """Whichever key of the account asks."""
    async with a_server(address, Owner()) as server, Gateway(address) as one, Gateway(address) as two:
        one.link.claim(held)
        await until(lambda: list(known(server)) == [held])
        answer = await two.link.ask("another hash", DeleteSession(session_id="s1"))
        assert (answer != SESSION) == in_use
        if in_use:
            assert isinstance(answer, Refusal)
            assert answer.code is ErrorCode.EXTERNAL_SESSION_IN_USE
        assert await one.link.ask("hash", DeleteSession(session_id="s1")) == SESSION, "it knows its own calls"


async def test_what_is_told_goes_before_the_next_question(address: str) -> None:
    async with a_bare_server(address) as router, a_client(address) as client:
        peer = await welcome(router)
        await until(lambda: client.connected)
        client.claim(claim())
        client.release(claim())
        asking = asyncio.create_task(client.get_credits("a1"))
        heard = [await question(router) for _ in range(3)]
        assert [type(one) for one in heard] == [Claimed, Released, GetCredits]
        await answer(router, peer, Credits(id=heard[2].id, credits=1))
        assert await asking == 1
