"""One call over real sockets: what passes, in which order, and how it ends."""

import asyncio
import base64
import gc
import os
import select
from collections.abc import AsyncIterator
from functools import partial

import pytest
import websockets
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.http11 import Response

from gateway_rig import (
    CREATED,
    KEY,
    OTHER_KEY,
    POOR_KEY,
    PROVIDER_KEY,
    Books,
    Line,
    Rig,
    begun,
    beside,
    done,
    ending,
    hear,
    rig,
    text,
    until,
)
from realtime_switch.accounts.errors import ErrorCode, LinkError, StorageError
from realtime_switch.accounts.records import Balance, Passage, UsageRecord
from realtime_switch.dialects.terms import Terms
from realtime_switch.gateway import closing, dial, lines, pulse
from realtime_switch.gateway.conductor import Conductor
from realtime_switch.gateway.contention import TAKEOVERS_MAX
from realtime_switch.gateway.short_way import why_interpreted
from realtime_switch.gateway.sockets import TEXT
from realtime_switch.gateway.switchboard import Bounds
from realtime_switch.outbox.outbox import Outbox
from realtime_switch.outbox.rows import Record
from realtime_switch.providers.endpoint import Capabilities
from realtime_switch.session import limits
from realtime_switch.session.phase import Phase


@pytest.fixture
async def here() -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


def append(size: int) -> str:
    return (
        '{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(os.urandom(size)).decode() + '"}'
    )


def delta(size: int) -> str:
    return (
        '{"type":"response.output_audio.delta","event_id":"e","response_id":"r","item_id":"i","output_index":0,'
        '"content_index":0,"delta":"' + base64.b64encode(os.urandom(size)).decode() + '"}'
    )


# -- What passes ---------------------------------------------------------------------------------------------


async def test_the_provider_gets_its_own_key_and_the_model_and_nothing_of_the_clients(here: Rig) -> None:
    client, line = await here.call(headers={"x-mine": "1", "user-agent": "app"})
    assert line.path == "/v1/realtime?model=m"
    assert line.headers["Authorization"] == f"Bearer {PROVIDER_KEY}"
    assert KEY not in str(line.headers)
    assert "x-mine" not in line.headers
    await client.close()


@pytest.mark.parametrize("size", [1, 125, 126, 1_000, 6_000, 12_000, 65_535, 65_536, 1 << 20, 11 << 20])
async def test_audio_passes_byte_for_byte(here: Rig, size: int) -> None:
    client, line = await here.call()
    up, down = append(size), delta(size)
    await client.send(up)
    assert await line.raw() == up
    await line.say(down)
    assert await client.recv() == down
    await client.close()


@pytest.mark.skipif(why_interpreted.startswith("RTS_INTERPRETED"), reason=why_interpreted)
async def test_a_calls_attributes_are_no_dict(here: Rig) -> None:
    client, _ = await here.call()
    calls = [one for one in gc.get_objects() if type(one) is Conductor and not one.ended]
    assert [len(vars(call)) <= 30 for call in calls] == [True]  # CPython 3.11 keeps no more in the object
    await client.close()


@pytest.mark.skipif(why_interpreted.startswith("RTS_INTERPRETED"), reason=why_interpreted)
async def test_a_call_keeps_no_handshake_of_either_side(here: Rig) -> None:
    client, line = await here.call()
    await line.say(begun(), delta(1))
    await hear(client)
    [call] = here.gateway.switchboard.calls
    ends = call.client, call.provider_transport
    assert [(end.request, end.response) for end in ends if end is not None] == [(None, None)] * 2
    await client.close()


def in_one_write(line: Line, *messages: str) -> None:
    """Whole frames back to back, as a provider's socket delivers a burst."""
    frames = (Frame(Opcode.TEXT, message.encode()).serialize(mask=False) for message in messages)
    line.socket.transport.write(b"".join(frames))


@pytest.mark.parametrize("size", [1, 50, 80, 125, 1_000, 48_000, 49_200, 100_000])
async def test_frames_that_come_together_go_on_together_in_order(here: Rig, size: int) -> None:
    client, line = await here.call()
    burst = [
        text(begun()),
        delta(size),
        delta(1),
        text({"type": "rate_limits.updated", "x": size}),
        delta(size),
    ]
    in_one_write(line, *burst)
    assert [await asyncio.wait_for(client.recv(), 5) for _ in burst] == burst
    await client.close()


@pytest.mark.skipif(why_interpreted.startswith("RTS_INTERPRETED"), reason=why_interpreted)
@pytest.mark.parametrize("by_picows", [False, True])  # a connection that has fallen off the short way
async def test_sound_does_not_wait_until_what_came_behind_it_is_read(
    here: Rig, by_picows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_picows:
        monkeypatch.setattr(dial, "reader", lambda picows, end, payload_bytes_max: picows)
    client, line = await here.call()
    await line.say(begun())
    await hear(client)
    outbox, arrived = here.gateway.switchboard.outbox, []
    socket = client.transport.get_extra_info("socket")

    def keep(*records: Record) -> None:
        arrived.append(bool(select.select([socket], [], [], 0)[0]))
        Outbox.keep(outbox, *records)

    monkeypatch.setattr(outbox, "keep", keep)
    in_one_write(line, delta(4_800), text(done()), delta(1))
    assert [(await hear(client))["type"] for _ in range(3)] == [
        "response.output_audio.delta",
        "response.done",
        "response.output_audio.delta",
    ]
    assert arrived == [True]
    await client.close()


async def test_what_a_provider_sends_together_with_a_ping_is_not_kept_back(here: Rig) -> None:
    client, line = await here.call()
    ping = Frame(Opcode.PING, b"!").serialize(mask=False)
    for message in (text(begun()), delta(10)):
        line.socket.transport.write(Frame(Opcode.TEXT, message.encode()).serialize(mask=False) + ping)
        assert await asyncio.wait_for(client.recv(), 5) == message
    await client.close()


async def test_what_the_gateway_says_itself_waits_for_no_word_of_the_provider(here: Rig) -> None:
    """Also when an event came together with audio that passed."""
    client, line = await here.call()
    in_one_write(line, text(begun()), delta(10))
    assert [(await hear(client))["type"] for _ in range(2)] == [
        "response.created",
        "response.output_audio.delta",
    ]
    await client.send('{"type":"some.event","type":"some.event"}')
    assert (await hear(client))["type"] == "error"
    await client.close()


async def test_pings_of_both_ends_are_answered(here: Rig) -> None:
    client, line = await here.call()
    await asyncio.wait_for(await client.ping(b"1"), 5)
    await asyncio.wait_for(await line.socket.ping(b"2"), 5)
    await client.close()


async def test_an_extension_that_nobody_agreed_on_ends_the_call(here: Rig) -> None:
    client, line = await here.call()
    first, *rest = Frame(Opcode.TEXT, append(1).encode()).serialize(mask=True)
    client.transport.write(bytes((first | 0x40, *rest)))
    assert (await ending(client))[0] == 1002
    await line.closed()


async def test_the_last_frames_before_a_loss_reach_the_client(here: Rig) -> None:
    client, line = await here.call()
    in_one_write(line, delta(10), delta(20))
    line.socket.transport.close()
    assert len(await client.recv()) < len(await client.recv())
    await here.upstream.line()  # it was dialled again
    await client.close()


async def test_large_messages_in_one_breath_arrive_whole_and_in_order(here: Rig) -> None:
    """Over 8 KiB picows writes from memory that it uses again; see gateway/sockets.py."""
    client, line = await here.call()
    said = [delta(9_000 + i * 700) for i in range(80)]
    saying = beside(line.say(*said))
    assert [await client.recv() for _ in said] == said
    await saying
    await client.close()


async def test_text_stays_text_and_binary_stays_binary(here: Rig) -> None:
    client, line = await here.call()
    await client.send(append(10).encode())
    await client.send(append(10))
    assert [type(await line.raw()) for _ in range(2)] == [bytes, str]
    await line.say(delta(10).encode(), text(begun()).encode(), delta(10))
    assert [type(await client.recv()) for _ in range(3)] == [bytes, bytes, str]
    await client.close()


async def test_fragments_arrive_as_one_message(here: Rig) -> None:
    client, line = await here.call()
    up, down = append(30_000), text(done())
    await client.send([up[:10], "", up[10:20_000], up[20_000:]])
    await client.send(append(1))
    assert await line.raw() == up
    await line.socket.send([down[:5], down[5:]])
    assert await client.recv() == down
    await client.close()
    await until(lambda: bool(here.books.bills))
    assert [bill.tokens.total for bill in here.books.bills.values()] == [10]


@given(messages=st.lists(st.tuples(st.booleans(), st.integers(0, 40_000)), max_size=30))
@settings(max_examples=15)
def test_each_side_hears_the_other_in_order(messages: list[tuple[bool, int]]) -> None:
    async def run() -> None:
        async with rig() as here:
            client, line = await here.call()
            up = [append(size) for is_up, size in messages if is_up]
            down = [delta(size) for is_up, size in messages if not is_up]

            async def send_up() -> None:
                for message in up:
                    await client.send(message)

            async with asyncio.TaskGroup() as group:
                group.create_task(send_up())
                group.create_task(line.say(*down))
                heard_up = group.create_task(_collect(line.raw, len(up)))
                heard_down = group.create_task(_collect(client.recv, len(down)))
            assert (heard_up.result(), heard_down.result()) == (up, down)
            await client.close()

    asyncio.run(run())


async def _collect(receive, count: int) -> list[object]:  # type: ignore[no-untyped-def]
    return [await receive() for _ in range(count)]


async def test_an_unknown_control_message_passes_and_a_lie_does_not(here: Rig) -> None:
    client, line = await here.call()
    lie = '{"type":"input_audio_buffer.append","audio":"AAAA","type":"response.create"}'
    await client.send(lie)
    refused = await hear(client)
    assert refused["type"] == "error"
    await client.send('{"type":"some.new.event","x":1}')
    assert await line.raw() == '{"type":"some.new.event","x":1}'
    await client.close()


async def test_what_comes_before_the_provider_is_ready_waits_and_keeps_its_order(here: Rig) -> None:
    here.books.open.clear()
    client = await here.connect()
    said = [
        '{"type":"session.update","session":{"type":"realtime"}}',
        append(100),
        '{"type":"response.create"}',
    ]
    for message in said:
        await client.send(message)
    here.books.open.set()
    line = await here.upstream.line()
    assert [await line.raw() for _ in said] == said
    assert await hear(client) == CREATED
    await client.close()


async def test_a_beta_client_hears_beta_names(here: Rig) -> None:
    client = await here.connect(headers={"OpenAI-Beta": "realtime=v1"})
    line = await here.upstream.line()
    await line.say({"type": "response.output_text.delta", "event_id": "e", "response_id": "r", "delta": "x"})
    assert [(await hear(client))["type"] for _ in range(2)] == ["session.created", "response.text.delta"]
    await client.close()


# -- Bills ---------------------------------------------------------------------------------------------------


async def test_a_bill_is_kept_before_the_client_sees_its_frame(here: Rig) -> None:
    client, line = await here.call()
    here.books.open.clear()
    await line.say(begun(), done())
    assert [(await hear(client))["type"] for _ in range(2)] == ["response.created", "response.done"]
    assert here.gateway.switchboard.outbox.depth == 1
    here.books.open.set()
    await client.close()
    await until(lambda: len(here.books.bills) == 1)
    (bill,) = here.books.bills.values()
    assert (bill.account_id, bill.provider, bill.model, bill.response_id, bill.tokens.total) == (
        "a1",
        "up",
        "m",
        "resp_1",
        10,
    )


async def test_the_words_of_a_turn_and_its_bill_are_kept_together_before_its_frame(
    here: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, line = await here.call()
    outbox, kept = here.gateway.switchboard.outbox, []

    def keep(*records: Record) -> None:
        kept.append([type(record) for record in records])
        Outbox.keep(outbox, *records)

    monkeypatch.setattr(outbox, "keep", keep)
    item = {"id": "i", "type": "message", "role": "assistant", "content": []}
    told = {"event_id": "e", "response_id": "resp_1", "output_index": 0}
    words = {"type": "response.output_text.done", "item_id": "i", "content_index": 0, "text": "Seven."}
    await line.say(
        begun(), {"type": "response.output_item.added", "item": item, **told}, {**words, **told}, done()
    )
    assert [(await hear(client))["type"] for _ in range(4)][-1] == "response.done"
    assert kept == [[Passage, UsageRecord]]
    await client.close()


async def test_twenty_replies_cost_four_writes(here: Rig) -> None:
    client, line = await here.call()
    for number in range(20):
        await line.say(begun(f"r{number}"), done(f"r{number}"))
    for _ in range(40):
        await hear(client)
    await client.close()
    await until(lambda: len(here.books.bills) == 20)
    assert here.books.writes <= 4


async def test_the_reply_that_spends_the_last_credit_still_arrives(here: Rig) -> None:
    here.books.credits["a1"] = 15
    client, line = await here.call()
    await line.say(begun("r1"), done("r1"), begun("r2"))
    await line.say(delta(10), done("r2"), begun("r3"))
    heard = [(await hear(client))["type"] for _ in range(5)]
    assert heard == [
        "response.created",
        "response.done",
        "response.created",
        "response.output_audio.delta",
        "response.done",
    ]
    error = (await hear(client))["error"]
    assert (error["type"], error["code"]) == ("insufficient_quota", "EXTERNAL_NO_CREDITS")
    assert await ending(client) == (4002, "insufficient_quota.EXTERNAL_NO_CREDITS")
    assert await line.closed() == 1000
    await asyncio.sleep(0.3)
    assert here.upstream.dials == 1
    await until(lambda: here.books.credits["a1"] == -5)


async def test_calls_of_one_account_stop_together(here: Rig) -> None:
    here.books.credits["a1"] = 12
    spender, spending = await here.call()
    other, _ = await here.call(key=OTHER_KEY)
    await spending.say(begun(), done(tokens=20))
    assert (await ending(spender))[0] == 4002
    assert (await ending(other))[0] == 4002


async def test_a_bill_that_cannot_be_kept_stops_its_frame_and_its_call(
    here: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.books.credits["a1"] = 15
    full = StorageError(ErrorCode.INTERNAL_OUTBOX_FULL, "full")
    for last_credits in (False, True):  # in mid-call, and among the last steps of a call
        client, line = await here.call()

        def refuse(*records: object) -> None:
            raise full

        monkeypatch.setattr(here.gateway.switchboard.outbox, "keep", refuse)
        await line.say(begun(), done(tokens=20 if last_credits else 1))
        assert (await hear(client))["type"] == "response.created"
        code, _ = await ending(client)
        assert code == 1011 or code == 1013
        assert len(here.gateway.switchboard.calls) == 0
        assert await line.closed() == 1000


# -- Refusals ------------------------------------------------------------------------------------------------


async def refusal(here: Rig, path: str = "/v1/realtime?model=m", **options: object) -> tuple[str, int, str]:
    """The error's code, and the close."""
    client = await here.connect(path, **options)
    error = (await hear(client))["error"]
    code, reason = await ending(client)
    assert reason == f"{error['type']}.{error['code']}"
    return error["code"], code, error["message"]


async def test_a_wrong_key_is_told_in_band(here: Rig) -> None:
    unknown = "rslive_v1_" + "ff" * 24
    for key in ("sk-not-ours", unknown):
        code, close, _ = await refusal(here, key=key)
        assert (code, close) == ("invalid_api_key", 3000)
    assert here.upstream.dials == 0


async def test_a_browser_reads_a_refusal_too(here: Rig) -> None:
    protocols = ["realtime", "openai-insecure-api-key.nonsense"]
    client = await here.connect(key=None, subprotocols=protocols)
    assert client.subprotocol == "realtime"
    assert (await hear(client))["error"]["code"] == "invalid_api_key"
    assert await ending(client) == (3000, "invalid_request_error.invalid_api_key")


async def test_no_credits_no_call(here: Rig) -> None:
    code, close, _ = await refusal(here, key=POOR_KEY)
    assert (code, close) == ("EXTERNAL_NO_CREDITS", 4002)


async def test_a_bill_that_is_acknowledged_while_its_account_comes_in_again_is_not_forgotten(
    here: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the ledger said was said before it had the bill, and no purse holds it any more."""
    asked = Books.validate_and_load

    async def slowly(books: Books, key_hash: str, session_id: str) -> object:
        answer = await asked(books, key_hash, session_id)
        books.credits["a1"] = 0
        here.gateway.switchboard.calls.balance_known(Balance(account_id="a1", credits=0), ["bill"])
        return answer

    monkeypatch.setattr(Books, "validate_and_load", slowly)
    code, close, _ = await refusal(here)
    assert (code, close) == ("EXTERNAL_NO_CREDITS", 4002)
    assert here.upstream.dials == 0


async def test_an_unknown_model_is_refused_with_the_names_there_are(here: Rig) -> None:
    code, close, message = await refusal(here, "/v1/realtime?model=other")
    assert (code, close) == ("EXTERNAL_MODEL_NOT_FOUND", 4004)
    assert "voice" in message


async def test_the_names_of_routes_are_not_told_to_strangers(here: Rig) -> None:
    _, _, message = await refusal(here, "/v1/realtime?model=other", key="rslive_v1_" + "ff" * 24)
    assert "voice" not in message


async def test_what_is_not_offered_is_refused_by_name(here: Rig) -> None:
    for path, expected in {
        "/v1/realtime?intent=transcription": "invalid_intent",
        "/v1/realtime/translations?model=m": "invalid_model",
        "/v1/realtime?call_id=rtc_1": "invalid_call_id",
    }.items():
        code, close, _ = await refusal(here, path)
        assert (code, close) == (expected, 4000)


async def test_a_business_process_that_is_away_is_named_and_worth_another_try(here: Rig) -> None:
    here.books.failures.append(LinkError(ErrorCode.INTERNAL_LINK_TIMEOUT, "away"))
    code, close, _ = await refusal(here)
    assert (code, close) == ("INTERNAL_LINK_TIMEOUT", 1013)


# -- The provider --------------------------------------------------------------------------------------------


def status(code: int, body: str = "") -> object:
    def answer(socket: websockets.ServerConnection) -> Response:
        return socket.respond(code, body)

    return answer


async def test_a_provider_that_drops_the_call_is_dialled_again(here: Rig) -> None:
    client, line = await here.call()
    await line.say(begun("r1"), delta(10))
    await hear(client)
    await hear(client)
    line.socket.transport.abort()
    again = await here.upstream.line()
    assert (await hear(client))["type"] == "response.done", "the half-told reply is closed"
    await client.send(append(10))
    await again.say(begun("r2"))
    while (heard := await hear(client))["type"] != "response.created":
        pass
    assert heard["response"]["id"] == "r2"
    await client.close()
    assert await again.closed() == 1000


async def test_no_late_word_of_the_old_connection_reaches_the_client(here: Rig) -> None:
    client, line = await here.call()
    (call,) = here.gateway.switchboard.calls
    old = call.session.generation
    line.socket.transport.abort()
    await here.upstream.line()
    await until(lambda: call.provider_transport is not None)
    call.from_provider(old, TEXT, text(begun("late")).encode())
    call.provider_lost(old, "late")
    call.provider_full(old, True)
    assert call.client is not None
    await client.send('{"type":"nonsense" ')
    assert (await hear(client))["type"] == "error"
    await client.close()


@pytest.mark.parametrize("code", [401, 403, 404])
async def test_a_provider_that_will_never_have_us_is_not_asked_again(here: Rig, code: int) -> None:
    here.upstream.refuses_with.append(status(code, f"no such key {PROVIDER_KEY}"))
    refused, close, message = await refusal(here)
    assert (refused, close) == ("INTERNAL_PROVIDER_UNAVAILABLE", 1011)
    assert PROVIDER_KEY not in message
    assert here.upstream.dials == 1


async def test_a_provider_that_is_busy_is_tried_again(here: Rig) -> None:
    here.upstream.refuses_with += [status(429), status(503)]
    client, _ = await here.call()
    assert here.upstream.dials == 3
    await client.close()


async def test_attempts_come_to_a_named_end(monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = partial(Terms, redial_after_s=(0.01, 0.01))
    monkeypatch.setattr("realtime_switch.gateway.outward.Terms", hasty)
    async with rig(url="ws://127.0.0.1:1/") as here:
        client = await here.connect()
        assert (await hear(client))["error"]["code"] == "INTERNAL_PROVIDER_UNAVAILABLE"
        assert (await ending(client))[0] == 1011


async def test_a_client_that_leaves_while_the_provider_is_dialled_leaves_nothing(here: Rig) -> None:
    here.upstream.refuses_with += [status(503)] * 10
    client = await here.connect()
    await until(lambda: here.upstream.dials >= 1)
    await client.close()
    await until(lambda: len(here.gateway.switchboard.calls) == 0)
    dials = here.upstream.dials
    await asyncio.sleep(0.5)
    assert here.upstream.dials <= dials + 1


# -- Backpressure --------------------------------------------------------------------------------------------


async def test_a_client_that_does_not_read_stops_the_provider_and_not_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SLOW_CLIENT_BYTES_MAX", 256 << 10)
    async with rig() as here:
        client, line = await here.call(max_queue=1)
        (call,) = here.gateway.switchboard.calls
        assert call.client is not None
        backlog = call.client.underlying_transport.get_write_buffer_size
        flood = beside(line.say(*[delta(48_000) for _ in range(400)]))
        await until(lambda: call.backpressure.client_is_full)
        most = backlog()
        for _ in range(20):
            await asyncio.sleep(0.01)
            most = max(most, backlog())
        assert most < (256 << 10) + (256 << 10), "the mark, and what one read brings"
        assert not flood.done()
        for _ in range(400):
            await client.recv()
        await flood
        assert not call.backpressure.client_is_full
        await client.close()


async def test_a_client_that_stays_behind_is_ended_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SLOW_CLIENT_BYTES_MAX", 64 << 10)
    monkeypatch.setattr(limits, "SLOW_CLIENT_S", 0.1)
    monkeypatch.setattr(closing, "CLOSING_S", 0.1)
    async with rig() as here:
        client, line = await here.call(max_queue=1)
        flood = beside(line.say(*[delta(48_000) for _ in range(400)]))
        await until(lambda: len(here.gateway.switchboard.calls) == 0)
        assert await line.closed() == 1000
        flood.cancel()
        await asyncio.gather(flood, return_exceptions=True)
        client.transport.abort()


async def test_a_provider_that_does_not_read_stops_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PROVIDER_BACKLOG_BYTES", 64 << 10)
    async with rig() as here:
        client, line = await here.call()
        said = [append(48_000) for _ in range(200)]

        async def speak() -> None:
            for message in said:
                await client.send(message)

        speaking = beside(speak())
        (call,) = here.gateway.switchboard.calls
        await until(lambda: call.client is not None and not call.client.underlying_transport.is_reading())
        assert [await line.raw() for _ in said] == said
        await speaking
        assert call.client is not None
        assert call.client.underlying_transport.is_reading()
        await client.close()


# -- Ends ----------------------------------------------------------------------------------------------------


async def test_a_second_client_with_the_session_takes_over_and_knows_what_was_said(here: Rig) -> None:
    first, line = await here.call(path="/v1/realtime?model=m&session_id=s")
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "My name is Ada."}]}
    await first.send(text({"type": "conversation.item.create", "item": said}))
    await line.hear()
    await line.say({"type": "conversation.item.added", "event_id": "e", "item": {"id": "i1", **said}})
    await hear(first)
    second = await here.connect("/v1/realtime?model=m", key=OTHER_KEY, headers={"x-session-id": "s"})
    assert (await hear(first))["error"]["code"] == "EXTERNAL_TAKEN_OVER"
    assert await ending(first) == (4009, "invalid_request_error.EXTERNAL_TAKEN_OVER")
    assert await line.closed() == 1000
    await here.upstream.line()
    third = await here.connect("/v1/realtime?model=m&rs_sessid=s")
    assert (await ending(second))[0] == 4009
    update = await (await here.upstream.line()).hear()
    assert update["type"] == "session.update"
    assert "My name is Ada." in update["session"]["instructions"]
    await third.close()


async def test_only_who_may_have_been_here_before_waits_for_what_others_left(
    here: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled = []

    async def settle(outbox: Outbox, session_id: str, within_s: float) -> None:
        settled.append(session_id)

    monkeypatch.setattr(Outbox, "settle", settle)
    first, _ = await here.call()
    again, _ = await here.call(headers={"X-Session-Id": "sess_mine"})
    assert settled == ["sess_mine"]
    await first.close()
    await again.close()


async def test_a_client_that_comes_back_at_once_finds_its_last_words(here: Rig) -> None:
    client, line = await here.call(path="/v1/realtime?session_id=s&model=m")
    here.books.open.clear()
    said = {
        "id": "i",
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "Remember 7."}],
    }
    await line.say({"type": "conversation.item.added", "event_id": "e", "item": said})
    await hear(client)
    await client.close()
    back = await here.connect("/v1/realtime?session_id=s&model=m")
    await until(lambda: here.gateway.switchboard.outbox.depth > 0)
    assert here.books.questions == 1, "it is not asked what is known before the last words are there"
    here.books.open.set()
    update = await (await here.upstream.line()).hear()
    assert "Remember 7." in update["session"]["instructions"]
    await back.close()


async def test_a_bill_that_meets_our_goodbye_on_its_way_is_kept(here: Rig) -> None:
    client, line = await here.call()
    (call,) = here.gateway.switchboard.calls
    line.socket.transport.pause_reading()  # so the goodbye lies there unread
    await client.close()
    await until(lambda: call.session.phase is Phase.HANGING_UP)
    await line.say(done())
    line.socket.transport.resume_reading()
    assert await line.closed() == 1000
    await until(lambda: bool(here.books.bills))
    assert [bill.tokens.total for bill in here.books.bills.values()] == [10]
    await until(lambda: not here.gateway.switchboard.calls)


async def test_a_reply_is_stopped_and_paid_for_when_its_client_leaves(here: Rig) -> None:
    client, line = await here.call()
    await line.say(begun("r1"), delta(10))
    await hear(client)
    await hear(client)
    await client.close()
    assert await line.hear() == {"type": "response.cancel"}
    await line.say(done())
    assert await line.closed() == 1000
    await until(lambda: bool(here.books.bills))
    assert [bill.tokens.total for bill in here.books.bills.values()] == [10]


async def test_a_process_that_stops_hears_the_last_bill(here: Rig) -> None:
    client, line = await here.call()
    await line.say(begun("r1"))
    await hear(client)
    await client.close()
    await line.hear()
    ending = asyncio.create_task(here.gateway.switchboard.end_all(5.0))
    await line.say(done())
    await ending
    await until(lambda: bool(here.books.bills))
    assert [bill.tokens.total for bill in here.books.bills.values()] == [10]


async def test_clients_that_take_a_session_from_each_other_are_turned_away_for_a_while(here: Rig) -> None:
    place = "/v1/realtime?model=m&session_id=contended"
    clients = []
    for _ in range(TAKEOVERS_MAX + 1):
        clients.append(await here.connect(place))
        assert await hear(clients[-1]) == CREATED
    with pytest.raises(websockets.InvalidStatus) as turned_away:
        await here.connect(place)
    assert turned_away.value.response.status_code == 429
    for client in clients:
        await client.close()


async def test_another_account_does_not_take_a_session_over(here: Rig) -> None:
    here.books.credits["poor"] = 100
    first, _ = await here.call(path="/v1/realtime?model=m&session_id=s")
    second, _ = await here.call(path="/v1/realtime?model=m&session_id=s", key=POOR_KEY)
    assert len(here.gateway.switchboard.calls) == 2
    await first.close()
    await second.close()


async def test_too_many_calls_of_a_key_and_then_room_again() -> None:
    async with rig(bounds=Bounds(calls_per_key_max=2)) as here:
        first, _ = await here.call()
        second, _ = await here.call()
        with pytest.raises(websockets.InvalidStatus) as refused:
            await here.connect()
        assert refused.value.response.status_code == 429
        other, _ = await here.call(key=OTHER_KEY)
        await first.close()
        await until(lambda: len(here.gateway.switchboard.calls) == 2)
        third, _ = await here.call()
        for client in (second, other, third):
            await client.close()


async def test_a_message_that_is_too_large_ends_the_call_by_its_code() -> None:
    async with rig(bounds=Bounds(message_bytes_max=10_000)) as here:
        client, line = await here.call()
        await client.send(append(9_000))
        assert (await ending(client))[0] == 1009
        assert await line.closed() == 1000


async def test_a_silent_client_is_pinged_and_then_ended_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "PING_S", 0.03)
    async with rig(bounds=Bounds(idle_s=0.15)) as here:
        awake, _ = await here.call()
        client, _ = await here.call(ping_interval=None)
        client.protocol.recv_ping = lambda *_: None  # type: ignore[attr-defined]
        client.transport.pause_reading()
        await until(lambda: len(here.gateway.switchboard.calls) == 1)
        client.transport.resume_reading()
        assert (await ending(client))[0] == 4008
        await awake.send(append(1))
        await awake.close()


async def test_a_provider_that_answers_no_ping_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "PING_S", 0.4)
    async with rig(capabilities=Capabilities(ping_patience_s=1)) as here:
        client, line = await here.call()
        line.socket.transport.pause_reading()
        again = await here.upstream.line()
        await again.say(begun())
        while (await hear(client))["type"] != "response.created":
            pass
        line.socket.transport.abort()
        await client.close()


async def test_broken_frames_end_the_call_and_nothing_else(here: Rig) -> None:
    well, well_line = await here.call()
    for raw in (
        b"\x80\x80\0\0\0\0",  # a continuation of nothing
        b"\x01\x81\0\0\0\0a\x81\x81\0\0\0\0b",  # text within text
        b"\xc1\x80\0\0\0\0\x01\x80\0\0\0\0\x01\x80\0\0\0\0",
        b"\x81\x01a",  # unmasked
        b"\x83\x80\0\0\0\0",  # reserved opcode
        b"\x89\xfe\x01\x00",  # a ping that is too long
    ):
        client, line = await here.call()
        client.transport.write(raw)
        assert await line.closed() == 1000
        await asyncio.wait_for(client.wait_closed(), 5)
        assert client.close_code in (1002, 1006)
    await well.send(append(10))
    await well_line.raw()
    await well.close()


async def test_stopping_tells_clients_to_come_back_and_sends_what_is_left(here: Rig) -> None:
    client, line = await here.call()
    await line.say(begun(), done())
    await hear(client)
    await hear(client)
    await here.gateway.close()
    assert await ending(client) == (1001, "The gateway is stopping. Connect again.")
    assert await line.closed() == 1000
    assert here.books.credits["a1"] == 1_000_000 - 10


async def test_a_defect_in_a_task_ends_the_call_aloud(here: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(Books, "validate_and_load", fail)
    code, close, _ = await refusal(here)
    assert (code, close) == ("INTERNAL_UNEXPECTED", 1011)
