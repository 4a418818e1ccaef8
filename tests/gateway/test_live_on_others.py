"""A GPT-Live client on providers that take turns: the subset that docs/dialects-gpt-live.md promises, on real
sockets, and every frame of the SDK's types."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

import live_frames as live
from gateway_rig import Books, Rig, ending, rig, until
from local_talk import EarsFor
from realtime_switch.accounts.records import UsageKind
from realtime_switch.local.call import Stats
from realtime_switch.local.script import Script, ScriptedCall, ScriptedReply
from realtime_switch.local.server import LocalProvider
from realtime_switch.local.voice import ToneVoice, melody

TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
RESPONSES = {"type": "responses", "responses": {"model": "gpt-5.6-terra", "tools": [TOOL]}}
PIECE = 4_800  # 100 ms
_SPOKEN = melody("is row four free then", voice="", speed=1.0, rate_hz=24_000)
QUESTION = _SPOKEN + bytes(-len(_SPOKEN) % PIECE + 10 * PIECE)


class Caller:
    def __init__(self, socket: Any, stats: Stats | None = None) -> None:
        self.socket = socket
        self.stats = stats  # what its provider has told of costs
        self.heard: list[Any] = []
        self.sent_ms = 0

    async def send(self, kind: str, **members: Any) -> None:
        await self.socket.send(live.frame(kind, **members).decode())

    async def next(self) -> Any:
        frame = await asyncio.wait_for(self.socket.recv(), 10)
        assert live.is_for_client(frame)
        self.heard.append(msgspec.json.decode(frame))
        return self.heard[-1]

    async def until(self, kind: str) -> Any:
        while (event := await self.next())["type"] != kind:
            pass
        return event

    async def say(self, pcm: bytes = QUESTION) -> None:
        for at in range(0, len(pcm), PIECE):
            await self.send(
                "session.input_audio.append", audio=base64.b64encode(pcm[at : at + PIECE]).decode()
            )
            self.sent_ms += 100
            await self.until("session.output_audio.delta")

    async def listen_until(self, told: Any) -> None:
        """As a microphone does in a quiet room: the clock runs on, somewhat faster than life."""
        async with asyncio.timeout(10):
            while not told():
                await self.say(bytes(PIECE))
                await asyncio.sleep(0.01)

    def words(self, who: str) -> str:
        kind = f"session.{who}_transcript.delta"
        return "".join(event["delta"] for event in self.heard if event["type"] == kind)

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.heard if event["type"] == kind]

    def inner(self, kind: str) -> list[Any]:
        return [e["event"] for e in self.of("response.event") if e["event"]["type"] == kind]


@pytest.fixture(params=["openai", "gemini"])
def dialect(request: pytest.FixtureRequest) -> Any:
    return request.param


@contextlib.asynccontextmanager
async def calling(
    dialect: Any, *reply: ScriptedReply, hears: tuple[str, ...] = (), **session: Any
) -> AsyncIterator[tuple[Rig, Caller]]:
    script = Script(reply=reply)
    async with LocalProvider(voice=ToneVoice(), ears=EarsFor(*hears), script=script, pace=100) as provider:
        url = provider.url if dialect == "openai" else provider.gemini_url
        options = {"transcribe_input": "always", "transcribe_with": "gpt-4o-mini-transcribe"}
        async with rig(url=url, dialect=dialect, books=Books(), **options) as made:
            caller = Caller(await made.connect("/v1/live/sessions"), provider.stats)
            await caller.send("session.start", session={"model": "m-1", **session})
            started = await caller.until("session.started")
            assert started["session"]["model"] == "m-1"
            yield made, caller
            await caller.socket.close()


async def test_a_question_is_answered_on_the_clients_clock(dialect: Any) -> None:
    answer = ScriptedReply(text="It is free.")
    async with calling(dialect, answer, hears=("is row four free",)) as (made, caller):
        await caller.say()
        await caller.listen_until(lambda: caller.words("output").endswith("free."))
        # Gemini tells what a turn costs when all of it was played, and nobody bills what was never told.
        await caller.listen_until(lambda: caller.stats.output_tokens)
        await caller.say(bytes(PIECE))
        await caller.send("session.close", event_id="bye")
        closed = await caller.until("session.closed")
        assert (closed["reason"], closed["client_event_id"]) == ("close_requested", "bye")
        assert closed["usage"]["seconds"] * 1000 == caller.sent_ms
        assert (await ending(caller.socket))[0] == 1000
        assert (caller.words("input"), caller.words("output")) == (" is row four free", " It is free.")
        sounds = [base64.b64decode(event["delta"]) for event in caller.of("session.output_audio.delta")]
        assert len(sounds) * 100 == caller.sent_ms
        assert any(sound.strip(b"\0") for sound in sounds)
        await until(lambda: bool(made.books.bills))
        kinds = {bill.kind for bill in made.books.bills.values()}
        assert UsageKind.SESSION not in kinds, "what the provider bills is tokens"


@pytest.mark.parametrize("named", [{"event_id": "c2"}, {}])
async def test_an_update_is_confirmed_as_it_was_asked_for_named_or_not(dialect: Any, named: Any) -> None:
    bare = {"type": "responses", "responses": {"model": "gpt-5.6-terra"}}
    async with calling(dialect, delegation=bare) as (_, caller):
        await caller.send("session.update", session={"delegation": RESPONSES}, **named)
        updated = await caller.until("session.updated")
        assert updated["session"]["delegation"] == RESPONSES
        assert updated.get("client_event_id") == named.get("event_id")


async def test_speaking_over_it_drops_what_is_not_spoken(dialect: Any) -> None:
    long = ScriptedReply(text="one two three four five six seven eight nine ten " * 4)
    async with calling(dialect, long, hears=("count", "stop")) as (_, caller):
        await caller.say()
        await caller.listen_until(lambda: "three" in caller.words("output"))
        await caller.say()
        said = caller.words("output")
        assert said.count("ten") < 4
        before = len(caller.heard)
        await caller.say(bytes(48_000))
        later = [e for e in caller.heard[before:] if e["type"] == "session.output_transcript.delta"]
        assert not any("seven" in event["delta"] for event in later)


async def test_a_function_is_called_as_a_backend_would_and_answered(dialect: Any) -> None:
    replies = (
        ScriptedReply(calls=(ScriptedCall("weather", {"city": "Pune"}),)),
        ScriptedReply(text="31 degrees."),
    )
    options = {"hears": ("what is the weather in Pune",), "delegation": RESPONSES}
    async with calling(dialect, *replies, **options) as (_, caller):
        await caller.say()
        await caller.listen_until(lambda: caller.inner("response.output_item.done"))
        (created,) = caller.of("session.delegation.created")
        assert created["delegation"]["target"] == "responses"
        (done,) = caller.inner("response.output_item.done")
        assert msgspec.json.decode(done["item"]["arguments"]) == {"city": "Pune"}
        await caller.send("response.create", event_id="early")
        error = await caller.until("error")
        assert (error["error"]["code"], error["error"]["client_event_id"]) == (
            "function_call_outputs_required",
            "early",
        )
        item = {"type": "function_call_output", "call_id": done["item"]["call_id"], "output": "31"}
        await caller.send("response.item.create", item=item)
        await caller.send("response.create")
        await caller.listen_until(lambda: caller.words("output").endswith("31 degrees."))


async def test_what_the_application_wants_spoken_is_acknowledged_and_spoken(dialect: Any) -> None:
    async with calling(dialect, ScriptedReply(text="It ships on Monday.")) as (_, caller):
        said = {"content": "Order 42 ships on Monday.", "delegation_id": None, "event_id": "c8"}
        await caller.send("session.commentary.append", **said)
        appended = await caller.until("session.commentary.appended")
        assert appended["client_event_id"] == "c8"
        await caller.listen_until(lambda: caller.words("output").endswith("Monday."))


@pytest.mark.parametrize(
    ("kind", "members", "code"),
    [
        ("session.output_audio.fixture.play", {"audio": "AAAA"}, "unsupported_by_backend"),
        ("decision.create", {"event_id": "d"}, "unsupported_by_backend"),
        ("session.telepathy", {}, "invalid_value"),
        ("session.commentary.append", {"content": "a" * 2_000, "delegation_id": None}, "invalid_value"),
        ("session.commentary.append", {"content": "a", "delegation_id": ["d"]}, "invalid_value"),
        ("response.create", {}, "invalid_value"),
        ("session.update", {"session": {"instructions": "No."}}, "immutable_field_update"),
    ],
)
async def test_what_has_no_counterpart_is_refused_by_name(
    dialect: Any, kind: str, members: Any, code: str
) -> None:
    async with calling(dialect) as (_, caller):
        await caller.send(kind, **members)
        assert (await caller.until("error"))["error"]["code"] == code


async def test_muted_the_model_hears_silence_and_the_clock_runs(dialect: Any) -> None:
    async with calling(dialect, ScriptedReply(text="Hm."), hears=("hello",)) as (_, caller):
        await caller.send("session.input_audio.mute", event_id="m")
        assert (await caller.until("session.input_audio.muted"))["client_event_id"] == "m"
        await caller.say()
        assert (caller.words("input"), caller.words("output")) == ("", "")
        await caller.send("session.input_audio.unmute")
        await caller.until("session.input_audio.unmuted")
        await caller.say()
        await caller.listen_until(lambda: caller.words("output") == " Hm.")


async def test_a_session_that_asks_for_what_only_gpt_live_has_is_refused_by_name(dialect: Any) -> None:
    async with LocalProvider(voice=ToneVoice(), ears=EarsFor()) as provider:
        url = provider.url if dialect == "openai" else provider.gemini_url
        async with rig(url=url, dialect=dialect) as made:
            caller = Caller(await made.connect("/v1/live/sessions"))
            await caller.send("session.start", session={"model": "m-1", "store": True})
            error = await caller.until("error")
            assert (error["error"]["code"], error["error"]["param"]) == (
                "unsupported_by_backend",
                "session.store",
            )
            assert (await ending(caller.socket))[0] == 1008


async def test_a_provider_that_vanishes_ends_the_session_with_its_seconds() -> None:
    async with rig() as made:
        caller = Caller(await made.connect("/v1/live/sessions"))
        await caller.send("session.start", session={"model": "m-1"})
        line = await made.upstream.line()
        update = await line.hear()
        updated = {"type": "session.updated", "event_id": "event_2", "session": update["session"]}
        await line.say(updated)
        await caller.until("session.started")
        await caller.say(bytes(48_000))
        line.socket.transport.abort()
        assert (await caller.until("error"))["error"]["code"] == "upstream_disconnected"
        closed = await caller.until("session.closed")
        assert (closed["reason"], closed["usage"]["seconds"]) == ("connection_lost", 1.0)
        assert (await ending(caller.socket))[0] == 1011
