"""The front door, byte for byte: what a client sends, what it is answered."""

import asyncio
import base64
import contextlib
import os
from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway_rig import KEY, Books, Rig, rig
from realtime_switch.gateway import upgrade
from realtime_switch.gateway.switchboard import Bounds

WEBSOCKET_KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 1.3


@pytest.fixture
async def here() -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


async def exchange(port: int, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send it, and read the answer's head, and its body if it says how long that is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        async with asyncio.timeout(5):
            return await answer(reader)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    return int(status.split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))


def handshake(path: str = "/v1/realtime?model=m", **changed: str | None) -> bytes:
    """A handshake; a header is changed by its name with `_` for `-`, and None leaves it out."""
    headers: dict[str, str | None] = {
        "host": "127.0.0.1",
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": WEBSOCKET_KEY,
        "authorization": f"Bearer {KEY}",
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [
        f"GET {path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items() if value is not None),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


BROWSERS = {
    "Chromium": {
        "connection": "Upgrade",
        "sec_websocket_extensions": "permessage-deflate; client_max_window_bits",
    },
    "Firefox": {"connection": "keep-alive, Upgrade", "sec_websocket_extensions": "permessage-deflate"},
    "Safari": {"connection": "Upgrade", "upgrade": "WebSocket"},
    "a proxy that shouts": {"connection": "UPGRADE", "upgrade": "WEBSOCKET"},
}


@pytest.mark.parametrize("browser", BROWSERS)
async def test_a_browser_is_let_in_without_compression(here: Rig, browser: str) -> None:
    protocols = f"realtime, openai-insecure-api-key.{KEY}"
    changed = {"authorization": None, "sec_websocket_protocol": protocols, "origin": "https://app.example"}
    status, headers, _ = await exchange(here.port, handshake(**changed, **BROWSERS[browser]))
    assert (status, headers["sec-websocket-accept"], headers["sec-websocket-protocol"]) == (
        101,
        ACCEPT,
        "realtime",
    )
    assert "sec-websocket-extensions" not in headers


async def test_no_subprotocol_is_chosen_where_none_was_offered(here: Rig) -> None:
    status, headers, _ = await exchange(here.port, handshake())
    assert status == 101
    assert "sec-websocket-protocol" not in headers


async def test_the_session_id_is_told_with_the_upgrade(here: Rig) -> None:
    _, named, _ = await exchange(here.port, handshake("/v1/realtime?session_id=mine"))
    _, made, _ = await exchange(here.port, handshake())
    assert named["x-session-id"] == "mine"
    assert made["x-session-id"].startswith("sess_")


TURNED_AWAY = {
    "no key": (handshake(authorization=None), 401, "missing_api_key"),
    "unknown path": (handshake("/v1/chat"), 404, "not_found"),
    "old version": (handshake(sec_websocket_version="8"), 426, "invalid_request"),
    "bad nonce": (handshake(sec_websocket_key="short"), 400, "invalid_request"),
}


@pytest.mark.parametrize("who", TURNED_AWAY)
async def test_who_is_turned_away_reads_why_in_openais_shape(here: Rig, who: str) -> None:
    request, expected, code = TURNED_AWAY[who]
    status, headers, body = await exchange(here.port, request)
    assert (status, headers["content-type"], headers["connection"]) == (expected, "application/json", "close")
    error = msgspec.json.decode(body)["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, None)
    assert error["message"].endswith(".")


async def test_a_full_gateway_says_when_to_try_again() -> None:
    async with rig(bounds=Bounds(calls_per_key_max=1)) as here:
        client, _ = await here.call()
        status, headers, body = await exchange(here.port, handshake())
        await client.close()
    assert (status, headers["retry-after"]) == (429, "5")
    assert msgspec.json.decode(body)["error"]["code"] == "rate_limit_exceeded"


async def test_a_stopping_gateway_sends_new_calls_elsewhere(here: Rig) -> None:
    here.gateway.switchboard.door.stopping = True
    status, headers, _ = await exchange(here.port, handshake())
    assert (status, headers["retry-after"]) == (503, "5")


async def test_a_defect_at_the_door_tells_nothing_of_itself(
    here: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"secret {KEY}")

    monkeypatch.setattr(here.gateway.switchboard.door, "_who_is", fail)
    status, _, body = await exchange(here.port, handshake())
    assert status == 500
    assert KEY.encode() not in body


async def test_a_request_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime_switch.gateway.main.limits.CLIENT_HANDSHAKE_S", 0.1)
    async with rig() as here:
        status, _, _ = await exchange(here.port, b"GET /v1/realtime HTTP/1.1\r\nhost: a\r\n")
        silent, _, _ = await exchange(here.port, b"")
    assert (status, silent) == (408, 408)


async def test_a_head_without_end_is_cut_off(here: Rig) -> None:
    endless = b"GET / HTTP/1.1\r\nx: " + b"a" * upgrade.HEAD_BYTES_MAX
    assert (await exchange(here.port, endless))[0] == 431


async def test_a_head_as_large_as_browsers_send_is_read(here: Rig) -> None:
    assert (await exchange(here.port, handshake(cookie="c" * 8000)))[0] == 101


async def test_many_requests_on_one_connection_are_counted_apart(here: Rig) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    request = b"GET /healthz HTTP/1.1\r\nhost: a\r\ncookie: " + b"c" * 8000 + b"\r\n\r\n"
    async with asyncio.timeout(5):
        for _ in range(4):
            writer.write(request)
            assert (await answer(reader))[0] == 200
        writer.write(handshake())
        assert (await answer(reader))[0] == 101
    writer.close()


async def test_garbage_gets_an_answer_or_an_end(here: Rig) -> None:
    for garbage in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(60),
        b"\r\n\r\n\0\0",
        b"GET\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(garbage)
        writer.write_eof()
        async with asyncio.timeout(5):
            read = await reader.read()
        assert read == b"" or read.startswith(b"HTTP/1.1 400")
        writer.close()
    assert (await exchange(here.port, handshake()))[0] == 101


async def test_the_key_stays_out_of_what_the_call_holds(here: Rig) -> None:
    client, _ = await here.call()
    (call,) = here.gateway.switchboard.calls
    assert KEY not in repr(vars(call))
    assert base64.b64encode(KEY.encode()).decode() not in repr(vars(call))
    await client.close()


async def test_one_question_is_asked_for_a_connect(here: Rig) -> None:
    client, _ = await here.call()
    await client.close()
    assert isinstance(here.books, Books)
    assert here.books.questions == 1
