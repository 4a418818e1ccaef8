"""The relay everybody writes first: two tasks a call on the `websockets` library. What we compare with."""

import asyncio
import sys

import uvloop
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

LISTEN, UPSTREAM = int(sys.argv[1]), sys.argv[2]


async def pump(source, target):
    async for message in source:
        await target.send(message)


async def call(client: ServerConnection) -> None:
    async with connect(UPSTREAM, compression=None, max_size=None) as provider:
        up = asyncio.create_task(pump(client, provider))
        down = asyncio.create_task(pump(provider, client))
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        down.cancel()


async def main() -> None:
    async with serve(call, "127.0.0.1", LISTEN, compression=None, max_size=None, backlog=2_000):
        await asyncio.Future()


uvloop.run(main())
