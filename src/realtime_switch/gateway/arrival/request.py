"""The handshake as it came, and whether it is one (RFC 6455 4.2.1)."""

import base64
import binascii
import re
from collections.abc import Sequence
from urllib.parse import parse_qsl, unquote

from msgspec import Struct

from ...session.limits import SESSION_ID_CHARS_MAX
from .outcome import TurnedAway

Headers = Sequence[tuple[str, str]]  # names in lower case, in the order they came

SESSION_HEADER = "x-session-id"
QUERY_FIELDS_MAX = 64
MODEL_CHARS_MAX = 128

# Visible ASCII: it goes into a response header, a log line and a database row as it is.
_SESSION_ID = re.compile(rf"[!-~]{{1,{SESSION_ID_CHARS_MAX}}}\Z")
_MODEL = re.compile(rf"[!-~]{{1,{MODEL_CHARS_MAX}}}\Z")

A_SESSION_ID = f"A session id is 1 to {SESSION_ID_CHARS_MAX} visible ASCII characters without spaces."
A_MODEL = f"A model's name is 1 to {MODEL_CHARS_MAX} visible ASCII characters without spaces."


class Request(Struct, frozen=True):
    """Not for logs: the key is in it."""

    path: str  # without a slash at its end, but for "/"
    query: dict[str, str]  # the first of each name
    headers: Headers

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def one(self, name: str) -> str:
        return one(self.headers, name)

    @property
    def session_id(self) -> str:
        query = self.query
        return query.get("rs_sessid") or query.get("session_id") or self.one(SESSION_HEADER)

    @property
    def model(self) -> str:
        return self.query.get("model") or self.query.get("deployment") or ""


def read_request(method: str, target: str, headers: Headers) -> Request | TurnedAway:
    if (turned_away := _check_handshake(method, target, headers)) is not None:
        return turned_away
    path, _, query_text = target.partition("?")
    try:
        pairs = parse_qsl(query_text, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        return TurnedAway(status=400, code="invalid_request", message="The query has too many fields.")
    return Request(unquote(path).rstrip("/") or "/", dict(reversed(pairs)), headers)


def one(headers: Headers, name: str) -> str:
    """The first header of the name, "" for none."""
    return next((value.strip() for key, value in headers if key == name), "")


def authorization(headers: Headers, *schemes: str) -> str:
    """What stands in Authorization after one of these schemes (in lower case); "" for anything else."""
    scheme, _, token = one(headers, "authorization").partition(" ")
    return token.strip() if scheme.lower() in schemes else ""


def is_session_id(text: str) -> bool:
    return _SESSION_ID.match(text) is not None


def is_model(text: str) -> bool:
    return _MODEL.match(text) is not None


def _check_handshake(method: str, target: str, headers: Headers) -> TurnedAway | None:
    """As far as the HTTP parser has not seen to it."""
    if method != "GET" or not target.startswith("/"):
        return TurnedAway(
            status=400, code="invalid_request", message="A WebSocket opens with GET and a path."
        )
    if one(headers, "sec-websocket-version") != "13":
        return TurnedAway(
            status=426,
            code="invalid_request",
            message="Only version 13 of the WebSocket protocol is spoken here.",
            headers=(("sec-websocket-version", "13"), ("upgrade", "websocket")),
        )
    if not _is_websocket_key(one(headers, "sec-websocket-key")):
        return TurnedAway(
            status=400,
            code="invalid_request",
            message="The header Sec-WebSocket-Key is missing or not 16 bytes.",
        )
    if one(headers, "transfer-encoding") or one(headers, "content-length") not in ("", "0"):
        return TurnedAway(status=400, code="invalid_request", message="A WebSocket handshake has no body.")
    return None


def _is_websocket_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text.encode("ascii"), validate=True)) == 16
    except (UnicodeEncodeError, binascii.Error):
        return False
