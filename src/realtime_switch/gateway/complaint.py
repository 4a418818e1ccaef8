"""A client that is let in only to be told why it cannot stay: one error event, then a close it can read."""

import asyncio

from picows import WSFrame, WSListener, WSTransport

from ..dialects import openai
from .arrival import Complaint
from .conductor import CLOSING_S
from .ids import new_id
from .line import answer_close
from .sockets import CLOSE, TEXT


class Complained(WSListener):
    def __init__(self, complaint: Complaint, beta: bool) -> None:
        self._complaint = complaint
        self._beta = beta
        self._closing: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        said = self._complaint
        client_side = openai.ClientSide(new_id, self._beta)
        for payload in client_side.refuse(said.type, said.code, said.message, param=said.param or ""):
            transport.send(TEXT, payload)
        transport.send_close(said.close_code, f"{said.type}.{said.code}")  # type: ignore[arg-type]
        self._closing = asyncio.get_running_loop().call_later(CLOSING_S, transport.disconnect, False)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is CLOSE:
            answer_close(transport, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._closing is not None:
            self._closing.cancel()
