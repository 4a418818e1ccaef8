"""The HTTP side: OpenAI's shapes, our tokens, and what a prober sees."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from openai.types.realtime import ClientSecretCreateResponse

from gateway_rig import KEY, OTHER_KEY, POOR_KEY, Rig, begun, done, ending, hear, rig
from realtime_switch.accounts.errors import ErrorCode, LinkError
from realtime_switch.gateway import http_answers as http


@pytest.fixture
async def here() -> AsyncIterator[Rig]:
    async with rig() as made:
        yield made


async def ask(here: Rig, method: str, path: str, *, key: str | None = KEY, **options: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    headers |= options.pop("headers", {})
    async with httpx.AsyncClient(base_url=here.http) as client:
        return await client.request(method, path, headers=headers, **options)


async def token(here: Rig, body: dict[str, Any] | None = None, **options: Any) -> Any:
    response = await ask(here, "POST", "/v1/realtime/client_secrets", json=body or {}, **options)
    assert response.status_code == 200, response.text
    return response.json()


async def test_health_and_readiness_and_a_page(here: Rig) -> None:
    assert (await ask(here, "GET", "/healthz", key=None)).text == "ok\n"
    assert (await ask(here, "GET", "/readyz", key=None)).text == "ready\n"
    page = await ask(here, "GET", "/", key=None)
    assert "Realtime Switch" in page.text
    here.gateway.switchboard.door.stopping = True
    away = await ask(here, "GET", "/readyz", key=None)
    assert (away.status_code, away.text) == (503, "stopping\n")


async def test_every_answer_forbids_what_no_page_needs(here: Rig) -> None:
    for path in ("/", "/healthz", "/v1/models", "/nothing"):
        headers = (await ask(here, "GET", path)).headers
        assert headers.items() >= http.HEADERS.items()
        assert "server" not in headers


async def test_what_is_left_holds_the_bills_of_calls_that_have_just_ended(here: Rig) -> None:
    before = (await ask(here, "GET", "/v1/account")).json()
    client, line = await here.call()
    await line.say(begun(), done(tokens=30))
    assert [(await hear(client))["type"] for _ in range(2)] == ["response.created", "response.done"]
    await client.close()
    after = (await ask(here, "GET", "/v1/account")).json()
    left = before["credits"] - 30
    assert after == {**before, "credits": left, "plan_credits": left}
    assert before["object"] == "account"


async def test_models_are_the_routes_there_are(here: Rig) -> None:
    listed = (await ask(here, "GET", "/v1/models")).json()
    assert listed == {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": 0, "owned_by": "realtime-switch"}
            for name in here.names
        ],
    }
    assert here.names == ("fixed",)
    assert (await ask(here, "GET", "/v1/models/m-any")).json()["id"] == "m-any"
    missing = await ask(here, "GET", "/v1/models/other")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        (None, 401, "missing_api_key"),
        ("sk-not-ours", 401, "invalid_api_key"),
        ("rslive_v1_" + "ff" * 24, 401, "invalid_api_key"),
        (POOR_KEY, 429, "insufficient_quota"),
    ],
)
async def test_a_key_is_needed(here: Rig, key: str | None, status: int, code: str) -> None:
    # Models may be looked at without credits.
    paths = [("GET", "/v1/models")] if code != "insufficient_quota" else []
    for method, path in (*paths, ("POST", "/v1/realtime/client_secrets")):
        response = await ask(here, method, path, key=key)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_a_business_process_that_is_away_is_503(here: Rig) -> None:
    here.books.failures.append(LinkError(ErrorCode.INTERNAL_LINK_TIMEOUT, "away"))
    response = await ask(here, "GET", "/v1/models")
    assert (response.status_code, response.json()["error"]["type"]) == (503, "server_error")


async def test_a_client_secret_is_openais_to_the_letter(here: Rig) -> None:
    session = {
        "type": "realtime",
        "model": "m",
        "instructions": "Be brief.",
        "audio": {"output": {"voice": "marin"}},
    }
    made = await token(here, {"expires_after": {"anchor": "created_at", "seconds": 60}, "session": session})
    parsed = ClientSecretCreateResponse.model_validate(made, strict=True)
    assert parsed.value.startswith("ek_")
    assert made["session"] | session == made["session"]
    assert made["session"]["id"].startswith("sess_")


async def test_a_page_with_a_secret_talks_with_the_configuration_it_was_given(here: Rig) -> None:
    made = await token(here, {"session": {"type": "realtime", "model": "m", "instructions": "Be brief."}})
    protocols = ["realtime", f"openai-insecure-api-key.{made['value']}"]
    client = await here.connect("/v1/realtime", key=None, subprotocols=protocols)
    assert client.response is not None
    assert client.response.headers["x-session-id"] == made["session"]["id"]
    line = await here.upstream.line()
    assert line.path == "/v1/realtime?model=m"
    update = await line.hear()
    assert update["session"] == {"type": "realtime", "instructions": "Be brief."}
    await client.close()


async def test_instructions_do_not_leave_in_the_secret(here: Rig) -> None:
    made = await token(here, {"session": {"type": "realtime", "instructions": "PRIVATE"}})
    assert len(made["value"]) < 400
    assert made["session"]["id"] in here.books.configs


async def test_a_secret_without_configuration_leaves_the_session_alone(here: Rig) -> None:
    await token(here, {"session": {"type": "realtime", "model": "m"}})
    assert here.books.configs == {}


async def refused(here: Rig, path: str, secret: str) -> tuple[str, int]:
    client = await here.connect(path, key=secret)
    code = (await hear(client))["error"]["code"]
    return code, (await ending(client))[0]


async def test_a_secret_opens_its_own_session_and_model_only(here: Rig) -> None:
    made = await token(here, {"session": {"type": "realtime", "model": "m"}}, headers={"x-session-id": "ada"})
    assert made["session"]["id"] == "ada"
    secret = made["value"]
    assert await refused(here, "/v1/realtime?session_id=bob", secret) == ("invalid_value", 4000)
    assert await refused(here, "/v1/realtime?model=m2", secret) == ("invalid_model", 4000)
    client = await here.connect("/v1/realtime?model=m&session_id=ada", key=secret)
    await here.upstream.line()
    await client.close()


async def test_a_secret_that_was_tampered_with_or_has_expired_is_a_wrong_key(
    here: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = (await token(here, {"expires_after": {"seconds": 10}}))["value"]
    assert await refused(here, "/v1/realtime?model=m", secret[:-8] + "AAAAAAAA") == ("invalid_api_key", 3000)
    from realtime_switch.gateway import ids

    later = ids.now_us() + 11_000_000
    monkeypatch.setattr("realtime_switch.gateway.door.now_us", lambda: later)
    assert await refused(here, "/v1/realtime?model=m", secret) == ("invalid_api_key", 3000)


async def test_a_revoked_key_takes_its_secrets_with_it(here: Rig) -> None:
    secret = (await token(here, key=OTHER_KEY))["value"]
    here.books.keys.popitem()
    here.books.keys = {k: v for k, v in here.books.keys.items() if v == "nobody"}
    assert (await refused(here, "/v1/realtime?model=m", secret))[1] == 3000


BAD = {
    "too short a life": ({"expires_after": {"anchor": "created_at", "seconds": 9}}, "invalid_value"),
    "too long a life": ({"expires_after": {"seconds": 7201}}, "invalid_value"),
    "another anchor": ({"expires_after": {"anchor": "tomorrow"}}, "invalid_value"),
    "a session that is none": ({"session": [1]}, "invalid_value"),
    "transcription": ({"session": {"type": "transcription"}}, "invalid_value"),
    "a model that is no name": ({"session": {"model": 1}}, "invalid_type"),
    "a model nobody serves": ({"session": {"type": "realtime", "model": "other"}}, "model_not_found"),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_wrong_request_is_told_what_is_wrong(here: Rig, what: str) -> None:
    body, code = BAD[what]
    response = await ask(here, "POST", "/v1/realtime/client_secrets", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (400, code)


async def test_bodies_are_bounded_and_must_be_json(here: Rig) -> None:
    path = "/v1/realtime/client_secrets"
    big = await ask(here, "POST", path, content=b" " * (http.BODY_BYTES_MAX + 1))
    broken = await ask(here, "POST", path, content=b'{"session":')
    not_text = await ask(here, "POST", path, content=b'{"session":{"a":"\xff"}}')
    nothing = await ask(here, "POST", path, content=b"")
    assert [r.status_code for r in (big, broken, not_text, nothing)] == [413, 400, 400, 200]


async def test_a_body_that_trickles_is_not_waited_for(here: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    monkeypatch.setattr(http, "BODY_S_MAX", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    writer.write(
        f"POST /v1/realtime/client_secrets HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n"
        "content-length: 100\r\n\r\n{".encode()
    )
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_what_is_not_there_is_said_in_openais_shape(here: Rig) -> None:
    nothing = await ask(here, "GET", "/v1/chat/completions")
    wrong = await ask(here, "GET", "/v1/realtime/client_secrets")
    assert [(r.status_code, r.json()["error"]["code"]) for r in (nothing, wrong)] == [
        (404, "not_found"),
        (405, "method_not_allowed"),
    ]
    assert wrong.headers["allow"] == "POST"


async def test_a_defect_tells_nothing_of_itself(here: Rig) -> None:
    here.books.failures.append(RuntimeError(f"secret {KEY}"))  # type: ignore[arg-type]
    response = await ask(here, "GET", "/v1/models")
    assert response.status_code == 500
    assert KEY not in response.text
    assert msgspec.json.decode(response.content)["error"]["type"] == "server_error"
