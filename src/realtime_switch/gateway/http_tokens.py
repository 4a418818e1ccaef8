"""`POST /v1beta/auth_tokens`: a short-lived key for a page, as Google's servers make them (GEMINI-LIVE.md 1,
"Ephemeral tokens").

The answer's `name` is the token. What is not as at Google's: a token opens one session of ours, one call at a
time; and a call that runs at `expireTime` goes on.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from ..accounts.service import AccountService
from ..dialects.gemini.casing import camel
from ..dialects.unambiguous import read_object
from ..providers.routes import Routes
from . import http_answers as http
from .arrival import SESSION_HEADER
from .arrival.gemini import TOKEN_PREFIX, find_secret
from .client_secrets import TOKEN_CHARS_MAX, Bound, Lock, seal
from .http_answers import Refused
from .ids import new_id, now_us

EXPIRES_S, EXPIRES_S_MAX = 30 * 60, 20 * 3600  # GEMINI-LIVE.md 1
BEGINS_S = 60
USES = 1
FIELDS_MAX = 100


class Asked(Struct, forbid_unknown_fields=True, rename="camel"):
    name: str | None = None
    uses: Annotated[int, Meta(ge=0)] | None = None
    expire_time: datetime | None = None
    new_session_expire_time: datetime | None = None
    bidi_generate_content_setup: dict[str, Any] | None = None
    field_mask: str | None = None


class AuthTokens:
    def __init__(self, service: AccountService, routes: Routes, signing_key: bytes) -> None:
        self._service = service
        self._routes = routes
        self._signing_key = signing_key

    async def create(self, request: Request) -> Response:
        asked = _read(await http.read_body(request))
        now_s = now_us() // 1_000_000
        expires_at = _until(asked.expire_time, "expireTime", EXPIRES_S, now_s)
        begins_until = _until(asked.new_session_expire_time, "newSessionExpireTime", BEGINS_S, now_s)
        lock = self._lock(asked)
        session_id = http.named_session(request)
        _, key_hash = await http.authorise(self._service, _secret_of(request), session_id)
        bound = Bound(
            key_hash=key_hash,
            session_id=session_id,
            expires_at=expires_at,
            begins_until=min(begins_until, expires_at),
            dialect="gemini",
            lock=lock,
            uses=USES if asked.uses is None else asked.uses,
            token_id=new_id("token"),
        )
        token = seal(bound, self._signing_key)
        if len(token) > TOKEN_CHARS_MAX:
            message = (
                "The setup is too large for a token of this gateway: compressed it may have about 4 KB. "
                "Lock less of it, and let the client say the rest."
            )
            raise Refused(400, "invalid_value", message)
        return http.answer({"name": TOKEN_PREFIX + token}, {SESSION_HEADER: session_id})

    def _lock(self, asked: Asked) -> Lock | None:
        """None: the client's own setup counts."""
        setup = asked.bidi_generate_content_setup
        fields = tuple(path.strip() for path in (asked.field_mask or "").split(",") if path.strip())
        if len(fields) > FIELDS_MAX:
            raise Refused(400, "invalid_value", f"fieldMask names more than {FIELDS_MAX} fields.")
        if setup is None and not fields:
            return None
        if setup is not None and "setup" in setup:
            # As the service does: here the setup stands without the envelope it has in a call.
            raise Refused(
                400,
                "invalid_value",
                'Invalid JSON payload received. Unknown name "setup" at '
                "'auth_token.bidi_generate_content_setup': Cannot find field.",
            )
        http.checked_model((setup or {}).get("model", ""), "bidiGenerateContentSetup.model", self._routes)
        return Lock(setup=setup, fields=fields)


def _secret_of(request: Request) -> str:
    secret = find_secret(http.headers_of(request), dict(request.query_params))
    if not secret:
        message = "No API key was given. Send it as 'x-goog-api-key: YOUR_KEY', or in the query as 'key'."
        raise Refused(401, "missing_api_key", message)
    return secret


def _read(body: bytes) -> Asked:
    members = read_object(body)  # it is put over what a client says, so it may mean only one thing
    if isinstance(members, str):
        raise Refused(400, "invalid_json", members)
    # proto3's JSON has two casings, and null for what is absent (GEMINI-LIVE.md 2).
    given = {camel(name): value for name, value in members.items() if value is not None}
    try:
        return msgspec.convert(given, Asked)
    except msgspec.ValidationError as error:
        raise http.unreadable(error) from None


def _until(named: datetime | None, param: str, usual_s: int, now_s: int) -> int:
    if named is None:
        return now_s + usual_s
    at = int((named if named.tzinfo else named.replace(tzinfo=UTC)).timestamp())
    if not now_s < at <= now_s + EXPIRES_S_MAX:
        hours = EXPIRES_S_MAX // 3600
        raise Refused(400, "invalid_value", f"{param} must lie in the next {hours} hours.", param=param)
    return at
