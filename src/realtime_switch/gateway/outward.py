"""Where a call may go: the ways that its route names, and a line to the provider of one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from fnmatch import fnmatchcase
from functools import partial

from ..accounts.errors import ErrorCode
from ..accounts.records import Refusal
from ..dialects import gpt_live
from ..dialects.dialect import Dialect
from ..dialects.sound import AudioFormat
from ..dialects.terms import Target, Terms
from ..providers.endpoint import Dial, Endpoint
from ..providers.routes import Route, Routes, Unknown
from ..providers.routes import Target as Place
from ..secret import Secret
from ..session.way import Way, Ways
from .dial import DialError, DialTrouble
from .dialects import DIALECTS
from .line import Line
from .metrics import Metrics
from .provider_keys import ProviderKeys

# OpenAI's cheapest that streams its words; the model is free to a client that asks for transcription itself.
TRANSCRIBE_WITH = "gpt-4o-mini-transcribe"
MODELS_MAX = 1_000  # that clients named, of which it is kept where they lead
_KEY_REFUSED = (401, 403)

Dialler = Callable[[Dial, Line, float], Awaitable[object]]


class Outward:
    def __init__(self, routes: Routes, dialler: Dialler, metrics: Metrics) -> None:
        self._routes = routes
        self._dialler = dialler
        self._metrics = metrics
        self._keys = ProviderKeys(asyncio.get_running_loop().time)
        self._ways: dict[tuple[str, str], Ways] = {}  # by the client's dialect and the model it named

    def expect(self) -> None:
        """That there are metrics of every provider before its first call."""
        self._metrics.expect({target.provider for route in self._routes.all for target in route.targets})

    def reload(self) -> None:
        """The routes are others."""
        self._ways.clear()
        self.expect()

    def choose(self, client: Dialect, model: str) -> Ways | Refusal:
        if (known := self._ways.get((client.NAME, model))) is not None:
            return known
        ways = self._make_out(client, model)
        if isinstance(ways, Ways) and len(self._ways) < MODELS_MAX:
            self._ways[client.NAME, model] = ways
        return ways

    def _make_out(self, client: Dialect, model: str) -> Ways | Refusal:
        route = self._routes.choose(model)
        if isinstance(route, Unknown):
            self._metrics.refusals.add(ErrorCode.EXTERNAL_MODEL_NOT_FOUND.value)
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

    async def open_line(self, line: Line, target: Target, within_s: float) -> None:
        endpoint = self._routes.endpoints[target.provider]
        key = await self._keys.key_of(endpoint, within_s)
        try:
            await self._dialled(endpoint, target, key, line, within_s)
        except DialError as error:
            # A token that has run out before its time: once more, with a new one.
            if error.status not in _KEY_REFUSED or not self._keys.refused(endpoint, key):
                raise
            key = await self._keys.key_of(endpoint, within_s)
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
                self._metrics.dials_failed.add(endpoint.name, str(error.status or error.trouble.value))
                raise
        self._metrics.dial.observe(now_s() - began_s, endpoint.name)


def _address(endpoint: Endpoint, target: Target, key: Secret | None) -> Dial:
    try:
        return endpoint.dial(target.model, key)
    except OSError as error:
        raise DialError(
            DialTrouble.KEY, f"the key file of {endpoint.name} cannot be read: {error.strerror}"
        ) from None
    except ValueError:
        raise DialError(DialTrouble.KEY, f"the key file of {endpoint.name} holds no key") from None


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


def _matches_one(globs: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _named(globs: Sequence[str]) -> frozenset[str] | None:
    return None if "*" in globs else frozenset(globs)
