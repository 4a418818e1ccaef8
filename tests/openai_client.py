"""An OpenAI client's half of a translated call: what it says comes out as wishes, what happens comes out as
events. Every frame that leaves is checked against the SDK's own types."""

from typing import Any

import msgspec

from calls import ids_by_kind
from openai_frames import is_for_client
from realtime_switch.dialects.acts import Act
from realtime_switch.dialects.dialect import AskSwitch
from realtime_switch.dialects.openai import ClientSide
from realtime_switch.dialects.wishes import Wish

Event = dict[str, Any]


class OpenAIClient:
    def __init__(self, beta: bool = False, ids: dict[str, list[str]] | None = None) -> None:
        """`ids`: the first to be given, by kind; then they are counted."""
        self.beta = beta
        self.side = ClientSide(ids_by_kind(ids), beta)

    def greeted(self) -> list[Event]:
        # The beta types know OpenAI's own models only.
        model = "gpt-realtime" if self.beta else "gemini-3.8-live"
        return [self._seen(frame) for frame in self.side.greet(model)]

    def says(self, *messages: Event | bytes) -> list[Event | Wish | AskSwitch]:
        said: list[Event | Wish | AskSwitch] = []
        for message in messages:
            payload = message if isinstance(message, bytes) else msgspec.json.encode(message)
            heard = self.side.hear(payload)
            said += [one if isinstance(one, Wish | AskSwitch) else self._seen(one) for one in heard]
        return said

    def told(self, *acts: Act) -> list[Event]:
        return [self._seen(frame) for act in acts for frame in self.side.tell(act)]

    def closed(self) -> list[Event]:
        return [self._seen(frame) for frame in self.side.close_replies()]

    def _seen(self, frame: Any) -> Event:
        assert isinstance(frame, bytes)
        assert is_for_client(frame, self.beta)
        event: Event = msgspec.json.decode(frame)
        return event


def without_ids(events: list[Any]) -> list[Any]:
    """Events without the ids of their own, which are counted."""
    return [
        {k: v for k, v in event.items() if k != "event_id"} if isinstance(event, dict) else event
        for event in events
    ]


def agrees(expected: Any, event: Any) -> bool:
    """What is expected is there; of objects more may be said."""
    if expected == "<any>":
        return event is not None
    if isinstance(expected, dict):
        return isinstance(event, dict) and all(
            name in event and agrees(held, event[name]) for name, held in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(event, list) and len(expected) == len(event) and all(map(agrees, expected, event))
    return bool(expected == event)
