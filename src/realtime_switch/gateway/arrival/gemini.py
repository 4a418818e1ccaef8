"""Gemini's paths and credentials, those of the Developer API and of Vertex AI (GEMINI-LIVE.md 1).

Trouble with a credential is never an HTTP status here: the service upgrades and then closes with a code and a
reason, and its SDKs are made for that (GEMINI-LIVE.md 1, 9).
"""

import re
from collections.abc import Mapping

from ...secret import Secret
from .outcome import Arrival, Complaint, Mistake
from .request import A_MODEL, A_SESSION_ID, Headers, Request, authorization, is_model, is_session_id, one

# Clients take any of these, by SDK and version; what they say is the same.
VERSIONS = ("v1", "v1alpha", "v1beta", "v1beta1")
DEVELOPER_METHODS = frozenset(
    f"google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent{constrained}"
    for version in VERSIONS
    for constrained in ("", "Constrained")
)
VERTEX_METHODS = frozenset(
    f"google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent" for version in VERSIONS
)
TOKEN_PREFIX = "auth_tokens/"  # the name of an ephemeral token, as whole as SDKs send it

# Close codes and texts are the service's (GEMINI-LIVE.md 9), cut where it cuts them, at 123 bytes.
NO_CREDENTIAL = Complaint(
    close_code=1008,
    message="Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API c",
)
COMPLAINTS: Mapping[Mistake, Complaint] = {
    Mistake.KEY: Complaint(
        close_code=1007,
        message="API key not valid. Please pass a valid API key. It is not one of this gateway.",
    ),
    Mistake.TOKEN: Complaint(
        close_code=1007, message="API key not valid: the token is invalid or has expired. Ask for a new one."
    ),
    Mistake.ANOTHER_SESSION: Complaint(
        close_code=1008, message="BidiGenerateContent session not found: this token was made for another one."
    ),
    Mistake.ANOTHER_MODEL: Complaint(close_code=1008, message="This token was made for another model."),
    Mistake.ANOTHER_DIALECT: Complaint(
        close_code=1007, message="API key not valid: this token was not made for Gemini clients."
    ),
}

_SLASHES = re.compile("/{2,}")


def is_for(request: Request) -> bool:
    """By the path's end; `/` is anybody's who says so."""
    if request.path == "/":
        return request.query.get("rs_api") == "gemini"
    return _method(request) in DEVELOPER_METHODS or _is_vertex(request)


def read(request: Request) -> Arrival:
    secret = find_secret(request.headers, request.query)
    return Arrival(
        secret=Secret(secret),
        dialect="gemini",
        session_id=request.session_id,
        model=request.model,
        vertex=_is_vertex(request),
        complaint=_complaint(request) if secret else NO_CREDENTIAL,
    )


def find_secret(headers: Headers, query: Mapping[str, str]) -> str:
    """The first credential of those that clients send; "" for none. The Python SDK says a token twice, and a
    client of Vertex AI may have a key of ours beside Google's own."""
    secret = (
        one(headers, "x-goog-api-key")
        or authorization(headers, "bearer", "token")
        or one(headers, "api-key")
        or query.get("access_token")
        or query.get("key")
        or query.get("rs_key")
        or ""
    )
    return secret.removeprefix(TOKEN_PREFIX)


def _method(request: Request) -> str:
    """What stands after `/ws/`. SDKs put whatever base they were given before it, and a slash too many
    (GEMINI-LIVE.md 1)."""
    return _SLASHES.sub("/", request.path).rpartition("/ws/")[2]


def _is_vertex(request: Request) -> bool:
    return _method(request) in VERTEX_METHODS


def _complaint(request: Request) -> Complaint | None:
    if request.session_id and not is_session_id(request.session_id):
        return Complaint(close_code=1007, message=A_SESSION_ID)
    if request.model and not is_model(request.model):
        return Complaint(close_code=1007, message=A_MODEL)
    return None
