"""What is read at the door, as a table: one row a client that exists."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.gateway.arrival import Arrival, Complaint, TurnedAway, read_arrival
from realtime_switch.gateway.arrival.openai import NO_CREDENTIAL
from realtime_switch.secret import Secret

KEY = "rslive_v1_" + "ab" * 24
WEBSOCKET = (
    ("host", "127.0.0.1"),
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", base64.b64encode(bytes(16)).decode()),
)
BEARER = ("authorization", f"Bearer {KEY}")


def arrive(target: str, *headers: tuple[str, str]) -> Arrival | TurnedAway:
    return read_arrival("GET", target, (*WEBSOCKET, *headers))


CLIENTS = {
    "openai-python": ("/v1/realtime?model=m", [BEARER], Arrival(secret=Secret(KEY), model="m")),
    "openai-python beta": (
        "/v1/realtime?model=m",
        [BEARER, ("openai-beta", "realtime=v1")],
        Arrival(secret=Secret(KEY), model="m", beta=True),
    ),
    "openai-python Azure": (
        "/openai/realtime?api-version=2024-10-01-preview&deployment=d",
        [("api-key", KEY)],
        Arrival(secret=Secret(KEY), model="d", beta=True),
    ),
    "Azure GA": ("/openai/v1/realtime?model=d", [("api-key", KEY)], Arrival(secret=Secret(KEY), model="d")),
    "Azure in a browser": (
        f"/openai/v1/realtime?model=d&api-key={KEY}",
        [],
        Arrival(secret=Secret(KEY), model="d"),
    ),
    "livekit with a bare host": ("/realtime?model=m", [BEARER], Arrival(secret=Secret(KEY), model="m")),
    "a browser": (
        "/v1/realtime?model=m",
        [("sec-websocket-protocol", f"realtime, openai-insecure-api-key.{KEY}")],
        Arrival(secret=Secret(KEY), model="m", subprotocol="realtime"),
    ),
    "a browser, beta, header twice": (
        "/v1/realtime?model=m",
        [
            ("sec-websocket-protocol", "realtime"),
            ("sec-websocket-protocol", f"openai-insecure-api-key.{KEY},openai-beta.realtime-v1"),
        ],
        Arrival(secret=Secret(KEY), model="m", subprotocol="realtime", beta=True),
    ),
    "agents-js in a browser, with a token": (
        "/v1/realtime?model=m",
        [
            (
                "sec-websocket-protocol",
                "realtime, openai-insecure-api-key.ek_a.b-c_d, openai-agents-sdk.0.20.0",
            )
        ],
        Arrival(secret=Secret("ek_a.b-c_d"), model="m", subprotocol="realtime"),
    ),
    "the first form": (
        f"/?rs_key={KEY}&rs_sessid=s-1&rs_api=openai",
        [],
        Arrival(secret=Secret(KEY), session_id="s-1"),
    ),
    "session by query": (
        "/v1/realtime?session_id=a%3Ab&x=1",
        [BEARER],
        Arrival(secret=Secret(KEY), session_id="a:b"),
    ),
    "session by header": (
        "/v1/realtime",
        [BEARER, ("x-session-id", "s")],
        Arrival(secret=Secret(KEY), session_id="s"),
    ),
    "a header beats a query": ("/v1/realtime?api-key=other", [BEARER], Arrival(secret=Secret(KEY))),
    "a slash too many": ("/v1/realtime/?model=m", [BEARER], Arrival(secret=Secret(KEY), model="m")),
    "lower-case scheme": ("/v1/realtime", [("authorization", f"bearer  {KEY}")], Arrival(secret=Secret(KEY))),
    "a model with a slash": (
        "/v1/realtime?model=openai%2Fgpt",
        [BEARER],
        Arrival(secret=Secret(KEY), model="openai/gpt"),
    ),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_is_understood(client: str) -> None:
    target, headers, expected = CLIENTS[client]
    assert arrive(target, *headers) == expected


COMPLAINTS = {
    "/v1/realtime?intent=transcription": "invalid_intent",
    "/v1/realtime?intent=poetry": "invalid_intent",
    "/v1/realtime?call_id=rtc_1": "invalid_call_id",
    "/v1/realtime/translations?model=m": "invalid_model",
    "/?rs_api=morse": "invalid_value",
    "/v1/realtime?session_id=a%20b": "invalid_value",
    "/v1/realtime?session_id=" + "a" * 201: "invalid_value",
    "/v1/realtime?session_id=%0d%0ax-evil:1": "invalid_value",
    "/v1/realtime?model=%00": "invalid_model",
    "/v1/realtime?model=" + "m" * 129: "invalid_model",
}


@pytest.mark.parametrize("target", COMPLAINTS)
def test_what_cannot_be_served_is_let_in_to_be_told(target: str) -> None:
    match arrive(target, BEARER):
        case Arrival(complaint=Complaint(close_code=4000, code=code)):
            assert code == COMPLAINTS[target]
        case other:
            pytest.fail(f"{other}")


TURNED_AWAY = {
    "no credential": (("GET", "/v1/realtime?model=m", WEBSOCKET), 401),
    "an empty bearer": (("GET", "/v1/realtime", (*WEBSOCKET, ("authorization", "Bearer "))), 401),
    "basic authorization": (("GET", "/v1/realtime", (*WEBSOCKET, ("authorization", "Basic YTpi"))), 401),
    "an unknown path": (("GET", "/v1/chat", (*WEBSOCKET, BEARER)), 404),
    "a path that climbs": (("GET", "/v1/../v1/realtime", (*WEBSOCKET, BEARER)), 404),
    "another method": (("POST", "/v1/realtime", (*WEBSOCKET, BEARER)), 400),
    "an absolute target": (("GET", "http://a/v1/realtime", (*WEBSOCKET, BEARER)), 400),
    "no key": (("GET", "/v1/realtime", (*WEBSOCKET[:-1], BEARER)), 400),
    "a short key": (("GET", "/v1/realtime", (*WEBSOCKET[:-1], BEARER, ("sec-websocket-key", "AAAA"))), 400),
    "a key in another script": (
        ("GET", "/v1/realtime", (*WEBSOCKET[:-1], BEARER, ("sec-websocket-key", "ключ"))),
        400,
    ),
    "an old version": (
        ("GET", "/v1/realtime", (*WEBSOCKET[:3], WEBSOCKET[4], BEARER, ("sec-websocket-version", "8"))),
        426,
    ),
    "a body": (("GET", "/v1/realtime", (*WEBSOCKET, BEARER, ("content-length", "3"))), 400),
    "a chunked body": (("GET", "/v1/realtime", (*WEBSOCKET, BEARER, ("transfer-encoding", "chunked"))), 400),
    "a query without end": (("GET", "/v1/realtime?" + "a=1&" * 100, (*WEBSOCKET, BEARER)), 400),
}


@pytest.mark.parametrize("who", TURNED_AWAY)
def test_what_cannot_become_a_call_is_turned_away(who: str) -> None:
    request, status = TURNED_AWAY[who]
    match read_arrival(*request):
        case TurnedAway(status=found):
            assert found == status
        case other:
            pytest.fail(f"let in: {other}")


def test_without_a_credential_the_sentence_says_how_to_send_one() -> None:
    assert arrive("/v1/realtime") is NO_CREDENTIAL
    assert "Authorization: Bearer" in NO_CREDENTIAL.message


def test_an_arrival_does_not_show_its_secret() -> None:
    assert KEY not in repr(arrive("/v1/realtime", BEARER))


header_text = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=40)
header_names = st.sampled_from(
    [
        "authorization",
        "api-key",
        "x-session-id",
        "sec-websocket-protocol",
        "openai-beta",
        "content-length",
        "cookie",
    ]
)


@given(target=st.text(max_size=80), headers=st.lists(st.tuples(header_names, header_text), max_size=8))
def test_whatever_comes_gets_an_answer(target: str, headers: list[tuple[str, str]]) -> None:
    assert isinstance(arrive("/v1/realtime?" + target, *headers), Arrival | TurnedAway)
    assert isinstance(arrive(target, *headers), Arrival | TurnedAway)


@given(session=st.text(max_size=200), model=st.text(max_size=200))
def test_an_arrival_without_complaint_is_safe_to_write_into_a_header(session: str, model: str) -> None:
    from urllib.parse import quote

    answer = arrive(f"/v1/realtime?session_id={quote(session)}&model={quote(model)}", BEARER)
    assert isinstance(answer, Arrival)
    if answer.complaint is None:
        assert all("!" <= character <= "~" for character in answer.session_id + answer.model)


@given(
    key=st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", min_size=1, max_size=80)
)
def test_a_key_arrives_whole_by_every_way(key: str) -> None:
    ways = [
        arrive("/v1/realtime", ("authorization", f"Bearer {key}")),
        arrive("/v1/realtime", ("api-key", key)),
        arrive("/v1/realtime", ("sec-websocket-protocol", f"realtime,openai-insecure-api-key.{key}")),
        *(arrive(f"/v1/realtime?{name}={key}") for name in ("api-key", "rs_key", "key")),
    ]
    assert [way.secret.reveal() for way in ways if isinstance(way, Arrival)] == [key] * len(ways)
