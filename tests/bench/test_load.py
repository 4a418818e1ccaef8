"""The load: its frames are what a library would write, pacers keep their pace, and some calls are timed."""

import asyncio
import itertools
import time
from collections.abc import Callable

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from realtime_switch.bench import load, pacing
from realtime_switch.bench.load import MASK, Providers, Way, frame, several, talk
from realtime_switch.bench.pacing import Pacer


def parsed(written: bytes, *, masked: bool) -> Frame:
    reader = StreamReader()
    reader.feed_data(written)
    parser = Frame.parse(reader.read_exact, mask=masked)
    try:
        next(parser)
    except StopIteration as done:
        found: Frame = done.value
        assert found.fin
        return found
    raise AssertionError("the frame is not whole")


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("size", [0, 1, 125, 126, 1_303, 6_613, 0xFFFF])
def test_a_frame_is_read_back(size: int, binary: bool, masked: bool):
    payload = bytes(range(256)) * 256
    written = frame(payload[:size], binary=binary, masked=masked)
    found = parsed(written, masked=masked)
    assert (found.opcode, found.data) == (Opcode.BINARY if binary else Opcode.TEXT, payload[:size])
    assert (MASK in written[:8]) == masked


async def test_each_speaker_speaks_once_in_a_period_in_turns():
    said: list[int] = []
    whole = asyncio.Event()

    def speaker(number: int) -> None:
        said.append(number)
        if len(said) == 12:
            whole.set()

    pacer = Pacer(0.003, [lambda number=number: speaker(number) for number in range(5)])
    async with asyncio.timeout(20):
        await whole.wait()
    pacer.stop()
    assert said[:10] == [0, 1, 2, 3, 4] * 2
    assert min(pacer.late_s) >= 0.0


async def test_more_speakers_than_there_are_steps_share_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pacing, "STEP_S", 0.001)
    said: list[int] = []
    pacer = Pacer(0.003, [lambda number=number: said.append(number) for number in range(5)])
    await until(lambda: len(said) >= 10)
    pacer.stop()
    assert said[:10] == [0, 3, 1, 4, 2] * 2


async def test_speakers_keep_their_pace_and_do_not_drift():
    said_s: list[float] = []
    pacer = Pacer(0.000_5, [lambda: said_s.append(time.monotonic())])
    began_s = time.monotonic()
    await until(lambda: len(said_s) >= 200)
    pacer.stop()
    # However late one of them was, none is lost, and none comes early.
    assert all(one - began_s > (number - 1) * 0.000_5 for number, one in enumerate(said_s))


async def test_who_was_kept_from_speaking_speaks_as_often_as_was_missed(monkeypatch: pytest.MonkeyPatch):
    class Ticks(pacing.Ticks):
        def passed(self) -> int:
            return 7

    monkeypatch.setattr(pacing, "Ticks", Ticks)
    said: list[int] = []
    pacer = Pacer(60.0, [lambda number=number: said.append(number) for number in range(3)])
    pacer._tick()
    pacer.stop()
    assert said == [0, 1, 2, 0, 1, 2, 0]


def test_a_clock_tells_of_every_tick_once():
    ticks = pacing.Ticks(0.001)
    began_s = time.monotonic()
    told = 0
    while time.monotonic() < began_s + 0.02:
        told += ticks.passed()
    told += ticks.passed()
    ticks.close()
    assert 19 <= told <= (time.monotonic() - began_s) / 0.001 + 1


class Spoken:
    """An end of a call that only says where in its reply it begins."""

    begins = -1.0

    def hush(self) -> None: ...

    def speaker(self, *, timed: bool, begins: float) -> Callable[[], None]:
        self.begins = begins
        return lambda: None


class SpokenCall:
    def __init__(self) -> None:
        self.caller, self.provider = Spoken(), Spoken()

    def expect(self) -> None: ...


async def test_calls_are_spread_over_their_replies_and_neighbours_are_far_apart():
    calls = [SpokenCall() for _ in range(200)]
    _, pacing = talk(calls)  # type: ignore[arg-type]
    for pacer in pacing:
        pacer.stop()
    begins = [call.provider.begins for call in calls]
    assert [call.caller.begins for call in calls] == begins
    evenly = sorted(begins)
    assert max(b - a for a, b in itertools.pairwise([*evenly, evenly[0] + 1])) < 2 / 200
    assert all(0.3 < (b - a) % 1 < 0.7 for a, b in itertools.pairwise(begins))


def test_a_reply_can_be_begun_in_the_middle():
    frames = load._from([b"1", b"2", b"3", b"4"], 0.5)
    assert [next(frames) for _ in range(5)] == [b"3", b"4", b"1", b"2", b"3"]


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():
            await asyncio.sleep(0.01)


async def test_of_many_calls_some_are_timed_and_the_others_only_spoken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(load, "TIMED_MAX", 1)
    providers = Providers()
    await providers.open()
    way = Way(f"ws://127.0.0.1:{providers.openai}/v1/realtime")
    calls = await several(way, providers, 2)
    try:
        timed, pacing = talk(calls)
        one, other = calls
        assert timed == [one]
        before = other.caller.messages, other.provider.messages
        await until(lambda: len(one.caller.delays_s) > 3 and len(one.provider.delays_s) > 3)
        for pacer in pacing:
            pacer.stop()
        assert min(*one.caller.delays_s, *one.provider.delays_s) > 0.0
        assert (other.caller.messages, other.provider.messages) == before
        for end in (other.caller, other.provider):
            end.hear_again()
        other.caller.speak()
        await until(lambda: other.provider.messages > before[1])
    finally:
        for call in calls:
            call.caller.transport.disconnect(graceful=False)
        providers.close()
