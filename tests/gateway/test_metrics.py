"""What a gateway counts, who may see it, and the line that a call leaves in the log."""

import asyncio
from typing import Any

import httpx
import pytest
import structlog
import websockets

import prometheus
from gateway_rig import (
    CREATED,
    KEY,
    METRICS_TOKEN,
    POOR_KEY,
    PROVIDER_KEY,
    Rig,
    begun,
    done,
    ending,
    hear,
    rig,
    text,
    until,
)
from openai_frames import AUDIO
from prometheus import Page, value
from realtime_switch.providers.routes import Target

NAME = "realtime_switch_"
APPEND = b'{"type":"input_audio_buffer.append","audio":"AAAA"}'
REORDERED = '{"delta":"AAAA","type":"response.output_audio.delta","response_id":"resp_1","item_id":"i"}'
ASK = '{"type":"response.create"}'


async def scrape(here: Rig, token: str = METRICS_TOKEN) -> httpx.Response:
    async with httpx.AsyncClient(base_url=here.http) as client:
        return await client.get("/metrics", headers={"authorization": f"Bearer {token}"})


async def page(here: Rig) -> Page:
    return prometheus.read((await scrape(here)).text)


def series(page: Page, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a family that are not 0, by the values of their labels in the order of the names."""
    return {
        tuple(text for label, text in sorted(labels) if label != "process"): count
        for (family, labels), count in page.items()
        if family == f"{NAME}{name}" and count
    }


def ends(lines: list[Any]) -> list[dict[str, Any]]:
    told = [line for line in lines if line["event"] == "call ended"]
    return [{k: v for k, v in line.items() if k not in ("age_s", "session", "log_level")} for line in told]


async def test_metrics_are_shown_to_whoever_holds_their_token_and_nobody_else() -> None:
    async with rig() as here:
        shown = await scrape(here)
        assert (shown.status_code, shown.headers["content-type"]) == (
            200,
            "text/plain; version=0.0.4; charset=utf-8",
        )
        assert shown.headers["cache-control"] == "no-store"
        for token in ("wrong", KEY, PROVIDER_KEY, METRICS_TOKEN + "0"):
            refused = await scrape(here, token)
            assert refused.status_code == 401
            assert refused.json()["error"]["code"] == "invalid_token"
        async with httpx.AsyncClient(base_url=here.http) as client:
            assert (await client.get("/metrics")).status_code == 401
            for odd in (b"Bearer \xff\xfe", b"Bearer", f"Basic {METRICS_TOKEN}".encode()):
                assert (await client.get("/metrics", headers={"authorization": odd})).status_code == 401
            assert (await client.get(f"/metrics?key={METRICS_TOKEN}")).status_code == 401


async def test_a_call_while_it_lives_and_when_it_has_ended() -> None:
    with structlog.testing.capture_logs() as lines:
        async with rig() as here:
            client, line = await here.call()
            assert series(await page(here), "calls") == {("up", "voice", "live"): 1}
            await client.send(APPEND.decode())
            assert await line.raw() == APPEND.decode()
            await client.send(ASK)
            assert await line.raw() == ASK
            await line.say(begun(), AUDIO.decode(), done(tokens=30))
            heard = [await client.recv() for _ in range(3)]
            assert heard[1] == AUDIO.decode()
            while_it_lives = await page(here)
            await client.close(4321, "secret words of the client")
            await until(lambda: not len(here.gateway.switchboard.calls))
            afterwards = await page(here)
    for told in (while_it_lives, afterwards):
        assert series(told, "frames_received_total") == {
            ("client", "short"): 1,
            ("client", "read"): 1,
            ("provider", "short"): 1,
            ("provider", "read"): 3,
        }
        assert value(told, f"{NAME}received_bytes_total", peer="client", way="short") == len(APPEND)
        assert value(told, f"{NAME}received_bytes_total", peer="provider", way="short") == len(AUDIO)
        assert series(told, "frames_sent_total") == {("client",): 4, ("provider",): 2}
        to_client = sum(len(frame) for frame in (text(CREATED), *heard))
        assert value(told, f"{NAME}sent_bytes_total", peer="client") == to_client
        assert series(told, "unproven_audio_frames_total") == {}
        assert value(told, f"{NAME}first_audio_seconds_count", provider="up") == 1
        assert value(told, f"{NAME}connect_seconds_count", provider="up") == 1
        assert value(told, f"{NAME}dial_seconds_count", provider="up") == 1
        assert series(told, "calls_begun_total") == {(): 1}
        assert series(told, "tokens_total") == {("input", "up"): 29, ("output", "up"): 1}
    assert series(afterwards, "calls") == {}
    assert series(afterwards, "calls_ended_total") == {("client", "LEFT", "up", "voice"): 1}
    [told] = ends(lines)
    assert isinstance(told.pop("first_audio_ms"), int)
    assert told.pop("peer") == "127.0.0.1"
    assert told == {
        "event": "call ended",
        "account": "a1",
        "by": "client",
        "end": "LEFT",
        "code": 4321,
        "reason": "",
        "route": "voice",
        "provider": "up",
        "from_client": 2,
        "from_client_bytes": len(APPEND) + len(ASK),
        "to_client": 4,
        "to_client_bytes": to_client,
        "tokens_in": 29,
        "tokens_out": 1,
        "switches": 0,
    }
    assert "secret words" not in str(lines)


async def test_audio_in_a_new_spelling_is_counted_as_such() -> None:
    async with rig() as here:
        client, line = await here.call()
        spaced = APPEND.replace(b":", b": ").decode()
        await client.send(spaced)
        assert await line.raw() == spaced
        await client.send(ASK)
        assert await line.raw() == ASK
        await line.say(begun(), REORDERED)
        for _ in range(2):
            await client.recv()
        told = await page(here)
        assert series(told, "unproven_audio_frames_total") == {("client",): 1, ("provider",): 1}
        assert value(told, f"{NAME}first_audio_seconds_count", provider="up") == 1
        await client.close()


async def test_a_switch_is_counted_by_its_cause_and_by_the_provider_that_was_left() -> None:
    with structlog.testing.capture_logs() as lines:
        async with rig(targets=(Target("up", "*"), Target("other", "*"))) as here:
            before = await page(here)
            assert value(before, f"{NAME}switches_total", cause="dropped", provider="up", arrived="yes") == 0
            client, line = await here.call()
            await line.socket.close(1011)
            await asyncio.wait_for(here.other.lines.get(), 5)
            await until(lambda: len(here.gateway.switchboard.metrics.silence._counts) == 1)
            told = await page(here)
            assert series(told, "switches_total") == {("yes", "dropped", "up"): 1}
            assert value(told, f"{NAME}switch_silence_seconds_count") == 1
            assert series(told, "calls") == {("other", "voice", "live"): 1}
            await client.close()
            await until(lambda: not len(here.gateway.switchboard.calls))
    [end] = ends(lines)
    assert (end["switches"], end["provider"]) == (1, "other")


async def test_who_ended_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with structlog.testing.capture_logs() as lines:
        async with rig() as here:
            lost, _ = await here.call()
            lost.transport.abort()
            await until(lambda: not len(here.gateway.switchboard.calls))
            broken, _ = await here.call()
            broken.transport.write(b"\x83\x80\x00\x00\x00\x00")
            assert (await ending(broken))[0] == 1002
            await until(lambda: not len(here.gateway.switchboard.calls))
            dropped, line = await here.call()
            here.upstream.refuses_with += [lambda socket: socket.respond(401, "no")]
            await line.socket.close(1011)
            assert (await ending(dropped))[0] == 1011
            stopped, _ = await here.call()
            here.gateway.switchboard.door.stopping = True
            stops = here.gateway.switchboard.end_all(3)
            stopping = asyncio.create_task(stops)
            assert (await ending(stopped))[0] == 1001
            await stopping
            told = await page(here)
    assert [(end["by"], end["end"], end["code"]) for end in ends(lines)] == [
        ("client", "LOST", 1006),
        ("client", "BROKE_PROTOCOL", 1002),
        ("provider", "INTERNAL_PROVIDER_UNAVAILABLE", 1011),
        ("gateway", "STOPPING", 1001),
    ]
    assert series(told, "dials_failed_total") == {("up", "401"): 1}


async def test_refusals_by_code() -> None:
    async with rig() as here:
        for key, path in (
            (None, "/v1/realtime?model=m"),
            ("nonsense", "/v1/realtime?model=m"),
            (KEY, "/nowhere"),
            (POOR_KEY, "/v1/realtime?model=m"),
            (KEY, "/v1/realtime?model=unknown"),
        ):
            try:
                async with here.connect(path, key=key) as client:
                    await hear(client)
                    await ending(client)
            except websockets.InvalidStatus:
                pass
        told = await page(here)
    assert series(told, "refusals_total") == {
        ("missing_api_key",): 1,
        ("invalid_api_key",): 1,
        ("not_found",): 1,
        ("EXTERNAL_NO_CREDITS",): 1,
        ("EXTERNAL_MODEL_NOT_FOUND",): 1,
    }


async def test_the_outbox_tells_its_depth_and_the_age_of_what_waits() -> None:
    async with rig() as here:
        here.books.open.set()
        client, line = await here.call()
        here.books.open.clear()  # from now on the ledger takes nothing
        await line.say(begun(), done())
        for _ in range(2):
            await hear(client)
        told = await page(here)
        assert value(told, f"{NAME}outbox_records") >= 1
        assert value(told, f"{NAME}outbox_bytes") > 0
        assert 0 < value(told, f"{NAME}outbox_oldest_seconds") < 60
        assert value(told, f"{NAME}link_up") == 1
        here.books.open.set()
        await client.close()
        await until(lambda: here.gateway.switchboard.outbox.depth == 0)
        told = await page(here)
        assert value(told, f"{NAME}outbox_records") == value(told, f"{NAME}outbox_oldest_seconds") == 0
