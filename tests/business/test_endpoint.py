"""The endpoint over real sockets: a server of our own on loopback, with every way to answer."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest

from realtime_switch.business.endpoint import SummaryEndpoint
from realtime_switch.business.summary import NoAnswer
from realtime_switch.secret import Secret

CHAT = b'{"id":"c1","choices":[{"message":{"role":"assistant","content":" They spoke. \\n"}}],"usage":{}}'
GEMINI = (
    b'{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true},{"text":"They "},'
    b'{"text":"spoke."}]},"finishReason":"STOP"}],"usageMetadata":{}}'
)


KEY = Secret("sk-secret")


class Server:
    """Answers every request with the same bytes, and keeps what it was asked."""

    def __init__(self, status: int, body: bytes, headers: str = "", silent: bool = False) -> None:
        self.head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode()
        self.body = body
        self.silent = silent
        self.requests: list[tuple[str, dict[str, str], object]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {
                k.lower(): v.strip() for k, _, v in (field.partition(":") for field in fields if field)
            }
            body = msgspec.json.decode(await reader.readexactly(int(headers["content-length"])))
            self.requests.append((line, headers, body))
            if self.silent:
                await reader.read()  # until the client gives up
            else:
                writer.write(self.head + self.body)
                await writer.drain()
        except ConnectionError:
            pass  # the client has had enough, which is what some tests are about
        finally:
            writer.close()


@asynccontextmanager
async def serving(server, dialect="openai", key=KEY, deadline_s=5.0):
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    endpoint = SummaryEndpoint(dialect, f"http://127.0.0.1:{port}/v1/", "small-1", key, deadline_s)
    try:
        yield endpoint
    finally:
        await endpoint.close()
        listening.close()
        await listening.wait_closed()


async def test_an_openai_compatible_endpoint_is_asked_and_answers():
    server = Server(200, CHAT)
    async with serving(server) as endpoint:
        assert await endpoint.ask("Shorten.", 'user: "hi" 👋\n') == "They spoke."
    [(line, headers, body)] = server.requests
    assert line == "POST /v1/chat/completions HTTP/1.1"
    assert headers["authorization"] == "Bearer sk-secret"
    assert headers["content-type"] == "application/json"
    assert body == {
        "model": "small-1",
        "messages": [
            {"role": "system", "content": "Shorten."},
            {"role": "user", "content": 'user: "hi" 👋\n'},
        ],
    }


async def test_gemini_is_asked_and_answers_without_its_thoughts():
    server = Server(200, GEMINI)
    async with serving(server, "gemini") as endpoint:
        assert await endpoint.ask("Shorten.", "user: hi\n") == "They spoke."
    [(line, headers, body)] = server.requests
    assert line == "POST /v1/models/small-1:generateContent HTTP/1.1"  # the key is in no URL: URLs are logged
    assert headers["x-goog-api-key"] == "sk-secret"
    assert body == {
        "systemInstruction": {"parts": [{"text": "Shorten."}]},
        "contents": [{"role": "user", "parts": [{"text": "user: hi\n"}]}],
    }


@pytest.mark.parametrize(("dialect", "answer"), [("openai", CHAT), ("gemini", GEMINI)])
async def test_a_service_of_ones_own_may_ask_for_no_key(dialect, answer):
    server = Server(200, answer)
    async with serving(server, dialect, key=None) as endpoint:
        await endpoint.ask("Shorten.", "user: hi\n")
    [(_, headers, _)] = server.requests
    assert not {"authorization", "x-goog-api-key"} & headers.keys()


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (401, b'{"error":"user: secret"}', "HTTP status 401"),
        (500, b"", "HTTP status 500"),
        (200, b"<html>user: secret", "an answer that cannot be read"),
        (200, b"", "an answer that cannot be read"),
        (200, b'{"choices":7,"candidates":7}', "an answer that cannot be read"),
        (200, b"[" * 100_000, "an answer that cannot be read"),
        (200, b'{"choices":[],"candidates":[]}', "an answer without text"),
        (
            200,
            b'{"choices":[{"message":{"content":null}}],"candidates":[{"finishReason":"SAFETY"}]}',
            "an answer without text",
        ),
        (200, b" " * 1_000_001, "an answer of more than 1000000 bytes"),
    ],
)
async def test_what_is_no_answer_is_named_and_not_quoted(dialect, status, body, trouble):
    async with serving(Server(status, body), dialect) as endpoint:
        with pytest.raises(NoAnswer) as caught:
            await endpoint.ask("Shorten.", "user: hi\n")
    assert str(caught.value) == trouble


async def test_a_redirect_is_not_followed_so_that_the_key_goes_nowhere_else():
    server = Server(307, b"", headers="location: /elsewhere\r\n")
    async with serving(server) as endpoint:
        with pytest.raises(NoAnswer, match="HTTP status 307"):
            await endpoint.ask("Shorten.", "user: hi\n")
    assert len(server.requests) == 1


async def test_an_endpoint_that_says_nothing_is_given_up_at_the_deadline():
    async with serving(Server(200, b"", silent=True), deadline_s=0.05) as endpoint:
        with pytest.raises(NoAnswer, match=r"^no answer within 0\.05 s$"):
            await endpoint.ask("Shorten.", "user: hi\n")


async def test_an_endpoint_that_is_not_there_or_cannot_be_addressed_is_a_named_failure():
    for url, trouble in (("http://127.0.0.1:1", "ConnectError"), ("ftp://x", "UnsupportedProtocol")):
        endpoint = SummaryEndpoint("openai", url, "m", None, 5.0)
        with pytest.raises(NoAnswer, match=f"^{trouble}$"):
            await endpoint.ask("Shorten.", "user: hi\n")
        await endpoint.close()


async def test_a_key_that_no_header_can_hold_is_a_named_failure_and_is_not_shown():
    async with serving(Server(200, CHAT), key=Secret("sk-🔑")) as endpoint:
        with pytest.raises(NoAnswer, match=r"^UnicodeEncodeError$"):
            await endpoint.ask("Shorten.", "user: hi\n")
