"""The offline provider on a real socket: handshake, pages, faults, and that nothing stays behind."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import psutil
import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from local_talk import WITHIN_S, SocketCall, error, kinds, only, silence, speech, transcript
from realtime_switch.local import LocalProvider, Script, faults
from realtime_switch.local import call as call_module
from realtime_switch.local.ears import NoEars
from realtime_switch.local.faults import Faults
from realtime_switch.local.script import ScriptedReply, ScriptedWords
from realtime_switch.local.thought import Tokens
from realtime_switch.local.voice import ToneVoice


@asynccontextmanager
async def provider(*named: str, times: int | None = None, **settings: Any) -> AsyncIterator[LocalProvider]:
    made = LocalProvider(
        faults=faults(*named, times=times),
        **{"voice": ToneVoice(), "ears": NoEars(), "pace": 100.0, **settings},
    )
    async with made:
        yield made


@asynccontextmanager
async def connected(
    server: LocalProvider, query: str = "?model=m", **options: Any
) -> AsyncIterator[SocketCall]:
    async with websockets.connect(server.url + query, max_size=None, **options) as socket:
        yield SocketCall(socket)


async def closed(call: SocketCall) -> ConnectionClosed:
    """How the connection ends, whatever is still said before."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                call.events.append(msgspec.json.decode(await call.socket.recv()))
            except ConnectionClosed as end:
                return end


async def page(server: LocalProvider, path: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(f"http://127.0.0.1:{server.port}{path}")


async def test_a_call_over_a_socket_is_counted_to_the_token() -> None:
    async with provider() as server:
        async with connected(server) as call:
            await call.until("session.created")
            done = only(await call.say("my name is Ada"), "response.done")["response"]
            assert transcript(await call.say("what is my name")) == "Your name is Ada."
            usages = [event["response"]["usage"] for event in call.events if event["type"] == "response.done"]
        assert done["status"] == "completed"
        stats = (await page(server, "/stats")).json()
        assert stats == {
            "connections": 1,
            "responses": 2,
            "input_tokens": sum(usage["input_tokens"] for usage in usages),
            "output_tokens": sum(usage["output_tokens"] for usage in usages),
            "session_ms": 0,
        }


async def test_the_pages_beside_the_sockets() -> None:
    async with provider() as server:
        assert (await page(server, "/healthz")).text == "ok\n"
        assert (await page(server, "/nowhere")).status_code == 404
        assert (await page(server, "/v1/realtime")).status_code == 426


async def test_barge_in_over_a_socket() -> None:
    async with provider(pace=2.0) as server, connected(server) as call:
        await call.say("Say: ready", output_modalities=["text"])
        await call.send("response.create", response={"instructions": "Say: " + "word " * 200})
        await call.until("response.output_audio.delta")
        await call.append(silence(400) + speech(300))
        done = only(await call.until("response.done"), "response.done")["response"]
        assert done["status_details"] == {"type": "cancelled", "reason": "turn_detected"}
        item = done["output"][0]["id"]
        await call.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=100)
        assert kinds(await call.until("conversation.item.truncated")) == [
            "rate_limits.updated",
            "conversation.item.truncated",
        ]
        await call.append(silence(400))
        assert "input_audio_buffer.committed" in kinds(await call.until("response.created"))


async def test_a_client_that_does_not_read_is_waited_for() -> None:
    async with provider(pace=100_000.0) as server, connected(server, max_queue=1) as call:
        await call.send("response.create", response={"instructions": "Say: " + "word " * 1000})
        [served] = server._calls
        async with asyncio.timeout(WITHIN_S):
            while not served._behind:
                await asyncio.sleep(0.01)
        sent_count = served._sent_count
        for _ in range(1000):
            await asyncio.sleep(0)
        assert served._sent_count == sent_count
        done = only(await call.until("response.done"), "response.done")["response"]
        assert done["status"] == "completed"


async def test_a_message_in_pieces_is_one_message() -> None:
    async with provider() as server, connected(server) as call:
        await call.until("session.created")
        whole = msgspec.json.encode({"type": "conversation.item.delete", "item_id": "item_é"}).decode()
        await call.socket.send([whole[:20], whole[20:40], whole[40:]])
        assert error(await call.until("error"))["code"] == "item_delete_invalid_item_id"


async def test_a_script_decides_what_is_heard_and_said() -> None:
    script = Script(
        reply=(ScriptedReply(text="As written.", usage=Tokens(input_text=40, output_text=2)),),
        hear=(ScriptedWords(text="anything"),),
    )
    async with provider(script=script) as server, connected(server) as call:
        await call.send(
            "session.update",
            session={"type": "realtime", "audio": {"input": {"transcription": {"model": "m"}}}},
        )
        await call.append(speech(500) + silence(400))
        events = await call.until("response.done")
        heard = only(events, "conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "anything"
        assert transcript(events) == "As written."
        assert server.stats.input_tokens == 40
        # The script is spent: the brain goes on.
        assert transcript(await call.say("thank you")) == "You are welcome."


# The handshake.


@pytest.mark.parametrize("offered", [["realtime", "openai-insecure-api-key.sk-a.b-c_d"], None])
async def test_the_subprotocol_is_chosen_only_when_offered(offered: list[str] | None) -> None:
    async with provider(key="sk-a.b-c_d") as server:
        headers = None if offered else {"Authorization": "Bearer sk-a.b-c_d"}
        options: dict[str, Any] = {"subprotocols": offered, "additional_headers": headers}
        async with connected(server, **options) as call:
            assert call.socket.subprotocol == ("realtime" if offered else None)
            await call.until("session.created")


async def test_firefox_may_come_in() -> None:
    """It sends `Connection: keep-alive, Upgrade`, which picows alone refuses."""
    async with provider() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET /v1/realtime?model=m HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        async with asyncio.timeout(WITHIN_S):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("query", "headers", "code", "reason"),
    [
        ("", {}, 4000, "missing_model"),
        ("?call_id=rtc_1", {}, 4000, "missing_model"),
        ("?intent=dictation&model=m", {}, 4000, "invalid_intent"),
        ("?intent=transcription&model=m", {}, 4000, "invalid_model"),
        ("?model=m", {"OpenAI-Beta": "realtime=v1"}, 4000, "beta_api_shape_disabled"),
        ("?model=m", {"Authorization": "Bearer wrong"}, 3000, "invalid_api_key"),
    ],
)
async def test_9_9_who_is_not_admitted_hears_why(
    query: str, headers: dict[str, str], code: int, reason: str
) -> None:
    async with provider(key="right") as server:
        right = {"Authorization": "Bearer right", **headers}
        async with connected(server, query, additional_headers=right) as call:
            end = await closed(call)
            assert kinds(call.events) == ["error"]
            assert error(call.events)["code"] == reason
            assert end.rcvd is not None
            assert (end.rcvd.code, end.rcvd.reason) == (code, f"invalid_request_error.{reason}")


@pytest.mark.parametrize("path", ["/v1/realtime", "/realtime", "/openai/v1/realtime"])
async def test_the_paths_of_the_dialect(path: str) -> None:
    async with (
        provider() as server,
        websockets.connect(f"ws://127.0.0.1:{server.port}{path}?model=m") as socket,
    ):
        await SocketCall(socket).until("session.created")


async def test_another_path_is_not_found() -> None:
    async with provider() as server:
        with pytest.raises(InvalidStatus, match="404"):
            await websockets.connect(f"ws://127.0.0.1:{server.port}/v1/realtime/translations?model=m")


async def test_what_is_no_http_is_answered_400() -> None:
    async with provider() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"hello\r\n\r\n")
        async with asyncio.timeout(WITHIN_S):
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.close()


async def test_pings_come_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_module, "PING_EVERY_S", 0.01)
    async with provider() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"GET /v1/realtime?model=m HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        async with asyncio.timeout(WITHIN_S):
            await reader.readuntil(b"\x89\x04ping")
        writer.close()


# Faults.


async def test_refuse_means_that_nobody_listens() -> None:
    async with provider("refuse") as server:
        with pytest.raises(ConnectionRefusedError):
            await websockets.connect(server.url + "?model=m")


async def test_status_answers_the_upgrade_but_not_the_pages() -> None:
    async with provider("status:529") as server:
        with pytest.raises(InvalidStatus) as refused:
            await websockets.connect(server.url + "?model=m")
        assert refused.value.response.status_code == 529
        assert (await page(server, "/healthz")).status_code == 200


async def test_hang_never_answers() -> None:
    async with provider("hang") as server:
        with pytest.raises(TimeoutError):
            await websockets.connect(server.url + "?model=m", open_timeout=0.2)
        assert (await page(server, "/stats")).json()["connections"] == 0


async def test_silent_says_nothing_and_stays() -> None:
    async with provider("silent") as server, connected(server) as call:
        await call.send("response.create")
        await (await call.socket.ping())  # it is alive
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await call.receive()


async def test_drop_after_sends_exactly_so_many_and_no_close() -> None:
    async with provider("drop_after:7") as server, connected(server) as call:
        await call.send("response.create")
        end = await closed(call)
        assert len(call.events) == 7
        assert end.rcvd is None


async def test_stall_after_goes_quiet_and_still_answers_pings() -> None:
    async with provider("stall_after:3") as server, connected(server) as call:
        await call.send("response.create")
        for _ in range(3):
            await call.receive()
        await (await call.socket.ping())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await call.receive()


async def test_garbage_after_is_no_json() -> None:
    async with provider("garbage_after:2") as server, connected(server) as call:
        await call.send("response.create")
        for _ in range(2):
            await call.receive()
        async with asyncio.timeout(WITHIN_S):
            garbage = await call.socket.recv()
        with pytest.raises(msgspec.DecodeError):
            msgspec.json.decode(garbage)


async def test_oversize_after_sends_32_mib_and_goes_on() -> None:
    async with provider("oversize_after:1") as server, connected(server) as call:
        await call.receive()
        await call.send("input_audio_buffer.clear")
        async with asyncio.timeout(WITHIN_S):
            assert len(await call.socket.recv()) > 32 * 1024 * 1024
        assert (await call.receive())["type"] == "input_audio_buffer.cleared"


async def test_error_after_is_an_error_and_a_close() -> None:
    async with provider("error_after:4") as server, connected(server) as call:
        await call.send("response.create")
        end = await closed(call)
        assert error(call.events)["type"] == "server_error"
        assert len(call.events) == 5
        assert end.rcvd is not None
        assert end.rcvd.code == 1011


async def test_expire_after_ends_the_session() -> None:
    async with provider("expire_after:0.05") as server, connected(server) as call:
        end = await closed(call)
        assert error(call.events)["code"] == "session_expired"
        assert end.rcvd is not None
        assert end.rcvd.code == 1001


async def test_slow_takes_its_time_for_every_event() -> None:
    async with provider("slow:20") as server, connected(server) as call:
        begun = asyncio.get_running_loop().time()
        await call.until("session.created")
        events = await call.say("Say: yes", output_modalities=["text"])
        assert asyncio.get_running_loop().time() - begun >= 0.02 * (len(events) + 1) * 0.9
        assert transcript(events) == "yes"


async def test_a_slow_reply_can_still_be_cancelled() -> None:
    async with provider("slow:5", pace=1000.0) as server, connected(server) as call:
        await call.send("response.create", response={"instructions": "Say: " + "word " * 500})
        await call.until("response.output_audio.delta")
        await call.send("response.cancel")
        done = only(await call.until("response.done"), "response.done")["response"]
        assert done["status"] == "cancelled"
        assert len(done["output"][0]["content"][0]["transcript"]) < 50


async def test_faults_may_concern_the_first_connections_only() -> None:
    async with provider("status:503", times=2) as server:
        for _ in range(2):
            with pytest.raises(InvalidStatus):
                await websockets.connect(server.url + "?model=m")
        async with connected(server) as call:
            await call.until("session.created")
    async with provider("refuse", times=1) as server:
        with pytest.raises((ConnectionError, websockets.InvalidMessage)):
            await websockets.connect(server.url + "?model=m")
        async with connected(server) as call:
            await call.until("session.created")


async def test_faults_may_change_while_it_runs() -> None:
    async with provider() as server:
        server.faults = Faults(status=503)
        with pytest.raises(InvalidStatus):
            await websockets.connect(server.url + "?model=m")


_HELLO = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}


async def test_a_fault_may_strike_a_connection_that_is_there() -> None:
    async with provider() as server:
        async with connected(server) as call:
            await call.until("session.created")
            server.strike(faults("drop_after:0"))
            with pytest.raises(ConnectionClosed):
                await call.receive()
        async with connected(server) as call:
            await call.until("session.created")
            server.strike(faults("drop_after:2"))
            await call.send("conversation.item.create", item=_HELLO)
            await call.until("conversation.item.done")
            await call.send("response.create")
            with pytest.raises(ConnectionClosed):
                await call.receive()
        async with connected(server) as call:
            await call.until("session.created")
            server.strike(faults("expire_after:0"))
            assert (await call.receive())["error"]["code"] == "session_expired"


# Endings.


async def test_an_end_of_the_provider_is_a_close_to_its_clients() -> None:
    server = LocalProvider(voice=ToneVoice(), ears=NoEars())
    await server.start()
    async with connected(server) as call:
        await call.until("session.created")
        closing = asyncio.create_task(server.close())
        end = await closed(call)
        await closing
        assert end.rcvd is not None
        assert end.rcvd.code == 1001


async def test_a_mistake_of_ours_is_not_worded_to_the_client() -> None:
    class Broken(ToneVoice):
        async def say(self, text: str, *, voice: str, speed: float, rate_hz: int) -> bytes:
            raise KeyError("a secret")

    async with provider(voice=Broken()) as server, connected(server) as call:
        await call.send("response.create")
        end = await closed(call)
        assert end.rcvd is not None
        assert (end.rcvd.code, "secret" in end.rcvd.reason) == (1011, False)


async def test_who_is_gone_is_not_spoken_for() -> None:
    class Slow(ToneVoice):
        def __init__(self) -> None:
            self.began, self.stopped = asyncio.Event(), asyncio.Event()

        async def say(self, text: str, *, voice: str, speed: float, rate_hz: int) -> bytes:
            self.began.set()
            try:
                return await asyncio.Future()
            finally:
                self.stopped.set()

    slow = Slow()
    async with provider(voice=slow) as server:
        async with connected(server) as call:
            await call.send("response.create")
            async with asyncio.timeout(WITHIN_S):
                await slow.began.wait()
        async with asyncio.timeout(WITHIN_S):
            await slow.stopped.wait()


async def test_nothing_stays_behind_of_hundreds_of_calls() -> None:
    """However they end: by the client, by its disappearance, by a fault, in mid-reply."""

    async def one(server: LocalProvider, number: int) -> None:
        async with connected(server) as call:
            await call.send("response.create", response={"instructions": "Say: " + "word " * 20})
            await call.append(speech(200))
            await call.until("response.created")
            if number % 4 == 0:
                await closed(call)
            elif number % 4 == 1:
                call.socket.transport.abort()
            elif number % 4 == 2:
                await call.socket.close(1000)

    async with provider("drop_after:4", pace=5.0) as server:
        process = psutil.Process()
        children = process.children()

        async def burst(count: int) -> tuple[int, int, int]:
            for start in range(0, count, 10):
                await asyncio.gather(*(one(server, start + index) for index in range(10)))
            async with asyncio.timeout(WITHIN_S):
                while server._calls or server._doors:
                    await asyncio.sleep(0.01)
            gc.collect()
            return process.num_fds(), len(asyncio.all_tasks()), len(gc.get_objects())

        before = await burst(40)
        after = await burst(200)
    assert after[0] <= before[0] + 2
    assert after[1] <= before[1]
    assert after[2] - before[2] < 2000
    assert os.getpid() == process.pid
    assert process.children() == children
