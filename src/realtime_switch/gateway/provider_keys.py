"""Keys that a command prints, such as `gcloud auth print-access-token`: run where the loop does not wait for
it, and run again when its answer has grown old.

What it prints is a key, also when it fails: nothing of it is logged or told.
"""

import asyncio
import contextlib
import os
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable

from msgspec import Struct

from ..providers.endpoint import Endpoint, key_in
from ..secret import Secret
from .dial import DialError, DialTrouble

COMMAND_S = 10.0


class _Known(Struct):
    key: Secret
    until_s: float


class _Run(Struct):
    printing: asyncio.Task[Secret]
    awaited_by: int = 0


class ProviderKeys:
    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._known: dict[str, _Known] = {}
        self._runs: dict[str, _Run] = {}

    async def key_of(self, endpoint: Endpoint, within_s: float) -> Secret | None:
        """None: the endpoint itself knows. Raises DialError. Calls that come together share one run and what
        becomes of it; it goes on, for whoever comes next, when one of them has waited for long enough."""
        if not endpoint.provider.key_command:
            return None
        known = self._known.get(endpoint.name)
        if known is not None and self._now_s() < known.until_s:
            return known.key
        run = self._runs.get(endpoint.name)
        if run is None or run.printing.done():
            run = self._runs[endpoint.name] = _Run(asyncio.create_task(self._ask(endpoint)))
            run.printing.add_done_callback(_hear_out)
        run.awaited_by += 1
        try:
            done, _ = await asyncio.wait([run.printing], timeout=within_s)
        except asyncio.CancelledError:
            if run.awaited_by == 1:
                if self._runs.get(endpoint.name) is run:
                    del self._runs[endpoint.name]  # who comes now is not to share its end
                run.printing.cancel()
                await asyncio.wait([run.printing])  # who asked goes when nothing of it is left
            raise
        finally:
            run.awaited_by -= 1
        if not done:
            raise _too_long(endpoint, within_s)
        return run.printing.result()

    async def _ask(self, endpoint: Endpoint) -> Secret:
        key = await _printed(endpoint)
        self._known[endpoint.name] = _Known(key, self._now_s() + endpoint.provider.key_command_ttl_s)
        return key

    def refused(self, endpoint: Endpoint, key: Secret | None) -> bool:
        """The provider does not take this key: it is not used again. True: there may be another."""
        known = self._known.get(endpoint.name)
        if key is None or known is None or known.key is not key:
            return key is not None
        del self._known[endpoint.name]
        return True


def _hear_out(printing: asyncio.Task[Secret]) -> None:
    """Its trouble may be nobody's any more."""
    if not printing.cancelled():
        printing.exception()


async def _printed(endpoint: Endpoint) -> Secret:
    words = shlex.split(endpoint.provider.key_command)
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise DialError(DialTrouble.KEY, f"{_what(endpoint)} cannot be run: {error.strerror}") from None
    try:
        async with asyncio.timeout(COMMAND_S):
            printed, _ = await process.communicate()
    except TimeoutError:
        raise _too_long(endpoint, COMMAND_S) from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # many such commands are scripts that run another
            await process.wait()  # whoever asked goes on when nothing of it is left
    if process.returncode:
        raise DialError(DialTrouble.KEY, f"{_what(endpoint)} ended with status {process.returncode}")
    try:
        return key_in(printed)
    except ValueError:
        raise DialError(DialTrouble.KEY, f"{_what(endpoint)} did not print a key") from None


def _too_long(endpoint: Endpoint, within_s: float) -> DialError:
    return DialError(DialTrouble.TIMEOUT, f"{_what(endpoint)} took longer than {within_s:g} seconds")


def _what(endpoint: Endpoint) -> str:
    return f"the key command of {endpoint.name}"
