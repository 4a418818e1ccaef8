"""A directory that may not be written, for real: a mount, because permissions do not stop root."""

import subprocess
import sys
from pathlib import Path

import pytest

IN_A_NAMESPACE = """
import asyncio, subprocess, sys
from pathlib import Path
sys.path += {path!r}
from outbox_ends import KEY, Ledger, a_shelf, an_outbox, bill, until
from realtime_switch.accounts.errors import StorageError

def mount(*words):
    subprocess.run(["mount", *words], check=True)

async def main(place):
    mount("-t", "tmpfs", "none", str(place))
    ledger = Ledger()
    async with an_outbox(place / "outbox", ledger) as outbox:
        await until(lambda: outbox._shelf._spare is not None)
        outbox.keep(bill(1))
        mount("--bind", str(place), str(place))
        mount("-o", "remount,ro,bind", str(place))
        outbox._shelf._spare.close()
        outbox._shelf._spare, outbox._shelf._spare_is_due = None, True
        await until(lambda: outbox._shelf._complained != "")
        print("IN USE", outbox._shelf._complained)
        outbox.keep(bill(2))
        outbox.hurry()
        await until(lambda: set(ledger.bills) == {{"b1", "b2"}})
    try:
        a_shelf(place / "outbox")
    except StorageError as error:
        print("AT THE START", error.code, error.message)

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_read_only_directory_is_named_and_costs_no_call_what_it_has(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("mounts of one's own need root")
    program = IN_A_NAMESPACE.format(path=[path for path in sys.path if path.endswith("tests")])
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", program, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    in_use, at_the_start = [
        line for line in done.stdout.splitlines() if line.startswith(("IN USE", "AT THE"))
    ]
    assert in_use.startswith("IN USE")
    assert "Read-only file system" in in_use
    assert at_the_start.startswith("AT THE START INTERNAL_OUTBOX_UNAVAILABLE The outbox ")
    assert "cannot be made: Read-only file system. Check the owner" in at_the_start
