"""Where arrivals become calls, and what a call finds around it: its books, its neighbours, its session.

Who is let in is door.py's; where a call may go, outward.py's.
"""

import asyncio
import random
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog
from msgspec import Struct

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.questions import UseToken
from ..accounts.records import Balance, Claim, Grant, Refusal, UsageRecord
from ..accounts.service import AccountService
from ..dialects.dialect import Dialect
from ..metrics.families import Histogram
from ..outbox.outbox import Outbox
from ..outbox.room import Bounds as OutboxBounds
from ..outbox.rows import Kept
from ..outbox.shelf import Shelf
from ..providers.routes import Routes
from ..session import limits
from ..session.choice import Health
from ..session.purse import Purse
from ..session.session import Session
from ..settings.shape import LimitSettings
from .arrival import Arrival
from .books import Who
from .calls import Calls
from .caps import Caps
from .client_secrets import Bound
from .conductor import Conductor
from .dialects import DIALECTS, in_words_of
from .door import Door
from .ending import HowItEnded
from .ids import new_id, now_us, steady_clock
from .lock import Locked
from .metrics import Metrics
from .outward import Dialler, Outward
from .rates import Rates
from .sockets import BINARY, TEXT
from .upgrade import Knock

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

SETTLE_S = 2.0  # how long a client that comes back waits for its own last words to be committed
LOOK_S = 1.0  # how often it is looked at what clients send

_log = structlog.get_logger("gateway.door")


class Registry(Protocol):
    """Where every gateway says which sessions it has (link/claims.py)."""

    def claim(self, claim: Claim) -> None: ...
    def release(self, claim: Claim) -> None: ...


class Nobody:
    """There is no other gateway."""

    def claim(self, claim: Claim) -> None: ...
    def release(self, claim: Claim) -> None: ...


class Bounds(Struct, frozen=True, kw_only=True):
    """What an operator may set; the rest stands in session/limits.py."""

    message_bytes_max: int = limits.MESSAGE_BYTES_MAX
    idle_s: float = limits.IDLE_S
    calls_max: int = limits.CALLS_MAX
    calls_per_key_max: int = limits.CALLS_PER_KEY_MAX
    drain_s: float = limits.DRAIN_S
    outbox: OutboxBounds = OutboxBounds()
    limits: LimitSettings = LimitSettings()


class Switchboard:
    def __init__(
        self,
        service: AccountService,
        routes: Routes,
        dialler: Dialler,
        signing_key: bytes,
        shelf: Shelf,
        bounds: Bounds,
        link_is_up: Callable[[], bool],
        round_trip: Histogram,
        registry: Registry | None = None,
        tracer: "Tracer | None" = None,
    ) -> None:
        self.service = service
        self._tracer = tracer
        self._registry = registry or Nobody()
        self._claims: dict[Conductor, Claim] = {}
        self._releasing: set[asyncio.Task[None]] = set()
        self._health = Health(steady_clock())
        self._bounds = bounds
        loop = asyncio.get_running_loop()
        self._rates = Rates(bounds.limits, loop.time)
        self.calls = Calls(bounds.calls_max, bounds.calls_per_key_max, loop.time)
        self.outbox = Outbox(service, shelf, self.calls, bounds.outbox)
        self.metrics = Metrics(self.calls, self.outbox, link_is_up, round_trip, now_us)
        self.door = Door(
            self.calls, self.outbox, self.metrics, signing_key, bounds.limits, self._rates, self._call
        )
        self._outward = Outward(routes, dialler, self.metrics)
        self._outward.expect()
        self._looking = loop.call_later(LOOK_S, self._look)

    def reload(self, bounds: Bounds) -> None:
        """For calls that come; those there are keep what they began with."""
        self._bounds = bounds
        self._rates = Rates(bounds.limits, asyncio.get_running_loop().time)
        self.calls.bound(bounds.calls_max, bounds.calls_per_key_max)
        self.door.reload(bounds.limits, self._rates)
        self._outward.reload()

    def _call(self, who: Who, arrival: Arrival, bound: Bound, knock: Knock) -> Conductor:
        spoken = DIALECTS[arrival.dialect]
        client_side = spoken.client_side(arrival)
        by_token = bool(bound.expires_at) and spoken.dialect.CLIENT_SPEAKS_FIRST
        lock = Locked(client_side.first_word, bound, _now_s) if by_token else None
        run_id = new_id("run")
        session = Session(
            run_id=run_id,
            client=spoken.dialect,
            client_side=client_side,
            choose=partial(self._outward.choose, spoken.dialect),
            model=arrival.model or bound.model,
            health=self._health,
            now_us=steady_clock(),
            random=random.random,
            new_id=new_id,
            first_word=lock,
        )
        own_kind = BINARY if spoken.dialect.BINARY_TO_CLIENT else TEXT
        ask = partial(self._ask, spoken.dialect, None if lock is None else partial(lock.use, run_id))
        chosen = self._bounds.limits
        caps = Caps(chosen.tokens_per_call_max, chosen.minutes_per_call_max * 60)
        open_line = self._outward.open_line
        call = Conductor(who, session, self, ask, open_line, self._bounds.idle_s, own_kind, caps)
        if self._tracer is not None:
            from .call_trace import CallTrace  # of an extra, which need not be there

            call.trace = CallTrace(self._tracer, knock.headers)
        return call

    # -- What a call asks and tells -------------------------------------------------------------------------

    async def _ask(
        self, dialect: Dialect, use: Callable[[], UseToken | None] | None, call: Conductor
    ) -> Grant | Refusal:
        if call.trace is None:
            return await self._grant(dialect, use, call)
        with call.trace.checking() as told:
            answer = await self._grant(dialect, use, call)
            told(answer)
            return answer

    async def _grant(
        self, dialect: Dialect, use: Callable[[], UseToken | None] | None, call: Conductor
    ) -> Grant | Refusal:
        """Who this is, and what is known of the session. A client that comes back while its older connection
        still lives, or has just ended, takes over first, so that the memory it is given is whole."""
        who = call.who
        question = use() if use is not None else None
        try:
            spent = question and await self.service.ask(who.key_hash, question)
            if isinstance(spent, Refusal):  # before it takes anything over
                self.metrics.refusals.add(spent.code.value)
                return spent
            self.calls.take_over(who.key_hash, call)
            if not who.is_new:
                await self.outbox.settle(who.session_id, SETTLE_S)
            told = self.calls.balances_told
            answer = await self.service.validate_and_load(who.key_hash, who.session_id)
            if isinstance(answer, Grant) and self.calls.balances_told != told:
                # A bill was acknowledged meanwhile. It may be missing in this figure, and no purse holds it
                # any more: the account would get it twice.
                credits = await self.service.get_credits(answer.account_id)
                answer = msgspec.structs.replace(answer, credits=credits)
        except RealtimeSwitchError as error:
            _log.warning("nobody could be asked", code=error.code, reason=error.message)
            self.metrics.refusals.add(error.code.value)
            return Refusal(
                code=error.code, message="The gateway cannot check API keys at the moment. Try again."
            )
        answer = self._with_room(call, answer)
        if isinstance(answer, Refusal):
            self.metrics.refusals.add(answer.code.value)
            return answer
        return msgspec.structs.replace(answer, config=in_words_of(dialect, answer.config))

    def _with_room(self, call: Conductor, answer: Grant | Refusal) -> Grant | Refusal:
        """Only now it is known whose call it is, and the client is in: it is told as of a wrong key."""
        if isinstance(answer, Refusal):
            return answer
        most = self._bounds.limits.calls_per_account_max
        # One with the same session is about to make room.
        others = [c for c in self.calls.of(answer.account_id) if c.who.session_id != call.who.session_id]
        if most and len(others) >= most:
            return Refusal(
                code=ErrorCode.EXTERNAL_TOO_MANY_CALLS,
                message="The account has as many calls as it may have at once.",
            )
        if wait_s := self._rates.granted(answer.account_id):
            return Refusal(
                code=ErrorCode.EXTERNAL_RATE_LIMITED,
                message=f"The account opens calls too fast. Try again in {ceil(wait_s)} seconds.",
            )
        return answer

    def _look(self) -> None:
        """Once a second: who says more than he may."""
        self._looking = asyncio.get_running_loop().call_later(LOOK_S, self._look)
        for call in self.calls:
            if call.pings > limits.PINGS_PER_S_MAX:
                call.end(ErrorCode.EXTERNAL_RATE_LIMITED, "The client sends too many pings.")
            call.pings = 0
        if self._rates.looks:
            for call in self._rates.too_loud(self.calls):
                message = "More was said in a second than this API key, or its account, may say. Slow down."
                call.end(ErrorCode.EXTERNAL_RATE_LIMITED, message)

    def begun(self, call: Conductor) -> None:
        self.calls.add(call)
        self.metrics.begun.add()
        if call.trace is not None:
            call.trace.begun(call.session.dialect)

    def granted(self, call: Conductor, grant: Grant) -> Purse:
        self.calls.take_over(call.account_id, call)
        claim = self._claims[call] = Claim(
            key_hash=call.who.key_hash,
            account_id=call.account_id,
            session_id=call.who.session_id,
            since_us=now_us(),
        )
        self._registry.claim(claim)
        return self.calls.granted(call, grant.credits)

    def keep(self, call: Conductor, *records: Kept) -> None:
        self.metrics.kept(records)
        if call.trace is not None:
            call.trace.kept(records)
        low = False
        for record in records:
            if type(record) is UsageRecord and self.calls.charged(call, record):
                low = True
        self.outbox.keep(*records)
        if low:
            self.outbox.hurry()

    def credits_read(self, call: Conductor, credits: int) -> None:
        self.calls.balance_known(Balance(account_id=call.account_id, credits=credits))

    async def settle(self, session_id: str) -> None:
        """Wait, for a while, until what was kept here of a session is committed; with "" every bill."""
        await self.outbox.settle(session_id, SETTLE_S)

    async def drain(self, within_s: float) -> None:
        """Every call ends at the first moment that suits it; returns when all have, or the time is over."""
        sockets = [call.part(within_s) for call in self.calls]
        if sockets and within_s:
            await asyncio.wait(sockets, timeout=within_s)

    async def end_all(self, within_s: float) -> None:
        """Every call ends with 1001, and its socket is gone when this returns."""
        self._looking.cancel()
        sockets = [call.stop() for call in self.calls]
        if sockets:
            await asyncio.wait(sockets, timeout=within_s)

    def live(self, call: Conductor, took_s: float) -> None:
        self.metrics.connect.observe(took_s, call.provider)
        if call.trace is not None:
            call.trace.live(call.provider)

    def answered(self, call: Conductor, took_us: int) -> None:
        self.metrics.first_audio.observe(took_us / 1e6, call.provider)
        if call.trace is not None:
            call.trace.answered(took_us)

    def ended(self, call: Conductor, how: HowItEnded, age_s: float) -> None:
        self.calls.remove(call)
        self.metrics.call_ended(call, how, age_s)
        if call.trace is not None:
            call.trace.ended(call.session.route, how)
        self.outbox.hurry()
        self._let_go(call)

    def taken(self, claim: Claim) -> None:
        """Another gateway has the session."""
        call = next((call for call, one in self._claims.items() if one == claim), None)
        if call is None:  # it has ended, and is being released or was
            return
        self.calls.taken_elsewhere(call)
        self._let_go(call)

    def _let_go(self, call: Conductor) -> None:
        """Of its session, as soon as its words are committed: who has it next is told them."""
        if (claim := self._claims.pop(call, None)) is None:
            return
        if self.outbox.is_committed(claim.session_id):
            self._registry.release(claim)
        else:
            task = asyncio.get_running_loop().create_task(self._release(claim))
            self._releasing.add(task)
            task.add_done_callback(self._releasing.discard)

    async def released(self) -> None:
        """Every session that was to be let go of is, or its words could not be committed in time."""
        if self._releasing:
            await asyncio.wait(self._releasing)

    async def _release(self, claim: Claim) -> None:
        await self.outbox.commit(claim.session_id, SETTLE_S)
        self._registry.release(claim)


def _now_s() -> float:
    return now_us() / 1e6
