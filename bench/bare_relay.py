"""A relay on picows with nothing in it: what the gateway would cost without its features."""

import asyncio
import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect, ws_create_server

LISTEN, UPSTREAM = int(sys.argv[1]), sys.argv[2]


class Provider(WSListener):
    def __init__(self, client: WSTransport) -> None:
        self._client = client

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT:
            self._client.send(WSMsgType.TEXT, frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._client.disconnect(False)


class Client(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        self._provider: WSTransport | None = None
        self._dialling = asyncio.get_running_loop().create_task(self._dial(transport))

    async def _dial(self, client: WSTransport) -> None:
        self._provider, _ = await ws_connect(lambda: Provider(client), UPSTREAM)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT and self._provider is not None:
            self._provider.send(WSMsgType.TEXT, frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._provider is not None:
            self._provider.disconnect(False)


async def main() -> None:
    server = await ws_create_server(lambda request: Client(), "127.0.0.1", LISTEN)
    await server.serve_forever()


uvloop.run(main())
