"""The relay everybody writes second: two tasks a call on aiohttp. What we compare with."""

import asyncio
import sys

import uvloop
from aiohttp import ClientSession, WSMsgType, web

LISTEN, UPSTREAM = int(sys.argv[1]), sys.argv[2]


async def pump(source, target):
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await target.send_bytes(message.data)


async def call(request: web.Request) -> web.WebSocketResponse:
    client = web.WebSocketResponse(compress=False, max_msg_size=0)
    await client.prepare(request)
    async with request.app["session"].ws_connect(UPSTREAM, max_msg_size=0) as provider:
        up = asyncio.create_task(pump(client, provider))
        down = asyncio.create_task(pump(provider, client))
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        down.cancel()
    return client


async def main() -> None:
    app = web.Application()
    app.router.add_get("/", call)
    async with ClientSession() as session:
        app["session"] = session
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", LISTEN, backlog=2_000).start()
        await asyncio.Future()


uvloop.run(main())
