from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.providers.builtin import LOCAL, LOCAL_GEMINI
from realtime_switch.providers.endpoint import Endpoint, Provider
from realtime_switch.providers.routes import (
    Route,
    Routes,
    Target,
    Unknown,
    bare_model,
    parse_target,
    routes_without_a_file,
)
from realtime_switch.secret import Secret


def endpoints(**keys: str) -> dict[str, Endpoint]:
    provider = Provider(dialect="openai", url="wss://x")
    names = ("openai", "gemini", LOCAL, LOCAL_GEMINI)
    return {n: Endpoint(name=n, provider=provider, key=Secret(keys[n]) if n in keys else None) for n in names}


def route(name: str, *targets: str, aliases: tuple[str, ...] = ()) -> Route:
    parsed = [parse_target(text) for text in targets]
    return Route(name=name, targets=tuple(t for t in parsed if t), aliases=aliases)


CONFIGURED = Routes(
    [
        route("default", "openai/gpt-realtime", "local/echo"),
        route("cheap", "openai/*", aliases=("gpt-*-mini", "mini")),
        route("all-gpt", "openai/*", aliases=("gpt-*", "gpt-realtime-mini-2")),
    ],
    endpoints(openai="k"),
)


def targets(chosen: Route | Unknown) -> list[str]:
    assert isinstance(chosen, Route)
    return [str(target) for target in chosen.targets]


def test_a_route_is_found_by_its_name():
    assert targets(CONFIGURED.choose("default")) == ["openai/gpt-realtime", "local/echo"]


def test_a_client_that_names_no_model_gets_the_default_route():
    assert targets(CONFIGURED.choose("")) == ["openai/gpt-realtime", "local/echo"]


def test_the_star_in_a_target_is_the_model_that_was_named():
    assert targets(CONFIGURED.choose("gpt-4o-mini")) == ["openai/gpt-4o-mini"]


def test_the_first_route_with_a_matching_glob_counts():
    assert isinstance(chosen := CONFIGURED.choose("gpt-4o-mini"), Route)
    assert chosen.name == "cheap"


def test_an_alias_spelt_out_goes_before_a_glob():
    assert isinstance(chosen := CONFIGURED.choose("gpt-realtime-mini-2"), Route)
    assert chosen.name == "all-gpt"


def test_an_unknown_name_is_refused_naming_the_routes_there_are():
    assert CONFIGURED.choose("claude") == Unknown(
        "There is no route for the model 'claude'. "
        "Routes here: default, cheap, gpt-*-mini, mini, all-gpt, gpt-*, gpt-realtime-mini-2."
    )


def test_no_name_and_no_default_is_refused():
    assert Routes([route("a", "openai/m")], endpoints()).choose("") == Unknown(
        "The request names no model, and there is no default route. Routes here: a."
    )


def test_a_default_route_that_passes_names_on_needs_one():
    assert Routes([route("default", "openai/*")], endpoints()).choose("") == Unknown(
        "The request names no model. Routes here: default."
    )


def test_a_list_of_models_holds_what_can_be_named_and_no_globs():
    assert CONFIGURED.names() == ("default", "mini", "gpt-realtime-mini-2")


def test_with_an_openai_key_every_model_goes_to_openai_unchanged():
    there = endpoints(openai="k")
    routes = Routes(routes_without_a_file(there), there)
    assert targets(routes.choose("gpt-realtime")) == ["openai/gpt-realtime"]
    assert targets(routes.choose("gemini-live")) == ["openai/gemini-live"]
    assert isinstance(routes.choose(""), Unknown)
    assert routes.names() == ()


def test_with_both_keys_a_name_goes_to_the_provider_that_it_belongs_to():
    there = endpoints(openai="k", gemini="k")
    routes = Routes(routes_without_a_file(there), there)
    assert targets(routes.choose("gemini-live")) == ["gemini/gemini-live"]
    assert targets(routes.choose("models/gemini-live")) == ["gemini/gemini-live"]
    assert targets(routes.choose("gpt-realtime")) == ["openai/gpt-realtime"]


def test_with_only_a_gemini_key_other_names_are_refused():
    there = endpoints(gemini="k")
    routes = Routes(routes_without_a_file(there), there)
    assert routes.choose("gpt-realtime") == Unknown(
        "There is no route for the model 'gpt-realtime'. Routes here: gemini, gemini*."
    )


@given(st.text())
def test_with_no_key_at_all_every_name_goes_to_the_local_provider(name: str):
    there = endpoints()
    routes = Routes(routes_without_a_file(there), there)
    chosen = routes.choose(name)
    assert isinstance(chosen, Route)
    provider = LOCAL_GEMINI if bare_model(name).startswith("gemini") or name == LOCAL_GEMINI else LOCAL
    assert [target.provider for target in chosen.targets] == [provider]
    assert routes.endpoint(chosen.targets[0]) is there[provider]


def test_with_no_key_at_all_a_geminis_name_gets_the_local_provider_in_its_dialect():
    there = endpoints()
    routes = Routes(routes_without_a_file(there), there)
    assert targets(routes.choose("models/gemini-3.8-live")) == ["local-gemini/gemini-3.8-live"]
    assert targets(routes.choose("gpt-realtime")) == ["local/gpt-realtime"]
    assert targets(routes.choose("")) == ["local/local"]


MODELS = {
    "models/gemini-3.8-live": "gemini-3.8-live",
    "publishers/google/models/gemini-3.8-live": "gemini-3.8-live",
    "projects/p/locations/us-east1/publishers/google/models/gemini-3.8-live": "gemini-3.8-live",
    "projects/p/locations/us-east1/endpoints/4711": "4711",
    "gemini-3.8-live": "gemini-3.8-live",
    "openai/gpt-realtime": "openai/gpt-realtime",
    "org/models/m": "org/models/m",
    "models/": "models/",
    "": "",
}


def test_a_model_is_the_same_whatever_path_a_gemini_client_puts_before_it():
    assert {model: bare_model(model) for model in MODELS} == MODELS


def test_a_gemini_client_may_name_any_route():
    assert targets(CONFIGURED.choose("models/default")) == ["openai/gpt-realtime", "local/echo"]
    assert targets(CONFIGURED.choose("models/gpt-4o-mini")) == ["openai/gpt-4o-mini"]
    assert CONFIGURED.choose("models/claude") == CONFIGURED.choose("claude")


def test_an_alias_may_be_written_as_geminis_clients_write_it():
    routes = Routes(
        [route("a", "openai/x", aliases=("models/m", "models/g-*")), route("b", "openai/y", aliases=("m*",))],
        {},
    )
    named = ("m", "models/m", "g-1", "models/g-1", "mx", "models/mx")
    assert [targets(routes.choose(name)) for name in named] == [["openai/x"]] * 4 + [["openai/y"]] * 2
    assert isinstance(routes.choose("models/x"), Unknown), "it does not begin with m"


@given(st.text())
def test_a_choice_never_leaves_a_star_and_a_refusal_stays_short(name: str):
    chosen = CONFIGURED.choose(name)
    if isinstance(chosen, Route):
        assert name == "*" or all(target.model != "*" for target in chosen.targets)
    else:
        assert len(chosen.message) < 600


def test_a_target_is_a_provider_and_a_model_that_may_hold_slashes():
    assert parse_target("inworld/openai/gpt-4.1-mini") == Target("inworld", "openai/gpt-4.1-mini")
    assert [parse_target(text) for text in ("openai", "openai/", "/m", "")] == [None] * 4


def test_routes_that_become_others_still_know_where_calls_are() -> None:
    old, new = (Endpoint(name=name, provider=Provider(dialect="openai", url="ws://h")) for name in ("a", "b"))
    held = Routes([Route(name="one", targets=(Target("a", "m"),), aliases=("x*",))], {"a": old})
    held.become(Routes([Route(name="two", targets=(Target("b", "m"),))], {"b": new}))
    assert held.names() == ("two",)
    assert isinstance(held.choose("one"), Unknown)
    assert isinstance(held.choose("x1"), Unknown)
    assert held.endpoints == {"a": old, "b": new}
