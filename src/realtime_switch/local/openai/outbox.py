"""Where everything a conversation wants is put, in order, until the socket takes it."""

from collections.abc import Callable
from typing import Any

from realtime_switch.local.openai.items import Item, Json
from realtime_switch.local.orders import Order, Send
from realtime_switch.local.thought import Tokens


class Outbox:
    def __init__(self, new_id: Callable[[str], str]) -> None:
        self.new_id = new_id
        self._orders: list[Order] = []

    def emit(self, kind: str, *, bill: Tokens | None = None, **fields: Any) -> None:
        self._orders.append(Send({"type": kind, "event_id": self.new_id("event"), **fields}, bill))

    def error(
        self,
        kind: str,
        code: str | None,
        message: str,
        *,
        param: str | None = None,
        event_id: str | None = None,
    ) -> None:
        said: Json = {"type": kind, "code": code, "message": message, "param": param, "event_id": event_id}
        self.emit("error", error=said)

    def placed(self, item: Item, previous_item_id: str | None) -> None:
        """An item that is whole as soon as it is there."""
        self.emit("conversation.item.added", previous_item_id=previous_item_id, item=item.announced())
        self.emit("conversation.item.done", previous_item_id=previous_item_id, item=item.announced())

    def order(self, order: Order) -> None:
        self._orders.append(order)

    def take(self) -> list[Order]:
        orders, self._orders = self._orders, []
        return orders
