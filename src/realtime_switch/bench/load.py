"""The two ends of every measured call, in one process: fake providers, and callers.

Both are picows', so a system between them cannot tell them from the real thing, and what they cost is the
same for all systems. One process, so that one clock tells how long a message was on its way.
"""

import asyncio
import ssl
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from time import perf_counter

from msgspec import Struct
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_connect, ws_create_server

from .mix import (
    APPENDS_PER_S,
    AUDIO_DELTA_BYTES_MIN,
    DELTAS_PER_S,
    GEMINI,
    GPT_LIVE,
    OPENAI,
    REPLY_BURSTS,
    Mix,
    said,
    silent,
)
from .pacing import Pacer

REPLY_APPENDS = REPLY_BURSTS * APPENDS_PER_S // DELTAS_PER_S
APPEND_BYTES_MIN = 1_000  # no other message of the load's own clients is as long
GREETED_WITHIN_S = 20.0
ARRIVED_S = 0.3  # until the first words have been answered
# Who speak one after the other are at moments of their replies that lie far apart, or the ends of two replies
# would always meet.
GOLDEN = 0.618_034
# So many sessions have their sound timed and their messages counted; the others' frames end where they are
# read, or the load would be the first that cannot follow.
TIMED_MAX = 100
MASK = b"\x37\xfa\x21\x3d"  # RFC 6455 5.7's own example


def frame(payload: bytes, *, binary: bool, masked: bool) -> bytes:
    """A whole frame, made once and sent often (RFC 6455 5.2)."""
    size = len(payload)
    lengths = (size,) if size < 126 else (126, *size.to_bytes(2, "big"))
    assert size < 0x10000
    head = bytes((0x80 | 1 + binary, lengths[0] | masked << 7, *lengths[1:]))
    if not masked:
        return head + payload
    key = int.from_bytes((MASK * (size // 4 + 1))[:size], "big")
    return head + MASK + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


def _framed(mix: Mix) -> list[bytes]:
    binary = mix.provider_is_binary
    return [b"".join(frame(payload, binary=binary, masked=False) for payload in burst) for burst in mix.reply]


# By their greeting, made once for all sessions: what all of them read stays near the processor.
_FRAMES = {mix.greeting: _framed(mix) for mix in (OPENAI, GEMINI, GPT_LIVE)}


class End(WSListener):
    """What both ends of a call keep."""

    transport: WSTransport

    def __init__(self) -> None:
        self.messages = 0  # heard
        self.sent_s: deque[float] = deque()  # when what is on its way was sent
        self.coming_s: deque[float] = deque()  # the other end's `sent_s`
        self.delays_s = array("d")

    def hush(self) -> None:
        """Nothing is done with what is heard: picows' own method is called instead of ours."""
        self.on_ws_frame = super().on_ws_frame  # type: ignore[method-assign]

    def hear_again(self) -> None:
        vars(self).pop("on_ws_frame", None)


class Provider(End):
    """A connection in a provider's place: greets, and answers each append with the next burst of a reply."""

    def __init__(self, mix: Mix, come: Callable[["Provider"], None]) -> None:
        super().__init__()
        self._mix = mix
        self._come = come
        self._kind = WSMsgType.BINARY if mix.provider_is_binary else WSMsgType.TEXT
        self._set_up = not mix.setup
        self._bursts = mix.bursts()
        self._frames = _FRAMES[mix.greeting]

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        if self._set_up:
            transport.send(self._kind, self._mix.greeting)
        self._come(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.messages += 1
        if frame.payload_size > APPEND_BYTES_MIN:
            if self.coming_s:
                self.delays_s.append(perf_counter() - self.coming_s.popleft())
            else:
                for payload in next(self._bursts):
                    transport.send(self._kind, payload)
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
        elif not self._set_up:
            self._set_up = True
            transport.send(self._kind, self._mix.greeting)
        elif self._mix.answer:
            transport.send(self._kind, self._mix.answer)

    def speaker(self, *, timed: bool, begins: float) -> Callable[[], None]:
        """Says the next burst, at the provider's own pace. All of it is written at once."""
        write, sent_s = self.transport.underlying_transport.write, self.sent_s
        frames = _from(self._frames, begins)

        def speak() -> None:
            write(next(frames))

        def speak_timed() -> None:
            sent_s.append(perf_counter())
            write(next(frames))

        return speak_timed if timed else speak


class Caller(End):
    """A client. In a closed loop it sends 20 ms of sound for each audio delta that it gets."""

    def __init__(self, append: bytes) -> None:
        super().__init__()
        self.append = append
        self._silence = silent(append)
        self._said = cycle(said(append, self._silence, REPLY_BURSTS))
        self.talking = False
        self.greeted: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.messages += 1
        if frame.payload_size > AUDIO_DELTA_BYTES_MIN:
            if self.coming_s:
                self.delays_s.append(perf_counter() - self.coming_s.popleft())
            elif self.talking:
                self.messages += 1
                transport.send(WSMsgType.TEXT, next(self._said))
        elif frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
        elif not self.greeted.done():
            self.greeted.set_result(perf_counter())

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(ConnectionError("the call was ended before it was greeted"))

    def speak(self) -> None:
        self.transport.send(WSMsgType.TEXT, next(self._said))

    def speaker(self, *, timed: bool, begins: float) -> Callable[[], None]:
        """Says 20 ms of sound, or of silence."""
        write, sent_s = self.transport.underlying_transport.write, self.sent_s
        spoken, silence = (frame(one, binary=False, masked=True) for one in (self.append, self._silence))
        frames = _from(said(spoken, silence, REPLY_APPENDS), begins)

        def speak() -> None:
            write(next(frames))

        def speak_timed() -> None:
            sent_s.append(perf_counter())
            write(next(frames))

        return speak_timed if timed else speak


def _from(frames: list[bytes], begins: float) -> Iterator[bytes]:
    """For ever, from that part of a reply on."""
    at = int(len(frames) * begins)
    return cycle(frames[at:] + frames[:at])


class Ends(Struct):
    """Both ends of one call, which know each other: what one sends, the other expects."""

    caller: Caller
    provider: Provider

    def expect(self) -> None:
        """From now on both speak at their own pace, and how long each sound was on its way is kept."""
        self.caller.coming_s, self.provider.coming_s = self.provider.sent_s, self.caller.sent_s


class Providers:
    """The fake providers' ports: of each dialect, and OpenAI's with TLS."""

    def __init__(self) -> None:
        self._expected: asyncio.Future[Provider] | None = None
        self._servers: list[asyncio.Server] = []
        self.openai = self.gemini = self.gpt_live = self.openai_tls = 0

    async def open(self, certificate: tuple[str, str] | None = None) -> None:
        """`certificate`: the files of one for 127.0.0.1, and of its key."""
        self.openai = await self._serve(OPENAI, None)
        self.gemini = await self._serve(GEMINI, None)
        self.gpt_live = await self._serve(GPT_LIVE, None)
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
            self.openai_tls = await self._serve(OPENAI, context)

    def expected(self) -> asyncio.Future[Provider]:
        """The next connection that comes."""
        self._expected = asyncio.get_running_loop().create_future()
        return self._expected

    def close(self) -> None:
        for server in self._servers:
            server.close()

    async def _serve(self, mix: Mix, tls: ssl.SSLContext | None) -> int:
        def listener(request: WSUpgradeRequest) -> Provider:
            return Provider(mix, self._come)

        server = await ws_create_server(listener, "127.0.0.1", 0, ssl=tls, backlog=2_000)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def _come(self, provider: Provider) -> None:
        if self._expected is not None and not self._expected.done():
            self._expected.set_result(provider)


class Way(Struct, frozen=True):
    """How a client gets in."""

    url: str
    headers: dict[str, str] = {}
    mix: Mix = OPENAI
    tls: ssl.SSLContext | None = None

    async def call(self, append: bytes) -> Caller:
        transport, caller = await ws_connect(
            partial(Caller, append),
            self.url,
            extra_headers=self.headers,
            ssl_context=self.tls,
            websocket_handshake_timeout=GREETED_WITHIN_S,
        )
        assert isinstance(caller, Caller)
        if self.mix.setup:
            transport.send(WSMsgType.TEXT, self.mix.setup)
        async with asyncio.timeout(GREETED_WITHIN_S):
            await caller.greeted
        return caller

    def appends(self) -> Iterator[bytes]:
        """What one caller after another says: all spellings in turn."""
        while True:
            yield from self.mix.appends


async def several(way: Way, providers: Providers, number: int) -> list[Ends]:
    """Calls, one after the other, so that it is known who talks to whom."""
    found: list[Ends] = []
    appends = way.appends()
    for _ in range(number):
        coming = providers.expected()
        caller = await way.call(next(appends))
        if not coming.done():
            # Where dialects differ, a provider is dialled when the client has said something.
            caller.transport.send(WSMsgType.TEXT, caller.append)
        async with asyncio.timeout(GREETED_WITHIN_S):
            found.append(Ends(caller, await coming))
    await asyncio.sleep(ARRIVED_S)
    return found


def talk(calls: list[Ends]) -> tuple[list[Ends], tuple[Pacer, Pacer]]:
    """Both ways of all calls at the pace of real ones, each at another moment of its reply: else all bills
    would come at once. Which of them are timed: some, evenly spread."""
    every = -(-len(calls) // TIMED_MAX)
    up, down = [], []
    for number, call in enumerate(calls):
        timed = number % every == 0
        if timed:
            call.expect()
        else:
            call.caller.hush()
            call.provider.hush()
        begins = number * GOLDEN % 1.0
        up.append(call.caller.speaker(timed=timed, begins=begins))
        down.append(call.provider.speaker(timed=timed, begins=begins))
    return calls[::every], (Pacer(1 / APPENDS_PER_S, up), Pacer(1 / DELTAS_PER_S, down))
