"""Hears what a GPT-Live provider says, as far as anybody here needs to know it."""

from collections.abc import Callable
from typing import Any

from ..acts import Act, Garbled, Ready, SessionOver, SessionTime, ToolCall, Trouble
from ..dialect import NewId
from ..members import count_of, object_of, text_of
from ..sound import AudioFormat
from . import frames
from .bills import HOSTED, usage_of
from .frames import Event
from .lines import Lines
from .start import audio_format

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})
_RESPONSES_KEPT = 1_000  # a backend runs one after the other; a session of two hours has far fewer

# At the door: of our key, our quota, our model. Another provider may serve what this one does not.
_OURS = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "invalid_api_key",
        "account_deactivated",
        "forbidden",
        "invalid_model",
        "model_not_found",
        "rate_limit_exceeded",
    }
)
_CLIENTS = frozenset(
    {
        "invalid_request_error",
        "unknown_parameter",
        "invalid_value",
        "missing_required_parameter",
        "invalid_delegated_model",
        "unsupported_delegated_model",
        "unsupported_server_tool",
        "unsupported_service_tier",
    }
)


class Hearing:
    def __init__(self, new_id: NewId) -> None:
        self.format = AudioFormat()  # of both ways: a session has one
        self.ready = False
        self.lines = Lines(new_id)
        self._heard_bytes = 0  # of the agent's sound, silence and all: it is the session's clock
        self._responses: dict[str, str] = {}  # by delegation, the one that runs in it
        self._fees: dict[str, int] = {}  # by delegation: hosted tools that its response has called
        self._billed: dict[str, None] = {}  # responses; a dictionary keeps their order
        self._hearers: dict[str, Callable[[Event, bytes], list[Act]]] = {
            "session.started": self._started,
            "session.usage.updated": self._usage,
            "session.closed": self._closed,
            "session.input_transcript.delta": self._user_words,
            "session.output_transcript.delta": self._agent_words,
            "session.delegation.created": self._delegated,
            "response.event": self._response,
            "decision.event": self._decision,
            "error": self._error,
        }

    def hear(self, payload: bytes) -> list[Act]:
        event = frames.read(payload)
        if event is None:
            return [Garbled()]
        hear = self._hearers.get(event.type)
        return [] if hear is None else hear(event, payload)

    def passed(self, base64_chars: int) -> list[Act]:
        """Sound is continuous, so it tells what time it is."""
        self._heard_bytes += base64_chars * 3 // 4
        return self.lines.heard_until(self._heard_bytes // self.format.bytes_per_ms)

    def _started(self, event: Event, payload: bytes) -> list[Act]:
        session = object_of(event.session)
        self.format = audio_format(object_of(session.get("audio")).get("format"))
        self.ready = True
        return [Ready(payload, self.format.bytes_per_ms)]

    def _usage(self, event: Event, payload: bytes) -> list[Act]:
        return self._time(event, "reported")

    def _closed(self, event: Event, payload: bytes) -> list[Act]:
        return [*self._time(event, "confirmed"), SessionOver(text_of(event.reason))]

    def _time(self, event: Event, certainty: Any) -> list[Act]:
        seconds = object_of(event.usage).get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            return []
        return [SessionTime(total_ms=count_of(seconds * 1000), certainty=certainty)]

    # -- Words -------------------------------------------------------------------------------------------

    def _user_words(self, event: Event, payload: bytes) -> list[Act]:
        return self.lines.said("user", text_of(event.delta), count_of(event.start_ms), count_of(event.end_ms))

    def _agent_words(self, event: Event, payload: bytes) -> list[Act]:
        return self.lines.said(
            "agent", text_of(event.delta), count_of(event.start_ms), count_of(event.end_ms)
        )

    # -- The backend -------------------------------------------------------------------------------------

    def _delegated(self, event: Event, payload: bytes) -> list[Act]:
        delegation = object_of(event.delegation)
        self._responses[text_of(delegation.get("id"))] = text_of(delegation.get("response_id"))
        return []

    def _response(self, event: Event, payload: bytes) -> list[Act]:
        """Ordinary stream events of the Responses API. A function call is told three times and counts when
        its item is done; the snapshots of the lifecycle are emptied but for what they cost (GPT-LIVE.md
        7)."""
        inner = object_of(event.event)
        kind = text_of(inner.get("type"))
        delegation_id = text_of(event.delegation_id)
        if kind == "response.created":
            self._responses[delegation_id] = text_of(object_of(inner.get("response")).get("id"))
        elif kind == "response.output_item.done":
            return self._item(delegation_id, object_of(inner.get("item")))
        elif kind in _TERMINAL:
            return self._response_over(delegation_id, object_of(inner.get("response")))
        return []

    def _item(self, delegation_id: str, item: dict[str, Any]) -> list[Act]:
        kind = text_of(item.get("type"))
        if kind in HOSTED:
            self._fees[delegation_id] = self._fees.get(delegation_id, 0) + 1
        if kind != "function_call":
            return []
        return [
            ToolCall(
                call_id=text_of(item.get("call_id")),
                name=text_of(item.get("name")),
                arguments=text_of(item.get("arguments")),
                item_id=text_of(item.get("id")),
                reply_id=self._responses.get(delegation_id, ""),
            )
        ]

    def _response_over(self, delegation_id: str, response: dict[str, Any]) -> list[Act]:
        """Each once, by its id."""
        reply_id = text_of(response.get("id")) or self._responses.get(delegation_id, "")
        if reply_id and reply_id in self._billed:
            return []
        fees = self._fees.pop(delegation_id, 0)
        usage = usage_of(reply_id, text_of(response.get("model")), response.get("usage"), fees)
        if usage is None:
            return []
        self._billed[reply_id] = None
        if len(self._billed) > _RESPONSES_KEPT:
            del self._billed[next(iter(self._billed))]
        return [usage]

    def _decision(self, event: Event, payload: bytes) -> list[Act]:
        decision = object_of(object_of(event.event).get("decision"))
        usage = usage_of("", text_of(decision.get("model")), decision.get("usage"))
        return [] if usage is None else [usage]

    # -- Trouble -----------------------------------------------------------------------------------------

    def _error(self, event: Event, payload: bytes) -> list[Act]:
        """`code` may be null (GPT-LIVE.md 5.1)."""
        said = object_of(event.error)
        kind, code = text_of(said.get("type")), text_of(said.get("code"))
        for_client = not self.ready and code not in _OURS and (code in _CLIENTS or kind in _CLIENTS)
        return [
            Trouble(
                code or kind or "error",
                text_of(said.get("message")),
                text_of(said.get("client_event_id")),
                for_client=for_client,
            )
        ]
