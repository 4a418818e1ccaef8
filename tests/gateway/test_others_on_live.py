"""Clients of the dialects that take turns on GPT-Live, where their route wants that: both SDKs, unmodified,
through the gateway to the local provider, and what is billed."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from google import genai
from google.genai import types
from openai import AsyncOpenAI
from websockets.asyncio.client import ClientConnection

from gateway_rig import KEY, Books, Line, Rig, ending, hear, rig, text, until
from gateway_tls import trusted_tls
from local_talk import EarsFor
from realtime_switch.accounts.records import Certainty, UsageKind
from realtime_switch.local.gpt_live.habits import AZURE, OPENAI, LiveHabits
from realtime_switch.local.script import Script, ScriptedCall, ScriptedReply
from realtime_switch.local.server import LocalProvider
from realtime_switch.local.voice import ToneVoice, melody
from realtime_switch.providers.routes import Target

BACKEND = "gpt-5.6-terra"
PIECE = 4_800  # 100 ms
QUESTION = melody("is row four free then", voice="", speed=1.0, rate_hz=24_000)
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}


@contextlib.asynccontextmanager
async def here(
    *reply: ScriptedReply, hears: tuple[str, ...] = (), live: LiveHabits = OPENAI, **route: Any
) -> AsyncIterator[Rig]:
    script = Script(reply=reply)
    async with (
        LocalProvider(voice=ToneVoice(), ears=EarsFor(*hears), script=script, live=live) as provider,
        rig(url=provider.live_url, dialect="gpt-live", books=Books(), backend_model=BACKEND, **route) as made,
    ):
        yield made


class OpenAICaller:
    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.heard: list[Any] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for event in self.connection:
            self.heard.append(event)

    def kinds(self) -> list[str]:
        return [event.type for event in self.heard]

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.heard if event.type == kind]

    async def say(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), PIECE):
            await self.connection.input_audio_buffer.append(
                audio=base64.b64encode(pcm[at : at + PIECE]).decode()
            )

    async def listen_until(self, told: Any) -> None:
        """As a microphone does in a quiet room, somewhat faster than life."""
        async with asyncio.timeout(10):
            while not told():
                await self.say(bytes(PIECE))
                await asyncio.sleep(0.005)

    def end(self) -> None:
        self._reading.cancel()


@contextlib.asynccontextmanager
async def openai_call(made: Rig, **session: Any) -> AsyncIterator[OpenAICaller]:
    sdk = AsyncOpenAI(api_key=KEY, base_url=f"{made.http}/v1", websocket_base_url=f"{made.url}/v1")
    async with sdk.realtime.connect(model="m-1") as connection:
        caller = OpenAICaller(connection)
        await connection.session.update(session={"type": "realtime", **session})
        await until(lambda: "session.updated" in caller.kinds())
        yield caller
        caller.end()


async def test_openais_sdk_asks_and_is_answered_in_turns_and_billed_by_the_second() -> None:
    words = {"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}}
    async with here(ScriptedReply(text="It is free."), hears=("is row four free",)) as made:
        async with openai_call(made, audio=words) as caller:
            await caller.say(QUESTION)
            await caller.listen_until(lambda: "response.done" in caller.kinds())
            (heard,) = caller.of("conversation.item.input_audio_transcription.completed")
            assert heard.transcript == "is row four free"
            (done,) = caller.of("response.done")
            assert done.response.usage is None
            assert done.response.output[0].content[0].transcript == "It is free."
            assert caller.of("response.output_audio.delta")
        await until(lambda: any(bill.certainty is Certainty.CONFIRMED for bill in made.books.bills.values()))
        bills = list(made.books.bills.values())
        assert {bill.kind for bill in bills} == {UsageKind.SESSION}
        assert (bills[0].provider, bills[0].model) == ("up", "m-1")


async def test_openais_sdk_has_its_function_called_by_the_backend() -> None:
    replies = (
        ScriptedReply(calls=(ScriptedCall("weather", {"city": "Pune"}),)),
        ScriptedReply(text="31 degrees."),
    )
    tool = {"type": "function", "name": "weather", "description": "It.", "parameters": PARAMETERS}
    async with here(*replies, hears=("the weather in Pune",)) as made:
        async with openai_call(made, tools=[tool]) as caller:
            await caller.say(QUESTION)
            await caller.listen_until(lambda: caller.of("response.function_call_arguments.done"))
            await until(lambda: "response.done" in caller.kinds())
            (call,) = caller.of("response.done")[0].response.output
            assert (call.name, call.arguments) == ("weather", '{"city":"Pune"}')
            output = {"type": "function_call_output", "call_id": call.call_id, "output": "31"}
            await caller.connection.conversation.item.create(item=output)
            await caller.connection.response.create()
            await caller.listen_until(lambda: len(caller.of("response.done")) == 2)
            spoken = caller.of("response.done")[1].response.output[0].content[0]
            assert spoken.transcript == "31 degrees."
            assert not caller.of("error")
        await until(lambda: any(bill.certainty is Certainty.CONFIRMED for bill in made.books.bills.values()))
        models = {(bill.kind, bill.model) for bill in made.books.bills.values()}
        assert models == {(UsageKind.RESPONSE, BACKEND), (UsageKind.SESSION, "m-1")}


async def test_a_greeting_is_spoken_to_a_client_that_sends_no_sound() -> None:
    async with here() as made, openai_call(made) as caller:
        await caller.connection.response.create(response={"instructions": "Greet Ana."})
        await until(lambda: "response.done" in caller.kinds(), 10)
        assert caller.of("response.done")[0].response.status == "completed"
        assert caller.of("response.output_audio.delta")


async def test_azures_habits_change_nothing_for_a_client_that_takes_turns() -> None:
    yes = ScriptedReply(text="Yes.")
    async with here(yes, hears=("hello",), live=AZURE) as made, openai_call(made) as caller:
        tools = [{"type": "function", "name": "weather"}]
        await caller.connection.session.update(session={"type": "realtime", "tools": tools})
        await until(lambda: len(caller.of("session.updated")) == 2)
        await caller.say(QUESTION)
        await caller.listen_until(lambda: "response.done" in caller.kinds())


async def counts_until_it_is_spoken_over(made: Rig) -> None:
    """The provider, with the times of the service: words come while they are spoken, and the voice falls
    silent for them by itself (the local provider writes down what was said when it is over)."""
    line = await made.upstream.line()
    await line.hear()
    await line.say({"type": "session.started", "event_id": "e", "session": {"id": "live_u1", "model": "m-1"}})

    async def speak(who: str, words: str, at_ms: int) -> None:
        times = {"start_ms": at_ms, "end_ms": at_ms + 200}
        kind = f"session.{who}_transcript.delta"
        await line.say({"type": kind, "event_id": "e", "delta": words, **times})

    async def sound(level: int, pieces: int) -> None:
        audio = base64.b64encode(level.to_bytes(2, "little") * (PIECE // 2)).decode()
        for _ in range(pieces):
            await line.say({"type": "session.output_audio.delta", "delta": audio})

    await speak("output", " one two", 0)
    await sound(9_000, 10)
    await speak("input", " no, stop", 800)
    await sound(9_000, 1)
    await sound(0, 4)
    await speak("output", " Yes?", 1_500)
    await sound(9_000, 2)
    await sound(0, 10)


async def test_openais_sdk_speaks_over_a_reply_which_is_cancelled_and_the_call_goes_on() -> None:
    async with rig(dialect="gpt-live", backend_model=BACKEND) as made:
        speaking = asyncio.create_task(counts_until_it_is_spoken_over(made))
        async with openai_call(made) as caller:
            await until(lambda: len(caller.of("response.done")) == 2)
            interrupted, whole = (event.response for event in caller.of("response.done"))
            assert (interrupted.status, interrupted.status_details.reason) == ("cancelled", "turn_detected")
            begins = caller.kinds().index("input_audio_buffer.speech_started")
            assert begins < caller.kinds().index("response.done"), "by this these clients stop playing"
            assert len(caller.of("response.output_audio.delta")) >= 13
            assert (whole.status, whole.output[0].content[0].transcript) == ("completed", "Yes?")
            assert not caller.of("error")
        await speaking


async def test_googles_sdk_speaks_over_a_reply_and_is_told_that_it_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        output_audio_transcription=types.AudioTranscriptionConfig(),
    )
    tls = trusted_tls(tmp_path, monkeypatch)
    async with rig(dialect="gpt-live", backend_model=BACKEND, tls=tls) as made:
        speaking = asyncio.create_task(counts_until_it_is_spoken_over(made))
        client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=made.http))
        told: list[str] = []
        async with client.aio.live.connect(model="m-1", config=config) as session, asyncio.timeout(10):
            while told.count("over") < 2:
                async for message in session.receive():
                    content = message.server_content
                    if content is None:
                        continue
                    if content.output_transcription is not None:
                        told.append((content.output_transcription.text or "").strip())
                    told += ["interrupted"] * bool(content.interrupted) + ["over"] * bool(
                        content.turn_complete
                    )
        assert [one for one in told if one] == ["one two", "interrupted", "over", "Yes?", "over"]
        await speaking


async def test_googles_sdk_asks_has_its_function_called_and_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replies = (
        ScriptedReply(calls=(ScriptedCall("weather", {"city": "Pune"}),)),
        ScriptedReply(text="31 degrees."),
    )
    config = types.LiveConnectConfig(
        response_modalities=[types.Modality.AUDIO],
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        tools=[
            types.Tool(
                function_declarations=[types.FunctionDeclaration(name="weather", parameters_json_schema={})]
            )
        ],
    )
    tls = trusted_tls(tmp_path, monkeypatch)  # this SDK dials wss:// only
    async with here(*replies, hears=("the weather in Pune",), tls=tls) as made:
        client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=made.http))
        said, heard = "", ""
        async with client.aio.live.connect(model="m-1", config=config) as session:

            async def speak() -> None:
                for at in range(0, len(QUESTION), PIECE):
                    await sound(QUESTION[at : at + PIECE])
                while True:
                    await sound(bytes(PIECE))
                    await asyncio.sleep(0.005)

            async def sound(pcm: bytes) -> None:
                await session.send_realtime_input(
                    audio=types.Blob(data=pcm, mime_type="audio/pcm;rate=24000")
                )

            speaking = asyncio.create_task(speak())
            async with asyncio.timeout(15):
                while not said.endswith("degrees."):
                    async for message in session.receive():
                        if message.tool_call is not None:
                            (call,) = message.tool_call.function_calls or []
                            assert call.args == {"city": "Pune"}
                            answer = types.FunctionResponse(id=call.id, name=call.name, response={"t": 31})
                            await session.send_tool_response(function_responses=[answer])
                        content = message.server_content
                        if content is not None and content.input_transcription is not None:
                            heard += content.input_transcription.text or ""
                        if content is not None and content.output_transcription is not None:
                            said += content.output_transcription.text or ""
            speaking.cancel()
        assert (heard, said) == ("the weather in Pune", "31 degrees.")
        await until(lambda: any(bill.certainty is Certainty.CONFIRMED for bill in made.books.bills.values()))


async def live_line(made: Rig) -> tuple[ClientConnection, Line]:
    """A client of OpenAI's dialect, and the GPT-Live provider's end of its call."""
    client = await made.connect("/v1/realtime?model=m-1")
    assert (await hear(client))["type"] == "session.created"
    await client.send(text({"type": "session.update", "session": {"type": "realtime"}}))
    line = await made.upstream.line()
    assert (await line.hear())["type"] == "session.start"
    session = {"id": "live_u1", "model": "m-1"}
    await line.say({"type": "session.started", "event_id": "e", "session": session})
    assert (await hear(client))["type"] == "session.updated"
    return client, line


async def test_a_call_goes_on_at_a_provider_that_takes_turns_where_its_session_is_lost() -> None:
    targets = (Target("up", "*"), Target("other", "m"))
    async with rig(dialect="gpt-live", backend_model=BACKEND, targets=targets) as made:
        client, line = await live_line(made)
        words = {"delta": " My name is Ana.", "start_ms": 0, "end_ms": 200}
        await line.say({"type": "session.input_transcript.delta", "event_id": "e", **words})
        assert (await hear(client))["type"] == "input_audio_buffer.speech_started"
        await line.socket.close()
        there = await made.other.line()
        assert "My name is Ana." in str(await there.hear())


async def test_a_session_that_is_full_of_something_impossible_says_so_and_goes_on() -> None:
    async with here() as made, openai_call(made, output_modalities=["text"]) as caller:
        await until(lambda: "error" in caller.kinds())
        error = caller.of("error")[0].error
        assert (error.code, error.param) == ("unsupported_by_backend", "session.output_modalities")


async def test_without_a_backend_such_a_client_is_refused_by_name() -> None:
    async with rig(dialect="gpt-live") as made:
        client = await made.connect("/v1/realtime?model=m-1")
        error = (await hear(client))["error"]
        assert "backend_model" in error["message"]
        assert (await ending(client))[0] == 4004


@pytest.mark.parametrize("instructions", ["Be kind.", ""])
async def test_nobody_is_dialled_before_it_is_known_how_the_call_is_to_be_held(instructions: str) -> None:
    async with rig(dialect="gpt-live", backend_model=BACKEND) as made:
        client = await made.connect("/v1/realtime?model=m-1")
        assert (await hear(client))["type"] == "session.created"
        assert made.upstream.dials == 0
        session = {"type": "realtime", "instructions": instructions}
        await client.send(text({"type": "session.update", "session": session}))
        line = await made.upstream.line()
        assert (await line.hear())["session"].get("instructions", "") == instructions


async def test_a_session_that_is_left_is_told_so_and_its_seconds_are_put_down() -> None:
    targets = (Target("up", "*"), Target("other", "m"))
    async with rig(dialect="gpt-live", books=Books(), backend_model=BACKEND, targets=targets) as made:
        client, line = await live_line(made)
        append = {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(48_000)).decode()}
        for _ in range(3):
            await client.send(text(append))
        sent_ms = 0
        while sent_ms < 3_000:
            sent_ms += len(base64.b64decode((await line.hear())["audio"])) // 48
        await client.send(text({"type": "realtime_switch.switch", "target": "other/m"}))
        while (said := await line.hear())["type"] != "session.close":
            sent_ms += len(base64.b64decode(said["audio"])) // 48
        await until(lambda: bool(made.books.bills))
        (bill,) = made.books.bills.values()
        assert (bill.provider, bill.duration_ms, bill.certainty) == ("up", sent_ms, Certainty.ESTIMATED)


async def test_a_session_that_begins_anew_is_closed_first_so_its_provider_says_the_same_seconds() -> None:
    """As Pipecat has it: its tools are told in a second session.update, and sound may come between."""
    async with rig(dialect="gpt-live", books=Books(), backend_model=BACKEND) as made:
        client, line = await live_line(made)
        append = {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(1_920)).decode()}
        await client.send(text(append))
        assert (await line.hear())["type"] == "session.input_audio.append"
        session = {"type": "realtime", "instructions": "Be brief."}
        await client.send(text({"type": "session.update", "session": session}))
        assert (await line.hear())["type"] == "session.close"
        again = await made.upstream.line()
        assert (await again.hear())["session"]["instructions"] == "Be brief."
        session = {"id": "live_u2", "model": "m-1"}
        await again.say({"type": "session.started", "event_id": "e", "session": session})
        await until(lambda: bool(made.books.bills))
        (bill,) = made.books.bills.values()
        assert (bill.provider, bill.duration_ms, bill.certainty) == ("up", 40, Certainty.ESTIMATED)
