"""What is read at the door of Gemini's clients, as a table: one row a client there is (CLIENTS-GEMINI.md)."""

import base64
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.gateway.arrival import Arrival, Complaint, Mistake, TurnedAway, complain, read_arrival
from realtime_switch.gateway.arrival.gemini import COMPLAINTS, NO_CREDENTIAL
from realtime_switch.gateway.sockets import REASON_BYTES_MAX
from realtime_switch.secret import Secret

KEY = "rslive_v1_" + "ab" * 24
WEBSOCKET = (
    ("host", "127.0.0.1"),
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", base64.b64encode(bytes(16)).decode()),
)
LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
VERTEX = "/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent"
GOOG = ("x-goog-api-key", KEY)


def arrive(target: str, *headers: tuple[str, str]) -> Arrival | TurnedAway:
    return read_arrival("GET", target, (*WEBSOCKET, *headers))


def gemini(secret: str = KEY, **members: object) -> Arrival:
    return Arrival(secret=Secret(secret), dialect="gemini", **members)  # type: ignore[arg-type]


CLIENTS = {
    "google-genai (Python) 3": (LIVE.replace("v1beta", "v1"), [GOOG], gemini()),
    "google-genai (Python) 2, livekit, pipecat": (LIVE, [GOOG], gemini()),
    "google-genai (Python), a base with a path": ("/prefix/" + LIVE, [GOOG], gemini()),
    "google-genai (Python), a token": (
        LIVE.replace("v1beta", "v1alpha") + "Constrained",
        [("authorization", "Token auth_tokens/ek_a.b-c"), ("x-goog-api-key", "auth_tokens/ek_a.b-c")],
        gemini("ek_a.b-c"),
    ),
    "@google/genai": (f"/{LIVE}?key={KEY}", [], gemini()),
    "@google/genai, a token": (
        f"/{LIVE}Constrained?access_token=auth_tokens/ek_a.b-c",
        [],
        gemini("ek_a.b-c"),
    ),
    "@google/genai, a token, quoted": (
        f"/{LIVE}Constrained?access_token=auth_tokens%2Fek_a.b-c",
        [],
        gemini("ek_a.b-c"),
    ),
    "a raw client": (f"{LIVE}?key={KEY}&alt=json", [], gemini()),
    "Vertex AI": (VERTEX, [("authorization", f"Bearer {KEY}")], gemini(vertex=True)),
    "Vertex AI, with Google's token beside ours": (
        VERTEX.replace("v1beta1", "v1"),
        [("authorization", "Bearer ya29.a"), ("x-goog-user-project", "p"), GOOG],
        gemini(vertex=True),
    ),
    "Vertex AI, express mode": (VERTEX, [GOOG], gemini(vertex=True)),
    "with OpenAI's header": (LIVE, [("api-key", KEY)], gemini()),
    "the first form": (f"/?rs_api=gemini&rs_key={KEY}&rs_sessid=s-1", [], gemini(session_id="s-1")),
    "a model in the query": (f"{LIVE}?model=voice", [GOOG], gemini(model="voice")),
    "session by query": (f"{LIVE}?session_id=a%3Ab", [GOOG], gemini(session_id="a:b")),
    "session by header": (LIVE, [GOOG, ("x-session-id", "s")], gemini(session_id="s")),
    "a header beats a query": (f"{LIVE}?key=other", [GOOG], gemini()),
    "slashes in the middle": (LIVE.replace("/ws/", "/ws///"), [GOOG], gemini()),
    "slashes at the end": (f"{LIVE}//", [GOOG], gemini()),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_is_understood(client: str) -> None:
    target, headers, expected = CLIENTS[client]
    assert arrive(target, *headers) == expected


def test_every_version_of_the_api_is_served() -> None:
    for version, constrained in product(("v1", "v1beta", "v1alpha"), ("", "Constrained")):
        assert arrive(LIVE.replace("v1beta", version) + constrained, GOOG) == gemini()
    for version in ("v1", "v1beta1"):
        assert arrive(VERTEX.replace("v1beta1", version), GOOG) == gemini(vertex=True)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("x-goog-api-key", "")],
        [("authorization", "Token ")],
        [("authorization", "Basic YTpi")],
        [("x-goog-api-key", "auth_tokens/")],
    ],
)
def test_without_a_credential_the_client_is_let_in_to_be_told_by_a_close(
    headers: list[tuple[str, str]],
) -> None:
    assert arrive(LIVE, *headers) == gemini("", complaint=NO_CREDENTIAL)


COMPLAINED = {
    f"{LIVE}?session_id=a%20b": 1007,
    f"{LIVE}?session_id=" + "a" * 201: 1007,
    f"{LIVE}?session_id=%0d%0ax-evil:1": 1007,
    f"{LIVE}?model=%00": 1007,
}


@pytest.mark.parametrize("target", COMPLAINED)
def test_what_cannot_be_served_is_let_in_to_be_told(target: str) -> None:
    match arrive(target, GOOG):
        case Arrival(dialect="gemini", complaint=Complaint(close_code=code)):
            assert code == COMPLAINED[target]
        case other:
            pytest.fail(f"{other}")


NOT_HERE = {
    "music": LIVE.replace("Content", "Music"),
    "another version": LIVE.replace("v1beta", "v2"),
    "a slash where a dot is": LIVE.replace(".BidiGenerate", "/BidiGenerate"),
    "a dot where a slash is": VERTEX.replace("/BidiGenerate", ".BidiGenerate"),
    "no /ws/": LIVE.removeprefix("/ws"),
    "more behind it": f"{LIVE}/x",
    "another word before it": f"/x{LIVE.removeprefix('/')}",
}


@pytest.mark.parametrize("path", NOT_HERE)
def test_paths_that_look_like_it_are_not_served(path: str) -> None:
    match arrive(NOT_HERE[path], GOOG):
        case TurnedAway(status=404):
            pass
        case other:
            pytest.fail(f"let in: {other}")


def test_a_malformed_handshake_is_an_http_status_as_for_everybody() -> None:
    match read_arrival("GET", LIVE, (*WEBSOCKET[:-1], GOOG)):
        case TurnedAway(status=400):
            pass
        case other:
            pytest.fail(f"let in: {other}")


def test_every_mistake_has_words_that_fit_into_a_close() -> None:
    said = [complain(gemini(), mistake) for mistake in Mistake]
    assert said == list(COMPLAINTS.values())
    assert {complaint.close_code for complaint in said} == {1007, 1008}
    assert [c for c in (*said, NO_CREDENTIAL) if len(c.message.encode()) > REASON_BYTES_MAX] == []
    assert all(complain(Arrival(secret=Secret(KEY)), mistake).code for mistake in Mistake)


@given(prefix=st.text(max_size=40), query=st.text(max_size=60), value=st.text(max_size=60))
def test_whatever_comes_gets_an_answer(prefix: str, query: str, value: str) -> None:
    for target in (f"/{prefix}{LIVE}?{query}", f"{prefix}{VERTEX}", f"/ws/{prefix}"):
        assert isinstance(arrive(target, ("x-goog-api-key", value)), Arrival | TurnedAway)


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", min_size=1, max_size=80))
def test_a_key_arrives_whole_by_every_way(key: str) -> None:
    ways = [
        *(arrive(LIVE, (name, key)) for name in ("x-goog-api-key", "api-key")),
        *(arrive(LIVE, ("authorization", f"{scheme} {key}")) for scheme in ("Bearer", "Token", "token")),
        *(arrive(f"{LIVE}?{name}={key}") for name in ("key", "access_token", "rs_key")),
    ]
    assert ways == [gemini(key)] * len(ways)
