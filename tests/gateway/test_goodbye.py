"""What a client is told at the end, and for how long its own close is awaited."""

import asyncio
from typing import Any

import pytest

from realtime_switch.gateway import closing
from realtime_switch.gateway.goodbye import Goodbye
from realtime_switch.session.steps import End


class Client:
    is_disconnected = False

    def __init__(self) -> None:
        self.done: list[Any] = []

    @property
    def is_close_frame_sent(self) -> bool:
        return bool(self.done)

    def send_close(self, code: int, reason: str) -> None:
        self.done.append((code, reason))

    def disconnect(self, graceful: bool) -> None:
        self.done.append("cut off")


class Call:
    def __init__(self) -> None:
        self.client = Client()

    def flush(self) -> None: ...


@pytest.mark.parametrize(("closes_itself", "after"), [(False, ["cut off"]), (True, [])])
async def test_a_client_is_told_once_and_cut_off_unless_it_closes(
    monkeypatch: pytest.MonkeyPatch, closes_itself: bool, after: list[Any]
) -> None:
    monkeypatch.setattr(closing, "CLOSING_S", 0.02)
    call = Call()
    goodbye = Goodbye(call, None)  # type: ignore[arg-type]
    goodbye.say(End(1000, "bye"))
    goodbye.say(End(1011, "again"))
    if closes_itself:
        goodbye.client_gone()
    loop = asyncio.get_running_loop()
    later = loop.create_future()
    loop.call_later(0.04, later.set_result, None)  # timers ring in their order
    await later
    assert call.client.done == [(1000, "bye"), *after]
