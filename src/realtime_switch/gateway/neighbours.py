"""The other gateway processes of a data directory.

Gateways share one port, so a question over HTTP is answered by any of them; but a call is in one. Who is
asked about calls asks the others, at a socket each in the folder of metrics, which only we may enter
(metrics/board.py). A question is a line of JSON, and so is its answer.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..metrics.board import processes

ANSWER_S_MAX = 1.0  # who is slower is not waited for
_SOCKET = ".calls"


class Neighbours:
    """`answer` is what this process says to the others. Made inside of a running loop."""

    def __init__(self, folder: Path, name: str, answer: Callable[[bytes], bytes]) -> None:
        """`name`: that of this process in the folder, which nobody else holds."""
        self._folder = folder
        self._name = name
        self._answer = answer
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._path.unlink(missing_ok=True)  # of whoever had the name and was killed
        self._server = await asyncio.start_unix_server(self._asked, str(self._path))

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
            self._server = None

    async def ask(self, question: bytes) -> list[bytes]:
        """The answers of those that give one in time."""
        others = [name for name in processes(self._folder) if name != self._name]
        paths = [path for name in others if (path := self._folder / f"{name}{_SOCKET}").exists()]
        answers = await asyncio.gather(*(_ask(path, question) for path in paths))
        return [answer for answer in answers if answer is not None]

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._name}{_SOCKET}"

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError):  # who asks has gone, or says no line
            async with asyncio.timeout(ANSWER_S_MAX):
                writer.write(self._answer((await reader.readline()).strip()) + b"\n")
                await writer.drain()
        writer.close()


async def _ask(path: Path, question: bytes) -> bytes | None:
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                writer.write(question + b"\n")
                answer = await reader.read()
                return answer.strip() if answer.endswith(b"\n") else None  # else it ended in the middle
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
