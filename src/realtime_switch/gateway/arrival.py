"""What a client asks for at the door: path, query, headers and subprotocols, read once. Pure.

Three answers. `TurnedAway` before the upgrade, for what could not become a
call at all. `Arrival` for what may become one; and an `Arrival` that carries a
`Complaint` is let in only to be told why not, because SDKs and browsers can
read an error event but not the body of a failed handshake (OPENAI-REALTIME.md 2.4).

Query keys nobody here knows are ignored: clients add their own (OPENAI-REALTIME.md 2.1).
"""

import base64
import binascii
import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from ..secret import Secret
from ..session.limits import SESSION_ID_CHARS_MAX

Headers = Sequence[tuple[str, str]]  # names in lower case, in the order they came

REALTIME_PATHS = frozenset({"/", "/realtime", "/v1/realtime", "/openai/realtime", "/openai/v1/realtime"})
TRANSLATION_PATHS = frozenset({"/v1/realtime/translations", "/openai/v1/realtime/translations"})

SESSION_HEADER = "x-session-id"
SUBPROTOCOL = "realtime"
KEY_SUBPROTOCOL = "openai-insecure-api-key."
BETA_SUBPROTOCOL = "openai-beta.realtime-v1"

QUERY_FIELDS_MAX = 64
MODEL_CHARS_MAX = 128

# Visible ASCII: it goes into a response header, a log line and a database row as it is.
_SESSION_ID = re.compile(rf"[!-~]{{1,{SESSION_ID_CHARS_MAX}}}\Z")
_MODEL = re.compile(rf"[!-~]{{1,{MODEL_CHARS_MAX}}}\Z")


class TurnedAway(Struct, frozen=True, kw_only=True):
    """No upgrade: an HTTP status and OpenAI's error body."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()


class Complaint(Struct, frozen=True, kw_only=True):
    """Why the client, once inside, is told to leave: an error event, then a close."""

    close_code: int
    code: str
    message: str
    param: str | None = None
    type: str = "invalid_request_error"


class Arrival(Struct, frozen=True, kw_only=True):
    """A request that may become a call. `secret` is a key or a token."""

    secret: Secret
    session_id: str = ""  # "" when the client named none
    model: str = ""  # "" when the client named none
    beta: bool = False
    subprotocol: str = ""  # to be chosen; "" for none
    complaint: Complaint | None = None


def read_arrival(method: str, target: str, headers: Headers) -> Arrival | TurnedAway:
    if (turned_away := _check_handshake(method, target, headers)) is not None:
        return turned_away
    path, _, query_text = target.partition("?")
    path = unquote(path)
    path = path.rstrip("/") or "/"
    if path not in REALTIME_PATHS and path not in TRANSLATION_PATHS:
        return TurnedAway(
            status=404,
            code="not_found",
            message=f"No realtime session is served at {path[:100]}. Connect to /v1/realtime.",
        )
    try:
        query = _first_of_each(parse_qsl(query_text, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX))
    except ValueError:
        return TurnedAway(status=400, code="invalid_request", message="The query has too many fields.")
    offered = [
        token.strip() for value in _all(headers, "sec-websocket-protocol") for token in value.split(",")
    ]
    secret = find_secret(headers, query, offered)
    if not secret:
        return NO_CREDENTIAL
    return Arrival(
        secret=Secret(secret),
        session_id=_session_id(headers, query),
        model=query.get("model") or query.get("deployment") or "",
        beta=_is_beta(path, headers, query, offered),
        subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else "",
        complaint=_complaint(path, headers, query),
    )


NO_CREDENTIAL = TurnedAway(
    status=401,
    code="missing_api_key",
    message="No API key was given. Send it as 'Authorization: Bearer YOUR_KEY'; "
    "a browser offers the subprotocol 'openai-insecure-api-key.YOUR_KEY' beside 'realtime'.",
    headers=(("www-authenticate", "Bearer"),),
)


def find_secret(headers: Headers, query: dict[str, str], offered: Sequence[str] = ()) -> str:
    """The first credential of those that clients send (OPENAI-REALTIME.md 2.2, 2.3); "" for none."""
    scheme, _, token = _one(headers, "authorization").strip().partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    if key := _one(headers, "api-key").strip():
        return key
    for protocol in offered:
        # Keys may hold dots, dashes and underscores, so only the prefix is cut.
        if protocol.startswith(KEY_SUBPROTOCOL) and len(protocol) > len(KEY_SUBPROTOCOL):
            return protocol[len(KEY_SUBPROTOCOL) :]
    return query.get("api-key") or query.get("rs_key") or query.get("key") or ""


def _check_handshake(method: str, target: str, headers: Headers) -> TurnedAway | None:
    """RFC 6455 4.2.1, as far as the HTTP parser has not seen to it."""
    if method != "GET" or not target.startswith("/"):
        return TurnedAway(
            status=400, code="invalid_request", message="A WebSocket opens with GET and a path."
        )
    if _one(headers, "sec-websocket-version").strip() != "13":
        return TurnedAway(
            status=426,
            code="invalid_request",
            message="Only version 13 of the WebSocket protocol is spoken here.",
            headers=(("sec-websocket-version", "13"), ("upgrade", "websocket")),
        )
    if not _is_websocket_key(_one(headers, "sec-websocket-key").strip()):
        return TurnedAway(
            status=400,
            code="invalid_request",
            message="The header Sec-WebSocket-Key is missing or not 16 bytes.",
        )
    if _one(headers, "transfer-encoding") or _one(headers, "content-length").strip() not in ("", "0"):
        return TurnedAway(status=400, code="invalid_request", message="A WebSocket handshake has no body.")
    return None


def _is_websocket_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text.encode("ascii"), validate=True)) == 16
    except (UnicodeEncodeError, binascii.Error):
        return False


def _complaint(path: str, headers: Headers, query: dict[str, str]) -> Complaint | None:
    intent, api = query.get("intent", "realtime"), query.get("rs_api", "openai")
    model = query.get("model") or query.get("deployment") or ""
    session_id = _session_id(headers, query)
    if path in TRANSLATION_PATHS:
        return _shape("invalid_model", "Translation sessions are not offered here; use /v1/realtime.")
    if intent == "transcription":
        return _shape(
            "invalid_intent", "Transcription sessions are not offered here; use intent=realtime.", "intent"
        )
    if intent != "realtime":
        return _shape("invalid_intent", "Invalid value for 'intent'. Supported value: 'realtime'.", "intent")
    if "call_id" in query:
        return _shape(
            "invalid_call_id", "Calls that began elsewhere (WebRTC, SIP) cannot be joined here.", "call_id"
        )
    if api != "openai":
        return _shape("invalid_value", "Invalid value for 'rs_api'. Supported value: 'openai'.", "rs_api")
    if session_id and not is_session_id(session_id):
        return _shape(
            "invalid_value",
            f"A session id is 1 to {SESSION_ID_CHARS_MAX} visible ASCII characters without spaces.",
            "session_id",
        )
    if model and not _MODEL.match(model):
        return _shape(
            "invalid_model",
            f"A model's name is 1 to {MODEL_CHARS_MAX} visible ASCII characters without spaces.",
            "model",
        )
    return None


def is_session_id(text: str) -> bool:
    return _SESSION_ID.match(text) is not None


def _shape(code: str, message: str, param: str | None = None) -> Complaint:
    return Complaint(close_code=4000, code=code, message=message, param=param)


def _session_id(headers: Headers, query: dict[str, str]) -> str:
    return query.get("rs_sessid") or query.get("session_id") or _one(headers, SESSION_HEADER).strip()


def _is_beta(path: str, headers: Headers, query: dict[str, str], offered: Sequence[str]) -> bool:
    betas = [token.strip() for value in _all(headers, "openai-beta") for token in value.split(",")]
    if "realtime=v1" in betas or BETA_SUBPROTOCOL in offered:
        return True
    # Azure's preview versions speak beta without saying so (OPENAI-REALTIME.md 2.1, 15).
    return path == "/openai/realtime" and query.get("api-version", "").endswith("-preview")


def _first_of_each(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    return dict(reversed(pairs))


def _all(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key == name]


def _one(headers: Headers, name: str) -> str:
    return next(iter(_all(headers, name)), "")
