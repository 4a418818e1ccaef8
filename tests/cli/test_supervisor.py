"""Programs are kept running, stopped in order, and never outlive the one that started them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from realtime_switch.cli.supervisor import Program, Supervisor

# Writes a line when it starts and when it is asked to stop, into the file named by its second word.
NOTES = """
import os, signal, sys, time
name, path = sys.argv[1:3]
def note(what):
    with open(path, "a") as file:
        file.write(f"{name} {what} {os.getpid()}\\n")
def stop(*_):
    note("stopped")
    sys.exit()
signal.signal(signal.SIGTERM, stop)
note("started")
while True:
    time.sleep(60)
"""

STUBBORN = NOTES.replace("sys.exit()", "pass")


def supervisor(programs: list[Program], script: str = NOTES) -> Supervisor:
    return Supervisor(
        [[program] for program in programs], now=time.monotonic, command=(sys.executable, "-c", script)
    )


def program(name: str, path: Path, stop_s_max: float = 10) -> Program:
    return Program(name=name, words=(name, str(path)), stop_s_max=stop_s_max)


async def noted(path: Path, lines: int) -> list[list[str]]:
    """The notes, once there are this many of them."""
    async with asyncio.timeout(20):
        while True:
            text = path.read_text() if path.exists() else ""
            if text.count("\n") >= lines:
                return [line.split() for line in text.splitlines()]
            await asyncio.sleep(0.01)


async def test_a_program_that_dies_is_started_again(tmp_path):
    path, stop = tmp_path / "notes", asyncio.Event()
    running = asyncio.create_task(supervisor([program("one", path)]).run(stop))
    first = await noted(path, 1)
    os.kill(int(first[0][2]), signal.SIGKILL)
    second = await noted(path, 2)
    stop.set()
    await running

    assert [line[:2] for line in await noted(path, 3)] == [
        ["one", "started"],
        ["one", "started"],
        ["one", "stopped"],
    ]
    assert first[0][2] != second[1][2]


async def test_programs_stop_in_the_order_they_are_given(tmp_path):
    path, stop = tmp_path / "notes", asyncio.Event()
    running = asyncio.create_task(supervisor([program("gateway", path), program("business", path)]).run(stop))
    await noted(path, 2)
    stop.set()
    await running

    assert [line[:2] for line in await noted(path, 4)][2:] == [
        ["gateway", "stopped"],
        ["business", "stopped"],
    ]


WAITS_FOR_THE_OTHER = NOTES.replace(
    "sys.exit()",
    """
    while open(path).read().count("stopped") < 2:
        time.sleep(0.01)
    sys.exit()""",
)


async def test_programs_of_one_row_stop_at_once(tmp_path):
    path, stop = tmp_path / "notes", asyncio.Event()
    row = [program("gateway 1", path, stop_s_max=60), program("gateway 2", path, stop_s_max=60)]
    command = (sys.executable, "-c", WAITS_FOR_THE_OTHER)
    running = asyncio.create_task(Supervisor([row], now=time.monotonic, command=command).run(stop))
    await noted(path, 2)
    stop.set()
    async with asyncio.timeout(30):
        await running


async def test_a_program_that_does_not_stop_is_killed(tmp_path):
    path, stop = tmp_path / "notes", asyncio.Event()
    running = asyncio.create_task(supervisor([program("one", path, stop_s_max=0.2)], STUBBORN).run(stop))
    (_, _, pid), *_ = await noted(path, 1)
    stop.set()
    await running

    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


async def test_programs_stop_when_their_supervisor_is_killed(tmp_path):
    """`process.stop_requested` sees its standard input close."""
    path = tmp_path / "notes"
    child = (
        "import asyncio, os\n"
        "from realtime_switch.process import stop_requested\n"
        "async def main():\n"
        "    stop = stop_requested()\n"
        f"    open({str(path)!r}, 'a').write(f'child started {{os.getpid()}}\\n')\n"
        "    await stop.wait()\n"
        f"    open({str(path)!r}, 'a').write(f'child stopped {{os.getpid()}}\\n')\n"
        "asyncio.run(main())\n"
    )
    parent = (
        "import asyncio, sys, time\n"
        "from realtime_switch.cli.supervisor import Program, Supervisor\n"
        "program = Program(name='child', words=(), stop_s_max=5)\n"
        f"supervisor = Supervisor([[program]], time.monotonic, (sys.executable, '-c', {child!r}))\n"
        "asyncio.run(supervisor.run(asyncio.Event()))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent])
    await noted(path, 1)
    process.kill()
    process.wait()

    assert [line[:2] for line in await noted(path, 2)] == [["child", "started"], ["child", "stopped"]]


async def test_those_that_can_are_told_to_read_their_settings_again(tmp_path):
    path, stop = tmp_path / "notes", asyncio.Event()
    reload = """signal.signal(signal.SIGHUP, lambda *_: note("reloaded"))\nnote("started")"""
    script = NOTES.replace("""note("started")""", reload)
    programs = [
        Program(name="one", words=("one", str(path)), stop_s_max=10, reloads=True),
        program("two", path),
    ]
    both = supervisor(programs, script)
    running = asyncio.create_task(both.run(stop))
    await noted(path, 2)
    both.reload()
    assert (await noted(path, 3))[2][:2] == ["one", "reloaded"]
    stop.set()
    await running
    assert [line[:2] for line in await noted(path, 5)][3:] == [["one", "stopped"], ["two", "stopped"]]
