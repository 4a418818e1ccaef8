"""As much of a dialect like Gemini's as the gateway needs to be tested: its client speaks first and names its
model, frames travel as binary, and nothing is an error but a close."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec

from realtime_switch.dialects.acts import Act, Ready
from realtime_switch.dialects.dialect import Farewell, FirstWord, Hangup, Judgement, Manner, ToProvider
from realtime_switch.gateway.arrival import Arrival
from realtime_switch.gateway.dialects import Spoken


class ClientSide:
    edge = None
    reply_open = False

    def __init__(self, arrival: Arrival) -> None:
        self.arrival = arrival

    def first_word(self, payload: bytes) -> FirstWord | Hangup:
        try:
            setup = msgspec.json.decode(payload)["setup"]
        except (msgspec.DecodeError, KeyError):
            return Hangup(1007, "Request contains an invalid argument.")
        handle = setup.get("sessionResumption", {}).get("handle", "")
        return FirstWord(model=setup.get("model", ""), session_id=handle, config=payload.decode())

    def follow(self, act: Act) -> None: ...

    def close_replies(self) -> list[bytes]:
        return []

    def farewell(self, code: str, message: str) -> Farewell:
        return Farewell([], Hangup(1011, message))

    def gate(self, target: Any, terms: Any) -> "Gate":
        return Gate(target.model)

    def config_to_save(self, act: Act) -> None:
        return None


class Gate:
    def __init__(self, model: str) -> None:
        self._model = model

    def opening(self, config: str | None, history: str) -> list[bytes]:
        setup = msgspec.json.decode(config or "{}")["setup"]
        return [msgspec.json.encode({"setup": {**setup, "model": f"models/{self._model}"}})]

    def admit(self, payload: bytes) -> Judgement:
        return [ToProvider(payload)]

    def greeted(self) -> None: ...

    def shown(self, payload: bytes, acts: Sequence[Act]) -> tuple[bytes, Sequence[Act]]:
        return b"{}" if b"goAway" in payload else payload, acts


class ProviderSide:
    manner = Manner.ANSWERS

    def hear(self, payload: bytes) -> list[Act]:
        return [Ready(payload, 48)] if payload.startswith(b'{"setupComplete"') else []

    def passed(self, base64_chars: int) -> list[Act]:
        return []

    def closed(self, code: int, reason: str) -> list[Act]:
        return []


def _audio_from_provider(payload: bytes) -> bool:
    return payload.startswith(b'{"serverContent":{"modelTurn"')


DIALECT: Any = SimpleNamespace(
    NAME="gemini",
    CLIENT_SPEAKS_FIRST=True,
    BINARY_TO_CLIENT=True,
    only_audio_from_client=lambda payload: payload.startswith(b'{"realtimeInput":{"audio"'),
    only_audio_from_provider=_audio_from_provider,
    only_words_from_provider=lambda payload: False,
    envelope_bytes=lambda payload: 0,
    provider_side=lambda target, terms, new_id, now_us: ProviderSide(),
)
SPOKEN = Spoken(DIALECT, ClientSide)  # type: ignore[arg-type]
