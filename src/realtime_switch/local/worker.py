"""A child process that answers one question after the other, over pipes, in frames of a four-byte length
and a payload.

It is started by the first question, and again by the next one after it died; it ends when its standard
input does, so it cannot outlive us, however we end.
"""

import asyncio
import sys

_ANSWER_WITHIN_S = 60
_END_WITHIN_S = 2
# Ten minutes of sound: what a turn may be.
_FRAME_BYTES_MAX = 64 * 1024 * 1024


class WorkerLost(Exception):
    """The process could not be started, died or was silent; the next question starts a new one."""


class Worker:
    def __init__(self, module: str) -> None:
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._asking: set[asyncio.Task[bytes]] = set()
        self._closed = False

    async def ask(self, question: bytes) -> bytes:
        # A caller who goes away must not leave its answer in the pipe for the next one: the asking goes on
        # without it.
        task = asyncio.create_task(self._ask(question))
        self._asking.add(task)
        task.add_done_callback(self._asked)
        return await asyncio.shield(task)

    async def close(self) -> None:
        self._closed = True
        await self._end()
        await asyncio.gather(*self._asking, return_exceptions=True)

    def _asked(self, task: asyncio.Task[bytes]) -> None:
        self._asking.discard(task)
        if not task.cancelled():
            task.exception()  # seen by the caller; if it went away, by nobody, and that is right

    async def _ask(self, question: bytes) -> bytes:
        async with self._turn:
            try:
                return await self._exchange(question)
            except (OSError, asyncio.IncompleteReadError):
                # It may have died since the last question; whether it dies of this one shows the second time.
                await self._end()
            try:
                return await self._exchange(question)
            except (OSError, asyncio.IncompleteReadError) as error:
                await self._end()
                raise WorkerLost(f"{self._module} ended: {error}") from None

    async def _exchange(self, question: bytes) -> bytes:
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                process.stdin.write(len(question).to_bytes(4, "big") + question)
                await process.stdin.drain()
                size = int.from_bytes(await process.stdout.readexactly(4), "big")
                return await process.stdout.readexactly(min(size, _FRAME_BYTES_MAX))
        except TimeoutError:
            await self._end()
            raise WorkerLost(f"{self._module} did not answer within {_ANSWER_WITHIN_S} s") from None

    async def _running(self) -> asyncio.subprocess.Process:
        if self._closed:
            raise WorkerLost(f"{self._module} is closed")
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # Ctrl-C in a terminal reaches the whole group; this one ends by its input.
                start_new_session=True,
            )
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_END_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
