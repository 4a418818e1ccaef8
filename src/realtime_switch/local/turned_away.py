"""The conversation with somebody who was not admitted: what is said to them, and nothing else."""

from realtime_switch.local.orders import Order


class TurnedAway:
    due_us = None

    def __init__(self, orders: list[Order]) -> None:
        self._orders = orders

    def begin(self) -> list[Order]:
        return self._orders

    def receive(self, message: bytes) -> list[Order]:
        return []

    def heard(self, key: int, words: str | None) -> list[Order]:
        return []

    def voiced(self, key: str, pcm: bytes) -> list[Order]:
        return []

    def tick(self) -> list[Order]:
        return []

    def gone(self) -> None:
        pass
