"""Routes: what a client names as its model, and the targets it stands for. Pure.

A name is looked for in this order: a route of that name, an alias spelt so, the
first route (as the file has them) with a matching glob. What Gemini's clients put
before a name ("models/") counts nowhere. A client that names no model gets the
route called "default". What is not found is refused with a
sentence that names what there is; nothing is ever quietly sent elsewhere.
"""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from .builtin import LOCAL, LOCAL_GEMINI, LOCAL_GPT_LIVE
from .endpoint import Endpoint

DEFAULT = "default"
AS_NAMED = "*"  # the model of a target that is whatever the client named


class Target(Struct, frozen=True):
    """One provider and the model to ask it for; written "provider/model"."""

    provider: str
    model: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class Route(Struct, frozen=True, kw_only=True):
    """A name, where it leads, and how a call on it is carried."""

    name: str
    targets: tuple[Target, ...]  # at least one, in the order they are tried
    aliases: tuple[str, ...] = ()
    on_drop: Literal["same", "next"] = "next"
    stall_after_s: Annotated[float, Meta(gt=0, le=600)] = 15.0  # a reply is due and nothing comes
    switch_above_latency_ms: Annotated[int, Meta(ge=1)] | None = None
    switch_after: Annotated[int, Meta(ge=1)] = 3
    translation: Literal["lenient", "strict"] = "lenient"
    transcribe_input: Literal["auto", "always", "as_client"] = "auto"
    transcribe_with: str = ""  # the model that writes down what users say, where a provider wants it named
    resume_by: Literal["instructions", "items"] = "instructions"  # how a conversation comes back into a call
    reply_ends: Literal["as_provider", "made", "heard"] = "as_provider"  # between dialects: when it is over
    voices: dict[str, str] = {}  # a client's name of a voice -> the provider's, between dialects
    backend_model: str = ""  # with one, GPT-Live serves clients of other dialects too; "": it does not
    allow_models: tuple[
        str, ...
    ] = ()  # globs: what a client may ask for in mid-call, besides the target's own
    allow_transcription_models: tuple[str, ...] = ("*",)  # globs
    warn_below_credits: Annotated[int, Meta(ge=0)] = 500  # 0: never
    tell_low_credits: bool = (
        False  # the client too, not only the log; some SDKs fail on events they do not know
    )
    tell_switches: bool = False  # likewise of every switch, not only of those it asked for


class Unknown(Struct, frozen=True):
    """No route for that name: the sentence to tell the client."""

    message: str


def parse_target(text: str) -> Target | None:
    """None: not of the form provider/model. A model may hold slashes of its own."""
    provider, slash, model = text.partition("/")
    return Target(provider, model) if provider and slash and model else None


# GEMINI-LIVE.md 1: of the Developer API; of Vertex AI; a tuned one of its. SDKs put the first before whatever
# name they are given.
_RESOURCE = re.compile(
    r"(?:(?:projects/[^/]+/locations/[^/]+/)?publishers/[^/]+/)?models/(?=.)"
    r"|projects/[^/]+/locations/[^/]+/endpoints/(?=.)"
)


def bare_model(model: str) -> str:
    """The name by itself, of what Gemini's clients write as a path."""
    match = _RESOURCE.match(model)
    return model[match.end() :] if match else model


class Routes:
    """Every route there is, with the endpoints they lead to."""

    def __init__(self, routes: Sequence[Route], endpoints: Mapping[str, Endpoint]) -> None:
        self._take(routes, endpoints)

    def become(self, other: "Routes") -> None:
        """For whoever holds these: from now on they are the others. Where calls that are alive may go is
        still known."""
        self._take(other.all, {**self.endpoints, **other.endpoints})

    def _take(self, routes: Sequence[Route], endpoints: Mapping[str, Endpoint]) -> None:
        self.all = tuple(routes)
        self.endpoints = endpoints
        self._by_name = {bare_model(alias): route for route in reversed(self.all) for alias in route.aliases}
        self._by_name |= {route.name: route for route in self.all}
        self._by_glob = [(bare_model(alias), route) for route in self.all for alias in route.aliases]

    def choose(self, model: str) -> Route | Unknown:
        """The route for a name, with every `*` in its targets replaced by that name, without what Gemini's
        clients put before it."""
        named = bare_model(model)
        route = self._find(named or DEFAULT)
        if route is None:
            return Unknown(self._refusal(named))
        if not named and any(target.model == AS_NAMED for target in route.targets):
            return Unknown(f"The request names no model. {self._there_is()}")
        return replace(
            route,
            targets=tuple(replace(t, model=named) if t.model == AS_NAMED else t for t in route.targets),
        )

    def endpoint(self, target: Target) -> Endpoint:
        return self.endpoints[target.provider]

    def names(self) -> tuple[str, ...]:
        """What a client may name, for a list of models. Globs name nothing, and neither does a route that
        passes on what its aliases let in."""
        names: dict[str, None] = {}
        for route in self.all:
            if not (route.aliases and any(target.model == AS_NAMED for target in route.targets)):
                names[route.name] = None
            names |= dict.fromkeys(alias for alias in route.aliases if not _is_glob(alias))
        return tuple(names)

    def _find(self, name: str) -> Route | None:
        if name in self._by_name:
            return self._by_name[name]
        return next((route for glob, route in self._by_glob if fnmatchcase(name, glob)), None)

    def _refusal(self, model: str) -> str:
        if not model:
            return f"The request names no model, and there is no default route. {self._there_is()}"
        shown = model if len(model) <= 80 else f"{model[:77]}..."
        return f"There is no route for the model {shown!r}. {self._there_is()}"

    def _there_is(self) -> str:
        names = dict.fromkeys(n for route in self.all for n in (route.name, *route.aliases))
        return f"Routes here: {', '.join(names)}."


def _is_glob(alias: str) -> bool:
    return any(sign in alias for sign in "*?[")


def routes_without_a_file(endpoints: Mapping[str, Endpoint]) -> tuple[Route, ...]:
    """What an unmodified app meets when nobody configured anything: its model goes to the provider whose
    key is set, and to the local provider, in the dialect that the name belongs to, when there is no key at
    all. Only the name decides; in which dialect the client asks is the same to a route."""
    routes = []
    if (gemini := endpoints.get("gemini")) and gemini.key:
        routes.append(Route(name="gemini", targets=(Target("gemini", AS_NAMED),), aliases=("gemini*",)))
    if (live := endpoints.get("gpt-live")) and live.key:
        routes.append(Route(name="gpt-live", targets=(Target("gpt-live", AS_NAMED),), aliases=("gpt-live*",)))
    if (openai := endpoints.get("openai")) and openai.key:
        routes.append(Route(name="openai", targets=(Target("openai", AS_NAMED),), aliases=("*",)))
    if not routes:
        # A client that names no model is welcome too.
        routes.append(Route(name=DEFAULT, targets=(Target(LOCAL, LOCAL),)))
        routes.append(
            Route(name=LOCAL_GEMINI, targets=(Target(LOCAL_GEMINI, AS_NAMED),), aliases=("gemini*",))
        )
        routes.append(
            Route(name=LOCAL_GPT_LIVE, targets=(Target(LOCAL_GPT_LIVE, AS_NAMED),), aliases=("gpt-live*",))
        )
        routes.append(Route(name=LOCAL, targets=(Target(LOCAL, AS_NAMED),), aliases=("*",)))
    return tuple(routes)
