"""One call: its sockets, its timers, and nothing to decide.

Here are the client's socket and the steps that the session orders; lines.py has the connections to
providers, pulse.py the pings, backpressure.py who is not read for now, caps.py what a call may take,
goodbye.py the close that its client is told, tally.py what is counted. Only they do I/O for a call. A frame
goes socket, session, socket in one plain call: no queue, no task, no await, no copy but the socket's own.
What the session answers instead of PASS is carried out here step by step.

A message that comes in fragments is put together first: only a whole one can be
proven harmless or be read, and RFC 6455 5.4 lets an intermediary change the
fragments. Text stays text and binary binary.

Everything of a call ends with it (A19): `_end` is the one way out, whoever
wanted it, and what outlives it is only the closing handshake, for a bounded time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog
from msgspec.structs import replace
from picows import WSCloseCode, WSFrame, WSMsgType, WSProtocolError, WSTransport
from structlog.typing import FilteringBoundLogger

from ..accounts.errors import ErrorCode, RealtimeSwitchError, StorageError
from ..accounts.records import Refusal
from ..dialects.dialect import ToClient, ToProvider
from ..outbox.rows import Kept
from ..session import limits
from ..session.session import Session
from ..session.steps import (
    PASS,
    Ask,
    AskCredits,
    CloseClient,
    Dial,
    DialBeside,
    End,
    GoOver,
    HangUp,
    Keep,
    LeaveBeside,
    Note,
    Steps,
    ToBeside,
    Wake,
)
from .backpressure import Backpressure
from .books import AskWho, Books, OpenLine, Who
from .caps import NO_CAPS, Caps, CapWatch
from .closing import answer_close
from .ending import BROKE_THE_PROTOCOL, STOPPING
from .fragments import Fragments
from .goodbye import Goodbye
from .ids import now_us
from .line import Line
from .lines import Lines, cancel
from .pulse import Pulse
from .short_way import ClientEnd
from .sockets import CLOSE, PING, PONG, TEXT, bound_reading, frame_head
from .tally import Tally
from .watcher import Watcher

if TYPE_CHECKING:
    from .call_trace import CallTrace

_log = structlog.get_logger("gateway.call")

# The loop's timers have whole milliseconds and may ring too early by one and a half. Then nothing is due, and
# the call would be woken in each turn of the loop until something is.
LATE_S = 0.002

Work = Callable[[], Awaitable[None]]


class Conductor(ClientEnd):
    """Listens to the client; the provider is listened to by a Line. Nearly every frame passes both by."""

    # What few calls have, or none yet: more than 30 attributes CPython 3.11 keeps in a dict of three
    # times the size.
    trace: "CallTrace | None" = None  # where calls are traced
    _credits: asyncio.Task[None] | None = None

    def __init__(
        self,
        who: Who,
        session: Session,
        books: Books,
        ask_who: AskWho,
        open_line: OpenLine,
        idle_s: float,
        own_kind: WSMsgType = TEXT,
        caps: Caps = NO_CAPS,
    ) -> None:
        """`own_kind`: how frames that we make travel to this client."""
        self.who = who
        self.account_id = ""
        self.provider = ""  # where the call is, or is going
        self.provider_heard = False
        self.more_comes = False  # after the provider's message that is being read, in the same read
        self.line: Line | None = None  # the provider connection of the present
        self.held: list[bytes] = []  # frames for the client that go out together with the next
        self.watchers: list[Watcher] = []  # who hears it beside its client
        self.session = session
        self.lines = Lines(self, open_line)
        self.pulse = Pulse(self, idle_s)
        self.backpressure = Backpressure(self)
        self.tally = Tally(self, books)
        session.on_live = self.tally.live
        session.on_answer = self.tally.answered
        self._seen = self.tally.seen
        self._books = books
        self._ask_who = ask_who
        self.own_kind = own_kind
        self._loop = asyncio.get_running_loop()
        self.pings = 0  # since somebody looked
        self._cap_watch = CapWatch(self, caps)
        self._goodbye = Goodbye(self, books)
        self._left_with = (1006, "")  # how the client closed; 1006: without a word (RFC 6455 7.1.5)
        self.since_s = now_us() // 1_000_000
        self.client: WSTransport | None = None
        self.provider_transport: WSTransport | None = None
        self._to_provider: Callable[[WSMsgType, bytes], None] = _to_nobody
        self._fragments = Fragments(limits.MESSAGE_BYTES_MAX)
        self.ended = False
        self._gone: asyncio.Future[None] = self._loop.create_future()  # the client's socket is closed
        self._over: asyncio.Future[None] = self._loop.create_future()  # nothing is heard of it any more
        self.client_heard = True
        self._asking: asyncio.Task[None] | None = None  # who this is
        self._wake: asyncio.TimerHandle | None = None

    @property
    def _log(self) -> FilteringBoundLogger:
        account = {"account": self.account_id} if self.account_id else {}
        return _log.bind(session=self.who.session_id, **account)  # type: ignore[no-any-return]

    # -- The client's socket --------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.client = transport
        bound_reading(transport)
        transport.underlying_transport.set_write_buffer_limits(high=limits.SLOW_CLIENT_BYTES_MAX)
        self._books.begun(self)
        self.pulse.begin()
        self._cap_watch.begin()
        self._follow(self.session.begin())

    def on_other_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        self.pings += kind is PING or kind is PONG
        if kind is PING:
            if not self.backpressure.client_is_full:  # who does not read would have them pile up here
                transport.send_pong(frame.get_payload_as_bytes())
        elif kind is CLOSE:
            answer_close(transport, frame)
            # 1005: without a code (RFC 6455 7.1.5). Its reason is the client's, and not for the log.
            code = int.from_bytes(frame.get_payload_as_bytes()[:2], "big")
            self._left_with = (code or 1005, "")
            self._client_left()
        elif kind is not PONG:
            whole = self._fragments.add(kind, frame)
            self.in_pieces = self._fragments.open
            if whole is not None:
                self.on_message(*whole)

    def watch(self, watcher: Watcher) -> None:
        """Somebody hears the call beside its client, so its frames go the long way."""
        self.watchers.append(watcher)
        self.session.watched()

    def unwatch(self, watcher: Watcher) -> None:
        if watcher in self.watchers:
            self.watchers.remove(watcher)
            if not self.watchers:
                self.session.unwatched()

    def on_message(self, kind: WSMsgType, payload: bytes) -> None:
        if kind is TEXT and not payload.isascii():
            _check_text(payload)
        for watcher in self.watchers:
            watcher.client_said(payload)
        answer = self.session.from_client(payload)
        if answer is PASS:
            self.passed_from_client += 1
            self.passed_from_client_bytes += len(payload)
            self._to_provider(kind, payload)
            return
        self._seen.read_from_client += 1
        self._seen.read_from_client_bytes += len(payload)
        if answer:
            self._follow(answer, payload, kind)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        ours = transport.close_handshake and transport.close_handshake.sent
        if ours and not self.session.is_over:  # picows closed it: what came was no WebSocket's
            self._left_with = (ours.code.value, BROKE_THE_PROTOCOL)
        self._client_left()
        self._goodbye.client_gone()
        self._gone.set_result(None)

    def _client_left(self) -> None:
        if not self.ended:
            self._follow(self.session.client_left())

    def pause_writing(self) -> None:
        self.backpressure.client_full()

    def resume_writing(self) -> None:
        self.backpressure.client_ready()

    # -- The provider's socket ------------------------------------------------------------------------------

    def provider_opened(self, line: Line, transport: WSTransport) -> None:
        if self.ended or not self.session.expects(line.generation):
            transport.disconnect(False)
            return
        self.lines.opened(line, transport)
        self._follow(self.session.provider_opened(line.generation))

    def take(self, line: Line, transport: WSTransport) -> None:
        self.line = line
        self.provider_transport = transport
        self._to_provider = transport.send
        self.provider_heard = True
        self.pulse.provider_taken()
        self.backpressure.read_provider()

    def leave_provider(self) -> WSTransport | None:
        """Who is no longer the present one; nobody is."""
        provider, self.provider_transport = self.provider_transport, None
        self.line = None
        self._to_provider = _to_nobody
        self.backpressure.read_client(True)
        return provider

    def from_provider(self, generation: int, kind: WSMsgType, payload: bytes) -> None:
        self.provider_heard = True
        answer = self.session.from_provider(generation, payload)
        if answer is PASS:
            self.passed_from_provider += 1
            self.passed_from_provider_bytes += len(payload)
            self._send_client(kind, payload)
            return
        self._seen.read_from_provider += 1
        self._seen.read_from_provider_bytes += len(payload)
        if answer:
            self._follow(answer, payload, kind)

    def provider_lost(self, generation: int, told: str, hopeless: bool = False) -> None:
        if self._lose(generation, told):
            self._follow(self.session.provider_lost(generation, hopeless))

    def provider_closed(self, generation: int, code: int, reason: str) -> None:
        """It hung up, and said so."""
        if self._lose(generation, f"{code} {reason}".strip()):
            self._follow(self.session.provider_closed(generation, code, reason))

    def _lose(self, generation: int, told: str) -> bool:
        if self.ended or not self.session.expects(generation):
            return False
        if generation != self.session.generation:
            self._log.info("provider beside lost", told=told[:300])
            self.lines.let_go_beside()
            return True
        self.more_comes = False
        self.flush()
        if not self.session.is_over:
            self._log.info("provider lost", told=told[:300])
        self.lines.let_go_present()  # the call may go over to the one beside
        return True

    def provider_ponged(self, generation: int) -> None:
        self.provider_heard = True
        if generation == self.session.generation and (took_ms := self.pulse.provider_ponged()) is not None:
            self._follow(self.session.latency(took_ms))

    def provider_full(self, generation: int, full: bool) -> None:
        if generation == self.session.generation:
            self.backpressure.read_client(not full)

    # -- To the client --------------------------------------------------------------------------------------

    def _tell_client(self, kind: WSMsgType, payload: bytes) -> None:
        self._seen.told_client += 1
        self._seen.told_client_bytes += len(payload)
        self._send_client(kind, payload)

    def _send_client(self, kind: WSMsgType, payload: bytes) -> None:
        """Frames that a provider sent in one go are sent on in one go: a write costs more than all the rest
        of a frame's way. Nothing waits for what has not arrived yet."""
        assert self.client is not None
        for watcher in self.watchers:
            watcher.told(payload)
        if self.more_comes or self.held:
            self.held += (frame_head(kind, len(payload)), payload)
        else:
            self.client.send(kind, payload)

    def flush(self) -> None:
        if self.held:
            held, self.held = self.held, []
            assert self.client is not None
            if not self.client.is_disconnected:
                self.client.underlying_transport.write(b"".join(held))

    def _tell_provider(self, kind: WSMsgType, payload: bytes) -> None:
        self._seen.told_provider += 1
        self._seen.told_provider_bytes += len(payload)
        self._to_provider(kind, payload)

    # -- Steps ----------------------------------------------------------------------------------------------

    def _follow(self, steps: Steps, original: bytes = b"", kind: WSMsgType = TEXT) -> None:
        """Carry out the session's answer, in order. The message that is answered keeps its kind; what the
        session says itself travels as the client's dialect has it, and as text to a provider."""
        kept = False
        for step in steps:
            # Nearly always one of three. A match asks each class by `isinstance`, which is slow to say no.
            if type(step) is ToClient:
                self._tell_client(kind if step.payload is original else self.own_kind, step.payload)
                continue
            if type(step) is Keep:
                # All of one answer's at its first: the words of a turn and its bill are one commit.
                if not kept and not self._keep([step.record for step in steps if type(step) is Keep]):
                    return
                kept = True
                continue
            if type(step) is Wake:
                _cancel(self._wake)
                self._wake = self._loop.call_later(step.after_s + LATE_S, self._on_wake)
                continue
            match step:
                case ToProvider(payload):
                    self._tell_provider(kind if payload is original else TEXT, payload)
                case Ask(session_id):
                    self._asking = self.start(partial(self._come_in, session_id))
                case Dial():
                    self.lines.dial(step)
                    self.provider = step.target.provider
                case DialBeside():
                    self.lines.dial_beside(step)
                case ToBeside(payload):
                    self.lines.tell_beside(payload)
                case GoOver():
                    self.lines.go_over()
                    assert self.session.target is not None
                    self.provider = self.session.target.provider
                case LeaveBeside():
                    self.lines.let_go_beside()
                case AskCredits():
                    if self._credits is None or self._credits.done():
                        self._credits = self.start(self._ask_credits)
                case Note(event, detail):
                    self._log.info(event, detail=detail)
                case HangUp():
                    if self.provider_transport is not None:
                        self.provider_transport.send_close(1000)  # type: ignore[arg-type]
                case CloseClient(end):
                    self.backpressure.client_ready()  # nothing waits for it any more
                    self._goodbye.say(end)
                case End():
                    self._end(step)
        if kept and not self.ended:
            self._cap_watch.look_at_tokens()

    def _keep(self, records: list[Kept]) -> bool:
        """False: a bill could not be kept. Then the frame that carries it does not go on: who gets it for
        nothing once would get it for nothing again. The call ends by name."""
        self.tally.kept(records)
        try:
            self._books.keep(self, *records)
        except StorageError as error:
            self._log.error("bill not kept", code=error.code, reason=error.message)
            self.end(error.code, "The gateway cannot write bills at the moment. Try again shortly.")
            if not self.ended:  # the steps that are broken off here were the call's last
                self._end(self.session.ending(error.code))
            return False
        return True

    def switch(self, target: str) -> str | None:
        """Somebody wants the call to be with another target. Why it cannot; None: it goes there."""
        answer = self.session.switch(target)
        if isinstance(answer, str):
            return answer
        self._follow(answer)
        return None

    def purse_changed(self) -> None:
        if not self.ended:
            self._follow(self.session.purse_changed())

    def cap_near(self, what: str, left: int) -> None:
        if not self.ended:
            self._follow(self.session.cap_near(what, left))

    def cap(self, told: str) -> None:
        if not self.ended:
            self._follow(self.session.cap(ErrorCode.EXTERNAL_CALL_CAPPED, told))

    def end(self, code: ErrorCode, message: str) -> None:
        if not self.ended:
            self._follow(self.session.end(code, message))

    def stop(self) -> asyncio.Future[tuple[None, None]]:
        """The process goes; 1001 makes SDKs connect again (CLIENTS-OPENAI.md 1).
        Done once the socket is gone, and the provider heard to the end."""
        if not self.ended:
            self._follow(self.session.stop(End(1001, STOPPING)))
        return asyncio.gather(self._gone, self._over)

    def part(self, within_s: float) -> asyncio.Future[tuple[None, None]]:
        """The process is to go: as `stop`, but at a moment that suits, which may not come in time."""
        if not self.ended:
            self._follow(self.session.part(End(1001, STOPPING), round(within_s * 1000)))
        return asyncio.gather(self._gone, self._over)

    async def _come_in(self, session_id: str) -> None:
        if session_id:
            self.who = replace(self.who, session_id=session_id, is_new=False)
        answer = await self._ask_who(self)
        self._asking = None
        if self.ended:
            return
        if isinstance(answer, Refusal):
            self._follow(self.session.refused(answer))
            return
        self.account_id = answer.account_id
        self._follow(self.session.granted(answer, self._books.granted(self, answer)))

    async def _ask_credits(self) -> None:
        try:
            credits = await self._books.service.get_credits(self.account_id)
        except RealtimeSwitchError as error:
            self._log.info("credits not known", code=error.code)
            return
        self._books.credits_read(self, credits)

    def start(self, work: Work) -> asyncio.Task[None]:
        return self._loop.create_task(self._guard(work))

    async def _guard(self, work: Work) -> None:
        """A defect of ours ends the call and is said aloud; it must not leave a call that hangs."""
        try:
            await work()
        except Exception:
            self._log.exception("a call's task failed")
            self.end(ErrorCode.INTERNAL_UNEXPECTED, "Something went wrong in the gateway.")

    def _on_wake(self) -> None:
        self._wake = None
        self._follow(self.session.woke())

    # -- For whoever counts what it says (rates.py) ---------------------------------------------------------

    @property
    def key_hash(self) -> str:
        return self.who.key_hash

    def heard_since(self) -> tuple[int, int]:
        return self.tally.heard_since()

    # -- Letting go -----------------------------------------------------------------------------------------

    def _end(self, end: End) -> None:
        self.ended = True
        for watcher in list(self.watchers):  # it takes itself off
            watcher.over()
        self.lines.let_go()
        cancel(self._asking)
        cancel(self._credits)
        self.pulse.end()
        self.backpressure.end()
        self._cap_watch.end()
        _cancel(self._wake)
        self.tally.ended(end, self._left_with, self._log)
        self._goodbye.say(end)
        self._over.set_result(None)


def _check_text(payload: bytes) -> None:
    """RFC 6455 8.1. A provider would hang up on it, and be taken to have failed."""
    try:
        payload.decode()
    except UnicodeDecodeError:
        raise WSProtocolError(WSCloseCode.INVALID_TEXT, "A text message is not UTF-8.") from None


def _to_nobody(kind: WSMsgType, payload: bytes) -> None:
    """Between two providers the session lets nothing pass, so this is never reached by a frame."""


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
