import asyncio
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import zmq
import zmq.asyncio

from link_ends import Notebook, a_client, a_raw_socket, a_server, passage, switched, until
from realtime_switch.accounts.errors import ConfigurationError, ErrorCode, LinkError, RealtimeSwitchError
from realtime_switch.accounts.records import Grant, SavedConfig
from realtime_switch.link import envelope
from realtime_switch.link.envelope import (
    MESSAGE_BYTES_MAX,
    Credits,
    Failure,
    GetCredits,
    Hello,
    Welcome,
)
from realtime_switch.link.server import LinkServer


async def ask(dealer: zmq.asyncio.Socket, message: bytes) -> envelope.Reply:
    await dealer.send(message)
    return envelope.decode_reply(await asyncio.wait_for(dealer.recv(), 20))


# -- Order -----------------------------------------------------------------------------------------------


async def test_what_writes_to_one_session_is_done_in_order_whoever_asks(
    address: str, notebook: Notebook
) -> None:
    first, second, other = (passage(1),), (passage(2),), (passage(3, "s2"),)
    saved = SavedConfig(id="c1", account_id="a1", session_id="s1", config="{}")
    notebook.held.add(first)
    async with a_server(address, notebook), a_client(address) as one, a_client(address) as two:
        asked = [asyncio.create_task(one.append_conversation(first))]
        await until(lambda: notebook.begun == [first])
        asked.append(asyncio.create_task(two.append_conversation(second)))
        await two.append_conversation(other)  # of another session: does not wait
        asked.append(asyncio.create_task(two.save_session(saved)))
        await two.get_credits("a1")
        assert notebook.begun == [first, other, "a1"]
        notebook.let_go()
        await asyncio.gather(*asked)
    assert notebook.ended == [other, "a1", first, second, saved]


async def test_a_batch_waits_for_each_of_its_sessions(address: str, notebook: Notebook) -> None:
    first, both, last = (passage(1, "s1"),), (passage(2, "s2"), passage(3, "s1")), (passage(4, "s2"),)
    notebook.held.add(first)
    async with a_server(address, notebook), a_client(address) as client:
        asked = [asyncio.create_task(client.append_conversation(batch)) for batch in (first, both, last)]
        await until(lambda: notebook.begun == [first])
        await client.get_credits("a1")
        assert notebook.begun == [first, "a1"]
        notebook.let_go()
        await asyncio.gather(*asked)
    assert notebook.ended == ["a1", first, both, last]


async def test_a_switch_waits_for_what_was_said_before_it(address: str, notebook: Notebook) -> None:
    first, then = (passage(1),), (switched(2),)
    notebook.held.add(first)
    async with a_server(address, notebook), a_client(address) as client:
        asked = [asyncio.create_task(client.append_conversation(batch)) for batch in (first, then)]
        await until(lambda: notebook.begun == [first])
        await client.get_credits("a1")
        assert notebook.begun == [first, "a1"]
        notebook.let_go()
        await asyncio.gather(*asked)
    assert notebook.ended == ["a1", first, then]


async def test_what_waits_behind_a_failure_is_not_tried(address: str, notebook: Notebook) -> None:
    first, second, third, later = ((passage(number),) for number in range(4))
    notebook.held.add(first)
    notebook.errors[first] = RealtimeSwitchError(ErrorCode.INTERNAL_DATABASE_BUSY, "too busy")
    async with a_server(address, notebook), a_client(address) as client:
        asked = [asyncio.create_task(client.append_conversation(batch)) for batch in (first, second, third)]
        await until(lambda: notebook.begun == [first])
        await client.get_credits("a1")  # all three have arrived
        notebook.let_go()
        errors = await asyncio.gather(*asked, return_exceptions=True)
        assert [str(error) for error in errors] == [
            "too busy (INTERNAL_DATABASE_BUSY)",
            "Not tried, because something before it failed: too busy (INTERNAL_DATABASE_BUSY)",
            "Not tried, because something before it failed: too busy (INTERNAL_DATABASE_BUSY)",
        ]
        await client.append_conversation(later)
    assert notebook.ended == ["a1", later]


# -- Bounds ----------------------------------------------------------------------------------------------


async def test_no_more_than_the_bound_run_at_once_and_the_rest_wait_their_turn(
    address: str, notebook: Notebook
) -> None:
    accounts = [f"a{number}" for number in range(50)]
    notebook.held = set(accounts)
    async with a_server(address, notebook, at_once_max=8), a_client(address) as client:
        asked = [asyncio.create_task(client.get_credits(account)) for account in accounts]
        await until(lambda: len(notebook.begun) == 8)
        await asyncio.sleep(0.05)  # a ninth would come now
        assert notebook.begun == accounts[:8]
        notebook.let_go()
        assert await asyncio.gather(*asked) == [42] * 50
    assert notebook.begun == accounts


async def test_a_gateway_that_is_slow_to_read_still_gets_every_answer(
    address: str, notebook: Notebook
) -> None:
    count = 1400
    async with a_server(address, notebook), a_raw_socket(zmq.DEALER) as dealer:
        dealer.rcvhwm = 1
        dealer.connect(address)
        for id in range(count):
            await dealer.send(envelope.encode(GetCredits(id=id, account_id="a1")))
        await until(lambda: len(notebook.ended) > 1200)  # 1,000 are on their way and the rest hold places
        answered = [envelope.decode_reply(await asyncio.wait_for(dealer.recv(), 20)).id for _ in range(count)]
    assert sorted(answered) == list(range(count))


async def test_a_message_too_long_costs_its_sender_the_connection_and_nobody_else(
    address: str, notebook: Notebook
) -> None:
    async with a_server(address, notebook), a_client(address) as client, a_raw_socket(zmq.DEALER) as dealer:
        monitor = dealer.get_monitor_socket(zmq.Event.DISCONNECTED)
        dealer.connect(address)
        await dealer.send(b"x" * (MESSAGE_BYTES_MAX + 1))
        assert await client.get_credits("a1") == 42
        assert await monitor.poll(20_000)


async def test_an_answer_too_long_for_the_link_is_a_named_error(address: str, notebook: Notebook) -> None:
    notebook.answer = Grant(account_id="a1", session_id="s1", credits=1, config="x" * MESSAGE_BYTES_MAX)
    async with a_server(address, notebook), a_client(address) as client:
        with pytest.raises(LinkError, match="A message granted is 8,388,"):
            await client.validate_and_load("abc", "s1")


# -- What no gateway of ours sends -----------------------------------------------------------------------


async def test_an_unknown_verb_is_answered_as_unsupported(address: str, notebook: Notebook) -> None:
    async with a_server(address, notebook), a_raw_socket(zmq.DEALER) as dealer:
        dealer.connect(address)
        assert await ask(dealer, msgspec.msgpack.encode({"type": "dance", "id": 7})) == Failure(
            id=7,
            code=ErrorCode.INTERNAL_LINK_UNSUPPORTED,
            message="A request of the link cannot be read: Invalid value 'dance' - at `$.type`.",
        )


async def test_junk_gets_no_answer_and_harms_nobody(address: str, notebook: Notebook) -> None:
    async with a_server(address, notebook), a_raw_socket(zmq.DEALER) as dealer:
        dealer.connect(address)
        for junk in ([b""], [b"\xc1"], [b"GET / HTTP/1.1"], [b"\x91" * 100_000], [b"two", b"frames"]):
            await dealer.send_multipart(junk)
        reply = await ask(dealer, envelope.encode(GetCredits(id=1, account_id="a1")))
        assert reply == Credits(id=1, credits=42)


async def test_something_that_does_not_speak_zeromq_harms_nobody(address: str, notebook: Notebook) -> None:
    async with a_server(address, notebook), a_client(address) as client:
        for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 500, b""):
            _, writer = await asyncio.open_unix_connection(address.removeprefix("ipc://"))
            writer.write(junk)
            writer.close()
            await writer.wait_closed()
            assert await client.get_credits("a1") == 42


async def test_another_version_of_the_link_is_told_the_remedy(address: str, notebook: Notebook) -> None:
    async with a_server(address, notebook), a_raw_socket(zmq.DEALER) as dealer:
        dealer.connect(address)
        assert await ask(
            dealer, envelope.encode(Hello(id=1, version=envelope.VERSION + 1, boot="g1"))
        ) == Failure(
            id=1,
            code=ErrorCode.INTERNAL_LINK_UNSUPPORTED,
            message=f"The business process speaks version {envelope.VERSION} of the link and the gateway "
            f"{envelope.VERSION + 1}: run the same release of both.",
        )
        reply = await ask(dealer, envelope.encode(Hello(id=2, version=envelope.VERSION, boot="g1")))
        assert isinstance(reply, Welcome)
        assert (reply.id, reply.version) == (2, envelope.VERSION)


async def test_an_unforeseen_error_is_told_without_its_inside(address: str, notebook: Notebook) -> None:
    notebook.errors["a1"] = KeyError("rslive_v1_secret")
    async with a_server(address, notebook), a_client(address) as client:
        with pytest.raises(RealtimeSwitchError) as caught:
            await client.get_credits("a1")
        assert str(caught.value) == (
            "The business process failed at get_credits; its log says how. (INTERNAL_UNEXPECTED)"
        )
        assert await client.get_credits("a2") == 42


async def test_the_answer_to_a_gateway_that_has_gone_is_dropped(address: str, notebook: Notebook) -> None:
    async with a_server(address, notebook) as server:
        # By its own door, because nothing tells from outside when ZeroMQ has noticed that somebody left.
        assert server._reply(b"gone", Credits(id=1, credits=42))


# -- Who may serve, and who may connect ------------------------------------------------------------------


async def test_a_second_business_process_is_refused_and_the_first_goes_on(
    address: str, notebook: Notebook
) -> None:
    async with a_server(address, notebook), a_client(address) as client:
        with pytest.raises(ConfigurationError, match=rf"pid {os.getpid()}\) already serves"):
            await LinkServer(address, notebook).start()
        assert await client.get_credits("a1") == 42


async def test_a_path_that_cannot_be_bound_is_named_and_let_go(address: str, notebook: Notebook) -> None:
    path = Path(address.removeprefix("ipc://"))
    path.mkdir()
    with pytest.raises(ConfigurationError, match=f"cannot be served at {path}"):
        await LinkServer(address, notebook).start()
    path.rmdir()
    async with a_server(address, notebook):
        pass


_KNOCK = """
import os, sys, zmq
from zmq.utils.monitor import parse_monitor_message
os.setuid(65534)
dealer = zmq.Context().socket(zmq.DEALER)
monitor = dealer.get_monitor_socket(zmq.Event.HANDSHAKE_SUCCEEDED | zmq.Event.HANDSHAKE_FAILED_AUTH)
dealer.connect(sys.argv[1])
print(parse_monitor_message(monitor.recv_multipart())["event"].name, flush=True)
os._exit(0)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_a_process_of_another_user_is_not_let_in(address: str, notebook: Notebook) -> None:
    async with a_server(address, notebook), a_client(address) as client:
        path = Path(address.removeprefix("ipc://"))
        path.parent.chmod(0o755)  # as if the directory did not protect us already
        path.chmod(0o777)
        knock = [sys.executable, "-c", _KNOCK, address]
        heard = await asyncio.to_thread(subprocess.run, knock, capture_output=True, timeout=30, check=True)
        assert heard.stdout == b"HANDSHAKE_FAILED_AUTH\n"
        assert await client.get_credits("a1") == 42


# -- Closing ---------------------------------------------------------------------------------------------


async def test_closing_finishes_what_was_begun_and_answers_it(address: str, notebook: Notebook) -> None:
    notebook.held.add("a1")
    async with a_client(address) as client, a_server(address, notebook, at_once_max=1) as server:
        waiting = asyncio.create_task(client.get_credits("a1"))
        await until(lambda: notebook.begun == ["a1"])
        closing = asyncio.create_task(server.close())
        late = asyncio.create_task(client.get_credits("a2"))
        await asyncio.sleep(0.05)
        assert (notebook.begun, closing.done()) == (["a1"], False)
        notebook.let_go()
        assert await waiting == 42
        await closing
        assert notebook.begun == ["a1"]
        late.cancel()


async def test_closing_waits_no_longer_than_its_bound(address: str, notebook: Notebook) -> None:
    stuck, behind = (passage(1),), (passage(2),)
    notebook.held.add(stuck)
    async with a_client(address) as client, a_server(address, notebook, finish_within_s=0.1) as server:
        asked = [asyncio.create_task(client.append_conversation(batch)) for batch in (stuck, behind)]
        await until(lambda: notebook.begun == [stuck])
        await client.get_credits("a1")
        await asyncio.wait_for(server.close(), 10)
        assert notebook.ended == ["a1"]
        await client.close()
        errors = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(error) for error in errors} == {LinkError}


async def test_closing_what_is_not_open_does_nothing(address: str, notebook: Notebook) -> None:
    server = LinkServer(address, notebook)
    await server.close()
    await server.start()
    await server.close()
    await server.close()
