"""Which of the twins runs, and why."""

import tracemalloc
from importlib.metadata import version

import pytest

from realtime_switch.gateway import short_way
from realtime_switch.gateway.short_way import why_interpreted, why_not_compiled
from short_ways import encode, reading_client


def test_it_is_compiled_wherever_it_was_installed_by_make() -> None:
    assert why_interpreted in ("", "RTS_INTERPRETED is set")


@pytest.mark.parametrize(("value", "why"), [("1", "RTS_INTERPRETED is set"), ("0", ""), ("", "")])
def test_who_runs_a_gateway_may_have_it_interpreted(value: str, why: str) -> None:
    assert why_not_compiled({"RTS_INTERPRETED": value}, version) == why


def test_with_another_picows_than_it_was_built_with_it_is_not_used() -> None:
    why = why_not_compiled({}, lambda name: "99.1")
    assert why == f"built with picows {version('picows')}, here is 99.1"


@pytest.mark.skipif(bool(why_interpreted), reason=why_interpreted)
async def test_the_rest_of_a_read_takes_memory_as_long_as_it_waits_and_no_longer() -> None:
    """tracemalloc counts what the Reader takes, since it asks Python for it."""
    frame = encode(1, b'{"type":"input_audio_buffer.append","audio":"%s"}' % (b"A" * 40_000), masked=True)
    async with reading_client(short_way) as read:
        read(frame)
        tracemalloc.start()
        try:
            begun, _ = tracemalloc.get_traced_memory()
            read(frame[:30_000])
            waiting, _ = tracemalloc.get_traced_memory()
            read(frame[30_000:])
            over, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert 30_000 <= waiting - begun < 32_000
    assert over - begun < 2_000
