from pathlib import Path

import pytest

from realtime_switch.dialects.profile import Profile
from realtime_switch.providers.endpoint import Dial, Endpoint, Provider
from realtime_switch.secret import Secret

KEY = "sk-hush-hush"


def endpoint(**table: object) -> Endpoint:
    table = {"dialect": "openai", "url": "wss://api.example/v1/realtime", **table}
    return Endpoint(name="p", provider=Provider(**table), key=Secret(KEY))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "dial"),
    [
        (
            {},
            Dial("wss://api.example/v1/realtime?model=gpt-realtime", {"Authorization": f"Bearer {KEY}"}),
        ),
        (  # Azure GA (OPENAI-REALTIME.md 15)
            {"url": "wss://r.openai.azure.com/openai/v1/realtime", "key_header": "api-key"},
            Dial("wss://r.openai.azure.com/openai/v1/realtime?model=gpt-realtime", {"api-key": KEY}),
        ),
        (  # Azure preview
            {
                "url": "wss://r.openai.azure.com/openai/realtime?api-version=2025-04-01-preview",
                "key_header": "api-key",
                "model_query": "deployment",
            },
            Dial(
                "wss://r.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-realtime",
                {"api-key": KEY},
            ),
        ),
        (  # Inworld
            {"key_prefix": "Basic "},
            Dial("wss://api.example/v1/realtime?model=gpt-realtime", {"Authorization": f"Basic {KEY}"}),
        ),
        (  # Gemini hears its model in the first message
            {"dialect": "gemini", "url": "wss://g.example/ws/Bidi"},
            Dial("wss://g.example/ws/Bidi", {"x-goog-api-key": KEY}),
        ),
        (  # Vertex
            {"dialect": "gemini", "url": "wss://v.example/ws/Bidi", "key_header": "Authorization"},
            Dial("wss://v.example/ws/Bidi", {"Authorization": f"Bearer {KEY}"}),
        ),
        (
            {"headers": {"OpenAI-Project": Secret("p1")}, "model_query": ""},
            Dial("wss://api.example/v1/realtime", {"OpenAI-Project": "p1", "Authorization": f"Bearer {KEY}"}),
        ),
    ],
)
def test_key_and_model_travel_as_each_service_wants_them(table: dict[str, object], dial: Dial):
    assert endpoint(**table).dial("gpt-realtime") == dial


def test_a_model_name_is_quoted_for_the_address():
    assert endpoint().dial("openai/gpt 4&x=1#y").url.endswith("?model=openai/gpt%204%26x%3D1%23y")


def test_without_a_model_or_a_key_nothing_is_made_up():
    bare = Endpoint(name="local", provider=Provider(dialect="openai", url="ws://127.0.0.1:1/"))
    assert bare.dial("") == Dial("ws://127.0.0.1:1/", {})


def test_a_key_file_is_read_at_every_dial(tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("first\n")
    where = endpoint(key_file=str(token), key_prefix="Bearer ")
    assert where.dial("m").headers == {"Authorization": "Bearer first"}
    token.write_text("second\n")
    assert where.dial("m").headers == {"Authorization": "Bearer second"}


def test_no_repr_holds_a_key():
    where = endpoint(headers={"x-other": Secret(KEY)})
    assert KEY not in f"{where!r} {where.dial('m')!r} {where.dial('m')}"


def test_an_endpoint_lacks_a_key_only_if_it_asks_for_one():
    asks = Provider(dialect="openai", url="wss://a", key_env="OPENAI_API_KEY")
    assert Endpoint(name="a", provider=asks).lacks_key
    assert not Endpoint(name="a", provider=asks, key=Secret("k")).lacks_key
    assert not Endpoint(name="a", provider=Provider(dialect="openai", url="wss://a")).lacks_key


def test_a_models_profile_is_the_first_whose_glob_fits_its_name():
    where = endpoint(
        dialect="gemini",
        profiles={"gemini-3.1*": Profile(content="seed_only"), "gemini-3*": Profile(context_update=False)},
    )
    names = (
        "gemini-3.1-flash",
        "projects/p/locations/l/publishers/google/models/gemini-3.1-x",
        "gemini-3.8",
        "g",
    )
    assert [where.profile(name) for name in names] == [
        Profile(content="seed_only"),
        Profile(content="seed_only"),
        Profile(context_update=False),
        Profile(),
    ]
