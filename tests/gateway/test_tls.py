"""The front door with TLS: the same calls and the same pages behind it."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
import structlog

from certificate import make_certificate
from gateway_rig import KEY, begun, done, hear, rig
from realtime_switch.accounts.errors import ConfigurationError
from realtime_switch.gateway.main import _reload
from realtime_switch.gateway.tls import tls_of
from realtime_switch.settings import Flags, load


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def server_tls(cert: Path, key: Path | None = None) -> ssl.SSLContext | None:
    flags = Flags(data=cert.parent, tls_cert=str(cert), tls_key=str(key) if key else None)
    return tls_of(load(flags, {}))


async def test_a_call_and_a_page_over_tls(files: tuple[Path, Path]) -> None:
    trusting = ssl.create_default_context(cafile=str(files[0]))
    async with rig(tls=server_tls(*files)) as here:
        assert here.url.startswith("wss://")
        client, line = await here.call(ssl=trusting)
        large = "x" * 200_000  # more than a TLS record and more than a read
        await client.send(
            '{"type":"conversation.item.create","item":{"type":"message","role":"user",'
            f'"content":[{{"type":"input_text","text":"{large}"}}]}}}}'
        )
        assert (await line.hear())["item"]["content"][0]["text"] == large
        await line.say(begun(), {"type": "response.output_text.delta", "delta": large}, done(tokens=30))
        heard = [await hear(client) for _ in range(3)]
        assert [event["type"] for event in heard] == [
            "response.created",
            "response.output_text.delta",
            "response.done",
        ]
        assert heard[1]["delta"] == large
        await client.close()
        async with httpx.AsyncClient(base_url=here.http, verify=trusting) as http:
            assert (await http.get("/healthz")).text == "ok\n"
            assert (
                await http.get("/v1/account", headers={"authorization": f"Bearer {KEY}"})
            ).status_code == 200


async def test_large_messages_in_one_go_arrive_whole_over_tls(files: tuple[Path, Path]) -> None:
    """See sockets.py: picows writes into its buffer again before a foreign transport has sent it."""
    trusting = ssl.create_default_context(cafile=str(files[0]))
    async with rig(tls=server_tls(*files)) as here:
        client, line = await here.call(ssl=trusting)
        sent = [{"type": "response.output_text.delta", "delta": letter * 40_000} for letter in "abcdefgh"]
        await line.say(*sent)
        assert [await hear(client) for _ in sent] == sent
        await client.close()


async def test_who_speaks_in_the_clear_gets_no_answer(files: tuple[Path, Path]) -> None:
    async with rig(tls=server_tls(*files)) as here:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        assert b"HTTP/1.1" not in await asyncio.wait_for(reader.read(), 5)
        writer.close()


async def test_who_leaves_before_the_handshake_is_none_of_our_errors(
    files: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(tls=server_tls(*files)) as here:
        for said in (b"", b"\x16\x03\x01"):
            _, writer = await asyncio.open_connection("127.0.0.1", here.port)
            writer.write(said)
            writer.close()
            await writer.wait_closed()
        trusting = ssl.create_default_context(cafile=str(files[0]))
        async with httpx.AsyncClient(base_url=here.http, verify=trusting) as http:
            assert (await http.get("/healthz")).text == "ok\n"
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def trusting(cert: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(cert))


async def test_another_certificate_is_shown_to_who_comes_and_no_call_ends(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    renewed = make_certificate(tmp_path, kind="rsa:2048")  # a key of another kind
    async with rig(tls=server_tls(*files)) as here:
        client, line = await here.call(ssl=trusting(files[0]))
        again = lambda: load(Flags(data=tmp_path, tls_cert=str(renewed[0]), tls_key=str(renewed[1])), {})  # noqa: E731
        with structlog.testing.capture_logs() as lines:
            await _reload(here.gateway, again, here.upstream.url)
        assert [one["event"] for one in lines] == ["configuration reloaded"]
        with pytest.raises(ssl.SSLCertVerificationError):
            await here.connect(ssl=trusting(files[0]))
        async with httpx.AsyncClient(base_url=here.http, verify=trusting(renewed[0])) as http:
            assert (await http.get("/healthz")).text == "ok\n"
        await line.say(begun(), done(tokens=30))
        assert [(await hear(client))["type"] for _ in range(2)] == ["response.created", "response.done"]
        await client.close()
        listening = [one for server in here.gateway._door._servers for one in server.sockets]
        assert len(listening) == 1


async def test_a_certificate_that_does_not_serve_leaves_the_old_one(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    _, strange = make_certificate(tmp_path)
    async with rig(tls=server_tls(*files)) as here:
        again = lambda: load(Flags(data=tmp_path, tls_cert=str(files[0]), tls_key=str(strange)), {})  # noqa: E731
        with structlog.testing.capture_logs() as lines:
            await _reload(here.gateway, again, here.upstream.url)
        assert [(one["event"], "belongs to another" in one["reason"]) for one in lines] == [
            ("configuration not reloaded", True)
        ]
        client, _ = await here.call(ssl=trusting(files[0]))  # by the routes of before, too
        await client.close()


async def test_who_stops_while_a_certificate_is_renewed_listens_no_more(files: tuple[Path, Path]) -> None:
    tls = server_tls(*files)
    assert tls is not None
    async with rig(tls=tls) as here:
        renewing = asyncio.create_task(here.gateway._door.present(tls))
        here.gateway._door.stop_accepting()
        await renewing
        with pytest.raises(ConnectionRefusedError):
            await here.connect(ssl=trusting(files[0]))


def test_one_file_may_hold_both(files: tuple[Path, Path], tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text("".join(file.read_text() for file in files))
    assert server_tls(both) is not None


def test_without_a_certificate_there_is_no_tls(tmp_path: Path) -> None:
    assert tls_of(load(Flags(data=tmp_path), {})) is None


def test_a_certificate_that_does_not_serve_is_named_with_the_reason(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    cert, key = files
    _, strange = make_certificate(tmp_path)
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")

    def told(cert: Path, key: Path | None = None) -> str:
        with pytest.raises(ConfigurationError) as raised:
            server_tls(cert, key)
        return raised.value.message.partition(". ")[0]

    away = tmp_path / "away.pem"
    assert told(away, key) == f"TLS cannot be spoken with {away} with {key}: No such file or directory"
    assert told(cert, strange).endswith(": the key belongs to another certificate")
    assert told(nonsense, key).endswith(": the certificate or the key cannot be read")
    locked = tmp_path / "locked.pem"
    locking = ("openssl", "ec", "-in", key, "-aes256", "-passout", "pass:x", "-out", locked)
    subprocess.run(locking, check=True, capture_output=True)
    assert told(cert, locked).endswith(": the certificate or the key cannot be read")
    assert told(cert).endswith(f"with {cert}: the certificate or the key cannot be read")
