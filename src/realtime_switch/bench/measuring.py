"""One measurement of one system. Each answers with figures by name; who repeats it takes the median."""

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

from .figures import Round, percentile
from .load import Caller, Ends, Providers, Way, several, talk
from .systems import System, Times, rss_bytes, times

STRIDE_S = 0.5  # until a load runs evenly
CLOSED_S = 0.3  # until a system has noticed that its calls are gone
CONNECTS_AT_ONCE = 32


async def closed(system: System, calls: int, seconds: float) -> Round:
    """CPU per message: every call always has one exchange under way."""
    appends = system.way.appends()
    callers = [await system.way.call(next(appends)) for _ in range(calls)]
    for caller in callers:
        caller.talking = True
        caller.speak()
    await asyncio.sleep(STRIDE_S)
    messages, before, began_s = sum(c.messages for c in callers), _times(system), time.perf_counter()
    await asyncio.sleep(seconds)
    messages, after = sum(c.messages for c in callers) - messages, _times(system)
    spent_s = time.perf_counter() - began_s
    for caller in callers:
        caller.talking = False
    await asyncio.sleep(CLOSED_S)
    await _end(callers)
    return _of_cpu(before, after, messages, spent_s)


async def paced(system: System, providers: Providers, calls: int, seconds: float) -> Round:
    """How long sound is on its way, and CPU per message, at the pace of real calls."""
    ends = await several(system.way, providers, calls)
    timed, (up, down) = talk(ends)
    await asyncio.sleep(STRIDE_S)
    for end in timed:
        del end.caller.delays_s[:], end.provider.delays_s[:]
    del up.late_s[:], down.late_s[:]
    messages, before, load, began_s = (
        _messages(timed),
        _times(system),
        times(os.getpid()),
        time.perf_counter(),
    )
    with gives_way(system.business_pid):
        await asyncio.sleep(seconds)
    messages, after, load_after = _messages(timed) - messages, _times(system), times(os.getpid())
    spent_s = time.perf_counter() - began_s
    messages = messages * calls // len(timed)
    up.stop()
    down.stop()
    up_us = sorted(delay * 1e6 for end in timed for delay in end.provider.delays_s)
    down_us = sorted(delay * 1e6 for end in timed for delay in end.caller.delays_s)
    both_us = sorted(itertools.chain(up_us, down_us))
    await _stop(ends)
    return _of_cpu(before, after, messages, spent_s) | {
        "p50_us": percentile(both_us, 0.5),
        "p99_us": percentile(both_us, 0.99),
        "p999_us": percentile(both_us, 0.999),
        "up_p50_us": percentile(up_us, 0.5),
        "up_p99_us": percentile(up_us, 0.99),
        "down_p50_us": percentile(down_us, 0.5),
        "down_p99_us": percentile(down_us, 0.99),
        # What the load itself is worth: how late it spoke, how busy it was.
        "late_p99_us": percentile(sorted((*up.late_s, *down.late_s)), 0.99) * 1e6,
        "load_share": (load_after.cpu_s - load.cpu_s) / spent_s,
    }


async def memory(system: System, providers: Providers, calls: int, seconds: float, *, talking: bool) -> Round:
    """What each call adds to a process that has just started."""
    await asyncio.sleep(STRIDE_S)
    base = rss_bytes(system.pid)
    ends = await several(system.way, providers, calls)
    if talking:
        _, pacing = talk(ends)
        await asyncio.sleep(seconds)
        held = rss_bytes(system.pid)
        for pacer in pacing:
            pacer.stop()
    else:
        await asyncio.sleep(1.0)
        held = rss_bytes(system.pid)
    await _stop(ends)
    return {"base_mb": base / 1e6, "kib_per_session": (held - base) / calls / 1024}


async def connects(system: System, calls: int, seconds: float) -> Round:
    """Time to the first event, one call at a time; then as many connects as it can take, `calls` at once."""
    created_ms: list[float] = []
    appends = system.way.appends()
    end_s = time.perf_counter() + seconds / 2
    while time.perf_counter() < end_s:
        created_ms.append(await _connect(system.way, next(appends)))
    created_ms.sort()
    made = itertools.count()
    before, began_s = _times(system), time.perf_counter()
    business = times(system.business_pid)
    end_s = began_s + seconds

    async def caller() -> None:
        while time.perf_counter() < end_s:
            await _connect(system.way, next(appends))
            next(made)

    await asyncio.gather(*(caller() for _ in range(calls)))
    number = next(made)
    spent_s, after = time.perf_counter() - began_s, _times(system)
    relay_ms = (after.cpu_s - before.cpu_s) / number * 1e3
    business_ms = (times(system.business_pid).cpu_s - business.cpu_s) / number * 1e3
    await asyncio.sleep(CLOSED_S)
    figures = {
        "created_p50_ms": percentile(created_ms, 0.5),
        "created_p99_ms": percentile(created_ms, 0.99),
        "connects_per_s": number / spent_s,
        "relay_cpu_ms": relay_ms,
    }
    if relay_ms:
        figures["connects_per_core_s"] = 1e3 / relay_ms
    if system.business_pid:
        figures["business_cpu_ms"] = business_ms
        figures["business_share"] = business_ms / (business_ms + relay_ms)
    return figures


async def _connect(way: Way, append: bytes) -> float:
    began_s = time.perf_counter()
    caller = await way.call(append)
    took_s = caller.greeted.result() - began_s
    caller.transport.disconnect(graceful=False)
    return took_s * 1e3


def _messages(ends: list[Ends]) -> int:
    """That came out of the system, either way."""
    return sum(end.caller.messages + end.provider.messages for end in ends)


@contextlib.contextmanager
def gives_way(pid: int) -> Iterator[None]:
    """The business process shares the core of the load, which tells the time: it has what the load leaves.
    0: there is none."""
    _scheduled(pid, os.SCHED_IDLE)
    try:
        yield
    finally:
        _scheduled(pid, os.SCHED_OTHER)


def _scheduled(pid: int, policy: int) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir() if pid else ():
        with contextlib.suppress(ProcessLookupError):  # it is over
            os.sched_setscheduler(int(thread.name), policy, os.sched_param(0))


async def _stop(ends: list[Ends]) -> None:
    await asyncio.sleep(CLOSED_S)
    for end in ends:
        end.caller.hear_again()
        end.provider.hear_again()
    await _end([end.caller for end in ends])


async def _end(callers: list[Caller]) -> None:
    for caller in callers:
        caller.transport.disconnect(graceful=False)
    await asyncio.sleep(CLOSED_S)


def _times(system: System) -> Times:
    return times(system.pid)


def _of_cpu(before: Times, after: Times, messages: int, spent_s: float) -> Round:
    cpu_s = after.cpu_s - before.cpu_s
    user_s, kernel_s = after.user_s - before.user_s, after.kernel_s - before.kernel_s
    # The kernel tells the two apart to 10 ms only, and their sum to the nanosecond.
    user_share = user_s / (user_s + kernel_s) if user_s + kernel_s else 0.0
    return {
        "messages_per_s": messages / spent_s,
        "cpu_us_per_message": cpu_s / messages * 1e6,
        "user_us": cpu_s * user_share / messages * 1e6,
        "kernel_us": cpu_s * (1 - user_share) / messages * 1e6,
        "core_share": cpu_s / spent_s,
    }
