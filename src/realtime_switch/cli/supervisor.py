"""Keeps programs running: starts them, starts again what died, and stops them in order.

A program that dies is started again after a pause that doubles up to PAUSE_S_MAX;
one that then ran for STEADY_S is forgiven. Programs stop row by row, those of one
row at once, each row after the one before has gone: gateways first, so that what
they still hold finds the business process alive.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from msgspec import Struct

from ..process import SUPERVISED

PAUSE_S_FIRST = 0.2
PAUSE_S_MAX = 10.0
STEADY_S = 30.0

COMMAND = (sys.executable, "-m", "realtime_switch")


class Program(Struct, frozen=True, kw_only=True):
    """Something to keep running: words after `realtime-switch`, as a process list shows them."""

    name: str
    words: tuple[str, ...]
    stop_s_max: float  # how long it may take to stop before it is killed
    pass_fds: tuple[int, ...] = ()
    reloads: bool = False  # on SIGHUP


class Supervisor:
    def __init__(
        self, rows: Sequence[Sequence[Program]], now: Callable[[], float], command: Sequence[str] = COMMAND
    ) -> None:
        self._rows = rows
        self._programs = [program for row in rows for program in row]
        self._now = now
        self._command = command
        self._log = structlog.get_logger(part="serve")
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Keep everything running until `stop` is set, then stop it in order."""
        async with asyncio.TaskGroup() as group:
            keeping = {
                program.name: group.create_task(self._keep(program, stop)) for program in self._programs
            }
            await stop.wait()
            for row in self._rows:
                await asyncio.gather(*(self._stop(program, keeping[program.name]) for program in row))

    def reload(self) -> None:
        """Have those read their settings again that can."""
        for program in self._programs:
            process = self._running.get(program.name) if program.reloads else None
            if process is not None:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGHUP)

    async def _keep(self, program: Program, stop: asyncio.Event) -> None:
        pause_s = PAUSE_S_FIRST
        while not stop.is_set():
            began = self._now()
            process = self._running[program.name] = await self._start(program)
            code = await process.wait()
            del self._running[program.name]
            if stop.is_set():
                return
            if self._now() - began >= STEADY_S:
                pause_s = PAUSE_S_FIRST
            self._log.error("program died", program=program.name, exit=code, again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)

    async def _start(self, program: Program) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            *program.words,
            stdin=subprocess.PIPE,  # closes when we die, however we die: the program's sign to stop
            pass_fds=program.pass_fds,
            env={**os.environ, SUPERVISED: "1"},
            start_new_session=True,  # a Ctrl-C is ours to pass on, in order
        )

    async def _stop(self, program: Program, keeping: "asyncio.Task[None]") -> None:
        process = self._running.get(program.name)
        if process is None:  # it was waiting to be started again
            keeping.cancel()
            return
        with suppress(ProcessLookupError):  # it has just gone by itself
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(program.stop_s_max):
                await asyncio.shield(keeping)
        except TimeoutError:
            self._log.error("program had to be killed", program=program.name, after_s=program.stop_s_max)
            process.kill()
            await keeping
