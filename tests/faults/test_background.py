"""What the business process does beside its answers lies nowhere: after a kill a load begins it again."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from real_processes import a_plant
from realtime_switch.accounts.keys import hash_key
from realtime_switch.accounts.records import Grant, Passage
from realtime_switch.link.several import LinkClients
from realtime_switch.settings import Flags, load

ANSWER = b'{"choices":[{"message":{"role":"assistant","content":"They spoke of boats."}}]}'


class SlowModel:
    """A chat completions endpoint that answers when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            self.was_asked.set()
            await self.may_answer.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # who asked was killed
        finally:
            writer.close()


@asynccontextmanager
async def a_link(addresses):
    link = LinkClients(addresses)
    await link.start()
    try:
        yield link
    finally:
        await link.close()


@pytest.mark.timeout(120)
async def test_a_summary_and_the_time_a_key_was_used_outlive_a_kill_of_the_business_process() -> None:
    model = SlowModel()
    async with await asyncio.start_server(model.serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with a_plant(gateways=0, config=f'[summary]\nurl = "{url}"\nmodel = "m"\n') as plant:
            key = hash_key(plant.open_account())
            business = plant.businesses[0]
            business.start()
            business.wait_until_ready()
            async with a_link(load(Flags(data=plant.data), {}).link_addresses) as link:

                async def history() -> str:
                    grant = await link.validate_and_load(key, "s1")
                    assert isinstance(grant, Grant)
                    return grant.history

                account_id = (await link.validate_and_load(key, "s1")).account_id
                said = [
                    Passage(
                        id=f"p{n}", account_id=account_id, session_id="s1", text=f"\nuser: {n} " + "x" * 500
                    )
                    for n in range(100)
                ]
                await link.append_conversation(said)
                await history()
                async with asyncio.timeout(20):
                    await model.was_asked.wait()
                business.kill()  # with a question under way, and a use of the key not written down
                assert plant.command("key", "list")[0]["last_used_at"] is None
                business.start()
                await asyncio.to_thread(business.wait_until_ready)
                model.may_answer.set()
                async with asyncio.timeout(40):
                    while "They spoke of boats." not in (told := await history()):
                        await asyncio.sleep(0.1)
                    assert model.asked >= 2
                    assert told.endswith(said[-1].text), "what was said last stays word for word"
                    while plant.command("key", "list")[0]["last_used_at"] is None:
                        await asyncio.sleep(0.5)
            business.stop()
