"""Both twins of the short way at work on real protocols, with reads cut exactly where a test says."""

import asyncio
import base64
import hashlib
import itertools
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import aiofastnet
from msgspec import Struct
from picows import WSFrame, WSMsgType, WSTransport, WSUpgradeRequest
from picows import WSUpgradeResponse as Response
from picows import WSUpgradeResponseWithListener as Answer
from websockets.frames import Frame, Opcode

from realtime_switch.dialects import gemini, gpt_live, openai
from realtime_switch.dialects.dialect import ToClient, ToProvider
from realtime_switch.gateway.sockets import BINARY, TEXT, WSProtocol, client_side, frame_head, server_side
from realtime_switch.session.packed import unpack
from realtime_switch.session.passing import Passing
from realtime_switch.session.unheard import Keeps, Unheard
from realtime_switch.session.unread import Counted, Unread
from two_dialects import Call, OpenAICall


class ProviderSays(Struct, frozen=True):
    frames: bytes
    cuts: tuple[int, ...] = ()  # where one read ends and the next begins


class ClientSays(Struct, frozen=True):
    frames: bytes
    cuts: tuple[int, ...] = ()


class Set(Struct, frozen=True):
    """Something about the call changes between two reads."""

    name: str  # passes_from_provider, passes_from_client, line, provider, client
    on: bool


@dataclass
class Seen:
    to_client: bytes = b""
    to_provider: list[tuple[Any, ...]] = field(default_factory=list)  # unmasked: masks are random
    told: list[tuple[Any, ...]] = field(default_factory=list)
    counted: tuple[Any, ...] = ()
    passed: dict[str, tuple[int, int]] = field(default_factory=dict)


def encode(opcode: int, payload: bytes, *, masked: bool, fin: bool = True, rsv: bool = False) -> bytes:
    first, *rest = Frame(Opcode(opcode), payload, fin).serialize(mask=masked)
    return bytes((first | rsv << 6, *rest))


class Relayed(Passing):
    """As much of a session as the short way looks at, and what is done with frames that do not go it."""

    own_kind = TEXT

    def __init__(self) -> None:
        super().__init__()
        self.unread = Unread(openai)
        self.passes_from_provider = self.unread
        self.passes_from_client = openai.only_audio_from_client

    def hear(self, end: str, kind: WSMsgType, payload: bytes) -> list[tuple[str, WSMsgType, bytes]]:
        return [("client", kind, payload)] if end == "provider" else []

    def counted(self) -> tuple[Any, ...]:
        return self.unread.take_audio(), self.unread.take_words(), self.unread.take_parts()


class Timed(Relayed):
    """Of a provider that bills by time: the client's audio is counted until a second is full."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Counted(gpt_live.only_audio_from_client, gpt_live.measure)
        self.clock.begin(7_000)
        self.passes_from_client = self.clock

    def hear(self, end: str, kind: WSMsgType, payload: bytes) -> list[tuple[str, WSMsgType, bytes]]:
        if end == "client" and (self.clock(payload) or self.clock.fill(payload)):
            return [("provider", kind, payload)]
        return super().hear(end, kind, payload)

    def counted(self) -> tuple[Any, ...]:
        return (*super().counted(), list(self.clock.tally))


class Translated(Passing):
    def __init__(self, joined: OpenAICall | Call) -> None:
        super().__init__()
        self._lane = joined.lane
        self._client_side = joined.client_side
        self._unheard = Unheard(lambda: lambda payload: False)
        self.client = gemini if isinstance(joined, Call) else openai
        self.own_kind = BINARY if isinstance(joined, Call) else TEXT
        self.passes_from_provider = self._lane.passes_from_provider
        self.passes_from_client = Keeps(self._lane.passes_from_client, self._unheard)

    def hear(self, end: str, kind: WSMsgType, payload: bytes) -> list[tuple[str, WSMsgType, bytes]]:
        if end == "provider":
            hops = self._lane.from_provider(payload)
        elif (hops_of_audio := self._lane.audio_from_client(payload)) is not None:
            self._unheard.audio(payload)
            hops = hops_of_audio
        else:
            hops = self._lane.from_client(payload)
        to_client = [("client", self.own_kind, hop.payload) for hop in hops if isinstance(hop, ToClient)]
        return to_client + [("provider", TEXT, hop.payload) for hop in hops if isinstance(hop, ToProvider)]

    def counted(self) -> tuple[Any, ...]:
        items = getattr(self._client_side, "conversation", None)
        told = [(item.said, item.audio_bytes) for item in items.items.values()] if items else []
        return self._lane.catch_up(), told, list(map(unpack, self._unheard.kept))


_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3


def nothing(payload: bytes) -> bool:
    return False


def relayed() -> Relayed:
    return Relayed()


def _ends(ends: ModuleType, seen: Seen, session: Relayed | Translated) -> tuple[Any, Any]:
    """A call on these twins that follows the conductor in what the short way must get along with."""

    class Call(ends.ClientEnd):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.session = session
            self.own_kind = session.own_kind
            self.held = []
            self.line = None
            self.client_heard = False

        def on_ws_connected(self, transport: WSTransport) -> None:
            self.client = transport

        def on_message(self, kind: WSMsgType, payload: bytes) -> None:
            seen.told.append(("client", kind, payload))
            self.carry(session.hear("client", kind, payload))
            self.flush()

        def carry(self, said: list[tuple[str, WSMsgType, bytes]]) -> None:
            for end, kind, payload in said:
                if end == "provider" and self.provider_transport is not None:
                    self.provider_transport.send(kind, payload)
                elif end == "client" and self.client is not None:
                    self.held += (frame_head(kind, len(payload)), payload)

        def on_other_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            seen.told.append(("client", frame.msg_type, frame.fin, frame.get_payload_as_bytes()))
            if frame.msg_type.value < 8:
                self.in_pieces = not frame.fin

        def flush(self) -> None:
            held, self.held = self.held, []
            if held and self.client is not None:
                self.client.underlying_transport.write(b"".join(held))

    class Line(ends.ProviderEnd):  # type: ignore[misc, name-defined]
        def on_ws_connected(self, transport: WSTransport) -> None:
            self.call.line = self
            self.call.provider_transport = transport

        def on_message(self, kind: WSMsgType, payload: bytes, last: bool) -> None:
            call = self.call
            if call.line is not self:
                seen.told.append(("old provider", kind, payload))
            else:
                call.provider_heard = True
                passed = call.session.passes_from_provider(payload)
                if passed is False:
                    seen.told.append(("provider", kind, payload))
                    call.carry(session.hear("provider", kind, payload))
                else:
                    call.passed_from_provider += 1
                    call.passed_from_provider_bytes += len(payload)
                    if passed is not True:
                        call.unsent_from_provider += not passed
                        call.grown_to_client_bytes += len(passed) - len(payload)
                        kind, payload = session.own_kind, passed
                    call.carry([("client", kind, payload)] if payload else [])
            if last:
                self.call.flush()

        def on_other_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            seen.told.append(("provider", frame.msg_type, frame.fin, frame.get_payload_as_bytes()))
            if frame.msg_type.value < 8:
                self.in_pieces = not frame.fin
            if frame.last_in_buffer:
                self.call.flush()

    call = Call()
    return call, Line(call, 1)


async def play(
    ends: ModuleType,
    steps: list[Struct],
    *,
    reader: bool = True,
    early: bytes = b"",
    fresh: Callable[[], Relayed | Translated] = relayed,
) -> Seen:
    """`reader`: between socket and picows stands what the twin has there. `early`: frames of the provider
    that come in one read with its handshake. `fresh`: a session."""
    seen = Seen()
    session = fresh()
    passes = {name: getattr(session, name) for name in ("passes_from_provider", "passes_from_client")}
    call, line = _ends(ends, seen, session)
    client_at, client = await _client(call)
    provider_at, provider = await _open(
        WSProtocol(*client_side("h", "/", [], line, message_bytes_max=1 << 20, buffer_bytes=1 << 14))
    )
    client_reads = ends.reader(client_at, call, 1 << 20) if reader else client_at
    provider_reads = ends.reader(provider_at, line, 1 << 20) if reader else provider_at
    await _shake_hands(provider_at, provider, provider_reads, early)
    try:
        client_transport, provider_transport = call.client, call.provider_transport
        for step in steps:
            match step:
                case ProviderSays(frames, cuts):
                    _read(provider_reads, frames, cuts)
                case ClientSays(frames, cuts):
                    _read(client_reads, frames, cuts)
                case Set("line", on):
                    call.line = line if on else None
                case Set("client", on):
                    call.client = client_transport if on else None
                case Set("provider", on):
                    call.provider_transport = provider_transport if on else None
                case Set(name, on):
                    setattr(session, name, passes[name] if on else nothing)
            seen.to_client += await _written(client_at, client)
            seen.to_provider += _parse(await _written(provider_at, provider))
        seen.counted = (*session.counted(), call.provider_heard, call.client_heard)
        seen.passed = {
            "from_client": (call.passed_from_client, call.passed_from_client_bytes),
            "from_provider": (call.passed_from_provider, call.passed_from_provider_bytes),
            "unsent": call.unsent_from_provider,
            "grown": (call.grown_to_client_bytes, call.grown_to_provider_bytes),
        }
    finally:
        for protocol, end in ((client_at, client), (provider_at, provider)):
            protocol.transport.underlying_transport.abort()
            end.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return seen


@asynccontextmanager
async def reading_client(ends: ModuleType) -> AsyncIterator[Callable[[bytes], None]]:
    """What a client is read with, on these twins. What it says goes to nobody, and is not kept."""
    call, _ = _ends(ends, Seen(), relayed())
    call.on_message = lambda kind, payload: None
    protocol, end = await _client(call)
    reads = ends.reader(protocol, call, 1 << 20)
    try:
        yield lambda stream: _read(reads, stream, ())
    finally:
        protocol.transport.underlying_transport.abort()
        end.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def _read(protocol: Any, stream: bytes, cuts: tuple[int, ...]) -> None:
    """As if the socket had given this much at once."""
    edges = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    for start, end in itertools.pairwise(edges):
        while start < end:
            buffer = protocol.get_buffer(-1)
            size = min(len(buffer), end - start)
            buffer[:size] = stream[start : start + size]
            start += size
            protocol.buffer_updated(size)


async def _written(protocol: Any, end: socket.socket) -> bytes:
    written = b""
    while True:
        try:
            written += end.recv(1 << 20)
        except BlockingIOError:
            if not protocol.transport.underlying_transport.get_write_buffer_size():
                return written
            await asyncio.sleep(0)


def _parse(stream: bytes) -> list[tuple[Any, ...]]:
    """A provider's view: whole frames, whatever they were masked with."""
    found = []
    while stream:
        head, length = 2, stream[1] & 0x7F
        if length >= 126:
            size = 2 if length == 126 else 8
            head, length = 2 + size, int.from_bytes(stream[2 : 2 + size], "big")
        mask = stream[head : head + 4] * (length // 4 + 1)
        payload = stream[head + 4 : head + 4 + length]
        number = int.from_bytes(payload, "big") ^ int.from_bytes(mask[:length], "big")
        found.append((stream[0], stream[1] >> 7, number.to_bytes(length, "big")))
        stream = stream[head + 4 + length :]
    return found


class _NoTcp(socket.socket):
    """One end of a pair; picows asks it for options of TCP."""

    def setsockopt(self, *option: Any) -> None:
        if option[0] != socket.IPPROTO_TCP:
            super().setsockopt(*option)

    def getsockopt(self, *option: Any) -> Any:
        return 1 if option[0] == socket.IPPROTO_TCP else super().getsockopt(*option)


async def _open(protocol: Any) -> tuple[Any, socket.socket]:
    ours, theirs = (_NoTcp(fileno=end.detach()) for end in socket.socketpair())
    theirs.setblocking(False)
    await aiofastnet.create_connection(asyncio.get_running_loop(), lambda: protocol, sock=ours)
    return protocol, theirs


async def _client(call: Any) -> tuple[Any, socket.socket]:
    def answer(request: WSUpgradeRequest) -> Answer:
        return Answer(Response.create_101_response(()), call)

    protocol, end = await _open(
        WSProtocol(*server_side(answer, message_bytes_max=1 << 20, buffer_bytes=1 << 14))
    )
    key = base64.b64encode(bytes(16)).decode()
    request = (
        "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )
    _read(protocol, request.encode(), ())
    assert (await _written(protocol, end)).startswith(b"HTTP/1.1 101")
    return protocol, end


async def _shake_hands(protocol: Any, end: socket.socket, reads: Any, early: bytes) -> None:
    request = await _written(protocol, end)
    key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(b"\r")[0]
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC).digest()).decode()
    response = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    _read(reads, response.encode() + early, (9,))
