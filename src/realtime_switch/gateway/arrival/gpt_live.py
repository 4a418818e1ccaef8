"""GPT-Live's path, with OpenAI's credentials; Azure's has its own prefix (GPT-LIVE.md 2)."""

import re

from msgspec import Struct

from ...secret import Secret
from . import openai
from .openai import NO_CREDENTIAL, SUBPROTOCOL, find_secret, offered_by
from .outcome import Arrival, Complaint, TurnedAway
from .request import A_MODEL, A_SESSION_ID, Request, is_model, is_session_id

# SDKs put `/live/sessions` after whatever base they were given.
_PATH = re.compile(r"(?:/openai)?(?:/v1)?/live/sessions\Z")

COMPLAINTS = openai.COMPLAINTS


_ATTACH = re.compile(r"(?:/openai)?(?:/v1)?/live/sessions/([^/]{1,200})/attach\Z")


class Attaching(Struct, frozen=True):
    """Somebody who wants to join a session beside its client. `secret` is a key: tokens open no such door."""

    live_id: str
    secret: Secret
    graceful: bool


def attaching(request: Request) -> Attaching | TurnedAway | None:
    """None: it is for another door."""
    found = _ATTACH.match(request.path)
    if found is None:
        return None
    secret = find_secret(request.headers, request.query, offered_by(request))
    if not secret:
        return NO_CREDENTIAL
    return Attaching(found[1], Secret(secret), request.query.get("graceful_close") == "true")


NO_SUCH_SESSION = TurnedAway(
    status=404,
    code="session_id_not_found",
    message="No live session of that id runs through this gateway process under this key.",
)


def is_for(request: Request) -> bool:
    if request.path == "/":
        return request.query.get("rs_api") == "gpt-live"
    return _PATH.match(request.path) is not None


def read(request: Request) -> Arrival | TurnedAway:
    offered = offered_by(request)
    secret = find_secret(request.headers, request.query, offered)
    if not secret:
        return NO_CREDENTIAL
    return Arrival(
        secret=Secret(secret),
        dialect="gpt-live",
        session_id=request.session_id,
        model=request.model,
        subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else "",
        complaint=_complaint(request),
    )


def _complaint(request: Request) -> Complaint | None:
    if request.session_id and not is_session_id(request.session_id):
        return openai.invalid("invalid_value", A_SESSION_ID, "session_id")
    if request.model and not is_model(request.model):
        return openai.invalid("invalid_model", A_MODEL, "model")
    return None
