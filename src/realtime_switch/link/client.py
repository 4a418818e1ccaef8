"""The gateway's end of the link: the six verbs, each with a deadline.

    AWAY --connected--> GREETING --welcomed--> UP
      ^------------ lost, refused -------------'       any --close--> CLOSED

ZeroMQ loses what it holds for a peer that dies, so it never holds anything
that matters: questions stay in `calls` until they are answered or expire, and
each time we are welcomed all of them are asked (again). That is safe because
every verb either reads or knows what it was told before by its id. So a
business process that restarts within the deadline is not noticed by anybody.
"""

import asyncio
import itertools
import random
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from typing import TypeVar

import structlog
import zmq

from ..accounts.errors import ConfigurationError, ErrorCode, LinkError, RealtimeSwitchError
from ..accounts.questions import Answer, Question
from ..accounts.records import Claim, Grant, Passage, Posted, Refusal, SavedConfig, Switched, UsageRecord
from . import envelope
from .calls import Call, Calls
from .connection import Connection
from .envelope import (
    Answered,
    AppendConversation,
    Ask,
    Claimed,
    Credits,
    Failure,
    GetCredits,
    Granted,
    Hello,
    Kept,
    Refused,
    Released,
    Reply,
    Request,
    SaveSession,
    Taken,
    Unreadable,
    UpdateUsage,
    UsagePosted,
    ValidateAndLoad,
    Welcome,
)
from .keys import Keys
from .place import find_place

_REDIAL_S_MIN = 0.05
_REDIAL_S_MAX = 1.0

_log = structlog.get_logger(part="link")

_Kind = TypeVar("_Kind")


class Phase(Enum):
    AWAY = auto()
    GREETING = auto()
    UP = auto()
    CLOSED = auto()


class LinkClient:
    """An AccountService in another process, for one event loop. It need not be there yet at `start`."""

    def __init__(
        self,
        address: str,
        *,
        timeout_ms: int = 5000,
        keys: Keys | None = None,
        changed: Callable[["LinkClient"], None] = lambda client: None,
        took: Callable[[float, str], None] = lambda seconds, verb: None,
        claims: Callable[[], Iterable[Claim]] = tuple,
        taken: Callable[[Claim], None] = lambda claim: None,
        traceparent: Callable[[], str] = str,
    ) -> None:
        """`changed` is called when the business process is there, and when it is lost; `took` with each
        answer. `claims` are told to each new connection; `taken` is called with one that another gateway
        has now; `traceparent` says whose trace a connect is part of."""
        self._place = find_place(address, keys)
        self._changed = changed
        self._took = took
        self._claims = claims
        self._taken = taken
        self._traceparent = traceparent
        self._timeout_ms = timeout_ms
        self._calls: Calls[asyncio.Future[Reply | RealtimeSwitchError]] = Calls(timeout_ms / 1000)
        self._ids = itertools.count(1)
        self._boot = secrets.token_hex(8)
        self._peer_boot = ""
        self._refusal = ""  # the last one that was logged: we are refused once a second, that is news once
        self._phase = Phase.CLOSED
        self._hello_id = 0
        self._unsaid: deque[bytes] = deque()  # what is told and not asked
        self._unsent: deque[int] = deque()  # of the calls, those that this connection has not been given
        self._redial_s = _REDIAL_S_MIN
        self._telling: asyncio.Handle | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._redial: asyncio.TimerHandle | None = None

    # -- Life -------------------------------------------------------------------------------------------

    async def start(self) -> None:
        self._place.prepare()
        self._loop = asyncio.get_running_loop()
        self._context = zmq.Context()
        self._dial()

    async def close(self) -> None:
        """Whoever still waits gets INTERNAL_LINK_CLOSED now (A3). May be called twice."""
        if self._phase is Phase.CLOSED:
            return
        if self._redial is not None:
            self._redial.cancel()
        else:
            self._connection.close()
        self._phase = Phase.CLOSED
        for timer in (self._expiry, self._telling):
            if timer is not None:
                timer.cancel()
        self._answer_all(_closed())
        self._context.term()  # at once: every socket was closed without linger

    def let_go(self) -> None:
        """Whoever waits gets INTERNAL_LINK_CLOSED now, to ask somebody else."""
        self._answer_all(_closed())

    @property
    def connected(self) -> bool:
        """A business process has welcomed us and has not been lost since."""
        return self._phase is Phase.UP

    # -- The six verbs ----------------------------------------------------------------------------------

    async def validate_and_load(self, key_hash: str, session_id: str) -> Grant | Refusal:
        request = ValidateAndLoad(
            id=next(self._ids), key_hash=key_hash, session_id=session_id, traceparent=self._traceparent()
        )
        reply: Granted | Refused = await self._ask(request, Granted, Refused)
        return reply.grant if isinstance(reply, Granted) else reply.refusal

    async def get_credits(self, account_id: str) -> int:
        return (await self._ask(GetCredits(id=next(self._ids), account_id=account_id), Credits)).credits

    async def update_usage(self, records: Sequence[UsageRecord]) -> Posted:
        request = UpdateUsage(id=next(self._ids), records=tuple(records))
        return (await self._ask(request, UsagePosted)).posted

    async def save_session(self, saved: SavedConfig) -> None:
        await self._ask(SaveSession(id=next(self._ids), saved=saved), Kept)

    async def append_conversation(self, parts: Sequence[Passage | Switched]) -> None:
        request = AppendConversation(
            id=next(self._ids),
            passages=tuple(part for part in parts if isinstance(part, Passage)),
            switches=tuple(part for part in parts if isinstance(part, Switched)),
        )
        await self._ask(request, Kept)

    async def ask(self, key_hash: str, question: Question) -> Answer | Refusal:
        request = Ask(id=next(self._ids), key_hash=key_hash, question=question)
        reply: Answered | Refused = await self._ask(request, Answered, Refused)
        return reply.answer if isinstance(reply, Answered) else reply.refusal

    # -- What is told -----------------------------------------------------------------------------------

    def claim(self, claim: Claim) -> None:
        """We have the session. Nothing is waited for; who is not there is told when it comes."""
        self._say(Claimed(id=next(self._ids), claim=claim))

    def release(self, claim: Claim) -> None:
        """We have no more of it, and all that was said is committed."""
        self._say(Released(id=next(self._ids), claim=claim))

    def _say(self, what: Claimed | Released) -> None:
        if self._phase is Phase.UP:
            self._unsaid.append(envelope.encode(what))
            if self._telling is None:
                # With what else is said in this turn of the loop: each message alone wakes ZeroMQ's thread.
                # Not later: what is claimed must be known before the client is told that it is connected.
                self._telling = self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        self._telling = None
        if self._phase is Phase.UP:
            self._send_unsent()

    # -- Asking -----------------------------------------------------------------------------------------

    async def _ask(self, request: Request, *kinds: type[_Kind]) -> _Kind:
        if self._phase is Phase.CLOSED:
            raise _closed()
        verb, payload = envelope.verb(request), envelope.encode(request)
        # The answer may be an error, but is never set as one: an exception that its caller was
        # cancelled before it could take would be reported as forgotten.
        answer: asyncio.Future[Reply | RealtimeSwitchError] = self._loop.create_future()
        asked_s = self._loop.time()
        self._calls.add(request.id, verb, payload, answer, asked_s)
        self._watch_deadlines()
        if self._phase is Phase.UP:
            self._unsent.append(request.id)
            self._send_unsent()
        try:
            reply = await answer
        finally:
            self._calls.take(request.id)  # still there if the caller was cancelled
        if isinstance(reply, RealtimeSwitchError):
            raise reply
        self._took(self._loop.time() - asked_s, verb)
        if not isinstance(reply, kinds):
            raise LinkError(
                ErrorCode.INTERNAL_LINK_UNSUPPORTED,
                f"The business process answered {verb} with {envelope.verb(reply)}.",
            )
        return reply

    def _send_unsent(self) -> None:
        while self._unsaid:
            if not self._connection.dealer.send([self._unsaid[0]]):
                return  # called again when there is room
            self._unsaid.popleft()
        while self._unsent:
            call = self._calls.find(self._unsent[0])
            if call is not None and not self._connection.dealer.send([call.payload]):
                return  # called again when there is room
            self._unsent.popleft()

    def _watch_deadlines(self) -> None:
        """One timer, for the oldest call, and only while there is one."""
        if self._expiry is None and self._calls.deadline_s is not None:
            self._expiry = self._loop.call_at(self._calls.deadline_s, self._expire)

    def _expire(self) -> None:
        self._expiry = None
        for call in self._calls.expire(self._loop.time()):
            _settle(call, self._too_late(call.verb))
        self._watch_deadlines()

    def _too_late(self, verb: str) -> LinkError:
        if self._phase is Phase.UP:
            message = f"The business process did not answer {verb} within {self._timeout_ms} ms."
        else:
            message = (
                f"No business process answers at {self._place}, for which {verb} waited "
                f"{self._timeout_ms} ms. Is it running?"
            )
        return LinkError(ErrorCode.INTERNAL_LINK_TIMEOUT, message)

    def _answer_all(self, error: RealtimeSwitchError) -> None:
        for call in self._calls.take_all():
            _settle(call, error)

    # -- The connection ---------------------------------------------------------------------------------

    def _dial(self) -> None:
        self._redial = None
        self._phase = Phase.AWAY
        self._connection = Connection(
            self._context, self._place, self._heard, self._send_unsent, self._greet, self._ended
        )

    def _greet(self) -> None:
        self._phase = Phase.GREETING
        self._hello_id = next(self._ids)
        hello = Hello(id=self._hello_id, version=envelope.VERSION, boot=self._boot)
        self._connection.dealer.send([envelope.encode(hello)])  # the first one: there is room

    def _heard(self, parts: list[bytes]) -> None:
        try:
            reply = envelope.decode_reply(parts[-1])
        except Unreadable as error:
            _log.warning("unreadable answer", error=error.message)
            self._settle(error.id, error)
            return
        if isinstance(reply, Taken):
            self._taken(reply.claim)
        elif reply.id == self._hello_id:
            if self._phase is Phase.GREETING:
                self._greeted(reply)
        elif isinstance(reply, Failure):
            self._settle(reply.id, _raised_there(reply))
        else:
            self._settle(reply.id, reply)

    def _greeted(self, reply: Reply) -> None:
        if not isinstance(reply, Welcome):
            if isinstance(reply, Failure):
                self._refused_by_peer(_raised_there(reply))
            self._lost()
            return
        _log.info("link up", business=reply.boot, restarted=self._peer_boot not in ("", reply.boot))
        self._peer_boot = reply.boot
        self._refusal = ""
        self._phase = Phase.UP
        self._redial_s = _REDIAL_S_MIN
        self._unsaid.extend(envelope.encode(Claimed(id=next(self._ids), claim=one)) for one in self._claims())
        self._unsent.extend(self._calls.ids())
        self._send_unsent()
        self._changed(self)

    def _refused_by_peer(self, error: RealtimeSwitchError) -> None:
        """Waiting would not help, so nobody does; but we dial on, for the other side may be put right."""
        if error.message != self._refusal:
            _log.error("link refused", error=error.message, code=error.code)
        self._refusal = error.message
        self._answer_all(error)

    def _ended(self, refused: bool) -> None:
        if refused:
            self._refused_by_peer(ConfigurationError(ErrorCode.INTERNAL_CONFIG_INVALID, self._place.refusal))
        self._lost()

    def _lost(self) -> None:
        was_up = self._phase is Phase.UP
        if was_up:
            _log.warning("link lost", waiting=len(self._calls))
        self._phase = Phase.AWAY
        # Another socket told us of the end, so answers that came before it may lie here unseen.
        self._connection.dealer.drain()
        self._connection.close()
        self._unsaid.clear()
        self._unsent.clear()
        # Half of it at random, so that gateways do not come back in step.
        self._redial = self._loop.call_later(self._redial_s * (0.5 + random.random() / 2), self._dial)
        self._redial_s = min(self._redial_s * 2, _REDIAL_S_MAX)
        if was_up:
            self._changed(self)

    def _settle(self, id: int | None, answer: Reply | RealtimeSwitchError) -> None:
        call = self._calls.take(id) if id is not None else None
        if call is not None:  # else its deadline has passed, or this is the answer's second copy
            _settle(call, answer)


def _settle(
    call: Call[asyncio.Future[Reply | RealtimeSwitchError]], answer: Reply | RealtimeSwitchError
) -> None:
    if not call.waiter.done():  # done: the caller was cancelled and has not run since
        call.waiter.set_result(answer)


def _raised_there(failure: Failure) -> RealtimeSwitchError:
    kind = LinkError if failure.code.startswith("INTERNAL_LINK_") else RealtimeSwitchError
    return kind(failure.code, failure.message)


def _closed() -> LinkError:
    return LinkError(ErrorCode.INTERNAL_LINK_CLOSED, "The link to the business process is closed.")
