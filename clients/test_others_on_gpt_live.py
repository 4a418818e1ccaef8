"""Clients of the dialects that take turns, unmodified, on GPT-Live, where their route wants it: LiveKit's and
Pipecat's for OpenAI Realtime, and LiveKit's for Gemini Live."""

from pipecat.frames.frames import InterruptionFrame, LLMFullResponseEndFrame, TranscriptionFrame, TTSTextFrame

import test_livekit as livekit
import test_livekit_google as livekit_google
import test_pipecat as pipecat
from conftest import Target
from livekit_call import errors, said_by
from speech import LISTENING, TOLD_THE_TIME, speak


async def test_livekit_is_answered_when_it_speaks(new_voice: Target, question: bytes) -> None:
    async with livekit.calling(new_voice) as call:
        await speak(call.microphone.send, question + LISTENING)
        await call.heard.next(lambda event: event.type == "user_input_transcribed" and event.is_final)
        answer = await call.heard.next(said_by("assistant"))
        assert TOLD_THE_TIME.search(answer.item.text_content)
        assert call.loudspeaker.heard_s > 0.1
        assert not errors(call)


async def test_livekits_function_is_called_by_the_backend(new_voice: Target, weather_in_pune: bytes) -> None:
    async with livekit.calling(new_voice) as call:
        await speak(call.microphone.send, weather_in_pune + LISTENING)
        answer = await call.heard.next(
            lambda event: said_by("assistant")(event) and "31" in event.item.text_content
        )
        assert [city.lower() for city in call.agent.asked_for] == ["pune"]
        assert answer
        assert not errors(call)


async def test_livekit_speaks_over_a_long_reply_and_the_call_goes_on(
    new_voice: Target, interruption: bytes, question: bytes
) -> None:
    async with livekit.calling(new_voice) as call:
        counting = call.session.generate_reply(user_input="Count to one hundred.")
        await call.heard.next(
            lambda event: event.type == "agent_state_changed" and event.new_state == "speaking"
        )
        after = len(call.heard.all)
        await speak(call.microphone.send, interruption + LISTENING)
        await counting
        assert counting.interrupted
        interrupted = await call.heard.next(said_by("assistant"), after=after)
        assert interrupted.item.interrupted
        assert "one hundred" not in interrupted.item.text_content
        after = len(call.heard.all)
        await speak(call.microphone.send, question + LISTENING)
        await call.heard.next(
            lambda event: said_by("assistant")(event) and TOLD_THE_TIME.search(event.item.text_content),
            after=after,
        )
        assert not errors(call)


async def test_livekits_gemini_plugin_is_answered_when_it_speaks(new_voice: Target, question: bytes) -> None:
    async with livekit_google.calling(new_voice) as call:
        await speak(call.microphone.send, question + LISTENING)
        answer = await call.heard.next(said_by("assistant"))
        assert TOLD_THE_TIME.search(answer.item.text_content)
        assert not errors(call)


async def test_pipecat_is_answered_when_it_speaks(new_voice: Target, question: bytes) -> None:
    async with pipecat.calling(new_voice) as call:
        await call.speak(question + LISTENING)
        await call.frame(TranscriptionFrame)
        await call.frame(LLMFullResponseEndFrame)
        assert TOLD_THE_TIME.search(call.said())
        assert not call.errors()


async def test_pipecats_function_is_called_by_the_backend(new_voice: Target, weather_in_pune: bytes) -> None:
    async with pipecat.calling(new_voice) as call:
        await call.speak(weather_in_pune + LISTENING)
        await call.heard.next(lambda frame: isinstance(frame, TTSTextFrame) and "31" in call.said())
        assert not call.errors()


async def test_pipecat_speaks_over_a_long_reply_and_the_call_goes_on(
    new_voice: Target, interruption: bytes, question: bytes
) -> None:
    async with pipecat.calling(new_voice, "Count to one hundred.") as call:
        await call.heard.next(lambda frame: isinstance(frame, TTSTextFrame))
        after = len(call.heard.all)
        await call.speak(interruption + LISTENING)
        await call.frame(InterruptionFrame, after=after)
        assert "one hundred" not in call.said()
        after = len(call.heard.all)
        await call.speak(question + LISTENING)
        await call.heard.next(lambda frame: bool(TOLD_THE_TIME.search(call.said(after=after))), after=after)
        assert not call.errors()
