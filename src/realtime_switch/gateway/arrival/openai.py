"""OpenAI's paths and credentials, GA and beta, and those of Azure."""

from collections.abc import Mapping, Sequence

from ...secret import Secret
from .outcome import Arrival, Complaint, Mistake, TurnedAway
from .request import A_MODEL, A_SESSION_ID, Headers, Request, authorization, is_model, is_session_id, one

REALTIME_PATHS = frozenset({"/", "/realtime", "/v1/realtime", "/openai/realtime", "/openai/v1/realtime"})
TRANSLATION_PATHS = frozenset({"/v1/realtime/translations", "/openai/v1/realtime/translations"})

SUBPROTOCOL = "realtime"
KEY_SUBPROTOCOL = "openai-insecure-api-key."
BETA_SUBPROTOCOL = "openai-beta.realtime-v1"

NO_CREDENTIAL = TurnedAway(
    status=401,
    code="missing_api_key",
    message="No API key was given. Send it as 'Authorization: Bearer YOUR_KEY'; "
    "a browser offers the subprotocol 'openai-insecure-api-key.YOUR_KEY' beside 'realtime'.",
    headers=(("www-authenticate", "Bearer"),),
)


def invalid(code: str, message: str, param: str | None = None, close_code: int = 4000) -> Complaint:
    return Complaint(close_code=close_code, code=code, message=message, param=param)


COMPLAINTS: Mapping[Mistake, Complaint] = {
    Mistake.KEY: invalid(
        "invalid_api_key", "Incorrect API key provided: it is not a key of this gateway.", close_code=3000
    ),
    Mistake.TOKEN: invalid(
        "invalid_api_key", "The client secret is invalid or has expired. Ask for a new one.", close_code=3000
    ),
    Mistake.ANOTHER_SESSION: invalid(
        "invalid_value", "This client secret was made for another session.", "session_id"
    ),
    Mistake.ANOTHER_MODEL: invalid(
        "invalid_model", "This client secret was made for another model.", "model"
    ),
    Mistake.ANOTHER_DIALECT: invalid(
        "invalid_api_key", "This token was made for clients of another dialect.", close_code=3000
    ),
}


def read(request: Request) -> Arrival | TurnedAway:
    if request.path not in REALTIME_PATHS and request.path not in TRANSLATION_PATHS:
        return TurnedAway(
            status=404,
            code="not_found",
            message=f"No realtime session is served at {request.path[:100]}. Connect to /v1/realtime.",
        )
    offered = offered_by(request)
    secret = find_secret(request.headers, request.query, offered)
    if not secret:
        return NO_CREDENTIAL
    return Arrival(
        secret=Secret(secret),
        session_id=request.session_id,
        model=request.model,
        beta=_is_beta(request, offered),
        subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else "",
        complaint=_complaint(request),
    )


def offered_by(request: Request) -> list[str]:
    """Subprotocols."""
    protocols = request.all("sec-websocket-protocol")
    return [token.strip() for value in protocols for token in value.split(",")]


def find_secret(headers: Headers, query: Mapping[str, str], offered: Sequence[str] = ()) -> str:
    """The first credential of those that clients send (OPENAI-REALTIME.md 2.2, 2.3); "" for none."""
    if key := authorization(headers, "bearer") or one(headers, "api-key"):
        return key
    for protocol in offered:
        # Keys may hold dots, dashes and underscores, so only the prefix is cut.
        if protocol.startswith(KEY_SUBPROTOCOL) and len(protocol) > len(KEY_SUBPROTOCOL):
            return protocol[len(KEY_SUBPROTOCOL) :]
    return query.get("api-key") or query.get("rs_key") or query.get("key") or ""


def _complaint(request: Request) -> Complaint | None:
    query = request.query
    intent = query.get("intent", "realtime")
    if request.path in TRANSLATION_PATHS:
        return invalid("invalid_model", "Translation sessions are not offered here; use /v1/realtime.")
    if intent == "transcription":
        return invalid(
            "invalid_intent", "Transcription sessions are not offered here; use intent=realtime.", "intent"
        )
    if intent != "realtime":
        return invalid("invalid_intent", "Invalid value for 'intent'. Supported value: 'realtime'.", "intent")
    if "call_id" in query:
        return invalid(
            "invalid_call_id", "Calls that began elsewhere (WebRTC, SIP) cannot be joined here.", "call_id"
        )
    if query.get("rs_api", "openai") != "openai":
        return invalid(
            "invalid_value",
            "Invalid value for 'rs_api'. Supported values: 'openai', 'gemini', 'gpt-live'.",
            "rs_api",
        )
    if request.session_id and not is_session_id(request.session_id):
        return invalid("invalid_value", A_SESSION_ID, "session_id")
    if request.model and not is_model(request.model):
        return invalid("invalid_model", A_MODEL, "model")
    return None


def _is_beta(request: Request, offered: Sequence[str]) -> bool:
    betas = [token.strip() for value in request.all("openai-beta") for token in value.split(",")]
    if "realtime=v1" in betas or BETA_SUBPROTOCOL in offered:
        return True
    # Azure's preview versions speak beta without saying so (OPENAI-REALTIME.md 2.1, 15).
    version = request.query.get("api-version", "")
    return request.path == "/openai/realtime" and version.endswith("-preview")
