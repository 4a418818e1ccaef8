"""Ephemeral tokens in Google's shapes: asked for as its SDK asks, and what a wrong request is told."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from google import genai
from google.genai import errors, types

from gateway_rig import KEY, POOR_KEY, SIGNING_KEY, Rig, rig
from realtime_switch.accounts.errors import ErrorCode, LinkError
from realtime_switch.accounts.keys import hash_key
from realtime_switch.gateway.client_secrets import Bound, Lock, unseal
from realtime_switch.gateway.http_tokens import BEGINS_S, EXPIRES_S

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK calls its own method experimental

NOW_S = 1_795_000_000


@pytest.fixture
async def here(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr("realtime_switch.gateway.http_tokens.now_us", lambda: NOW_S * 1_000_000)
    async with rig() as made:
        yield made


def sdk(here: Rig, version: str = "v1alpha", key: str = KEY) -> genai.Client:
    options = types.HttpOptions(base_url=here.http, api_version=version)
    return genai.Client(api_key=key, vertexai=False, http_options=options)


def opened(name: str | None) -> Bound:
    assert name is not None
    assert name.startswith("auth_tokens/")
    bound = unseal(name.removeprefix("auth_tokens/"), SIGNING_KEY, NOW_S)
    assert bound is not None
    assert bound.session_id.startswith("sess_")
    assert bound.token_id.startswith("token_")
    return msgspec.structs.replace(bound, session_id="sess", token_id="token")


PLAIN = Bound(
    key_hash=hash_key(KEY),
    session_id="sess",
    expires_at=NOW_S + EXPIRES_S,
    begins_until=NOW_S + BEGINS_S,
    dialect="gemini",
    uses=1,
    token_id="token",
)
CONFIG = types.LiveConnectConfig(system_instruction="Be brief.", temperature=0.5)
SETUP = {
    "model": "models/m-1",
    "generationConfig": {"temperature": 0.5},
    "systemInstruction": {"parts": [{"text": "Be brief."}], "role": "user"},
}
LOCKED = types.LiveConnectConstraints(model="m-1", config=CONFIG)

ASKED: dict[str, tuple[types.CreateAuthTokenConfig, Bound]] = {
    "nothing": (types.CreateAuthTokenConfig(), PLAIN),
    "uses": (types.CreateAuthTokenConfig(uses=3), msgspec.structs.replace(PLAIN, uses=3)),
    "any number": (types.CreateAuthTokenConfig(uses=0), msgspec.structs.replace(PLAIN, uses=0)),
    "times": (
        types.CreateAuthTokenConfig(
            expire_time=datetime.fromtimestamp(NOW_S + 7200, UTC),
            new_session_expire_time=datetime.fromtimestamp(NOW_S + 600, UTC),
        ),
        msgspec.structs.replace(PLAIN, expires_at=NOW_S + 7200, begins_until=NOW_S + 600),
    ),
    "no later to begin than to end": (
        types.CreateAuthTokenConfig(expire_time=datetime.fromtimestamp(NOW_S + 10, UTC)),
        msgspec.structs.replace(PLAIN, expires_at=NOW_S + 10, begins_until=NOW_S + 10),
    ),
    "a whole setup": (
        types.CreateAuthTokenConfig(live_connect_constraints=LOCKED),
        msgspec.structs.replace(PLAIN, lock=Lock(setup=SETUP)),
    ),
    "the fields of a setup": (
        types.CreateAuthTokenConfig(live_connect_constraints=LOCKED, lock_additional_fields=[]),
        msgspec.structs.replace(
            PLAIN,
            lock=Lock(
                setup=SETUP,
                fields=(
                    "model",
                    "generationConfig.temperature",
                    "systemInstruction.parts",
                    "systemInstruction.role",
                ),
            ),
        ),
    ),
}


@pytest.mark.parametrize("what", ASKED)
async def test_the_sdk_is_given_what_it_asks_for(here: Rig, what: str) -> None:
    config, bound = ASKED[what]
    made = await sdk(here).aio.auth_tokens.create(config=config)
    assert opened(made.name) == bound


@pytest.mark.parametrize("version", ["v1", "v1alpha", "v1beta"])
async def test_every_version_has_it(here: Rig, version: str) -> None:
    assert opened((await sdk(here, version).aio.auth_tokens.create()).name) == PLAIN


async def test_the_sdk_reads_why_not(here: Rig) -> None:
    with pytest.raises(errors.ClientError) as refused:
        await sdk(here, key="AIza").aio.auth_tokens.create()
    told = refused.value
    assert (told.code, told.status) == (401, "UNAUTHENTICATED")
    assert told.message == "Incorrect API key provided: it is not a key of this gateway."


async def ask(here: Rig, body: object = None, *, key: str | None = KEY, **options: Any) -> httpx.Response:
    headers = ({"x-goog-api-key": key} if key else {}) | options.pop("headers", {})
    content = body if isinstance(body, bytes) else msgspec.json.encode(body or {})
    async with httpx.AsyncClient(base_url=here.http) as http:
        return await http.post("/v1beta/auth_tokens", content=content, headers=headers, **options)


async def test_the_session_is_named_as_for_any_token(here: Rig) -> None:
    for given in ({"headers": {"x-session-id": "ada"}}, {"params": {"session_id": "ada"}}):
        made = await ask(here, **given)
        bound = unseal(made.json()["name"].removeprefix("auth_tokens/"), SIGNING_KEY, NOW_S)
        assert bound is not None
        assert (bound.session_id, made.headers["x-session-id"]) == ("ada", "ada")
        assert made.json().keys() == {"name"}


async def test_a_raw_client_may_send_its_key_in_the_query_and_names_in_snake_case(here: Rig) -> None:
    body = {
        "uses": 1,
        "expire_time": f"{datetime.fromtimestamp(NOW_S + 9, UTC):%Y-%m-%dT%H:%M:%S}.123456789Z",
        "bidi_generate_content_setup": {"model": "m"},
        "field_mask": None,
    }
    made = await ask(here, body, key=None, params={"key": KEY})
    assert made.status_code == 200, made.text
    assert opened(made.json()["name"]) == msgspec.structs.replace(
        PLAIN, expires_at=NOW_S + 9, begins_until=NOW_S + 9, lock=Lock(setup={"model": "m"})
    )


def at(seconds: int) -> str:
    return (datetime.fromtimestamp(NOW_S, UTC) + timedelta(seconds=seconds)).isoformat()


WRONG: dict[str, tuple[object, int, str]] = {
    "no JSON": (b'{"uses":', 400, "The message is not valid JSON."),
    "a list": ([1], 400, "The message is not a JSON object."),
    "one thing twice": (
        b'{"uses":1,"uses":2}',
        400,
        "The message has two members of the same name in one object.",
    ),
    "an unknown field": ({"model": "m"}, 400, "Invalid body: Object contains unknown field `model`."),
    "uses below none": ({"uses": -1}, 400, "Invalid body: Expected `int` >= 0 - at `$.uses`."),
    "a time that is none": (
        {"expireTime": "tomorrow"},
        400,
        "Invalid body: Invalid RFC3339 encoded datetime - at `$.expireTime`.",
    ),
    "a time that is over": ({"expireTime": at(0)}, 400, "expireTime must lie in the next 20 hours."),
    "a time that is far": (
        {"newSessionExpireTime": at(20 * 3600 + 1)},
        400,
        "newSessionExpireTime must lie in the next 20 hours.",
    ),
    "a setup in an envelope": (
        {"bidiGenerateContentSetup": {"setup": {"model": "m"}}},
        400,
        'Invalid JSON payload received. Unknown name "setup" at '
        "'auth_token.bidi_generate_content_setup': Cannot find field.",
    ),
    "a model that is no name": (
        {"bidiGenerateContentSetup": {"model": 1}},
        400,
        "Invalid type for 'bidiGenerateContentSetup.model': a string is expected.",
    ),
    "a model nobody serves": (
        {"bidiGenerateContentSetup": {"model": "models/other"}},
        400,
        "There is no route for the model 'other'. Routes here: voice, m*, fixed.",
    ),
    "too many fields": (
        {"fieldMask": ",".join("abcdefghij" * 11)},
        400,
        "fieldMask names more than 100 fields.",
    ),
    "a setup that does not fit": (
        {"bidiGenerateContentSetup": {"systemInstruction": "".join(map(chr, range(1000, 9000)))}},
        400,
        "The setup is too large for a token of this gateway: compressed it may have about 4 KB. "
        "Lock less of it, and let the client say the rest.",
    ),
}


@pytest.mark.parametrize("what", WRONG)
async def test_a_wrong_request_is_told_what_is_wrong_in_googles_shape(here: Rig, what: str) -> None:
    body, status, message = WRONG[what]
    response = await ask(here, body)
    error = {"code": status, "message": message, "status": "INVALID_ARGUMENT"}
    assert (response.status_code, response.json()) == (status, {"error": error})


@pytest.mark.parametrize(
    ("key", "status", "name"),
    [
        (None, 401, "UNAUTHENTICATED"),
        ("auth_tokens/ek_a.b", 401, "UNAUTHENTICATED"),
        ("rslive_v1_" + "ff" * 24, 401, "UNAUTHENTICATED"),
        (POOR_KEY, 429, "RESOURCE_EXHAUSTED"),
    ],
)
async def test_a_key_is_needed(here: Rig, key: str | None, status: int, name: str) -> None:
    response = await ask(here, key=key)
    assert (response.status_code, response.json()["error"]["status"]) == (status, name)


async def test_other_ends_have_googles_shape_too(here: Rig) -> None:
    here.books.failures.append(LinkError(ErrorCode.INTERNAL_LINK_TIMEOUT, "away"))
    away = await ask(here)
    here.books.failures.append(RuntimeError(f"secret {KEY}"))  # type: ignore[arg-type]
    broken = await ask(here)
    async with httpx.AsyncClient(base_url=here.http) as http:
        wrong = await http.get("/v1/auth_tokens")
    assert [(r.status_code, r.json()["error"]["status"]) for r in (away, broken, wrong)] == [
        (503, "UNAVAILABLE"),
        (500, "INTERNAL"),
        (405, "UNIMPLEMENTED"),
    ]
    assert KEY not in broken.text
