"""A relay on picows with nothing in it: what the gateway would cost without its features.

    python bare_relay.py PORT UPSTREAM [fast|loop]

The last word chooses whose transports carry TLS: aiofastnet's, or the loop's own. The provider's certificate is
trusted if SSL_CERT_FILE names it.
"""

import asyncio
import ssl
import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect, ws_create_server

LISTEN, UPSTREAM = int(sys.argv[1]), sys.argv[2]
FAST = sys.argv[3:] != ["loop"]
TLS = ssl.create_default_context() if UPSTREAM.startswith("wss") else None


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
        self._provider, _ = await ws_connect(
            lambda: Provider(client), UPSTREAM, ssl_context=TLS, use_aiofastnet=FAST
        )

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.TEXT and self._provider is not None:
            self._provider.send(WSMsgType.TEXT, frame.get_payload_as_bytes())
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._provider is not None:
            self._provider.disconnect(False)


async def main() -> None:
    server = await ws_create_server(
        lambda request: Client(), "127.0.0.1", LISTEN, use_aiofastnet=FAST, backlog=2_000
    )
    await server.serve_forever()


uvloop.run(main())
