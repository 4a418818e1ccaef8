"""The OpenAPI document knows every address there is, and every address answers what it says there."""

import re
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from starlette.routing import Route

from gateway_house import MINE, THEIRS, House, fill
from gateway_rig import METRICS_TOKEN, SIGNING_KEY, Books, hear
from openapi_check import check_answer, operation_of, validator
from realtime_switch.accounts.errors import ErrorCode, LinkError
from realtime_switch.business.repos import CLOSED
from realtime_switch.gateway import http_answers
from realtime_switch.gateway.calls import Calls
from realtime_switch.gateway.http import Api
from realtime_switch.gateway.openapi import DOCUMENT
from realtime_switch.providers.routes import Routes

DOCS = Path(__file__).parents[2] / "docs" / "openapi.json"
METHODS = ("get", "post", "put", "delete")
OPERATIONS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if method in METHODS
]


# -- The document ------------------------------------------------------------------------------------------


async def _nothing(session_id: str) -> None: ...


def test_every_address_of_the_gateway_is_in_it_and_no_other() -> None:
    app = Api(Books(), Routes([], {}), SIGNING_KEY, lambda: "", _nothing, Calls(1, 1, lambda: 0.0)).app()
    there = {
        (route.path.replace(":path", ""), method.lower())
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert {(path, method) for path, method, _ in OPERATIONS} == there


def test_the_page_in_docs_is_this_document() -> None:
    """After a change: python -m realtime_switch.gateway.openapi > docs/openapi.json"""
    assert msgspec.json.decode(DOCS.read_bytes()) == msgspec.json.decode(msgspec.json.encode(DOCUMENT))


def test_every_schema_is_one_and_every_reference_leads_somewhere() -> None:
    text = msgspec.json.encode(DOCUMENT).decode()
    schemas = DOCUMENT["components"]["schemas"]
    used = set(re.findall(r'"\$ref":"#/components/schemas/(\w+)"', text))
    assert used == {*schemas}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)


def test_every_operation_has_a_name_of_its_own_and_says_what_stands_in_its_path() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len({*names}) == len(names)
    for path, _, operation in OPERATIONS:
        parameters = [*DOCUMENT["paths"][path].get("parameters", ()), *operation.get("parameters", ())]
        assert [p["name"] for p in parameters if p["in"] == "path"] == re.findall(r"\{(\w+)\}", path)


# -- What is answered --------------------------------------------------------------------------------------


async def every_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> list[httpx.Response]:
    """Every operation with everything that it can answer."""
    answers: list[httpx.Response] = []

    async def ask(method: str, path: str, key: str | None = MINE, **options: Any) -> None:
        answers.append(await house.ask(path, method, key=key, **options))

    bodies = ["/v1/realtime/client_secrets", "/v1/calls/ada/switch"]
    bodies += [f"/{version}/auth_tokens" for version in ("v1", "v1alpha", "v1beta")]
    reads = ["/v1/account", "/v1/usage", "/v1/sessions", "/v1/sessions/ada", "/v1/calls", "/v1/models"]
    reads += ["/v1/models/m-1"]
    strict = reads[:4]  # whose query is read

    await fill(house, session_id="old")
    client = await house.rig.connect("/v1/realtime?model=m&session_id=ada", key=MINE)
    await house.rig.upstream.line()
    await hear(client)
    await fill(house, session_id="ada")
    await ask("GET", "/metrics")
    await ask("GET", "/metrics", key=METRICS_TOKEN)
    for path in ("/", "/page/none.js", "/healthz", "/readyz", "/v1/openapi.json"):
        await ask("GET", path, key=None)
    for path in reads:
        await ask("GET", path)
        await ask("GET", path, key=None)
    await ask("GET", "/v1/usage?group_by=day,provider,kind&limit=1&start_time=2023-11-14")
    await ask("GET", "/v1/sessions?limit=1&q=user")
    await ask("GET", "/v1/sessions/ada?limit=1")
    for form in ("jsonl", "text"):
        await ask("GET", f"/v1/sessions?format={form}")
        await ask("GET", f"/v1/sessions/ada?format={form}")
    for path in strict:
        await ask("GET", f"{path}?wrong=1")
    for path in ("/v1/sessions/none", "/v1/models/none"):
        await ask("GET", path)

    for path in bodies:
        await ask("POST", path, key=None)
        await ask("POST", path, content=b"[")
        await ask("POST", path, content=b" " * (http_answers.BODY_BYTES_MAX + 1))
    for path in (bodies[0], *bodies[2:]):
        await ask("POST", path)
    await ask("POST", bodies[0], json={"session": {"type": "realtime", "model": "m", "audio": {}}})
    await ask("POST", "/v1/calls/none/switch")
    await ask("POST", "/v1/calls/ada/switch")  # 409: its route has one target
    call = (await house.secret())["value"]
    for path in (*reads, "/v1/sessions/ada"):
        await ask("GET", path, key=call)
    await ask("POST", "/v1/calls/ada/switch", key=call)

    await ask("DELETE", "/v1/sessions/old?wrong=1")
    for key in (None, call, MINE, MINE):
        await ask("DELETE", "/v1/sessions/old", key=key)
    await ask("DELETE", "/v1/sessions/ada")  # 409
    await client.close()

    with monkeypatch.context() as patch:
        patch.setattr(http_answers, "BODY_S_MAX", 0.0)
        for path in bodies:
            await ask("POST", path, content=_slowly())

    await house.database.write(lambda r: r.accounts.spend("a2", 1_000_000, "usage", 1))
    for path in (bodies[0], *bodies[2:]):
        await ask("POST", path, key=THEIRS)
    await house.database.write(lambda r: r.accounts.set_status("a2", CLOSED, 1))
    for path in (bodies[0], *bodies[2:]):
        await ask("POST", path, key=THEIRS)

    async def away(*question: object) -> Any:
        raise LinkError(ErrorCode.INTERNAL_LINK_TIMEOUT, "away")

    with monkeypatch.context() as patch:
        for verb in ("ask", "validate_and_load"):
            patch.setattr(house.service, verb, away)
        for path in reads:
            await ask("GET", path)
        for path in bodies:
            await ask("POST", path)
        await ask("DELETE", "/v1/sessions/ada")
    house.rig.gateway.switchboard.door.stopping = True
    await ask("GET", "/readyz", key=None)
    return answers


async def _slowly() -> Any:
    yield b"{"
    await _nothing("")
    yield b"}"


async def test_every_operation_answers_what_it_says_and_everything_that_it_says(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = {check_answer(answer) for answer in await every_answer(house, monkeypatch)}
    said = {(o["operationId"], status) for _, _, o in OPERATIONS for status in o["responses"]}
    # A route with two targets is needed for it: test_http_calls.py holds that answer against the document.
    # The page's files are there where it was built: test_http_page.py holds how they are answered.
    assert said - seen == {("switchCall", "202"), ("pageFile", "200")}


words = st.sampled_from(
    ["", "0", "1", "-1", "x", "day", "day,kind", "2023-11-14", "json", "jsonl", "kaF4", "%00", "é"]
)
names = st.sampled_from(["start_time", "end_time", "group_by", "after", "limit", "format", "q", "x", "key"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    path=st.sampled_from(
        ["/v1/account", "/v1/usage", "/v1/sessions", "/v1/sessions/ada", "/v1/sessions/%00%FF"]
    ),
    query=st.lists(st.tuples(names, words | st.text(max_size=8)), max_size=3),
)
async def test_law_no_question_however_it_is_spelt_is_answered_by_anything_else(
    house: House,
    path: str,
    query: list[tuple[str, str]],
) -> None:
    if "ada" not in [s.session_id for s in await house.database.read(lambda r: r.sessions.list("a1"))]:
        await fill(house, session_id="ada")
    text = httpx.QueryParams([(name, value.encode("utf-8", "replace").decode()) for name, value in query])
    check_answer(await house.ask(f"{path}?{text}"))


def test_the_check_notices_what_is_wrong() -> None:
    def answer(path: str, body: Any, status: int = 200, kind: str = "application/json") -> httpx.Response:
        request = httpx.Request("GET", f"http://x{path}")
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return httpx.Response(status, headers={"content-type": kind}, content=content, request=request)

    good = {"object": "list", "data": []}
    assert check_answer(answer("/v1/models", good)) == ("models", "200")
    for wrong in (
        answer("/v1/models", {"object": "list"}),
        answer("/v1/models", {**good, "more": 1}),
        answer("/v1/models", {**good, "data": [{"id": 1}]}),
        answer("/v1/models", good, 201),
        answer("/v1/models", good, kind="text/html"),
        answer("/v1/nothing", good),
        answer("/v1/sessions", b'{"object":"session"}\n', kind="application/jsonl"),
    ):
        with pytest.raises(AssertionError):
            check_answer(wrong)


def test_what_may_be_asked_is_what_the_gateway_reads() -> None:
    body = operation_of("POST", "/v1/realtime/client_secrets")["requestBody"]  # type: ignore[index]
    schema = body["content"]["application/json"]["schema"]
    good: list[Any] = [{}, {"expires_after": {"anchor": "created_at", "seconds": 10}}, {"opens": "account"}]
    bad: list[Any] = [{"expires_after": {"seconds": 9}}, {"opens": "all"}, {"session": 1}, []]
    assert [validator(schema).is_valid(value) for value in (*good, *bad)] == [True] * 3 + [False] * 4
