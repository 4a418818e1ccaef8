"""The user's voice, and how it reaches a client: in the 20 ms frames of a telephone."""

import asyncio
import base64
import re
from array import array
from collections.abc import Awaitable, Callable

from openai import OpenAI

RATE_HZ = 24_000
FRAME_MS = 20
FASTER_THAN_LIFE = 4
# Longer than any turn detection of these clients waits before it takes a turn to be over.
PAUSE = bytes(RATE_HZ * 2 * 3 // 2)
LISTENING = bytes(RATE_HZ * 2 * 6)  # the clock of a GPT-Live session is what it hears, silence too
# The answer to "What time is it?": it is given only to whoever was understood.
TOLD_THE_TIME = re.compile(r"It is \d\d:\d\d")


def say(text: str, http_url: str, key: str, model: str) -> bytes:
    """16-bit samples, a pause behind. The local provider lends its voice: it is asked to repeat the text."""
    pieces = []
    with OpenAI(api_key=key, base_url=http_url) as client, client.realtime.connect(model=model) as connection:
        connection.response.create(response={"instructions": f"Say exactly: {text}"})
        for event in connection:
            if event.type == "response.output_audio.delta":
                pieces.append(base64.b64decode(event.delta))
            elif event.type in ("response.done", "error"):
                break
    assert pieces, event
    return b"".join(pieces) + PAUSE


def at_16_khz(pcm: bytes) -> bytes:
    """As Gemini's microphones have it: two samples in the place of three, good enough for what was said."""
    samples = array("h", pcm)
    triples = range(0, len(samples) - 2, 3)
    pairs = ((samples[at], (samples[at + 1] + samples[at + 2]) // 2) for at in triples)
    return array("h", (sample for pair in pairs for sample in pair)).tobytes()


async def speak(send: Callable[[bytes], Awaitable[None]], pcm: bytes, rate_hz: int = RATE_HZ) -> None:
    frame_bytes = rate_hz * FRAME_MS // 1000 * 2
    for start in range(0, len(pcm), frame_bytes):
        await send(pcm[start : start + frame_bytes])
        await asyncio.sleep(FRAME_MS / 1000 / FASTER_THAN_LIFE)
