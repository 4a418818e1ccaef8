"""examples/twilio_bridge.py, with a telephone that behaves as Twilio documents, over a gateway of its own."""

import asyncio
import base64
import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
import websockets

from gateway_rig import CREATED, KEY, begun, rig
from realtime_switch.local import LocalProvider
from realtime_switch.local.ears import NoEars
from realtime_switch.local.voice import ToneVoice

EXAMPLE = Path(__file__).parents[2] / "examples" / "twilio_bridge.py"
FRAME_BYTES = 160  # 20 ms
LOUD, QUIET = b"\x00" * 10 + b"\x80" * 10, b"\xff"  # u-law: a square wave, and silence


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("twilio_bridge", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Phone:
    """Twilio's side of the stream. Marks are its owner's to return."""

    def __init__(self, line: Any) -> None:
        self._line = line

    async def tell(self, event: str, **more: Any) -> None:
        await self._line.send(msgspec.json.encode({"event": event, "streamSid": "MZ1", **more}).decode())

    async def hear(self) -> dict[str, Any]:
        heard: dict[str, Any] = msgspec.json.decode(await asyncio.wait_for(self._line.recv(), 20))
        return heard

    async def begin(self) -> None:
        await self.tell("connected", protocol="Call", version="1.0.0")
        form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
        await self.tell("start", start={"streamSid": "MZ1", "callSid": "CA1", "mediaFormat": form})

    async def speak(self, wave: bytes, ms: int) -> None:
        for _ in range(ms // 20):
            payload = base64.b64encode((wave * FRAME_BYTES)[:FRAME_BYTES]).decode()
            await self.tell("media", media={"track": "inbound", "payload": payload})


@asynccontextmanager
async def a_telephone_call(port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Phone]:
    bridge = example()
    monkeypatch.setattr(bridge, "GATEWAY", f"ws://127.0.0.1:{port}/v1/realtime?model=m")
    monkeypatch.setenv("RTS_API_KEY", KEY)
    async with (
        websockets.serve(bridge.answer, "127.0.0.1", 0) as server,
        websockets.connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/") as line,
    ):
        phone = Phone(line)
        await phone.begin()
        yield phone


async def test_a_caller_who_interrupts_is_known_to_have_heard_what_was_marked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with rig() as here, a_telephone_call(here.port, monkeypatch) as phone:
        provider = await asyncio.wait_for(here.upstream.lines.get(), 5)
        asked = (await provider.hear())["session"]["audio"]
        assert (asked["input"]["format"], asked["output"]["format"]) == ({"type": "audio/pcmu"},) * 2
        await phone.speak(LOUD, 20)
        heard = await provider.hear()
        assert heard["type"] == "input_audio_buffer.append"
        assert len(base64.b64decode(heard["audio"])) == FRAME_BYTES

        piece = {
            "type": "response.output_audio.delta",
            "event_id": "e1",
            "response_id": "resp_1",
            "item_id": "item_1",
            "output_index": 0,
            "content_index": 0,
            "delta": base64.b64encode(QUIET * 8 * 300).decode(),
        }
        item = {
            "id": "item_1",
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        added = {
            "type": "response.output_item.added",
            "response_id": "resp_1",
            "output_index": 0,
            "item": item,
        }
        session = {**CREATED["session"], "audio": asked}
        await provider.say({"type": "session.updated", "event_id": "e", "session": session})
        await provider.say(begun(), {**added, "event_id": "e0"})
        await provider.say(piece, {**piece, "event_id": "e2"})
        played = [await phone.hear() for _ in range(4)]
        assert [each["event"] for each in played] == ["media", "mark", "media", "mark"]
        assert {each["streamSid"] for each in played} == {"MZ1"}
        assert played[0]["media"] == {"payload": piece["delta"]}
        await phone.tell("mark", mark=played[1]["mark"])  # the first was played, the second not yet
        await phone.speak(LOUD, 20)  # so that the mark has been read
        await provider.hear()

        started = {"type": "input_audio_buffer.speech_started", "event_id": "e3", "audio_start_ms": 20}
        await provider.say({**started, "item_id": "item_2"})
        assert (await phone.hear())["event"] == "clear"
        truncated = {"item_id": "item_1", "content_index": 0, "audio_end_ms": 300}
        told = await provider.hear()
        assert {name: told[name] for name in ("type", *truncated)} == {
            "type": "conversation.item.truncate",
            **truncated,
        }
        await phone.tell("stop")
        assert await provider.closed() in (1000, 1001)


@pytest.mark.parametrize("dialect", ["openai", "gemini"])
async def test_a_caller_is_answered_by_either_kind_of_provider(
    dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with LocalProvider(voice=ToneVoice(), ears=NoEars(), pace=100) as provider:
        url = provider.url if dialect == "openai" else provider.gemini_url
        async with rig(url=url, dialect=dialect) as here, a_telephone_call(here.port, monkeypatch) as phone:
            await phone.speak(LOUD, 600)
            await phone.speak(QUIET, 2_000)
            played = 0
            while played < FRAME_BYTES:
                heard = await phone.hear()
                if heard["event"] == "media":
                    sound = base64.b64decode(heard["media"]["payload"])
                    played += len(sound) - sound.count(QUIET)
                elif heard["event"] == "mark":
                    await phone.tell("mark", mark=heard["mark"])
