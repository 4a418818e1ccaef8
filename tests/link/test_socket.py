import asyncio
from collections.abc import Callable

import uvloop
import zmq

from realtime_switch.link.socket import LoopSocket

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]


def test_a_burst_that_came_before_we_looked_arrives_whole_and_in_order() -> None:
    async def story(pair: "Pair") -> None:
        sent = [b"%d" % number for number in range(500)]
        for message in sent:
            pair.left.send(message)
        await pair.heard_all(500)
        assert pair.heard == sent

    run(story)


def test_a_send_does_not_eat_the_signal_of_what_has_just_arrived() -> None:
    async def story(pair: "Pair") -> None:
        for number in range(300):
            pair.left.send(b"%d" % number)
            pair.right.send([b"back"])
            await pair.heard_all(number + 1)

    run(story)


def test_others_in_the_loop_have_their_turn_in_a_flood() -> None:
    async def story(pair: "Pair") -> None:
        for number in range(900):
            pair.left.send(b"%d" % number)
        turns = [0]

        def turn() -> None:
            turns[0] += 1
            if len(pair.heard) < 900:
                asyncio.get_running_loop().call_soon(turn)

        turn()
        await pair.heard_all(900)
        assert turns[0] >= 900 // 64

    run(story)


def test_what_is_paused_is_kept_and_the_loop_does_not_spin() -> None:
    async def story(pair: "Pair") -> None:
        pair.left.send(b"1")
        await pair.heard_all(1)
        await turns_within(0.02)  # now it has looked in vain, and what comes next gives a signal
        pair.right.pause()
        pair.left.send(b"2")
        pair.left.send(b"3")
        turns = await turns_within(0.05)
        assert (pair.heard, turns < 20) == ([b"1"], True)
        pair.right.resume()
        await pair.heard_all(3)
        assert pair.heard == [b"1", b"2", b"3"]

    run(story)


def test_a_send_without_room_says_no_and_is_told_when_there_is_room() -> None:
    async def story(pair: "Pair") -> None:
        sent = 0
        while pair.right.send([b"x" * 1000]):
            sent += 1
        assert not pair.writable.is_set()
        for _ in range(sent):
            pair.left.recv()
        await asyncio.wait_for(pair.writable.wait(), 10)
        assert pair.right.send([b"x"])

    run(story)


def test_after_close_nothing_is_heard_and_closing_again_does_nothing() -> None:
    async def story(pair: "Pair") -> None:
        pair.left.send(b"1")
        pair.left.send(b"2")
        pair.on_message = lambda: pair.right.close(linger_ms=0)  # in the middle of looking
        await pair.heard_all(1)
        pair.right.close(linger_ms=0)
        await turns_within(0.02)
        assert pair.heard == [b"1"]

    run(story)


class Pair:
    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]") -> None:
        self.heard: list[bytes] = []
        self.writable = asyncio.Event()
        self.on_message: Callable[[], None] = lambda: None
        self._progress = asyncio.Event()
        self.left = context.socket(zmq.PAIR)
        right = context.socket(zmq.PAIR)
        for end in (self.left, right):
            end.setsockopt(zmq.LINGER, 0)
            end.setsockopt(zmq.RCVTIMEO, 10_000)
        right.setsockopt(zmq.SNDHWM, 50)
        self.left.setsockopt(zmq.RCVHWM, 50)
        self.left.bind("inproc://pair")
        right.connect("inproc://pair")
        self.right = LoopSocket(right, self._hear, self.writable.set)

    def _hear(self, parts: list[bytes]) -> None:
        self.heard.append(parts[0])
        self._progress.set()
        self.on_message()

    async def heard_all(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.heard) < count:
                self._progress.clear()
                await self._progress.wait()


async def turns_within(seconds: float) -> int:
    """How often the loop wakes up by itself."""
    loop = asyncio.get_running_loop()
    end_s, turns = loop.time() + seconds, 0
    select = getattr(loop, "_selector", None)
    if select is None:  # uvloop does not let us count
        await asyncio.sleep(seconds)
        return 0
    original = select.select

    def counted(timeout: float | None = None) -> object:
        nonlocal turns
        turns += 1
        return original(timeout)

    select.select = counted
    await asyncio.sleep(max(0, end_s - loop.time()))
    del select.select
    return turns


def run(story: Callable[[Pair], object]) -> None:
    """On both loops, because both have their own idea of add_reader."""

    async def play() -> None:
        context = zmq.Context()
        pair = Pair(context)
        try:
            await story(pair)  # type: ignore[misc]
        finally:
            pair.right.close(linger_ms=0)
            pair.left.close()
            context.term()

    for new_loop in LOOPS:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(play())
