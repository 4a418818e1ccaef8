"""The business process' end of the link: questions come in, the service answers, answers go back.

Questions are begun in the order they came and then run at the same time, up to
a bound; what writes to one session waits for what came before it for that
session, whichever gateway it came from, so a conversation is committed in the
order it was told. When one of these fails, those that wait behind it fail too,
untried: kept, they would stand before it. Bills wait for nothing: they add up
to the same in any order.

Knows nothing of a gateway between two messages. An answer to one that has gone
is dropped; it will ask again.
"""

import asyncio
import secrets
from collections.abc import Iterable

import structlog
import zmq

from ..accounts.errors import ConfigurationError, ErrorCode, LinkError, RealtimeSwitchError
from ..accounts.records import Grant, Refusal
from ..accounts.service import AccountService
from . import envelope, zap
from .address import wrong
from .envelope import (
    Answered,
    AppendConversation,
    Ask,
    Credits,
    Failure,
    GetCredits,
    Granted,
    Hello,
    Kept,
    Refused,
    Reply,
    Request,
    SaveSession,
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
    ) -> None:
        self._place = find_place(address, keys)
        self._service = service
        self._at_once_max = at_once_max
        self._finish_within_s = finish_within_s
        self._boot = secrets.token_hex(8)
        self._open = False
        self._running: set[_Running] = set()
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
        if isinstance(request, Hello):
            self._reply(peer, self._welcome(request))
        else:
            self._begin(peer, request)

    def _welcome(self, hello: Hello) -> Reply:
        if hello.version != envelope.VERSION:
            message = (
                f"The business process speaks version {envelope.VERSION} of the link and the gateway "
                f"{hello.version}: run the same release of both."
            )
            return Failure(id=hello.id, code=ErrorCode.INTERNAL_LINK_UNSUPPORTED, message=message)
        _log.info("gateway connected", gateway=hello.boot)
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

    # -- Answering --------------------------------------------------------------------------------------

    async def _serve(self, peer: bytes, request: Request, before: set[_Running]) -> Failure | None:
        """What went wrong, if anything did, for those that wait behind this one."""
        earlier = await _failure_among(before) if before else None
        if earlier is None:
            reply = await self._answer(request)
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

    async def _answer(self, request: Request) -> Reply:
        try:
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
