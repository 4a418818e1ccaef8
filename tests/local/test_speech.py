"""The real voice and the real ears, in their processes; they need the extra `local`.

espeak-ng is never the same twice: not to the bit, and in length to a millisecond.
"""

import asyncio
import time

import psutil
import pytest

from local_talk import PureCall, kinds
from realtime_switch.local import worker as worker_module
from realtime_switch.local.ears import ListeningEars
from realtime_switch.local.server import speech_is_installed
from realtime_switch.local.voice import SpokenVoice, ToneVoice
from realtime_switch.local.worker import Worker, WorkerLost


def children() -> list[psutil.Process]:
    """Processes that we started, but not those of fixtures that live as long as the tests (a PostgreSQL)."""
    return [child for child in psutil.Process().children() if "python" in child.name()]


needs_speech = pytest.mark.skipif(not speech_is_installed(), reason="needs the extra `local`")


@needs_speech
async def test_what_the_voice_says_the_ears_understand() -> None:
    voice, ears = SpokenVoice(), ListeningEars()
    try:
        for text, words in [
            ("What time is it?", "what time is it"),
            ("My name is Ada.", "my name is ada"),
            ("Remember that the gate is B12.", "remember that the gate is b twelve"),
            ("What is my name?", "what is my name"),
            ("What is the weather in Pune?", "what is the weather in pune"),
        ]:
            sound = await voice.say(text, voice="marin", speed=1.0, rate_hz=24_000)
            heard = await ears.hear(sound, 24_000)
            assert heard == words
        # Not in the grammar: dictation makes something of it.
        sound = await voice.say("I would like to order a pizza", voice="marin", speed=1.0, rate_hz=24_000)
        assert "order" in (await ears.hear(sound, 24_000) or "")
        assert await ears.hear(bytes(48_000), 24_000) is None
        assert await ears.hear(b"", 24_000) is None
    finally:
        await voice.close()
        await ears.close()
    assert children() == []


@needs_speech
async def test_voices_speeds_and_rates_differ() -> None:
    voice = SpokenVoice()
    try:
        normal = await voice.say("good morning", voice="marin", speed=1.0, rate_hz=24_000)
        other = await voice.say("good morning", voice="ash", speed=1.0, rate_hz=24_000)
        assert abs(len(normal) - len(other)) > 96
        assert len(normal) > len(await voice.say("good morning", voice="marin", speed=1.5, rate_hz=24_000))
        low = await voice.say("good morning", voice="marin", speed=1.0, rate_hz=8000)
        assert len(low) == pytest.approx(len(normal) / 3, rel=0.01)
        assert await voice.say("", voice="marin", speed=1.0, rate_hz=24_000) == b""
        assert await voice.say("\0 <speak> 日本 \U0001f600", voice="?", speed=1.0, rate_hz=24_000)
    finally:
        await voice.close()


@needs_speech
async def test_spoken_words_are_found_by_the_vad() -> None:
    voice = SpokenVoice()
    try:
        sound = await voice.say("What time is it?", voice="marin", speed=1.0, rate_hz=24_000)
    finally:
        await voice.close()
    call = PureCall(hears=["what time is it"])
    assert kinds(call.append(bytes(24_000) + sound + bytes(24_000)))[:3] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
    ]


@needs_speech
async def test_a_process_that_dies_is_started_again() -> None:
    voice = SpokenVoice()
    try:
        first = await voice.say("one", voice="marin", speed=1.0, rate_hz=24_000)
        [child] = children()
        child.kill()
        again = await voice.say("one", voice="marin", speed=1.0, rate_hz=24_000)
        assert len(again) == pytest.approx(len(first), abs=96)
    finally:
        await voice.close()


@needs_speech
async def test_an_answer_nobody_waits_for_is_not_the_next_ones() -> None:
    voice = SpokenVoice()
    try:
        await voice.say("start", voice="marin", speed=1.0, rate_hz=24_000)
        given_up = asyncio.create_task(
            voice.say("a much longer sentence", voice="marin", speed=1.0, rate_hz=24_000)
        )
        await asyncio.sleep(0)
        given_up.cancel()
        short = await voice.say("one", voice="marin", speed=1.0, rate_hz=24_000)
        again = await voice.say("one", voice="marin", speed=1.0, rate_hz=24_000)
        assert len(again) == pytest.approx(len(short), abs=96)
    finally:
        await voice.close()


async def test_a_voice_that_cannot_speak_hums() -> None:
    voice = SpokenVoice()
    voice._worker = Worker("realtime_switch.local.no_such_module")
    tone = await ToneVoice().say("good morning", voice="marin", speed=1.0, rate_hz=8000)
    assert await voice.say("good morning", voice="marin", speed=1.0, rate_hz=8000) == tone
    await voice.close()


async def test_a_process_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "_ANSWER_WITHIN_S", 0.05)
    monkeypatch.setattr(worker_module, "_END_WITHIN_S", 0.05)
    worker = Worker("http.server")  # runs, and knows nothing of frames
    worker._module = "timeit"
    begun = time.monotonic()
    with pytest.raises(WorkerLost):
        await worker.ask(b"anything")
    await worker.close()
    assert time.monotonic() - begun < 10
    assert children() == []


async def test_a_closed_worker_starts_nothing() -> None:
    worker = Worker("realtime_switch.local.voice_process")
    await worker.close()
    with pytest.raises(WorkerLost, match="closed"):
        await worker.ask(b"")
