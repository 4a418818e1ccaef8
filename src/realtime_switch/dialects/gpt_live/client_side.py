"""Towards a client that was written for GPT-Live, in the service's place.

In a relay it has little to do: the provider itself tells the client everything. What the gateway has to say
is said by `error` and `info`, because an SDK takes an event type that it does not know for `session.started`
(GPT-LIVE.md 5.1).
"""

from collections.abc import Sequence

from ..acts import Act, Configured, Ready, ReplyAudio, ReplyTranscript, ToolCall
from ..dialect import ClientSaid, Edge, Farewell, FirstWord, Hangup, NewId, NowUs
from ..envelopes import Alike, Crossed, Envelope
from ..members import text_of
from ..terms import Target, Terms
from ..unambiguous import read_object
from ..wishes import Config, UserAudio
from . import frames
from .endings import ending, error_of
from .gate import Gate
from .start import saved, session_of
from .translated import Translated

_INVALID = "invalid_request_error"


class ClientSide:
    edge: Edge | None = None

    def __init__(self, new_id: NewId, now_us: NowUs) -> None:
        self.session_id = ""
        self.greeting = b""
        self.model = ""  # as the client names it
        self._new_id = new_id
        self._now_us = now_us
        self._start = ""  # what it said first
        self._translated: Translated | None = None  # while we tell it what happens, and not the provider

    # -- Of any call ---------------------------------------------------------------------------------------

    def first_word(self, payload: bytes) -> FirstWord | Farewell:
        message = read_object(payload)
        if isinstance(message, str):
            return self._refused("invalid_value", message)
        if message.get("type") != "session.start":
            return self._refused("invalid_value", "The first message must be session.start.", "type")
        event_id = text_of(message.get("event_id"))
        session = message.get("session")
        if not isinstance(session, dict):
            return self._refused("missing_required_parameter", _missing("session"), "session", event_id)
        model = session.get("model")
        if not isinstance(model, str) or not model:
            return self._refused(
                "missing_required_parameter", _missing("session.model"), "session.model", event_id
            )
        self.model = model
        self._start = payload.decode("utf-8", "replace")
        return FirstWord(model=model, config=self._start)

    def _refused(self, code: str, message: str, param: str = "", event_id: str = "") -> Farewell:
        frame = frames.error(self._new_id, _INVALID, code, message, param, event_id)
        return Farewell([frame], Hangup(4000, f"{_INVALID}.{code}"))

    def follow(self, act: Act) -> None:
        pass  # a client of this dialect knows no replies that could be left open

    @property
    def reply_open(self) -> bool:
        return self._translated is not None and self._translated.reply_open

    def close_replies(self) -> list[bytes]:
        if self._translated is not None:
            self._translated.silent()
        return []

    def credits_low(self, credits: int) -> list[bytes]:
        return [self._info("realtime_switch.credits_low", f"The account has {credits} credits left.")]

    def cap_near(self, what: str, left: int) -> list[bytes]:
        return [self._info("realtime_switch.cap_near", f"The call has {left} {what} left.")]

    def _info(self, code: str, message: str) -> bytes:
        return frames.write("info", event_id=self._new_id("event"), code=code, message=message)

    answered_unasked = True

    def ask_again(self) -> bytes:
        """Nobody asks this provider for a reply."""
        return b""

    def switched(self, provider: str, model: str, request_id: str) -> list[bytes]:
        return []  # a call of this dialect stays where it is

    def refuse_switch(self, message: str, request_id: str) -> list[bytes]:
        return []

    def going_away(self, left_ms: int) -> list[bytes]:
        return []

    def farewell(self, code: str, message: str) -> Farewell:
        kind, told = error_of(code)
        said = [frames.error(self._new_id, kind, told, f"{message} ({code})")]
        if self._translated is not None and self._translated.session.started:
            lost = code == "INTERNAL_PROVIDER_UNAVAILABLE"
            said.append(self._translated.closed("connection_lost" if lost else "close_requested"))
        return Farewell(said, ending(code))

    def gate(self, target: Target, terms: Terms) -> Gate:
        return Gate(target, terms, self, self._new_id)

    def config_to_save(self, act: Ready | Configured) -> str | None:
        return saved(session_of(self._start)) if self._start else None

    # -- Of a translation ----------------------------------------------------------------------------------

    @property
    def _told(self) -> Translated:
        if self._translated is None:
            self._translated = Translated(self._new_id, self._now_us, self._start)
        return self._translated

    @property
    def config(self) -> Config:
        return self._told.session.config

    def restore(self, config: str) -> None:
        pass  # its first message says anew how the call is to be held

    def greet(self, model: str) -> list[bytes]:
        return []

    def hears_again(self, calls: Sequence[ToolCall]) -> None:
        pass

    def hear(self, payload: bytes) -> ClientSaid:
        return self._told.hear(payload)

    def hear_audio(self, payload: bytes) -> ClientSaid | None:
        return self._told.hear_audio(payload)

    def tell(self, act: Act) -> ClientSaid:
        said = self._told.tell(act)
        if not self.greeting and self._told.session.started:
            self.greeting = next(one for one in said if isinstance(one, bytes))
        return said

    def alike(self, payload: bytes, wish: UserAudio) -> list[Alike]:
        return []

    def envelope(self, act: ReplyAudio | ReplyTranscript) -> Envelope | None:
        return None

    def heard_unread(self, crossed: Crossed) -> None: ...
    def told_unread(self, crossed: Crossed) -> None: ...


def _missing(name: str) -> str:
    return f"Missing required parameter: '{name}'."
