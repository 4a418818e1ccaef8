"""One connection: a conversation, its socket and its clock, and the faults that were asked for.

The conversation decides everything and waits for nothing; here is all the waiting. Whatever a call began
(timers, questions to voice and ears) ends with its socket.
"""

import asyncio
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable

import msgspec
import structlog
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from realtime_switch.local.door import MESSAGE_BYTES_MAX
from realtime_switch.local.ears import Ears
from realtime_switch.local.faults import OVERSIZE_BYTES, Faults
from realtime_switch.local.orders import Conversation, End, Listen, Order, Send, Speak
from realtime_switch.local.script import Reading
from realtime_switch.local.thought import Tokens
from realtime_switch.local.voice import Voice
from realtime_switch.local.wire import Wire

log = structlog.get_logger()

# 2.5 of OPENAI-REALTIME.md: about every 20 s, four bytes.
PING_EVERY_S = 20.0
# How long a client may take to answer a close before its connection is aborted.
_CLOSE_WITHIN_S = 2.0
_MESSAGE_TOO_BIG, _INTERNAL_ERROR = 1009, 1011


class Stats(msgspec.Struct):
    """Since the start, as GET /stats answers; tokens are those of bills that were written to a socket."""

    connections: int = 0
    responses: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    session_ms: int = 0  # of GPT-Live's sessions

    def count(self, bill: Tokens) -> None:
        self.responses += 1
        self.input_tokens += bill.input
        self.output_tokens += bill.output


class Call(WSListener):
    def __init__(
        self,
        conversation: Conversation,
        *,
        wire: Wire,
        voice: Voice,
        ears: Ears,
        reading: Reading,
        faults: Faults,
        stats: Stats,
        calls: set["Call"],
    ) -> None:
        self._conversation = conversation
        self._wire = wire
        self._voice = voice
        self._ears = ears
        self._reading = reading
        self._faults = faults
        self._stats = stats
        self._calls = calls
        self._transport: WSTransport | None = None
        self._sent_count = 0
        self._mute = faults.silent
        self._closing = False
        self._slow: deque[Send | End] = deque()
        self._behind = False
        self._pieces = bytearray()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # What picows tells.

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport
        self._calls.add(self)
        self._stats.connections += 1
        if self._wire.pings:
            self._after(PING_EVERY_S, self._ping)
        self._do(self._conversation.begin)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        match frame.msg_type:
            case WSMsgType.TEXT | WSMsgType.BINARY | WSMsgType.CONTINUATION:
                self._pieces += frame.get_payload_as_memoryview()
                if len(self._pieces) > MESSAGE_BYTES_MAX:
                    self.end(_MESSAGE_TOO_BIG, "message too big")
                elif frame.fin:
                    message, self._pieces = bytes(self._pieces), bytearray()
                    if not self._mute:
                        self._do(lambda: self._conversation.receive(message))
            case WSMsgType.CLOSE:
                if not self._closing:
                    transport.send(WSMsgType.CLOSE, frame.get_payload_as_bytes())
                transport.disconnect()
            case _:
                pass  # picows answers pings

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._transport = None
        self._calls.discard(self)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in self._tasks:
            task.cancel()
        self._slow.clear()
        self._conversation.gone()

    def pause_writing(self) -> None:
        self._behind = True

    def resume_writing(self) -> None:
        self._behind = False
        self._arm()

    # What the provider asks.

    def end(self, code: int, reason: str) -> None:
        if self._transport is None or self._closing:
            return
        self._closing = self._mute = True
        # Not send_close: picows' enum has no codes above 1014.
        self._transport.send(WSMsgType.CLOSE, code.to_bytes(2, "big") + reason.encode()[:123])
        # The socket ends when the client has answered; ending it now could lose it what was sent last.
        self._after(_CLOSE_WITHIN_S, self.abort)

    def strike(self, faults: Faults) -> None:
        """These it meets from now on, and events and seconds are counted from here."""
        self._faults = faults.counted_from(self._sent_count)
        self._mute |= faults.silent
        self._do(lambda: self._live_on(faults))
        if not self._mute and self._transport is not None:
            self._fails()

    def _live_on(self, faults: Faults) -> list[Order]:
        self._conversation.live_on(faults)
        return []

    async def gone(self) -> None:
        if self._transport is not None:
            await self._transport.wait_disconnected()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.underlying_transport.abort()

    # The conversation and its orders.

    def _do(self, step: Callable[[], Iterable[Order]]) -> None:
        if self._transport is None:
            return
        try:
            orders = step()
        except Exception as error:
            self._failed(error)
            return
        for order in orders:
            match order:
                case Send() | End():
                    self._put(order)
                case Listen() | Speak():
                    self._begin(order)
        self._arm()

    async def _listen(self, order: Listen) -> None:
        words = self._reading.hear()
        if words is None:
            words = await self._ears.hear(order.pcm, order.rate_hz)
        self._do(lambda: self._conversation.heard(order.key, words))

    async def _speak(self, order: Speak) -> None:
        pcm = await self._voice.say(order.text, voice=order.voice, speed=order.speed, rate_hz=order.rate_hz)
        self._do(lambda: self._conversation.voiced(order.key, pcm))

    def _begin(self, order: Listen | Speak) -> None:
        task = asyncio.get_running_loop().create_task(self._run(order))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, order: Listen | Speak) -> None:
        try:
            # Made only here: a task that is cancelled before its first step never comes so far.
            await (self._listen(order) if isinstance(order, Listen) else self._speak(order))
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        """A mistake of ours: where it happened is for the log, and its words, which may be a user's, for
        nobody.
        """
        where = traceback.extract_tb(error.__traceback__)[-1]
        log.error("local.call_failed", error=type(error).__name__, file=where.filename, line=where.lineno)
        self.end(_INTERNAL_ERROR, self._wire.sorry)

    # Time.

    def _after(self, delay_s: float, then: Callable[[], None]) -> None:
        """One timer for each thing that is waited for; the latest wish counts."""
        name = then.__name__
        if (earlier := self._timers.pop(name, None)) is not None:
            earlier.cancel()
        self._timers[name] = asyncio.get_running_loop().call_later(max(delay_s, 0), then)

    def _arm(self) -> None:
        due_us = self._conversation.due_us
        if self._transport is not None and due_us is not None:
            self._after((due_us - now_us()) / 1e6, self._tick)

    def _tick(self) -> None:
        # Who is behind gets no more to be behind with: replies wait, and stay interruptible. What made it
        # wait arms again when it is over.
        if not (self._behind or self._slow or self._mute):
            self._do(self._conversation.tick)

    def _ping(self) -> None:
        if self._transport is not None:
            self._transport.send_ping(b"ping")
            self._after(PING_EVERY_S, self._ping)

    # What leaves, and what does not.

    def _put(self, order: Send | End) -> None:
        if self._faults.slow_ms:
            self._slow.append(order)
            if len(self._slow) == 1:
                self._after(self._faults.slow_ms / 1000, self._next_slow)
        else:
            self._leave(order)

    def _next_slow(self) -> None:
        if self._slow:
            self._leave(self._slow.popleft())
        if self._slow:
            self._after(self._faults.slow_ms / 1000, self._next_slow)
        else:
            self._arm()

    def _leave(self, order: Send | End) -> None:
        if self._mute or self._transport is None:
            return
        if isinstance(order, End):
            self.end(order.code, order.reason)
        elif not self._fails():
            self._write(msgspec.json.encode(order.event))
            if order.bill is not None:
                self._stats.count(order.bill)
            self._stats.session_ms += order.time_ms

    def _write(self, message: bytes | str) -> None:
        if self._transport is not None:
            self._sent_count += 1
            self._transport.send(WSMsgType.BINARY if self._wire.binary else WSMsgType.TEXT, message)

    def _fails(self) -> bool:
        """Does what the faults want in place of the event that is due; False where it may leave."""
        faults, sent = self._faults, self._sent_count
        if _due(faults.drop_after, sent) and self._transport is not None:
            # No close frame; an end of file and not a reset, so that what was sent arrives and the count is
            # exact.
            self._mute = self._closing = True
            self._transport.underlying_transport.write_eof()
            self._after(_CLOSE_WITHIN_S, self.abort)
        elif _due(faults.stall_after, sent):
            self._mute = True
        elif _due(faults.error_after, sent):
            self._fail_aloud()
        elif _due(faults.garbage_after, sent):
            self._write(self._wire.garbage)
        elif faults.oversize_after == sent:
            self._write(("A" * OVERSIZE_BYTES).join(self._wire.oversize))
            return False
        else:
            return False
        return True

    def _fail_aloud(self) -> None:
        for event in self._wire.alarm:
            self._write(msgspec.json.encode(event))
        self.end(_INTERNAL_ERROR, self._wire.sorry)


def now_us() -> int:
    return time.time_ns() // 1000


def _due(after: int | None, sent: int) -> bool:
    return after is not None and sent >= after
