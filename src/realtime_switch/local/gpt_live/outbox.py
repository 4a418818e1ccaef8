"""Where everything a conversation wants is put, in order, until the socket takes it."""

import base64
from collections.abc import Callable
from typing import Any

from realtime_switch.local.gpt_live.habits import LiveHabits
from realtime_switch.local.orders import Event, Order, Send
from realtime_switch.local.thought import Tokens


class Outbox:
    def __init__(self, new_id: Callable[[str], str], habits: LiveHabits) -> None:
        self.new_id = new_id
        self._habits = habits
        self._orders: list[Order] = []

    def emit(
        self, kind: str, asked_by: str = "", *, bill: Tokens | None = None, time_ms: int = 0, **fields: Any
    ) -> None:
        """`asked_by`: the id of the command that this answers."""
        named = {"client_event_id": asked_by} if asked_by and self._habits.echoes_ids else {}
        event = {"type": kind, "event_id": self.new_id("event"), **named, **fields}
        self._orders.append(Send(event, bill, time_ms))

    def sound(self, data: bytes, start_ms: int, end_ms: int) -> None:
        event: Event = {"type": "session.output_audio.delta", "delta": base64.b64encode(data).decode()}
        if self._habits.times_sound:
            event |= {"start_ms": start_ms, "end_ms": end_ms}
        self._orders.append(Send(event))

    def error(self, code: str, message: str, param: str = "", asked_by: str = "", kind: str = "") -> None:
        said: Event = {
            "type": kind or "invalid_request_error",
            "code": code,
            "message": message,
            "param": param or None,
        }
        if asked_by:
            said["client_event_id"] = asked_by
        self.emit("error", error=said)

    def order(self, order: Order) -> None:
        self._orders.append(order)

    def take(self) -> list[Order]:
        orders, self._orders = self._orders, []
        return orders
