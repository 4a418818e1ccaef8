"""Limits that an operator sets, and what a client does that means no good, on real sockets."""

import asyncio
import resource
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
import websockets

from gateway_rig import OTHER_KEY, Rig, begun, done, ending, hear, rig, until
from realtime_switch.gateway import switchboard
from realtime_switch.gateway.switchboard import Bounds
from realtime_switch.session import limits
from realtime_switch.settings.shape import LimitSettings

APPEND = '{"type":"input_audio_buffer.append","audio":"' + "A" * 4_000 + '"}'


def limited(**chosen: Any) -> Any:
    return rig(bounds=Bounds(drain_s=0, limits=LimitSettings(**chosen)))


async def turned_away(here: Rig, **options: Any) -> tuple[int, str, str | None]:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await here.connect(**options)
    response = refused.value.response
    body = response.body.decode()
    return response.status_code, body, response.headers.get("retry-after")


async def told(client: Any) -> tuple[str, tuple[int, str]]:
    """The error's code, whatever came before it, and the close."""
    while (event := await hear(client))["type"] != "error":
        pass
    return event["error"]["code"], await ending(client)


async def test_a_key_that_opens_calls_too_fast_is_told_when_to_try_again() -> None:
    async with limited(connects_per_minute_per_key=2) as here:
        clients = [(await here.call())[0] for _ in range(2)]
        status, body, retry_after = await turned_away(here)
        assert (status, retry_after) == (429, "30")
        assert '"code":"rate_limit_exceeded"' in body
        other, _ = await here.call(key=OTHER_KEY)
        for client in (*clients, other):
            await client.close()


async def test_an_account_that_opens_calls_too_fast_is_told_so() -> None:
    async with limited(connects_per_minute_per_account=1) as here:
        client, _ = await here.call()
        late = await here.connect(key=OTHER_KEY)  # another key of the same account
        code, close = await told(late)
        assert (code, close) == (
            "EXTERNAL_RATE_LIMITED",
            (4029, "rate_limit_exceeded.EXTERNAL_RATE_LIMITED"),
        )
        await client.close()


async def test_an_account_has_so_many_calls_at_once_and_a_takeover_is_none_more() -> None:
    async with limited(calls_per_account_max=1) as here:
        first, _ = await here.call(path="/v1/realtime?model=m&session_id=ada")
        late = await here.connect(key=OTHER_KEY)
        assert await told(late) == (
            "EXTERNAL_TOO_MANY_CALLS",
            (4029, "rate_limit_exceeded.EXTERNAL_TOO_MANY_CALLS"),
        )
        again, _ = await here.call(path="/v1/realtime?model=m&session_id=ada", key=OTHER_KEY)
        assert (await ending(first))[0] == 4009
        await again.close()


@pytest.mark.parametrize("bound", ["messages_per_s_per_key", "messages_per_s_per_account"])
async def test_who_says_too_much_is_ended_by_name(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switchboard, "LOOK_S", 0.05)
    async with limited(**{bound: 5}) as here:
        client, _ = await here.call()
        for _ in range(60):
            await client.send(APPEND)
        code, close = await told(client)
        assert (code, close[0]) == ("EXTERNAL_RATE_LIMITED", 4029)


async def test_bytes_are_bounded_too_and_who_keeps_within_them_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(switchboard, "LOOK_S", 0.05)
    async with limited(bytes_per_s_per_key=5_000) as here:
        quiet, line = await here.call(key=OTHER_KEY)
        loud, _ = await here.call()
        await quiet.send(APPEND)
        for _ in range(20):
            await loud.send(APPEND)
        assert (await told(loud))[0] == "EXTERNAL_RATE_LIMITED"
        await quiet.send(APPEND)
        assert [await line.raw() for _ in range(2)] == [APPEND] * 2
        await quiet.close()


async def test_the_reply_that_reaches_the_cap_on_tokens_still_arrives() -> None:
    async with limited(tokens_per_call_max=25) as here:
        client, line = await here.call()
        for number in range(3):
            await line.say(begun(f"r{number}"), done(f"r{number}", tokens=10))
        heard = []
        while (event := await hear(client))["type"] != "error":
            heard.append(event["type"])
        assert heard == ["response.created", "response.done"] * 3
        assert event["error"]["message"] == "A call may take 25 tokens here. (EXTERNAL_CALL_CAPPED)" or (
            event["error"]["message"].startswith("A call may take 25 tokens here.")
        )
        assert await ending(client) == (4008, "invalid_request_error.EXTERNAL_CALL_CAPPED")


@pytest.mark.parametrize("tells", [True, False])
async def test_a_cap_that_is_near_is_told_once(tells: bool) -> None:
    bounds = Bounds(drain_s=0, limits=LimitSettings(tokens_per_call_max=100))
    async with rig(bounds=bounds, tell_low_credits=tells) as here:
        with structlog.testing.capture_logs() as lines:
            client, line = await here.call()
            for number, tokens in enumerate((80, 12, 1)):
                await line.say(begun(f"r{number}"), done(f"r{number}", tokens=tokens))
            heard = []
            while heard.count("response.done") < 3:
                heard.append((await hear(client))["type"])
            await client.close()
            await until(lambda: not len(here.gateway.switchboard.calls))
    near = ["realtime_switch.cap_near"] if tells else []
    assert [kind for kind in heard if kind.startswith("realtime_switch.")] == near
    assert [one["detail"] for one in lines if one["event"] == "cap_near"] == ["8 tokens left"]


async def test_a_call_whose_minutes_are_nearly_over_hears_how_many_seconds_are_left() -> None:
    bounds = Bounds(drain_s=0, limits=LimitSettings(minutes_per_call_max=1))
    async with rig(bounds=bounds, tell_low_credits=True) as here:
        client, _ = await here.call()
        [call] = here.gateway.switchboard.calls
        call.cap_near("seconds", 6)  # as its timer does
        told = await hear(client)
        assert {name: told[name] for name in ("type", "what", "left")} == {
            "type": "realtime_switch.cap_near",
            "what": "seconds",
            "left": 6,
        }
        await client.close()


async def test_when_its_minutes_are_over_a_call_may_finish_its_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    async with limited(minutes_per_call_max=1) as here:
        client, line = await here.call()
        await line.say(begun())
        assert (await hear(client))["type"] == "response.created"
        [call] = here.gateway.switchboard.calls
        call.cap("A call may last 1 minutes here.")  # as its timer does
        await line.say(done())
        assert (await hear(client))["type"] == "response.done"
        assert (await told(client))[1] == (4008, "invalid_request_error.EXTERNAL_CALL_CAPPED")


async def test_pages_of_other_sites_open_no_calls() -> None:
    async with limited(origins=("https://*.example.org",)) as here:
        status, body, _ = await turned_away(here, origin="https://evil.com")
        assert (status, "origin_not_allowed" in body) == (403, True)
        client, _ = await here.call(origin="https://app.example.org")
        await client.close()
        program, _ = await here.call()
        await program.close()


async def test_the_clients_address_is_the_proxys_word_where_the_proxy_is_trusted() -> None:
    async with limited(trusted_proxies=("127.0.0.0/8",)) as here:
        client, _ = await here.call(headers={"x-forwarded-for": "198.51.100.7"})
        [call] = here.gateway.switchboard.calls
        assert call.who.peer == "198.51.100.7"
        await client.close()


# -- What means no good ------------------------------------------------------------------------------------


async def test_a_flood_of_pings_ends_its_call_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switchboard, "LOOK_S", 0.05)
    async with rig() as here:
        well, line = await here.call()
        client, _ = await here.call()
        client.transport.write(b"\x89\x80\0\0\0\0" * (limits.PINGS_PER_S_MAX + 1))
        assert (await told(client))[0] == "EXTERNAL_RATE_LIMITED"
        await well.send(APPEND)
        assert await line.raw() == APPEND
        await well.close()


async def test_who_does_not_read_is_not_sent_pongs_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PINGS_PER_S_MAX", 10**9)
    monkeypatch.setattr(limits, "SLOW_CLIENT_BYTES_MAX", 1 << 16)
    async with rig() as here:
        client, _ = await here.call()
        client.transport.pause_reading()
        [call] = here.gateway.switchboard.calls
        for _ in range(40):
            client.transport.write((b"\x89\xfd\0\0\0\0" + b"p" * 125) * 2_000)
            await asyncio.sleep(0)
        await until(lambda: call.pings >= 80_000, within_s=20)
        assert call.client is not None
        waiting = call.client.underlying_transport.get_write_buffer_size()
        assert waiting < (1 << 16) + 200, "what waits for a client that does not read is bounded"
        client.transport.abort()
        await until(lambda: not len(here.gateway.switchboard.calls))


async def test_text_that_is_no_utf8_ends_the_call_and_reaches_no_provider() -> None:
    async with rig() as here:
        client, line = await here.call()
        good = '{"type":"session.update","session":{"type":"realtime","instructions":"Grüße"}}'
        await client.send(good)
        assert "Grüße" in str(await line.hear())
        payload = b'{"type":"session.update","x":"\xff\xfe"}'
        client.transport.write(b"\x81" + bytes((0x80 | len(payload),)) + b"\0\0\0\0" + payload)
        assert (await ending(client))[0] == 1007
        assert await line.closed() == 1000
        with pytest.raises(websockets.ConnectionClosed):
            await line.raw()


async def test_a_message_in_endless_pieces_is_cut_off() -> None:
    async with rig(bounds=Bounds(drain_s=0, message_bytes_max=1 << 16)) as here:
        client, _ = await here.call()
        piece = b"\x00\xfe\xff\xff\0\0\0\0" + b"A" * 65_535
        client.transport.write(b"\x01\x80\0\0\0\0" + piece * 300)
        assert (await ending(client))[0] in (1009, 1006)
        await until(lambda: not len(here.gateway.switchboard.calls))


IDLE = 10_000

# In a process of its own, because a process may have so many files.
CROWD = """
import contextlib, resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]) + 200,) * 2)
crowd = []
for _ in range(int(sys.argv[2])):
    one = socket.socket()
    one.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        one.connect(("127.0.0.1", int(sys.argv[1])))
    crowd.append(one)
sys.stdin.read()
"""


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE + 500:
        pytest.skip(f"the system lets a process have {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 500, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_ten_thousand_sockets_that_say_nothing_keep_nobody_out(
    many_files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CLIENT_HANDSHAKE_S", 30.0)  # the first are still there when the last comes
    async with rig() as here:
        state = here.gateway._door._state
        words = ("-c", CROWD, str(here.port), str(IDLE))
        crowd = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=asyncio.subprocess.PIPE)
        try:
            await until(lambda: len(state.connections) >= IDLE, within_s=60)
            client, line = await here.call()
            await client.send(APPEND)
            assert await line.raw() == APPEND
            await client.close()
            # Each is told to go once its time is over, and leaves nothing.
            await until(lambda: not state.connections, within_s=60)
        finally:
            crowd.kill()
            await crowd.wait()


def raw(head: bytes, payload: bytes = b"", mask: bool = True) -> bytes:
    """A frame as its first byte says, of less than 126 bytes or of an extended length."""
    size = len(payload)
    flag = 0x80 if mask else 0
    length = bytes((flag | size,)) if size < 126 else bytes((flag | 126,)) + size.to_bytes(2, "big")
    return head + length + (b"\0\0\0\0" if mask else b"") + payload


# RFC 6455: a server fails the connection that says this.
BROKEN = {
    "not masked (5.1)": raw(b"\x81", b"{}", mask=False),
    "a reserved bit (5.2)": raw(b"\xc1", b"{}"),
    "an opcode that is none (5.2)": raw(b"\x83", b"{}"),
    "a ping that is too long (5.5)": raw(b"\x89", b"p" * 126),
    "a ping in pieces (5.5)": raw(b"\x09", b"p"),
    "a piece without a beginning (5.4)": raw(b"\x80", b"{}"),
    "a beginning within another (5.4)": raw(b"\x01", b"{") + raw(b"\x81", b"{}"),
    "a close of one byte (5.5.1)": raw(b"\x88", b"\x03"),
}


@pytest.mark.parametrize("said", BROKEN.values(), ids=BROKEN)
async def test_who_breaks_the_protocol_is_cut_off_and_nobody_else(said: bytes) -> None:
    async with rig() as here:
        well, line = await here.call()
        client, other = await here.call()
        client.transport.write(said)
        code, _ = await ending(client)
        assert code == 1002
        assert await other.closed() == 1000
        await until(lambda: len(here.gateway.switchboard.calls) == 1)
        await well.send(APPEND)
        assert await line.raw() == APPEND
        await well.close()
