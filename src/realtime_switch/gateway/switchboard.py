"""Where arrivals become calls: who may come in, on which route, and what a call finds around it.

The doorkeeper answers at once, from what is known here: a seat, a credential of
the right shape, a route. Whether the credential is good only the business
process knows; that is asked when the client is already connected, while its
first frames wait (A5, A17).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from fnmatch import fnmatchcase
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog
from msgspec import Struct

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.keys import hash_key, is_key
from ..accounts.questions import UseToken
from ..accounts.records import Balance, Claim, Grant, Refusal, UsageRecord
from ..accounts.service import AccountService
from ..dialects import gpt_live
from ..dialects.dialect import Dialect
from ..dialects.sound import AudioFormat
from ..dialects.terms import Target, Terms
from ..metrics.families import Histogram
from ..outbox.outbox import Bounds as OutboxBounds
from ..outbox.outbox import Outbox, Room
from ..outbox.rows import Record
from ..outbox.shelf import Shelf
from ..providers.endpoint import Dial, Endpoint
from ..providers.routes import Route, Routes, Unknown, bare_model
from ..providers.routes import Target as Place
from ..secret import Secret
from ..session import limits
from ..session.choice import Health
from ..session.purse import Purse
from ..session.session import Session
from ..session.way import Way, Ways
from ..settings.shape import LimitSettings
from .arrival import (
    NO_SUCH_SESSION,
    SESSION_HEADER,
    Arrival,
    Attaching,
    Complaint,
    Mistake,
    TurnedAway,
    complain,
    read_arrival,
)
from .books import Caps, Who
from .calls import Calls
from .client_secrets import Bound, is_token, unseal
from .complaint import Complained, farewell
from .conductor import Conductor
from .dial import DialError, DialTrouble
from .dialects import DIALECTS, in_words_of
from .ending import HowItEnded
from .ids import new_id, now_us
from .line import Line
from .lock import Locked
from .metrics import Metrics
from .provider_keys import ProviderKeys
from .rates import Rates, client_address, is_allowed
from .sockets import BINARY, TEXT
from .upgrade import Knock, Welcome
from .watcher import WATCHERS_MAX, Watcher

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

SETTLE_S = 2.0  # how long a client that comes back waits for its own last words to be committed
RETRY_AFTER_S = 5
LOOK_S = 1.0  # how often it is looked at what clients send
# OpenAI's cheapest that streams its words; the model is free to a client that asks for transcription itself.
TRANSCRIBE_WITH = "gpt-4o-mini-transcribe"

_log = structlog.get_logger("gateway.door")


class Registry(Protocol):
    """Where every gateway says which sessions it has (link/claims.py)."""

    def claim(self, claim: Claim) -> None: ...
    def release(self, claim: Claim) -> None: ...


class Nobody:
    """There is no other gateway."""

    def claim(self, claim: Claim) -> None: ...
    def release(self, claim: Claim) -> None: ...


Dialler = Callable[[Dial, Line, float], Awaitable[object]]


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
        now_s = asyncio.get_running_loop().time
        self.calls = Calls(bounds.calls_max, bounds.calls_per_key_max, now_s)
        self.outbox = Outbox(service, shelf, self.calls, bounds.outbox)
        self.metrics = Metrics(self.calls, self.outbox, link_is_up, round_trip, now_us)
        self.stopping = False
        self._health = Health(now_us)
        self._keys = ProviderKeys(now_s)
        self._routes = routes
        self._dialler = dialler
        self._signing_key = signing_key
        self._bounds = bounds
        self._rates = Rates(bounds.limits, now_s)
        self._expect()
        self._looking = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def reload(self, bounds: Bounds) -> None:
        """For calls that come; those there are keep what they began with."""
        self._bounds = bounds
        self._rates = Rates(bounds.limits, asyncio.get_running_loop().time)
        self.calls.bound(bounds.calls_max, bounds.calls_per_key_max)
        self._expect()

    def _expect(self) -> None:
        self.metrics.expect({target.provider for route in self._routes.all for target in route.targets})

    # -- The door -------------------------------------------------------------------------------------------

    def admit(self, knock: Knock) -> Welcome | TurnedAway:
        outcome = self._admit(knock)
        if isinstance(outcome, TurnedAway):
            self.metrics.refusals.add(outcome.code)
        return outcome

    def _admit(self, knock: Knock) -> Welcome | TurnedAway:
        arrival = read_arrival(knock.method, knock.target, knock.headers)
        if isinstance(arrival, TurnedAway):
            return arrival
        if not is_allowed(knock.headers, self._bounds.limits.origins):
            message = "Pages of this origin may not open calls here."
            return TurnedAway(status=403, code="origin_not_allowed", message=message)
        if isinstance(arrival, Attaching):
            return self._attached(arrival)
        chosen = (("sec-websocket-protocol", arrival.subprotocol),) if arrival.subprotocol else ()
        if arrival.complaint is not None:
            return self._told_why(arrival, arrival.complaint, chosen)
        bound = self._who_is(arrival)
        if isinstance(bound, Mistake):
            return self._told_why(arrival, complain(arrival, bound), chosen)
        if (turned_away := self._no_seat(bound)) is not None:
            return turned_away
        peer = client_address(knock.peer, knock.headers, self._bounds.limits.trusted_proxies)
        who = Who(key_hash=bound.key_hash, session_id=bound.session_id, peer=peer)
        headers = (*chosen, (SESSION_HEADER, bound.session_id))
        call = self._call(who, arrival, bound)
        if self._tracer is not None:
            from .call_trace import CallTrace  # of an extra, which need not be there

            call.trace = CallTrace(self._tracer, knock.headers)
        return Welcome(call, headers)

    def _attached(self, arrival: Attaching) -> Welcome | TurnedAway:
        """Beside a call of the same key; whose another's is, and whether there is one, is not told."""
        key_hash = hash_key(arrival.secret.reveal())
        for call in self.calls:
            greeting = call.session.greeting if call.who.key_hash == key_hash else b""
            if greeting and gpt_live.session_id_of(greeting) == arrival.live_id:
                if len(call.watchers) >= WATCHERS_MAX:
                    return TurnedAway(
                        status=429,
                        code="rate_limit_exceeded",
                        message=f"At most {WATCHERS_MAX} may be attached to one session.",
                    )
                return Welcome(Watcher(call, greeting, arrival.graceful))
        return NO_SUCH_SESSION

    def _told_why(self, arrival: Arrival, said: Complaint, chosen: tuple[tuple[str, str], ...]) -> Welcome:
        self.metrics.refusals.add(said.code or str(said.close_code))
        return Welcome(Complained(farewell(arrival, said)), chosen)

    def _who_is(self, arrival: Arrival) -> Bound | Mistake:
        """The key's hash and the session: from a token that names both, or from the client's own words."""
        secret = arrival.secret.reveal()
        if not is_token(secret):
            if not is_key(secret):
                return Mistake.KEY
            session_id = arrival.session_id or new_id("sess")
            return Bound(key_hash=hash_key(secret), session_id=session_id, expires_at=0)
        bound = unseal(secret, self._signing_key, _now_s())
        if bound is None:
            return Mistake.TOKEN
        if bound.dialect not in ("", arrival.dialect):
            return Mistake.ANOTHER_DIALECT
        if bound.opens == "account":
            bound = msgspec.structs.replace(bound, session_id=arrival.session_id or bound.session_id)
        if arrival.session_id not in ("", bound.session_id):
            return Mistake.ANOTHER_SESSION
        if bound.model and bare_model(arrival.model) not in ("", bare_model(bound.model)):
            return Mistake.ANOTHER_MODEL
        return bound

    def _no_seat(self, bound: Bound) -> TurnedAway | None:
        retry = (("retry-after", str(RETRY_AFTER_S)),)
        if self.stopping:
            message = "The gateway is stopping. Try again shortly."
            return TurnedAway(status=503, code="server_error", message=message, headers=retry)
        if self.outbox.room is not Room.ENOUGH:
            message = (
                f"The gateway cannot reach its ledger. Try again shortly. ({ErrorCode.INTERNAL_OUTBOX_FULL})"
            )
            return TurnedAway(status=503, code="server_error", message=message, headers=retry)
        if self.calls.full or self.calls.too_many(bound.key_hash):
            whose = "The gateway" if self.calls.full else "This API key"
            return TurnedAway(
                status=429,
                code="rate_limit_exceeded",
                message=f"{whose} has as many calls as it may have at once. End one, or try again later.",
                headers=retry,
            )
        if wait_s := self._rates.knock(bound.key_hash):
            return TurnedAway(
                status=429,
                code="rate_limit_exceeded",
                message="This API key opens calls too fast.",
                headers=(("retry-after", str(ceil(wait_s))),),
            )
        if self.calls.is_contended(bound.key_hash, bound.session_id):
            return TurnedAway(
                status=429,
                code="rate_limit_exceeded",
                message="Clients take this session from each other. Give each a session id of its own.",
                headers=retry,
            )
        return None

    def _call(self, who: Who, arrival: Arrival, bound: Bound) -> Conductor:
        spoken = DIALECTS[arrival.dialect]
        client_side = spoken.client_side(arrival)
        by_token = bool(bound.expires_at) and spoken.dialect.CLIENT_SPEAKS_FIRST
        lock = Locked(client_side.first_word, bound, _now_s) if by_token else None
        run_id = new_id("run")
        session = Session(
            run_id=run_id,
            client=spoken.dialect,
            client_side=client_side,
            choose=partial(self._choose, spoken.dialect),
            model=arrival.model or bound.model,
            health=self._health,
            now_us=now_us,
            random=random.random,
            new_id=new_id,
            first_word=lock,
        )
        own_kind = BINARY if spoken.dialect.BINARY_TO_CLIENT else TEXT
        ask = partial(self._ask, spoken.dialect, None if lock is None else partial(lock.use, run_id))
        chosen = self._bounds.limits
        caps = Caps(chosen.tokens_per_call_max, chosen.minutes_per_call_max * 60)
        return Conductor(who, session, self, ask, self._open_line, self._bounds.idle_s, own_kind, caps)

    # -- The route ------------------------------------------------------------------------------------------

    def _choose(self, client: Dialect, model: str) -> Ways | Refusal:
        route = self._routes.choose(model)
        if isinstance(route, Unknown):
            self.metrics.refusals.add(ErrorCode.EXTERNAL_MODEL_NOT_FOUND.value)
            return Refusal(code=ErrorCode.EXTERNAL_MODEL_NOT_FOUND, message=route.message)
        ways = tuple(_way(route, place, self._routes.endpoint(place)) for place in route.targets)
        ways = tuple(way for way in ways if _meet(client, way))
        if not ways:
            return Refusal(code=ErrorCode.EXTERNAL_MODEL_NOT_FOUND, message=_NOT_MET.format(route.name))
        return Ways(
            route=route.name,
            ways=ways,
            on_drop=route.on_drop,
            stall_after_s=route.stall_after_s,
            switch_above_latency_ms=route.switch_above_latency_ms,
            switch_after=route.switch_after,
        )

    async def _open_line(self, line: Line, target: Target, within_s: float) -> None:
        endpoint = self._routes.endpoints[target.provider]
        key = await self._keys.key_of(endpoint)
        try:
            await self._dialled(endpoint, target, key, line, within_s)
        except DialError as error:
            # A token that has run out before its time: once more, with a new one.
            if error.status not in _KEY_REFUSED or not self._keys.refused(endpoint, key):
                raise
            key = await self._keys.key_of(endpoint)
            await self._dialled(endpoint, target, key, line, within_s)

    async def _dialled(
        self, endpoint: Endpoint, target: Target, key: Secret | None, line: Line, within_s: float
    ) -> None:
        now_s = asyncio.get_running_loop().time
        began_s = now_s()
        trace = line.call.trace
        with trace.dialling(endpoint.name, target.model) if trace is not None else nullcontext():
            try:
                await self._dialler(_address(endpoint, target, key), line, within_s)
            except DialError as error:
                self.metrics.dials_failed.add(endpoint.name, str(error.status or error.trouble.value))
                raise
        self.metrics.dial.observe(now_s() - began_s, endpoint.name)

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
            await self.outbox.settle(who.session_id, SETTLE_S)
            answer = await self.service.validate_and_load(who.key_hash, who.session_id)
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

    def keep(self, call: Conductor, *records: Record) -> None:
        self.metrics.kept(records)
        if call.trace is not None:
            call.trace.kept(records)
        low = False
        for record in records:
            if isinstance(record, UsageRecord) and self.calls.charged(call, record):
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
        if (claim := self._claims.pop(call, None)) is not None:
            task = asyncio.get_running_loop().create_task(self._release(claim))
            self._releasing.add(task)
            task.add_done_callback(self._releasing.discard)

    async def released(self) -> None:
        """Every session that was to be let go of is, or its words could not be committed in time."""
        if self._releasing:
            await asyncio.wait(self._releasing)

    async def _release(self, claim: Claim) -> None:
        await self.outbox.settle(claim.session_id, SETTLE_S)
        self._registry.release(claim)


_KEY_REFUSED = (401, 403)


def _address(endpoint: Endpoint, target: Target, key: Secret | None) -> Dial:
    try:
        return endpoint.dial(target.model, key)
    except OSError as error:
        raise DialError(
            DialTrouble.KEY, f"the key file of {endpoint.name} cannot be read: {error.strerror}"
        ) from None


def _way(route: Route, place: Place, endpoint: Endpoint) -> Way:
    able = endpoint.capabilities
    free = able.free_transcription  # "auto" is where it costs nothing (B2a)
    transcribe = route.transcribe_input == "always" or (route.transcribe_input == "auto" and free)
    target = Target(
        provider=endpoint.name,
        model=place.model,
        greets=able.first_frame == "provider",
        input=AudioFormat("pcm", able.input_rate_hz),
        output=AudioFormat("pcm", able.output_rate_hz),
        beta=able.spelling == "beta",
        nested_tools=able.tools == "nested",
        ping_patience_s=able.ping_patience_s,
        profile=endpoint.profile(place.model),
    )
    terms = Terms(
        admits_model=partial(_matches_one, route.allow_models),
        transcribe_with=(route.transcribe_with or TRANSCRIBE_WITH) if transcribe else None,
        resume_by=route.resume_by,
        reply_ends=route.reply_ends,
        transcription_models=_named(route.allow_transcription_models),
        strict=route.translation == "strict",
        voices=route.voices,
        backend_model=route.backend_model,
        low_credits=route.warn_below_credits,
        tell_low_credits=route.tell_low_credits,
        tell_switches=route.tell_switches,
    )
    translated = endpoint.dialect == "openai" and not target.is_like_openai
    return Way(target, terms, DIALECTS[endpoint.dialect].dialect, float(able.connection_s_max), translated)


_NOT_MET = (
    "The route {!r} leads to GPT-Live only, which serves clients of other dialects where the route names a "
    "backend_model; see docs/dialects-gpt-live.md."
)


def _meet(client: Dialect, way: Way) -> bool:
    """GPT-Live has no turns and no tools, and the others are made of both, so its clients are served by them
    in part, and theirs by it only where the route wants that."""
    same = client.NAME == way.dialect.NAME
    return same or way.dialect.NAME != gpt_live.NAME or bool(way.terms.backend_model)


def _now_s() -> float:
    return now_us() / 1e6


def _matches_one(globs: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _named(globs: Sequence[str]) -> frozenset[str] | None:
    return None if "*" in globs else frozenset(globs)
