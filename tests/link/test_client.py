import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
import zmq

from link_ends import (
    GRANT,
    POSTED,
    SESSION,
    Notebook,
    a_bare_server,
    a_client,
    a_raw_socket,
    a_server,
    a_server_process,
    answer,
    passage,
    question,
    switched,
    until,
    welcome,
)
from realtime_switch.accounts.errors import (
    ConfigurationError,
    ErrorCode,
    LinkError,
    RealtimeSwitchError,
    StorageError,
)
from realtime_switch.accounts.questions import AboutAccount, AboutSession
from realtime_switch.accounts.records import Refusal, SavedConfig, Tokens, UsageRecord
from realtime_switch.accounts.service import AccountService
from realtime_switch.link import envelope, zap
from realtime_switch.link.client import LinkClient
from realtime_switch.link.envelope import MESSAGE_BYTES_MAX, Credits, Failure, GetCredits, Hello, Kept

USAGE = (
    UsageRecord(
        id="r1", account_id="a1", session_id="s1", provider="openai", tokens=Tokens(input=3, output=4)
    ),
    UsageRecord(id="r2", account_id="a1", session_id="s2", provider="gemini", duration_ms=90),
)
SAVED = SavedConfig(id="c1", account_id="a1", session_id="s1", config='{"not": "parsed')


# -- The verbs -------------------------------------------------------------------------------------------


async def all_six(service: AccountService) -> list[object]:
    return [
        await service.validate_and_load("abc", "s1"),
        await service.get_credits("a1"),
        await service.update_usage(list(USAGE)),
        await service.save_session(SAVED),
        await service.append_conversation([passage(1), passage(2), switched(3)]),
        await service.ask("abc", AboutSession(session_id="s1", after=(5, 1))),
    ]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_six_verbs_mean_the_same_over_the_link(
    address: str, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def story() -> None:
        direct, linked = Notebook(), Notebook()
        async with a_server(address, linked), a_client(address) as client:
            told = await all_six(client)
            assert told == await all_six(direct) == [GRANT, 42, POSTED, None, None, SESSION]
        assert linked.ended == direct.ended

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(story())


async def test_a_refusal_is_an_answer(address: str, notebook: Notebook) -> None:
    notebook.answer = Refusal(code=ErrorCode.EXTERNAL_NO_CREDITS, message="nothing left")
    async with a_server(address, notebook), a_client(address) as client:
        assert await client.validate_and_load("abc", "s1") == notebook.answer


async def test_a_question_may_be_refused_too(address: str, notebook: Notebook) -> None:
    notebook.answer = Refusal(code=ErrorCode.EXTERNAL_INVALID_AUTH, message="no such key")
    async with a_server(address, notebook), a_client(address) as client:
        assert await client.ask("abc", AboutAccount()) == notebook.answer


@pytest.mark.parametrize(
    ("raised", "arrives"),
    [
        (StorageError(ErrorCode.INTERNAL_DATABASE_BUSY, "too busy, try again"), RealtimeSwitchError),
        (LinkError(ErrorCode.INTERNAL_LINK_CLOSED, "stopping"), LinkError),
    ],
)
async def test_an_error_of_the_service_is_raised_here(
    address: str, notebook: Notebook, raised: RealtimeSwitchError, arrives: type[RealtimeSwitchError]
) -> None:
    notebook.errors["a1"] = raised
    async with a_server(address, notebook), a_client(address) as client:
        with pytest.raises(RealtimeSwitchError) as caught:
            await client.get_credits("a1")
        assert (type(caught.value), caught.value.code, caught.value.message) == (
            arrives,
            raised.code,
            raised.message,
        )


async def test_a_thousand_questions_at_once_get_their_own_answers(address: str) -> None:
    class Echo(Notebook):
        async def get_credits(self, account_id: str) -> int:
            await asyncio.sleep(0)
            return int(account_id)

    async with a_server(address, Echo()), a_client(address) as client:
        answers = await asyncio.gather(*(client.get_credits(str(number)) for number in range(1000)))
    assert answers == list(range(1000))


async def test_a_question_too_long_for_the_link_fails_alone(address: str, notebook: Notebook) -> None:
    async with a_server(address, notebook), a_client(address) as client:
        with pytest.raises(LinkError, match="send less at once"):
            await client.append_conversation(
                [msgspec.structs.replace(passage(1), text="x" * MESSAGE_BYTES_MAX)]
            )
        assert await client.get_credits("a1") == 42


# -- Deadlines -------------------------------------------------------------------------------------------


async def test_a_slow_answer_is_a_named_error_at_the_deadline(address: str, notebook: Notebook) -> None:
    notebook.held.add("a1")
    async with a_server(address, notebook), a_client(address, timeout_ms=300) as client:
        assert await client.get_credits("a2") == 42
        with pytest.raises(LinkError) as caught:
            await client.get_credits("a1")
        assert caught.value.code is ErrorCode.INTERNAL_LINK_TIMEOUT
        assert caught.value.message == "The business process did not answer get_credits within 300 ms."
        notebook.let_go()
        assert await client.get_credits("a3") == 42  # and the late answer went nowhere


async def test_without_a_business_process_the_deadline_says_so(address: str) -> None:
    async with a_client(address, timeout_ms=150) as client:
        with pytest.raises(
            LinkError, match=r"No business process answers at .*/link, .* Is it running\?"
        ) as caught:
            await client.get_credits("a1")
        assert caught.value.code is ErrorCode.INTERNAL_LINK_TIMEOUT
        assert not client.connected


async def test_each_call_has_its_own_deadline(address: str) -> None:
    async with a_client(address, timeout_ms=200) as client:
        loop = asyncio.get_running_loop()

        async def waited_s(after_s: float) -> float:
            await asyncio.sleep(after_s)
            began_s = loop.time()
            with pytest.raises(LinkError):
                await client.get_credits("a1")
            return loop.time() - began_s

        assert all(wait_s >= 0.2 for wait_s in await asyncio.gather(*map(waited_s, (0, 0.05, 0.1))))


async def test_a_caller_that_is_cancelled_is_forgotten(address: str) -> None:
    async with a_bare_server(address) as router, a_client(address) as client:
        peer = await welcome(router)
        cancelled = asyncio.create_task(client.get_credits("a1"))
        asked = await question(router)
        assert asked == GetCredits(id=asked.id, account_id="a1")
        cancelled.cancel()
        await asyncio.wait([cancelled])
        await answer(router, peer, Credits(id=asked.id, credits=1))
        other = asyncio.create_task(client.get_credits("a2"))
        asked = await question(router)
        await answer(router, peer, Credits(id=asked.id, credits=2))
        assert await other == 2


# -- The other side goes and comes -----------------------------------------------------------------------


async def test_who_asks_before_the_business_process_is_there_is_answered_when_it_is(
    address: str, notebook: Notebook
) -> None:
    async with a_client(address) as client:
        waiting = [asyncio.create_task(client.get_credits("a1")) for _ in range(3)]
        await asyncio.sleep(0)  # they have asked
        async with a_server(address, notebook):
            assert await asyncio.gather(*waiting) == [42, 42, 42]


async def test_a_restart_within_the_deadline_is_not_noticed(address: str, notebook: Notebook) -> None:
    async with a_client(address) as client:
        async with a_server(address, notebook):
            assert await client.get_credits("a1") == 42
            assert client.connected
        await until(lambda: not client.connected)
        waiting = asyncio.create_task(client.get_credits("a1"))
        async with a_server(address, notebook):
            assert await waiting == 42
            assert client.connected


async def test_what_a_killed_process_was_asked_is_asked_again_of_the_next_in_order(
    address: str, notebook: Notebook
) -> None:
    async with AsyncExitStack() as stack:
        with a_server_process(address) as process:
            client = await stack.enter_async_context(a_client(address))
            assert await client.get_credits("a1") == 42
            waiting = [asyncio.create_task(client.get_credits("never")) for _ in range(2)]
            waiting.append(asyncio.create_task(client.append_conversation([passage(1)])))
            await asyncio.wait([waiting[2]])  # so the process has them all
            process.kill()
            await until(lambda: not client.connected)
        async with a_server(address, notebook):
            assert await asyncio.gather(*waiting) == [42, 42, None]
            assert notebook.begun == ["never", "never"]


async def test_answers_that_came_before_the_end_are_heard_if_the_end_is_noticed_first(
    address: str,
) -> None:
    count = 300  # more than are received in one go
    async with a_client(address) as client:
        async with a_bare_server(address) as router:
            peer = await welcome(router)
            waiting = [asyncio.create_task(client.get_credits("a1")) for _ in range(count)]
            asked = [await question(router) for _ in range(count)]
            at_once = zmq.Socket.shadow(router.underlying)
            for request in asked:
                at_once.send_multipart([peer, envelope.encode(Credits(id=request.id, credits=2))])
            router.close(linger=5000)
            router.context.term()
            time.sleep(0.05)
        assert await asyncio.gather(*waiting) == [2] * count


async def test_a_stopped_process_is_noticed_by_its_silence(address: str) -> None:
    with a_server_process(address) as process:
        async with a_client(address) as client:
            await client.get_credits("a1")
            process.send_signal(19)  # SIGSTOP: the connection stays, nobody is there
            await until(lambda: not client.connected)


async def test_closing_fails_those_who_wait_at_once(address: str, notebook: Notebook) -> None:
    notebook.held.add("a1")
    async with a_server(address, notebook), a_client(address) as client:
        waiting = asyncio.create_task(client.get_credits("a1"))
        await until(lambda: notebook.begun == ["a1"])
        await client.close()
        with pytest.raises(LinkError) as caught:
            await waiting
        assert caught.value.code is ErrorCode.INTERNAL_LINK_CLOSED
        notebook.let_go()


async def test_a_closed_link_and_one_not_yet_started_say_so(address: str) -> None:
    client = LinkClient(address)
    with pytest.raises(LinkError) as before:
        await client.get_credits("a1")
    await client.start()
    await client.close()
    with pytest.raises(LinkError) as after:
        await client.get_credits("a1")
    await client.close()
    assert (before.value.code, after.value.code) == (ErrorCode.INTERNAL_LINK_CLOSED,) * 2


# -- A business process that is not to be trusted ---------------------------------------------------------


async def test_junk_from_the_other_side_harms_nobody(address: str) -> None:
    async with a_bare_server(address) as router, a_client(address) as client:
        peer = await welcome(router)
        waiting = asyncio.create_task(client.get_credits("a1"))
        asked = await question(router)
        for junk in (b"", b"\xc1", b"GET / HTTP/1.1", b"\x91" * 100_000):
            await router.send_multipart([peer, junk])
        await router.send_multipart([peer, b"two", b"frames"])
        await answer(router, peer, Credits(id=asked.id + 1000, credits=1))  # nobody asked
        await answer(router, peer, Credits(id=asked.id, credits=2))
        await answer(router, peer, Credits(id=asked.id, credits=3))  # again
        assert await waiting == 2
        assert client.connected


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (lambda id: Kept(id=id), "answered get_credits with kept"),
        (lambda id: {"type": "sorry", "id": id}, "Invalid value 'sorry'"),
        (lambda id: {"type": "failure", "id": id, "code": "NEW", "message": ""}, "Invalid enum value 'NEW'"),
    ],
)
async def test_an_answer_that_makes_no_sense_fails_its_call(
    address: str, reply: Callable[[int], Any], sentence: str
) -> None:
    async with a_bare_server(address) as router, a_client(address) as client:
        peer = await welcome(router)
        waiting = asyncio.create_task(client.get_credits("a1"))
        asked = await question(router)
        await router.send_multipart([peer, msgspec.msgpack.encode(reply(asked.id))])
        with pytest.raises(LinkError, match=sentence) as caught:
            await waiting
        assert caught.value.code is ErrorCode.INTERNAL_LINK_UNSUPPORTED


async def test_after_an_answer_too_long_the_question_is_asked_again(address: str) -> None:
    async with a_bare_server(address) as router, a_client(address) as client:
        peer = await welcome(router)
        waiting = asyncio.create_task(client.get_credits("a1"))
        asked = await question(router)
        await router.send_multipart([peer, b"x" * (MESSAGE_BYTES_MAX + 1)])  # libzmq hangs up, for good
        peer = await welcome(router)
        assert await question(router) == asked
        await answer(router, peer, Credits(id=asked.id, credits=2))
        assert await waiting == 2


async def test_another_version_of_the_link_fails_whoever_waits_and_is_asked_again(address: str) -> None:
    async with a_bare_server(address) as router, a_client(address) as client:
        waiting = asyncio.create_task(client.get_credits("a1"))
        peer, data = await router.recv_multipart()
        hello = envelope.decode_request(data)
        assert isinstance(hello, Hello)
        await answer(
            router,
            peer,
            Failure(id=hello.id, code=ErrorCode.INTERNAL_LINK_UNSUPPORTED, message="version 9 here"),
        )
        with pytest.raises(LinkError, match="version 9 here") as caught:
            await waiting
        assert caught.value.code is ErrorCode.INTERNAL_LINK_UNSUPPORTED
        assert not client.connected
        await welcome(router)  # it was put right
        await until(lambda: client.connected)


async def test_nothing_is_asked_before_the_welcome(address: str) -> None:
    async with a_bare_server(address) as router, a_client(address, timeout_ms=200) as client:
        waiting = asyncio.create_task(client.get_credits("a1"))
        _, data = await router.recv_multipart()
        assert isinstance(envelope.decode_request(data), Hello)
        with pytest.raises(LinkError, match="Is it running"):
            await waiting
        assert await router.poll(0) == 0


async def test_a_business_process_of_another_user_is_named_until_it_is_put_right(
    address: str,
) -> None:
    async with a_raw_socket(zmq.ROUTER) as router:
        doorman = router.context.socket(zmq.REP)
        doorman.bind(zap.ENDPOINT)
        router.zap_domain = zap.DOMAIN
        router.bind(address)

        uid = os.geteuid() + 1

        async def keep_the_door() -> None:
            while True:
                await doorman.send_multipart(zap.decide(await doorman.recv_multipart(), uid))

        keeping = asyncio.create_task(keep_the_door())
        async with a_client(address) as client:
            with pytest.raises(ConfigurationError, match="belongs to another user: run both as one"):
                await client.get_credits("a1")
            uid = os.geteuid()
            await welcome(router)
            await until(lambda: client.connected)
        keeping.cancel()
        await asyncio.wait([keeping])


async def test_something_else_that_listens_there_is_not_a_business_process(address: str) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n")
        writer.close()
        await writer.wait_closed()

    path = address.removeprefix("ipc://")
    async with a_client(address, timeout_ms=300) as client, await asyncio.start_unix_server(hang_up, path):
        with pytest.raises(LinkError, match="Is it running"):
            await client.get_credits("a1")


# -- Nothing is left behind ------------------------------------------------------------------------------


async def test_a_hundred_links_leave_no_descriptor_task_or_thread(address: str, notebook: Notebook) -> None:
    def things() -> tuple[int, int, int]:
        files, threads = (len(list(Path("/proc/self", what).iterdir())) for what in ("fd", "task"))
        return files, threads, len(asyncio.all_tasks())

    async def once(use: Callable[[LinkClient], Awaitable[object]]) -> None:
        async with a_client(address) as client:
            await use(client)

    async def ask(client: LinkClient) -> None:
        await client.get_credits("a1")

    async def leave(client: LinkClient) -> None:
        pass

    for _ in range(5):
        async with a_server(address, notebook):
            await once(ask)  # the loop's own threads and files are there from now on
    before = things()
    for _ in range(20):
        await once(leave)
        async with a_server(address, notebook):
            for _ in range(3):
                await once(ask)
            await once(leave)
    assert things() <= before


def test_the_client_is_an_account_service(address: str) -> None:
    service: AccountService = LinkClient(address)
    assert isinstance(service, LinkClient)


async def test_how_long_an_answer_took_is_told(address: str, notebook: Notebook) -> None:
    told: list[tuple[float, str]] = []
    client = LinkClient(address, took=lambda seconds, verb: told.append((seconds, verb)))
    async with a_server(address, notebook):
        await client.start()
        await client.get_credits("a1")
        await client.close()
    [(seconds, verb)] = told
    assert (verb, 0 < seconds < 5) == ("get_credits", True)
