"""Keys that a command prints, such as `gcloud auth print-access-token`: run where the loop does not wait for
it, and run again when its answer has grown old.

What it prints is a key, also when it fails: nothing of it is logged or told.
"""

import asyncio
import contextlib
import shlex
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable

from msgspec import Struct

from ..providers.endpoint import Endpoint
from ..secret import Secret
from .dial import DialError, DialTrouble

COMMAND_S = 10.0


class _Known(Struct):
    key: Secret
    until_s: float


class ProviderKeys:
    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def key_of(self, endpoint: Endpoint) -> Secret | None:
        """None: the endpoint itself knows. Raises DialError. Calls that come together share one run."""
        if not endpoint.provider.key_command:
            return None
        async with self._asking.setdefault(endpoint.name, asyncio.Lock()):
            known = self._known.get(endpoint.name)
            if known is None or self._now_s() >= known.until_s:
                key = await _printed(endpoint)
                known = _Known(key, self._now_s() + endpoint.provider.key_command_ttl_s)
                self._known[endpoint.name] = known
            return known.key

    def refused(self, endpoint: Endpoint, key: Secret | None) -> bool:
        """The provider does not take this key: it is not used again. True: there may be another."""
        known = self._known.get(endpoint.name)
        if key is None or known is None or known.key is not key:
            return key is not None
        del self._known[endpoint.name]
        return True


async def _printed(endpoint: Endpoint) -> Secret:
    what = f"the key command of {endpoint.name}"
    words = shlex.split(endpoint.provider.key_command)
    try:
        process = await asyncio.create_subprocess_exec(*words, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    except OSError as error:
        raise DialError(DialTrouble.KEY, f"{what} cannot be run: {error.strerror}") from None
    try:
        async with asyncio.timeout(COMMAND_S):
            printed, _ = await process.communicate()
    except TimeoutError:
        raise DialError(DialTrouble.TIMEOUT, f"{what} took longer than {COMMAND_S:g} seconds") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()  # whoever asked goes on when nothing of it is left
    if process.returncode:
        raise DialError(DialTrouble.KEY, f"{what} ended with status {process.returncode}")
    try:
        key = printed.decode("ascii").strip()
    except UnicodeDecodeError:
        key = ""
    if not key or not key.isprintable():
        raise DialError(DialTrouble.KEY, f"{what} did not print a key")
    return Secret(key)
