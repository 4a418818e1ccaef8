"""Sound into words. Ears are anything with `hear`; two are here.

NoEars understand nothing and say so. ListeningEars are pocketsphinx in a process of its own, started by the
first sound.
"""

from typing import Protocol

import msgspec
import structlog

from realtime_switch.local.worker import Worker, WorkerLost

log = structlog.get_logger()


class Ears(Protocol):
    async def hear(self, pcm: bytes, rate_hz: int) -> str | None:
        """The words, without capitals or punctuation as a recogniser has them; None where there were none."""
        ...

    async def close(self) -> None: ...


class Sound(msgspec.Struct, frozen=True):
    """What the ears' process is asked; it answers with UTF-8, empty for nothing understood."""

    pcm: bytes
    rate_hz: int


class NoEars:
    async def hear(self, pcm: bytes, rate_hz: int) -> str | None:
        return None

    async def close(self) -> None:
        pass


class ListeningEars:
    def __init__(self) -> None:
        self._worker = Worker("realtime_switch.local.ears_process")

    async def hear(self, pcm: bytes, rate_hz: int) -> str | None:
        try:
            words = await self._worker.ask(msgspec.msgpack.encode(Sound(pcm, rate_hz)))
        except WorkerLost as lost:
            log.warning("local.ears_lost", reason=str(lost))
            return None
        return words.decode() or None

    async def close(self) -> None:
        await self._worker.close()
