"""Calls whose client speaks one dialect and whose provider speaks another: both halves, joined as in a call.

Everything that leaves is judged by the SDKs' own types, whatever the test is about.
"""

from typing import Any

import msgspec

import gemini_client_frames as gemini
import live_frames
import openai_frames as openai
from calls import Clock, ids, ids_by_kind
from gemini_frames import sent as for_gemini
from realtime_switch.dialects import gemini as gemini_dialect
from realtime_switch.dialects import gpt_live as live_dialect
from realtime_switch.dialects import openai as openai_dialect
from realtime_switch.dialects.acts import Act
from realtime_switch.dialects.dialect import Hangup, ToClient, ToProvider
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.session.lane import Heard, Hops
from realtime_switch.session.translation import Translation

TARGET = Target(provider="openai", model="gpt-realtime")
GEMINI = Target(provider="google", model="gemini-3.8-live")
SPOKEN = {"outputAudioTranscription": {}, "inputAudioTranscription": {}}


class _Joined:
    """What is the same in both. `_to_provider` and `_to_client` judge a frame and read it."""

    lane: Translation
    client_side: Any

    def __init__(self) -> None:
        self.clock = Clock()
        self.acts: list[Act] = []
        self.to_provider: list[dict[str, Any]] = []
        self.to_client: list[dict[str, Any]] = []
        self.hangup: Hangup | None = None

    def forget(self) -> "_Joined":
        self.acts, self.to_provider, self.to_client = [], [], []
        return self

    def client(self, *messages: Any) -> "_Joined":
        for message in messages:
            self._sort(self.lane.from_client(_bytes(message)))
        return self

    def provider(self, *messages: Any) -> "_Joined":
        for message in messages:
            self._sort(self.lane.from_provider(_bytes(message)))
        return self

    def wake(self, after_s: float) -> "_Joined":
        self.clock.go_on(after_s)
        self._sort(self.lane.woke())
        return self

    def _to_provider(self, frame: bytes) -> dict[str, Any]:
        raise NotImplementedError

    def _to_client(self, frame: bytes) -> dict[str, Any]:
        raise NotImplementedError

    def _sort(self, hops: Hops) -> None:
        for hop in hops:
            if isinstance(hop, ToProvider):
                self.to_provider.append(self._to_provider(hop.payload))
            elif isinstance(hop, ToClient):
                self.to_client.append(self._to_client(hop.payload))
            elif isinstance(hop, Heard):
                self.client_side.follow(hop.act)
                self.acts.append(hop.act)
            else:
                assert isinstance(hop, Hangup)
                assert len(hop.reason.encode()) <= 123
                self.hangup = self.hangup or hop


def _bytes(message: Any) -> bytes:
    return message if isinstance(message, bytes) else msgspec.json.encode(message)


# -- A Gemini client on an OpenAI provider -------------------------------------------------------------------


class Call(_Joined):
    def __init__(self, setup: bytes | None = None, history: str = "", session_id: str = "", **terms: Any):
        super().__init__()
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
        self.lane = Translation(self.client_side, provider_side, openai_dialect.only_idle_from_provider)
        self._sort(self.lane.from_provider(openai.SESSION_CREATED))
        self._sort(self.lane.opening(None, history))

    def ready(self) -> "Call":
        """Past its beginning, of which nothing is remembered."""
        self.provider(openai.SESSION_UPDATED)
        self.forget()
        return self

    def _to_provider(self, frame: bytes) -> dict[str, Any]:
        assert openai.is_for_provider(frame)
        return _nameless(msgspec.json.decode(frame))

    def _to_client(self, frame: bytes) -> dict[str, Any]:
        assert gemini.is_for_client(frame)
        return dict(msgspec.json.decode(frame))


# -- An OpenAI client on a Gemini provider -------------------------------------------------------------------


class OpenAICall(_Joined):
    def __init__(
        self,
        target: Target = GEMINI,
        beta: bool = False,
        ids: dict[str, list[str]] | None = None,
        **terms: Any,
    ) -> None:
        super().__init__()
        self._new_id = ids_by_kind(ids)
        self.beta, self._target, self._terms = beta, target, Terms(**terms)
        self.client_side = openai_dialect.ClientSide(self._new_id, beta)
        self.connect()
        # The beta types know OpenAI's own models only.
        for frame in self.client_side.greet("gpt-realtime" if beta else target.model):
            self._sort([ToClient(frame)])

    def connect(self) -> None:
        provider_side = gemini_dialect.provider_side(self._target, self._terms, self._new_id, self.clock)
        self.lane = Translation(self.client_side, provider_side, gemini_dialect.only_idle_from_provider)

    def first_word(self, message: Any) -> bool:
        """The client speaks; the provider is dialled if that says enough, and hears all that is known."""
        hops, asked = self.lane.first_word(_bytes(message))
        self._sort(hops)
        if asked:
            self._sort(self.lane.opening(None, ""))
        return asked

    def set_up(self, handle: str = "") -> "OpenAICall":
        """The provider has taken the setup, so it hears what was held back."""
        if handle:
            self._sort(self.lane.opening(None, "", handle))
        self.provider({"setupComplete": {}})
        self._sort(self.lane.ready())
        return self

    def ready(self, **session: Any) -> "OpenAICall":
        """Past its beginning, of which nothing is remembered."""
        kind = {} if self.beta else {"type": "realtime"}
        assert self.first_word({"type": "session.update", "session": {**kind, **session}})
        self.set_up().forget()
        return self

    def _to_provider(self, frame: bytes) -> dict[str, Any]:
        return dict(for_gemini(frame))

    def _to_client(self, frame: bytes) -> dict[str, Any]:
        assert openai.is_for_client(frame, self.beta)
        return dict(msgspec.json.decode(frame))


# -- Clients of both on GPT-Live -----------------------------------------------------------------------------

LIVE = Target(provider="gpt-live", model="gpt-live-1")
BACKEND = "gpt-5.6-terra"


class LiveCall(_Joined):
    """An OpenAI client's, unless a subclass says otherwise."""

    def __init__(self, **terms: Any) -> None:
        super().__init__()
        self._new_id = ids()
        self._terms = Terms(backend_model=BACKEND, **terms)
        self.client_side = self._client_side()
        self.connect()

    def _client_side(self) -> Any:
        return openai_dialect.ClientSide(self._new_id)

    def connect(self) -> None:
        provider_side = live_dialect.provider_side(LIVE, self._terms, self._new_id, self.clock)
        self.lane = Translation(self.client_side, provider_side, live_dialect.only_idle_from_provider)

    def begin(self, history: str = "", **session: Any) -> "LiveCall":
        """Until the session has started; of that the frames are remembered."""
        for frame in self.client_side.greet(LIVE.model):
            self._sort([ToClient(frame)])
        update = {"type": "session.update", "session": {"type": "realtime", **session}}
        hops, asked = self.lane.first_word(_bytes(update))
        assert asked
        self._sort(hops)
        return self._started(history)

    def _started(self, history: str) -> "LiveCall":
        self._sort(self.lane.opening(None, history))
        self.provider(live_frames.STARTED)
        self._sort(self.lane.ready())
        return self

    def _to_provider(self, frame: bytes) -> dict[str, Any]:
        assert live_frames.is_for_provider(frame)
        return _nameless(msgspec.json.decode(frame))

    def _to_client(self, frame: bytes) -> dict[str, Any]:
        assert openai.is_for_client(frame)
        return dict(msgspec.json.decode(frame))


class GeminiLiveCall(LiveCall):
    def _client_side(self) -> Any:
        return gemini_dialect.ClientSide(self._new_id)

    def begin(self, history: str = "", **setup: Any) -> "LiveCall":
        word = self.client_side.first_word(gemini.setup(**{**SPOKEN, **setup}))
        assert not isinstance(word, Hangup), word
        return self._started(history)

    def _to_client(self, frame: bytes) -> dict[str, Any]:
        assert gemini.is_for_client(frame)
        return dict(msgspec.json.decode(frame))


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
