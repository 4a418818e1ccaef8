"""LiveKit Agents as a client: an AgentSession whose RealtimeModel has our base URL and key, and nothing else.

No room: the session's own audio input and output are a queue and a loudspeaker that plays in real time.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, APIError, ChatContext, function_tool
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins import openai

from conftest import Target
from heard import Heard
from speech import RATE_HZ, TOLD_THE_TIME, speak


class Microphone(AudioInput):
    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    async def send(self, pcm: bytes) -> None:
        await self._frames.put(rtc.AudioFrame(pcm, RATE_HZ, 1, len(pcm) // 2))

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Loudspeaker(AudioOutput):
    """Plays as fast as life, so that an interruption finds something to interrupt."""

    def __init__(self) -> None:
        super().__init__(
            label="loudspeaker", capabilities=AudioOutputCapabilities(pause=False), sample_rate=RATE_HZ
        )
        self.heard_s = 0.0
        self._started_at = 0.0
        self._length_s = 0.0
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._length_s:
            self._started_at = asyncio.get_running_loop().time()
            self.on_playback_started(created_at=time.time())
        self._length_s += frame.duration
        self.heard_s += frame.duration

    def flush(self) -> None:
        super().flush()
        loop = asyncio.get_running_loop()
        if self._length_s:
            self._end = loop.call_at(self._started_at + self._length_s, self._played, False)

    def clear_buffer(self) -> None:
        self._played(True)

    def _played(self, interrupted: bool) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if self._length_s:
            played_s = min(asyncio.get_running_loop().time() - self._started_at, self._length_s)
            self._length_s = 0.0
            self.on_playback_finished(playback_position=played_s, interrupted=interrupted)


class Assistant(Agent):
    def __init__(self, brought: ChatContext | None) -> None:
        super().__init__(instructions="Be brief.", chat_ctx=brought)
        self.asked_for: list[str] = []

    @function_tool
    async def weather(self, city: str) -> str:
        """Tells the weather in a city."""
        self.asked_for.append(city)
        return f"31 degrees in {city}"


class Call:
    def __init__(self, session: AgentSession[None], agent: Assistant) -> None:
        self.session = session
        self.agent = agent
        self.microphone = Microphone()
        self.loudspeaker = Loudspeaker()
        self.heard = Heard()

    async def ask(self, text: str) -> str:
        after = len(self.heard.all)
        await self.session.generate_reply(user_input=text)
        item = await self.heard.next(said_by("assistant"), after=after)
        return str(item.item.text_content)


def said_by(role: str) -> Any:
    return lambda event: event.type == "conversation_item_added" and getattr(event.item, "role", "") == role


@asynccontextmanager
async def calling(
    target: Target, session_id: str = "", brought: ChatContext | None = None
) -> AsyncIterator[Call]:
    url = f"{target.http_url}/realtime?rs_sessid={session_id}" if session_id else target.http_url
    model = openai.realtime.RealtimeModel(model=target.model, api_key=target.key, base_url=url)
    # Nothing here echoes, so there is no echo canceller to warm up for 3 s, deaf to interruptions.
    call = Call(AgentSession(llm=model, aec_warmup_duration=None), Assistant(brought))
    for name in ("conversation_item_added", "user_input_transcribed", "agent_state_changed", "error"):
        call.session.on(name, call.heard.add)  # type: ignore[call-overload]
    call.session.input.audio = call.microphone
    call.session.output.audio = call.loudspeaker
    async with model, call.session:
        await call.session.start(call.agent, record=False)
        yield call


def errors(call: Call) -> list[Any]:
    return call.heard.every("error")


async def test_a_typed_question_is_answered_in_speech_with_a_transcript(target: Target) -> None:
    async with calling(target) as call:
        assert await call.ask("Hello there.")
        assert call.loudspeaker.heard_s > 0.1
        assert not errors(call)


async def test_a_spoken_question_is_answered_in_speech(target: Target, question: bytes) -> None:
    async with calling(target) as call:
        await speak(call.microphone.send, question)
        await call.heard.next(lambda event: event.type == "user_input_transcribed" and event.is_final)
        answer = await call.heard.next(said_by("assistant"))
        assert TOLD_THE_TIME.search(answer.item.text_content)
        assert not errors(call)


async def test_a_function_is_called_and_its_result_is_told(target: Target) -> None:
    async with calling(target) as call:
        assert "31" in await call.ask("Use the weather tool for Pune.")
        assert call.agent.asked_for == ["Pune"]
        assert not errors(call)


async def test_speaking_over_a_long_reply_ends_it_and_the_call_goes_on(
    target: Target, interruption: bytes
) -> None:
    async with calling(target) as call:
        counting = call.session.generate_reply(user_input="Count to one hundred.")
        await call.heard.next(
            lambda event: event.type == "agent_state_changed" and event.new_state == "speaking"
        )
        after = len(call.heard.all)
        await speak(call.microphone.send, interruption)
        await counting
        assert counting.interrupted
        interrupted = await call.heard.next(said_by("assistant"), after=after)
        assert interrupted.item.interrupted
        assert "one hundred" not in interrupted.item.text_content
        assert await call.ask("Hello again.")
        assert not errors(call)


async def test_a_name_told_in_one_call_is_known_in_the_next(target: Target, session_id: str) -> None:
    async with calling(target, session_id) as call:
        await call.ask("My name is Ottilie.")
    async with calling(target, session_id) as call:
        assert "Ottilie" in await call.ask("What is my name?")


async def test_a_conversation_that_the_agent_brings_along_is_known(target: Target) -> None:
    brought = ChatContext()
    brought.add_message(role="user", content="My name is Ottilie.")
    brought.add_message(role="assistant", content="Nice to meet you.")
    async with calling(target, brought=brought) as call:
        assert "Ottilie" in await call.ask("What is my name?")
        assert not errors(call)


async def test_a_wrong_key_is_refused_with_a_reason(wrong_key: Target) -> None:
    reason = await refusal(wrong_key)
    assert reason.code == "invalid_api_key"
    assert "key" in reason.message


async def test_an_account_without_credits_is_refused_with_a_reason(no_credits: Target) -> None:
    reason = await refusal(no_credits)
    assert (reason.type, reason.code) == ("insufficient_quota", "EXTERNAL_NO_CREDITS")


async def refusal(target: Target) -> Any:
    """The one error of a session that LiveKit does not try again."""
    with suppress(APIError):  # raised once more when such a session is closed
        async with calling(target) as call:
            event = await call.heard.type("error")
    assert not event.error.recoverable
    return event.error.error.body
