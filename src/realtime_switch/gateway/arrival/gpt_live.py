"""GPT-Live's path, with OpenAI's credentials; Azure's has its own prefix (GPT-LIVE.md 2)."""

import re

from ...secret import Secret
from . import openai
from .openai import NO_CREDENTIAL, SUBPROTOCOL, find_secret, offered_by
from .outcome import Arrival, Complaint, TurnedAway
from .request import A_MODEL, A_SESSION_ID, Request, is_model, is_session_id

# SDKs put `/live/sessions` after whatever base they were given.
_PATH = re.compile(r"(?:/openai)?(?:/v1)?/live/sessions\Z")

COMPLAINTS = openai.COMPLAINTS


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
