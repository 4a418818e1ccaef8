"""LiveKit Agents without a room: the session's own audio input and output are a queue and a loudspeaker."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, ChatContext, function_tool, llm
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities

from heard import Heard
from speech import RATE_HZ


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

    @property
    def realtime(self) -> Any:
        """The plugin's own end of the call."""
        return self.agent.realtime_llm_session

    async def ask(self, text: str) -> str:
        after = len(self.heard.all)
        await self.session.generate_reply(user_input=text)
        item = await self.heard.next(said_by("assistant"), after=after)
        return str(item.item.text_content)


def said_by(role: str) -> Any:
    return lambda event: event.type == "conversation_item_added" and getattr(event.item, "role", "") == role


@asynccontextmanager
async def holding(model: llm.RealtimeModel, brought: ChatContext | None = None) -> AsyncIterator[Call]:
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
