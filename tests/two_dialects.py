"""A call whose client speaks Gemini and whose provider speaks OpenAI: both halves, joined as in a call."""

from typing import Any

import msgspec

import gemini_client_frames as gemini
import openai_frames as openai
from calls import Clock, ids
from realtime_switch.dialects import gemini as gemini_dialect
from realtime_switch.dialects import openai as openai_dialect
from realtime_switch.dialects.acts import Act
from realtime_switch.dialects.dialect import Hangup, ToClient, ToProvider
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.session.lane import Heard, Hops
from realtime_switch.session.translation import Translation

TARGET = Target(provider="openai", model="gpt-realtime")
SPOKEN = {"outputAudioTranscription": {}, "inputAudioTranscription": {}}


class Call:
    """Everything that leaves is judged by the SDKs' own types, whatever the test is about."""

    def __init__(self, setup: bytes | None = None, history: str = "", session_id: str = "", **terms: Any):
        self.clock = Clock()
        self.acts: list[Act] = []
        self.to_provider: list[dict[str, Any]] = []
        self.to_client: list[dict[str, Any]] = []
        self.hangup: Hangup | None = None
        self._new_id = ids()
        self._target, self._terms = TARGET, Terms(**terms)
        self.client_side = gemini_dialect.ClientSide(self._new_id)
        self.client_side.session_id = session_id
        word = self.client_side.first_word(setup if setup is not None else gemini.setup(**SPOKEN))
        assert not isinstance(word, Hangup), word
        self.word = word
        self.connect(history)

    def connect(self, history: str = "") -> None:
        provider_side = openai_dialect.provider_side(self._target, self._terms, self._new_id, self.clock)
        self.lane = Translation(self.client_side, provider_side)
        self._sort(self.lane.from_provider(openai.SESSION_CREATED))
        self._sort(self.lane.opening(None, history))

    def ready(self) -> "Call":
        """Past its beginning, of which nothing is remembered."""
        self.provider(openai.SESSION_UPDATED)
        return self.forget()

    def forget(self) -> "Call":
        self.acts, self.to_provider, self.to_client = [], [], []
        return self

    def client(self, *messages: Any) -> "Call":
        for message in messages:
            payload = message if isinstance(message, bytes) else msgspec.json.encode(message)
            self._sort(self.lane.from_client(payload))
        return self

    def provider(self, *messages: Any) -> "Call":
        for message in messages:
            payload = message if isinstance(message, bytes) else msgspec.json.encode(message)
            self._sort(self.lane.from_provider(payload))
        return self

    def _sort(self, hops: Hops) -> None:
        for hop in hops:
            if isinstance(hop, ToProvider):
                assert openai.is_for_provider(hop.payload)
                self.to_provider.append(_nameless(msgspec.json.decode(hop.payload)))
            elif isinstance(hop, ToClient):
                assert gemini.is_for_client(hop.payload)
                self.to_client.append(msgspec.json.decode(hop.payload))
            elif isinstance(hop, Heard):
                self.client_side.follow(hop.act)
                self.acts.append(hop.act)
            else:
                assert len(hop.reason.encode()) <= 123
                self.hangup = self.hangup or hop


def _nameless(event: dict[str, Any]) -> dict[str, Any]:
    """Without the name by which we know an answer to it."""
    return {name: value for name, value in event.items() if name != "event_id"}


# -- What an OpenAI provider says ----------------------------------------------------------------------------


def created(reply_id: str = "resp_1") -> bytes:
    return openai.frame("response.created", response=openai.response("in_progress", id=reply_id))


def done(reply_id: str = "resp_1", status: str = "completed", **members: Any) -> bytes:
    return openai.frame("response.done", response=openai.response(status, id=reply_id, **members))


def audio(base64: str = "AAAA" * 1600, item_id: str = "item_a") -> bytes:
    """100 ms where it is not said otherwise."""
    return openai.frame("response.output_audio.delta", **{**openai.PLACE, "item_id": item_id}, delta=base64)


def called(call_id: str, name: str = "find_tram", arguments: str = "{}", reply_id: str = "resp_1") -> bytes:
    item = {
        "id": f"item_{call_id}",
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }
    return openai.frame("response.output_item.done", response_id=reply_id, output_index=0, item=item)
