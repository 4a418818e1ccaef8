"""A client that is let in only to be told why it cannot stay: an event, where its dialect has one for that,
then a close it can read."""

import asyncio

from picows import WSFrame, WSListener, WSTransport

from ..dialects import gpt_live, openai
from ..dialects.dialect import Farewell, Hangup
from .arrival import Arrival, Complaint
from .closing import answer_close, close_client
from .ids import new_id
from .sockets import CLOSE, TEXT


def farewell(arrival: Arrival, said: Complaint) -> Farewell:
    """In the dialect's manner. Gemini has no error message: the close says all there is to say, and nothing
    else may be sent, for its SDKs fail on messages they do not know (GEMINI-LIVE.md 2, 9)."""
    if arrival.dialect == "gemini":
        return Farewell([], Hangup(said.close_code, said.message))
    if arrival.dialect == "gpt-live":
        frame = gpt_live.error(new_id, said.type, said.code, said.message, said.param or "")
        return Farewell([frame], Hangup(said.close_code, f"{said.type}.{said.code}"))
    client_side = openai.ClientSide(new_id, arrival.beta)
    frames = client_side.refuse(said.type, said.code, said.message, param=said.param or "")
    return Farewell(frames, Hangup(said.close_code, f"{said.type}.{said.code}"))


class Complained(WSListener):
    def __init__(self, farewell: Farewell) -> None:
        self._farewell = farewell
        self._closing: asyncio.TimerHandle | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        for payload in self._farewell.frames:
            transport.send(TEXT, payload)
        close = self._farewell.close
        self._closing = close_client(transport, close.code, close.reason)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is CLOSE:
            answer_close(transport, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if self._closing is not None:
            self._closing.cancel()
