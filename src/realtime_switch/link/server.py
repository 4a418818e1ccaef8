"""The business process' end of the link: questions come in, the service answers, answers go back.

Questions are begun in the order they came and then run at the same time, up to
a bound; what writes to one session waits for what came before it for that
session, whichever gateway it came from, so a conversation is committed in the
order it was told. When one of these fails, those that wait behind it fail too,
untried: kept, they would stand before it. Bills wait for nothing: they add up
to the same in any order.

An answer to a gateway that has gone is dropped; it will ask again. All that is
known of one between two messages is which sessions it has (claims.py), and that
it tells anew when it comes back. A session that is asked for by one and had by
another is taken from that one first, which is waited for, but not for ever.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

import structlog
import zmq

from ..accounts.errors import ConfigurationError, ErrorCode, LinkError, RealtimeSwitchError
from ..accounts.questions import AboutAccount, AccountFacts, DeleteSession
from ..accounts.records import Claim, Grant, Refusal
from ..accounts.service import AccountService
from . import envelope, zap
from .address import wrong
from .claims import Claims
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
from .options import set_options
from .place import find_place
from .socket import LoopSocket

_LINGER_MS = 500  # for the last answers to leave
# A gateway that is behind in reading holds its answer, and a place among those at once, for a second at most.
_SEND_ATTEMPTS = 50
_SEND_AGAIN_S = 0.02
# A gateway has the words of a call that it ends committed within two seconds (gateway/switchboard.py), or
# later than anybody would wait.
_RELEASED_WITHIN_S = 2.5

_IN_USE = Refusal(
    code=ErrorCode.EXTERNAL_SESSION_IN_USE,
    message="A call has this session now. End the call, then delete the session.",
)

_log = structlog.get_logger(part="link")

_Session = tuple[str, str]
_Running = asyncio.Task[Failure | None]


class LinkServer:
    """Serves `service` at `address` from `start` to `close`."""

    def __init__(
        self,
        address: str,
        service: AccountService,
        *,
        keys: Keys | None = None,
        at_once_max: int = 256,
        finish_within_s: float = 10.0,
        traced: Callable[[str, str], AbstractContextManager[object]] = lambda verb, parent: nullcontext(),
    ) -> None:
        """`traced` lasts as long as a verb that is part of somebody's trace."""
        self._place = find_place(address, keys)
        self._service = service
        self._at_once_max = at_once_max
        self._finish_within_s = finish_within_s
        self._traced = traced
        self._boot = secrets.token_hex(8)
        self._open = False
        self._running: set[_Running] = set()
        self._claims = Claims()
        self._gateways: dict[bytes, str] = {}  # who is at the other end of a connection, by its boot
        self._peers: dict[str, bytes] = {}  # and the other way round
        self._awaited: dict[Claim, asyncio.Event] = {}  # those whose release somebody waits for
        self._last: dict[_Session, _Running] = {}  # of those that write to a session, the newest

    # -- Life -------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Raises ConfigurationError when the place cannot be served, by whose fault ever."""
        self._context = zmq.Context()
        doorman: zmq.Socket[bytes] = self._context.socket(zmq.REP)
        doorman.bind(zap.ENDPOINT)
        router: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        set_options(router)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)  # what cannot be delivered is an error, not silence
        router.setsockopt(zmq.ZAP_DOMAIN, zap.DOMAIN)
        try:
            self._release = self._place.claim(router)
        except ConfigurationError:
            self._context.destroy(linger=0)
            raise
        try:
            router.bind(self._place.endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            self._release()
            raise wrong(f"The link cannot be served at {self._place}: {error}.") from None
        self._doorman = LoopSocket(doorman, self._let_in)
        self._router = LoopSocket(router, self._heard)
        self._open = True
        _log.info("link open", at=str(self._place), business=self._boot)

    async def close(self) -> None:
        """Take no more and finish what was begun, within the bound. The rest is asked again of the next."""
        if not self._open:
            return
        self._open = False
        self._router.pause()
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._finish_within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            if late:
                _log.warning("link closed before all was answered", unanswered=len(late))
        self._router.close(_LINGER_MS)
        self._doorman.close(linger_ms=0)
        await asyncio.to_thread(self._context.term)  # waits while answers linger
        self._release()  # last: the path is ours as long as our socket might touch it

    # -- What arrives -----------------------------------------------------------------------------------

    def _let_in(self, question: list[bytes]) -> None:
        answer = self._place.lets_in(question)
        if answer[2] != b"200":
            peer, why = question[3].decode("ascii", "replace"), answer[3].decode()
            _log.warning("link refused", peer=peer, why=why)
        self._doorman.send(answer)

    def _heard(self, parts: list[bytes]) -> None:
        peer, data = parts[0], parts[-1]
        try:
            request = envelope.decode_request(data)
        except Unreadable as error:
            _log.warning("unreadable question", error=error.message)
            if error.id is not None:
                self._reply(peer, Failure(id=error.id, code=error.code, message=error.message))
            return
        match request:
            case Hello():
                self._reply(peer, self._welcome(peer, request))
            case Claimed():
                self._claimed(peer, request.claim)
            case Released():
                self._released(request.claim, self._gateways.get(peer, ""))
            case _:
                self._begin(peer, request)

    def _welcome(self, peer: bytes, hello: Hello) -> Reply:
        if hello.version != envelope.VERSION:
            message = (
                f"The business process speaks version {envelope.VERSION} of the link and the gateway "
                f"{hello.version}: run the same release of both."
            )
            return Failure(id=hello.id, code=ErrorCode.INTERNAL_LINK_UNSUPPORTED, message=message)
        _log.info("gateway connected", gateway=hello.boot)
        self._forget(hello.boot)  # it says all of it again
        self._gateways[peer] = hello.boot
        self._peers[hello.boot] = peer
        return Welcome(id=hello.id, version=envelope.VERSION, boot=self._boot)

    def _begin(self, peer: bytes, request: Request) -> None:
        sessions = _sessions_written(request)
        before = {self._last[session] for session in sessions if session in self._last}
        task = asyncio.get_running_loop().create_task(self._serve(peer, request, before))
        for session in sessions:
            self._last[session] = task
        self._running.add(task)
        task.add_done_callback(lambda task: self._ended(task, sessions))
        if len(self._running) >= self._at_once_max:
            self._router.pause()

    def _ended(self, task: _Running, sessions: Iterable[_Session]) -> None:
        self._running.discard(task)
        for session in sessions:
            if self._last.get(session) is task:
                del self._last[session]
        if self._open and len(self._running) == self._at_once_max - 1:
            self._router.resume()

    # -- Whose a session is -----------------------------------------------------------------------------

    def _claimed(self, peer: bytes, claim: Claim) -> None:
        gateway = self._gateways.get(peer)
        if gateway is None:  # it has not greeted: none of ours
            return
        for loser, whose in self._claims.claim(claim, gateway):
            self._take(loser, whose)

    def _take(self, claim: Claim, gateway: str) -> None:
        peer = self._peers.get(gateway)
        if peer is None:  # it went while we told it of another
            return
        try:
            self._router.send([peer, envelope.encode(Taken(id=0, claim=claim))])
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._forget(gateway)

    def _released(self, claim: Claim, gateway: str) -> None:
        self._claims.release(claim, gateway)
        if (awaited := self._awaited.get(claim)) is not None:
            awaited.set()

    def _forget(self, gateway: str) -> None:
        for claim in self._claims.of(gateway):
            self._released(claim, gateway)
        if (peer := self._peers.pop(gateway, None)) is not None:
            self._gateways.pop(peer, None)

    async def _take_from_others(self, peer: bytes, request: ValidateAndLoad) -> None:
        """The memory of a session is whole when the gateway that has it has let go of it."""
        gateway = self._gateways.get(peer, "")
        claims = self._claims.elsewhere(request.key_hash, request.session_id, gateway)
        if not claims:
            return
        awaited = [self._awaited.setdefault(claim, asyncio.Event()) for claim, _ in claims]
        for claim, whose in claims:
            self._take(claim, whose)
        try:
            async with asyncio.timeout(_RELEASED_WITHIN_S):
                for event in awaited:
                    await event.wait()
        except TimeoutError:
            _log.warning("a session was not released by its gateway in time", within_s=_RELEASED_WITHIN_S)
        for claim, whose in claims:
            self._awaited.pop(claim, None)
            self._claims.release(claim, whose)

    async def _is_in_use(self, peer: bytes, request: Ask) -> bool:
        """Whether another gateway has a session that is to be deleted; the one that asks knows its own."""
        if not isinstance(request.question, DeleteSession):
            return False
        gateway = self._gateways.get(peer, "")
        accounts = self._claims.accounts_elsewhere(request.question.session_id, gateway)
        if not accounts:
            return False
        whose = await self._service.ask(request.key_hash, AboutAccount())
        return isinstance(whose, AccountFacts) and whose.id in accounts

    # -- Answering --------------------------------------------------------------------------------------

    async def _serve(self, peer: bytes, request: Request, before: set[_Running]) -> Failure | None:
        """What went wrong, if anything did, for those that wait behind this one."""
        earlier = await _failure_among(before) if before else None
        if earlier is None:
            if isinstance(request, ValidateAndLoad):
                await self._take_from_others(peer, request)
            reply = await self._answer(peer, request)
        else:
            message = f"Not tried, because something before it failed: {earlier.message}"
            reply = Failure(id=request.id, code=earlier.code, message=message)
        for _ in range(_SEND_ATTEMPTS):
            if self._reply(peer, reply):
                break
            await asyncio.sleep(_SEND_AGAIN_S)
        else:
            _log.warning("answer dropped: the gateway does not read", verb=envelope.verb(reply))
        return earlier or (reply if isinstance(reply, Failure) else None)

    async def _answer(self, peer: bytes, request: Request) -> Reply:
        try:
            if isinstance(request, Ask) and await self._is_in_use(peer, request):
                return Refused(id=request.id, refusal=_IN_USE)
            return await self._ask_service(request)
        except RealtimeSwitchError as error:
            return Failure(id=request.id, code=error.code, message=error.message)
        except Exception:
            _log.exception("unexpected error", verb=envelope.verb(request))
            message = f"The business process failed at {envelope.verb(request)}; its log says how."
            return Failure(id=request.id, code=ErrorCode.INTERNAL_UNEXPECTED, message=message)

    async def _ask_service(self, request: Request) -> Reply:
        match request:
            case ValidateAndLoad():
                with self._traced(envelope.verb(request), request.traceparent):
                    answer = await self._service.validate_and_load(request.key_hash, request.session_id)
                if isinstance(answer, Grant):
                    return Granted(id=request.id, grant=answer)
                return Refused(id=request.id, refusal=answer)
            case GetCredits():
                return Credits(id=request.id, credits=await self._service.get_credits(request.account_id))
            case UpdateUsage():
                return UsagePosted(id=request.id, posted=await self._service.update_usage(request.records))
            case SaveSession():
                await self._service.save_session(request.saved)
            case AppendConversation():
                await self._service.append_conversation(request.parts)
            case Ask():
                told = await self._service.ask(request.key_hash, request.question)
                if isinstance(told, Refusal):
                    return Refused(id=request.id, refusal=told)
                return Answered(id=request.id, answer=told)
        return Kept(id=request.id)

    def _reply(self, peer: bytes, reply: Reply) -> bool:
        """False: too much is on its way to that gateway."""
        try:
            data = envelope.encode(reply)
        except LinkError as error:
            data = envelope.encode(Failure(id=reply.id, code=error.code, message=error.message))
        try:
            return self._router.send([peer, data])
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return True  # it has gone, and will ask again if it comes back


async def _failure_among(tasks: set[_Running]) -> Failure | None:
    await asyncio.wait(tasks)
    for task in tasks:
        if task.cancelled():
            return Failure(id=0, code=ErrorCode.INTERNAL_LINK_CLOSED, message="The business process stops.")
        failure = task.result()
        if failure is not None:
            return failure
    return None


def _sessions_written(request: Request) -> set[_Session]:
    match request:
        case SaveSession(saved=saved):
            return {(saved.account_id, saved.session_id)}
        case AppendConversation():
            return {(part.account_id, part.session_id) for part in request.parts}
        case _:
            return set()
