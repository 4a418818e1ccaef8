"""Where everything a conversation wants is put, in order, until the socket takes it."""

from realtime_switch.local.orders import Event, Order, Send
from realtime_switch.local.thought import Tokens


class Outbox:
    def __init__(self) -> None:
        self._orders: list[Order] = []

    def emit(self, event: Event, bill: Tokens | None = None) -> None:
        self._orders.append(Send(event, bill))

    def content(self, **fields: object) -> None:
        self.emit({"serverContent": fields})

    def order(self, order: Order) -> None:
        self._orders.append(order)

    def take(self) -> list[Order]:
        orders, self._orders = self._orders, []
        return orders
