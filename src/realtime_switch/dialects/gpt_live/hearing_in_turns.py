"""Hears GPT-Live for a client of another dialect: the same events, and what they say told in turns."""

from collections.abc import Callable
from typing import Any

from ..acts import Act, Configured, Pinged, Ready, SessionOver, ToolCall, Trouble
from ..dialect import NewId
from ..members import count_of, object_of, text_of
from .frames import Event
from .hearing import Hearing
from .turned import Turned

# How a session ends of which more could be said: the call goes on with a new one, as after any loss.
_LOST = frozenset({"expired", "connection_lost"})
_FAILED = frozenset({"failed", "incomplete", "cancelled"})


class HearingInTurns(Hearing):
    def __init__(self, new_id: NewId, answered: Callable[[str], None]) -> None:
        """`answered`: told of the command that a provider has obeyed."""
        super().__init__(new_id)
        self.turned = Turned(new_id)
        self.calls: dict[str, str] = {}  # open ones by id, and their names
        self._run: dict[str, list[ToolCall]] = {}  # by delegation: calls of a response that is not over
        self._answered = answered
        self._hearers |= {
            "session.output_audio.delta": self._sound,
            "session.updated": self._updated,
        }

    def _started(self, event: Event, payload: bytes) -> list[Act]:
        super()._started(event, payload)
        self.turned.format = self.format
        expires_us = count_of(object_of(event.session).get("expires_at")) * 1_000_000
        return [Ready(b"", self.format.bytes_per_ms, expires_us)]

    def _updated(self, event: Event, payload: bytes) -> list[Act]:
        self._answered(text_of(event.client_event_id))
        return [Configured(b"", self.format.bytes_per_ms)]

    def _closed(self, event: Event, payload: bytes) -> list[Act]:
        reason = text_of(event.reason)
        time = self._time(event, "confirmed")
        if reason in _LOST:
            return [*time, Trouble(reason, f"The session was closed: {reason}.")]
        cut = self.turned.over("incomplete", "content_filter") if reason == "content" else []
        told = [Trouble("content_filter", "The session was closed for its content.")] if cut else []
        return [*time, *cut, *told, SessionOver(reason)]

    # -- What is said ----------------------------------------------------------------------------------------

    def _sound(self, event: Event, payload: bytes) -> list[Act]:
        return self.turned.sound(text_of(event.delta))

    def _user_words(self, event: Event, payload: bytes) -> list[Act]:
        return self._words("user", event)

    def _agent_words(self, event: Event, payload: bytes) -> list[Act]:
        return self._words("agent", event)

    def _words(self, speaker: Any, event: Event) -> list[Act]:
        start_ms, end_ms = count_of(event.start_ms), count_of(event.end_ms)
        return self.turned.said(speaker, text_of(event.delta), start_ms, end_ms)

    # -- The backend -----------------------------------------------------------------------------------------

    def _response(self, event: Event, payload: bytes) -> list[Act]:
        """Each is a sign that it is at work; nothing is told of what it writes, for the voice says that."""
        self.turned.sign()
        return super()._response(event, payload) or [Pinged()]

    def _item(self, delegation_id: str, item: dict[str, Any]) -> list[Act]:
        calls = [act for act in super()._item(delegation_id, item) if isinstance(act, ToolCall)]
        self._run.setdefault(delegation_id, []).extend(calls)
        return []

    def _response_over(self, delegation_id: str, response: dict[str, Any]) -> list[Act]:
        """Its calls are told together, and are void if it failed (GPT-LIVE.md 7)."""
        bills = super()._response_over(delegation_id, response)
        calls = self._run.pop(delegation_id, [])
        if not calls or text_of(response.get("status")) in _FAILED:
            return bills
        self.calls |= {call.call_id: call.name for call in calls}
        return [*bills, *self.turned.called(calls)]
