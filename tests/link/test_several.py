"""One gateway and several business processes."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from link_ends import GRANT, Notebook, a_server, an_address, passage, until
from realtime_switch.accounts.errors import ErrorCode, LinkError, RealtimeSwitchError
from realtime_switch.link.several import LinkClients


async def test_whoever_is_there_is_asked() -> None:
    with an_address() as gone, an_address() as there:
        links = LinkClients([gone, there])
        await links.start()
        async with a_server(there, Notebook()):
            assert await links.validate_and_load("hash", "s1") == GRANT
            assert links.connected
            await links.close()


async def test_what_one_took_along_is_asked_of_another_within_the_deadline() -> None:
    first, second = Notebook(), Notebook()
    first.held = second.held = {(passage(1),)}
    with an_address() as one, an_address() as two:
        links = LinkClients([one, two], timeout_ms=20_000)
        await links.start()
        async with AsyncExitStack() as stack:
            servers = {
                id(first): await stack.enter_async_context(a_server(one, first, finish_within_s=0)),
                id(second): await stack.enter_async_context(a_server(two, second, finish_within_s=0)),
            }
            asking = asyncio.create_task(links.append_conversation([passage(1)]))
            await until(lambda: bool(first.begun or second.begun))
            asked, other = (first, second) if first.begun else (second, first)
            await servers[id(asked)].close()
            await until(lambda: bool(other.begun))
            other.let_go()
            await asking
            assert other.ended == [(passage(1),)]
            await links.close()


async def test_with_nobody_there_the_deadline_counts_and_names_all_of_them() -> None:
    with an_address() as one, an_address() as two:
        links = LinkClients([one, two], timeout_ms=100)
        await links.start()
        with pytest.raises(LinkError, match=f"{one}, {two}") as caught:
            await links.get_credits("a1")
        assert caught.value.code is ErrorCode.INTERNAL_LINK_TIMEOUT
        assert not links.connected
        await links.close()


async def test_an_error_of_the_service_is_not_taken_for_one_of_the_link() -> None:
    notebook = Notebook()
    notebook.errors["a1"] = RealtimeSwitchError(ErrorCode.INTERNAL_DATABASE_BUSY, "busy")
    with an_address() as gone, an_address() as there:
        links = LinkClients([gone, there])
        await links.start()
        async with a_server(there, notebook):
            with pytest.raises(RealtimeSwitchError, match="busy"):
                await links.get_credits("a1")
            assert notebook.begun == ["a1"]
            await links.close()


async def test_who_waits_is_let_go_when_it_is_closed() -> None:
    with an_address() as one:
        links = LinkClients([one], timeout_ms=60_000)
        await links.start()
        asking = asyncio.create_task(links.get_credits("a1"))
        await asyncio.sleep(0)
        await links.close()
        with pytest.raises(LinkError) as caught:
            await asking
        assert caught.value.code is ErrorCode.INTERNAL_LINK_CLOSED
