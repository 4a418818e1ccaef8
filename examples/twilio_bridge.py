"""A telephone call on the gateway: Twilio's media stream on one side, an OpenAI Realtime call on the other.

    pip install websockets
    RTS_API_KEY=rslive_v1_... python twilio_bridge.py

and in the number's TwiML: <Connect><Stream url="wss://your.host/"/></Connect>. Both sides speak G.711 u-law
at 8 kHz, so no sound is converted here; whether the provider can is the gateway's affair. Twilio's messages:
https://www.twilio.com/docs/voice/media-streams/websocket-messages.
"""

import asyncio
import base64
import json
import os
from typing import Any

import websockets

GATEWAY = os.environ.get("RTS_URL", "ws://127.0.0.1:8080/v1/realtime?model=telephone")
PORT = int(os.environ.get("PORT", "8081"))
BYTES_PER_MS = 8
TELEPHONE = {"format": {"type": "audio/pcmu"}}
SESSION = {
    "type": "realtime",
    "instructions": "You are on the telephone. Be brief.",
    "audio": {"input": TELEPHONE | {"turn_detection": {"type": "server_vad"}}, "output": TELEPHONE},
}


class Bridge:
    """One call. Twilio plays in order what it is sent; a mark comes back when all before it was heard."""

    def __init__(self, phone: Any, provider: Any) -> None:
        self._phone = phone
        self._provider = provider
        self._stream = ""
        self._item = ""  # what is being played
        self._sent_ms = 0
        self._heard_ms = 0

    async def run(self) -> None:
        """Until either side is gone."""
        await self._to_provider({"type": "session.update", "session": SESSION})
        sides = [asyncio.create_task(side) for side in (self._listen(), self._speak())]
        try:
            await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for side in sides:
                side.cancel()
            await asyncio.gather(*sides, return_exceptions=True)

    async def _listen(self) -> None:
        async for message in self._phone:
            match json.loads(message):
                case {"event": "start", "start": {"streamSid": stream}}:
                    self._stream = stream
                case {"event": "media", "media": {"payload": payload}}:
                    await self._to_provider({"type": "input_audio_buffer.append", "audio": payload})
                case {"event": "mark", "mark": {"name": name}}:
                    item, _, upto_ms = name.rpartition(":")
                    if item == self._item:
                        self._heard_ms = int(upto_ms)
                case {"event": "stop"}:
                    return

    async def _speak(self) -> None:
        async for message in self._provider:
            match json.loads(message):
                case {"type": "response.output_audio.delta", "item_id": item, "delta": delta}:
                    await self._play(item, delta)
                case {"type": "input_audio_buffer.speech_started"}:
                    await self._interrupted()
                case {"type": "error", "error": error}:
                    print(f"{error.get('code')}: {error.get('message')}", flush=True)

    async def _play(self, item: str, delta: str) -> None:
        if item != self._item:
            self._item, self._sent_ms, self._heard_ms = item, 0, 0
        self._sent_ms += len(base64.b64decode(delta)) // BYTES_PER_MS
        await self._to_phone({"event": "media", "media": {"payload": delta}})
        await self._to_phone({"event": "mark", "mark": {"name": f"{item}:{self._sent_ms}"}})

    async def _interrupted(self) -> None:
        """The caller spoke: what Twilio still holds is never heard, and the provider is told so."""
        if self._heard_ms == self._sent_ms:
            return
        await self._to_phone({"event": "clear"})
        heard = {"item_id": self._item, "content_index": 0, "audio_end_ms": self._heard_ms}
        self._sent_ms = self._heard_ms
        await self._to_provider({"type": "conversation.item.truncate", **heard})

    async def _to_phone(self, message: dict[str, Any]) -> None:
        await self._phone.send(json.dumps({**message, "streamSid": self._stream}))

    async def _to_provider(self, event: dict[str, Any]) -> None:
        await self._provider.send(json.dumps(event))


async def answer(phone: Any) -> None:
    key = {"Authorization": f"Bearer {os.environ['RTS_API_KEY']}"}
    try:
        async with websockets.connect(GATEWAY, additional_headers=key) as provider:
            await Bridge(phone, provider).run()
    except (OSError, websockets.WebSocketException) as error:
        print(f"The call could not go on: {error}", flush=True)


async def main() -> None:
    async with websockets.serve(answer, "127.0.0.1", PORT) as server:
        host, port = server.sockets[0].getsockname()[:2]
        print(f"Twilio's stream goes to ws://{host}:{port}/, through a proxy with TLS", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
