"""Gemini's dialect of the offline provider on a real socket: frames, faults, pages, TLS."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from local_gemini import MADE, MODEL, SocketGemini, is_done, said, usage
from local_talk import WITHIN_S, SocketCall, silence, speech
from realtime_switch.local import LocalProvider, Script, faults
from realtime_switch.local.certificate import certificate
from realtime_switch.local.ears import NoEars
from realtime_switch.local.gemini.admission import PATH
from realtime_switch.local.script import ScriptedReply, ScriptedWords
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
async def connected(server: LocalProvider, **options: Any) -> AsyncIterator[SocketGemini]:
    async with websockets.connect(server.gemini_url, max_size=None, **options) as socket:
        yield SocketGemini(socket)


async def closed(call: SocketGemini) -> tuple[int, str]:
    """How the connection ends, whatever is still said before; 1006 is an end without a close."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            try:
                call.events.append(msgspec.json.decode(await call.socket.recv()))
            except ConnectionClosed as end:
                return (1006, "") if end.rcvd is None else (end.rcvd.code, end.rcvd.reason)


async def test_both_dialects_are_counted_on_one_port() -> None:
    async with provider() as server:
        async with connected(server) as call:
            await call.set_up()
            assert said(await call.ask("My name is Ada")) == "Nice to meet you, Ada!"
            answer = await call.ask("What is my name?")
            assert said(answer) == "Your name is Ada."
        async with websockets.connect(server.url + "?model=m") as socket:
            other = SocketCall(socket)
            done = (await other.say("hello", output_modalities=["text"]))[-1]["response"]["usage"]
        usages = [event["usageMetadata"] for event in call.events if "usageMetadata" in event]
        async with httpx.AsyncClient() as client:
            stats = (await client.get(f"{server.gemini_base_url}/stats")).json()
        assert stats == {
            "connections": 2,
            "responses": 3,
            "input_tokens": sum(one["promptTokenCount"] for one in usages) + done["input_tokens"],
            "output_tokens": sum(one["responseTokenCount"] for one in usages) + done["output_tokens"],
            "session_ms": 0,
        }


async def test_frames_come_in_as_text_or_binary_and_in_pieces() -> None:
    async with provider() as server, connected(server) as call:
        whole = msgspec.json.encode({"setup": {"model": MODEL}})
        await call.socket.send([whole[:7], whole[7:]])
        assert await call.receive() == {"setupComplete": {}}
        await call.socket.send('{"realtimeInput":{"text":"Say: yes"}}')
        await call.until(is_done)


async def test_a_pace_is_a_clock() -> None:
    """At a hundred times the pace of speech, nobody waits for two seconds to be played."""
    async with provider() as server, connected(server) as call:
        await call.set_up()
        begun = asyncio.get_running_loop().time()
        assert usage(await call.ask("Count to five"))["responseTokenCount"] > 40
        assert asyncio.get_running_loop().time() - begun < 1.5


async def test_barge_in_over_a_socket() -> None:
    script = Script(
        reply=(ScriptedReply(text="word " * 200), ScriptedReply(text="Yes?")),
        hear=(ScriptedWords(text="stop"),),
    )
    async with provider(script=script, pace=5.0) as server, connected(server) as call:
        await call.set_up(inputAudioTranscription={})
        await call.send(realtimeInput={"text": "go"})
        await call.until(lambda event: "modelTurn" in event.get("serverContent", {}))
        pcm = base64.b64encode(speech(400, 16_000) + silence(700, 16_000)).decode()
        await call.send(realtimeInput={"audio": {"mimeType": "audio/pcm;rate=16000", "data": pcm}})
        first = await call.until(is_done)
        assert {"serverContent": {"interrupted": True}} in first
        assert MADE not in first
        second = await call.until(is_done)
        assert said(second) == "Yes?"
        assert {"serverContent": {"inputTranscription": {"text": "stop"}}} in second


@pytest.mark.parametrize(
    ("url", "headers", "end"),
    [
        ("", {}, (1008, "Method doesn't allow unregistered callers")),
        ("?key=wrong", {}, (1007, "API key not valid.")),
        ("", {"x-goog-api-key": "wrong"}, (1007, "API key not valid.")),
    ],
)
async def test_who_has_no_right_key_gets_in_and_is_sent_away(
    url: str, headers: dict[str, str], end: tuple[int, str]
) -> None:
    async with (
        provider(key="right") as server,
        websockets.connect(server.gemini_url + url, additional_headers=headers) as socket,
    ):
        call = SocketGemini(socket)
        await call.send(setup={"model": MODEL})
        code, reason = await closed(call)
        assert (code, reason[: len(end[1])]) == end


async def test_a_token_is_made_with_the_key_and_opens_a_call() -> None:
    async with provider(key="right") as server, httpx.AsyncClient(base_url=server.gemini_base_url) as client:
        refused = await client.post("/v1beta/auth_tokens", json={}, params={"key": "wrong"})
        assert (refused.status_code, refused.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert (await client.post("/v1beta/auth_tokens")).status_code == 403
        assert (await client.get("/v1beta/auth_tokens")).status_code == 405
        right = {"x-goog-api-key": "right"}
        bad = await client.post("/v1alpha/auth_tokens", json={"bogus": 1}, headers=right)
        assert bad.json()["error"]["code"] == 400
        # The head and the body may come apart.
        made = await client.post("/v1alpha/auth_tokens", content=b'{"uses": 2}', headers=right)
        name = made.json()["name"]
        url = f"{server.gemini_url}Constrained?access_token={name}"
        async with websockets.connect(url) as socket:
            await SocketGemini(socket).set_up()


async def test_a_body_may_be_long_and_come_late_but_not_be_too_long() -> None:
    async with provider() as server:
        for length, status in ((200_000, b"200"), (2_000_000, b"413")):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(
                b"POST /v1beta/auth_tokens HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
            )
            await writer.drain()
            if length < 1_000_000:
                writer.write(b"{" + b" " * (length - 2) + b"}")
            async with asyncio.timeout(WITHIN_S):
                assert (await reader.read()).startswith(b"HTTP/1.1 " + status)
            writer.close()


async def test_the_page_of_the_address() -> None:
    async with provider() as server, httpx.AsyncClient(base_url=server.gemini_base_url) as client:
        assert (await client.get(PATH)).status_code == 426
        with pytest.raises(InvalidStatus, match="404"):
            await websockets.connect(server.gemini_url.replace("v1beta", "v7"))


# Faults: the same ones.


async def test_faults_count_frames() -> None:
    async with provider("drop_after:7") as server, connected(server) as call:
        await call.send(setup={"model": MODEL})
        await call.send(realtimeInput={"text": "hello"})
        assert await closed(call) == (1006, "")
        assert len(call.events) == 7


async def test_stall_silent_and_status() -> None:
    async with provider("stall_after:1") as server, connected(server) as call:
        await call.set_up()
        await call.send(realtimeInput={"text": "hello"})
        await (await call.socket.ping())
        assert call.events == [{"setupComplete": {}}]
    async with provider("silent") as server, connected(server) as call:
        await call.send(setup={"model": MODEL})
        await (await call.socket.ping())
    async with provider("status:529", times=1) as server:
        with pytest.raises(InvalidStatus):
            await websockets.connect(server.gemini_url)
        async with connected(server) as call:
            await call.set_up()


async def test_garbage_is_no_json_and_oversize_is_some() -> None:
    async with provider("garbage_after:1", "oversize_after:1") as server, connected(server) as call:
        await call.set_up()
        async with asyncio.timeout(WITHIN_S):
            with pytest.raises(msgspec.DecodeError):
                msgspec.json.decode(await call.socket.recv())
    async with provider("oversize_after:1") as server, connected(server) as call:
        await call.set_up()
        async with asyncio.timeout(WITHIN_S):
            frame = await call.socket.recv()
        assert len(frame) > 32 * 1024 * 1024
        msgspec.json.decode(frame)
        await call.receive()


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        ("error_after:1", (1011, "Internal error encountered.")),
        ("expire_after:0.05", (1011, "Deadline expired before operation could complete.")),
    ],
)
async def test_a_failure_is_a_close_and_nothing_else(fault: str, end: tuple[int, str]) -> None:
    async with provider(fault) as server, connected(server) as call:
        await call.send(setup={"model": MODEL})
        assert await closed(call) == end
        assert all("error" not in event for event in call.events)


async def test_goaway_after_tells_what_is_left() -> None:
    async with provider("goaway_after:0.05") as server, connected(server) as call:
        await call.set_up()
        await call.until(lambda event: event == {"goAway": {"timeLeft": "5s"}})


async def test_who_stays_after_its_life_is_sent_away() -> None:
    async with provider(life_s=0.2) as server, connected(server) as call:
        await call.set_up()
        code, reason = await closed(call)
        assert [event for event in call.events if "goAway" in event] == [{"goAway": {"timeLeft": "0.017s"}}]
        assert (code, reason[:18]) == (1008, "Connection aborted")


async def test_goaway_is_nothing_to_openai() -> None:
    async with provider("goaway_after:0") as server, websockets.connect(server.url + "?model=m") as socket:
        await SocketCall(socket).say("hello", output_modalities=["text"])


# Resumption and TLS.


async def test_a_session_is_resumed_by_another_connection() -> None:
    async with provider() as server:
        async with connected(server) as call:
            await call.set_up()
            await call.ask("My name is Ada")
            [*_, told] = await call.until(lambda event: "sessionResumptionUpdate" in event)
        async with connected(server) as call:
            await call.set_up(sessionResumption={"handle": told["sessionResumptionUpdate"]["newHandle"]})
            assert said(await call.ask("What is my name?")) == "Your name is Ada."


async def test_a_path_may_begin_with_two_slashes() -> None:
    """As Google's SDK for JavaScript sends it."""
    async with provider() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            f"GET /{PATH}?key=k HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        async with asyncio.timeout(WITHIN_S):
            assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
        writer.close()


async def test_vertex_is_spoken_at_vertex_address() -> None:
    path = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
    async with provider() as server, websockets.connect(f"ws://127.0.0.1:{server.port}{path}") as socket:
        await socket.send('{"setup":{"model":"publishers/google/models/m"}}')
        assert b"sessionId" in await socket.recv()


async def test_with_tls_both_dialects_and_the_pages_are_reached(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=made.path)
    async with provider(tls=made.context) as server:
        assert server.gemini_url.startswith("wss://")
        assert server.url.startswith("wss://")
        async with connected(server, ssl=trusting) as call:
            await call.set_up()
            assert said(await call.ask("Say: yes")) == "yes"
        async with websockets.connect(server.url + "?model=m", ssl=trusting) as socket:
            await SocketCall(socket).until("session.created")
        async with httpx.AsyncClient(verify=trusting) as client:
            assert (await client.get(f"{server.gemini_base_url}/healthz")).text == "ok\n"
        with pytest.raises(ssl.SSLCertVerificationError):
            await websockets.connect(server.gemini_url)
