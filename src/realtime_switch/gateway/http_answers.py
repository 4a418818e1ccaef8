"""What every HTTP answer has in common: headers, the shapes of errors, bodies with a bound, and who asks.

Errors have OpenAI's shape, and at Gemini's addresses Google's, so that either's SDKs read them.
"""

import asyncio
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.keys import hash_key, is_key
from ..accounts.records import Grant, Refusal
from ..accounts.service import AccountService
from ..providers.routes import Routes, Unknown
from .arrival import SESSION_HEADER, Headers, is_session_id
from .ids import new_id
from .upgrade import error_body

BODY_BYTES_MAX = 1 << 20
BODY_S_MAX = 10.0
TOKENS_PATH = "/auth_tokens"  # below a version

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",  # for browsers that do not know frame-ancestors
    "x-content-type-options": "nosniff",
}

_STATUS = {
    ErrorCode.EXTERNAL_INVALID_AUTH: (401, "invalid_request_error", "invalid_api_key"),
    ErrorCode.EXTERNAL_ACCOUNT_CLOSED: (403, "invalid_request_error", "account_deactivated"),
    ErrorCode.EXTERNAL_NO_CREDITS: (429, "insufficient_quota", "insufficient_quota"),
    ErrorCode.EXTERNAL_SESSION_IN_USE: (409, "invalid_request_error", "session_in_use"),
    ErrorCode.EXTERNAL_NOT_FOUND: (404, "invalid_request_error", "session_not_found"),
}

# google.rpc.Code, by the HTTP status that belongs to it.
_GOOGLES_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    413: "OUT_OF_RANGE",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


class Refused(Exception):
    """An answer other than 200, from anywhere inside of a request."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        type: str = "invalid_request_error",
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.type = type
        self.param = param


UNREACHABLE = Refused(
    503, "server_error", "API keys cannot be checked at the moment. Try again shortly.", type="server_error"
)


# -- Who asks, and for what --------------------------------------------------------------------------------


async def authorise(service: AccountService, secret: str, session_id: str) -> tuple[Grant, str]:
    """What is known of the account and the session, and the key's hash."""
    if not is_key(secret):
        raise Refused(401, "invalid_api_key", "Incorrect API key provided: it is not a key of this gateway.")
    key_hash = hash_key(secret)
    try:
        answer = await service.validate_and_load(key_hash, session_id)
    except RealtimeSwitchError:
        raise UNREACHABLE from None
    if isinstance(answer, Refusal):
        raise refusal(answer)
    return answer, key_hash


def refusal(said: Refusal) -> Refused:
    status, kind, code = _STATUS.get(said.code, (403, "invalid_request_error", str(said.code)))
    return Refused(status, code, said.message, type=kind)


def headers_of(request: Request) -> Headers:
    return list(request.headers.items())


def named_session(request: Request) -> str:
    """Whoever keeps the sessions of pages names one, so that a page comes back to it with its next token."""
    named = request.query_params.get("session_id") or request.headers.get(SESSION_HEADER, "")
    if named and not is_session_id(named):
        raise Refused(
            400,
            "invalid_value",
            "A session id is made of visible ASCII characters without spaces.",
            param="session_id",
        )
    return named or new_id("sess")


def checked_model(model: object, param: str, routes: Routes) -> str:
    if not isinstance(model, str):
        raise Refused(400, "invalid_type", f"Invalid type for '{param}': a string is expected.", param=param)
    if model and isinstance(chosen := routes.choose(model), Unknown):
        raise Refused(400, "model_not_found", chosen.message, param=param)
    return model


async def read_body(request: Request) -> bytes:
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for chunk in request.stream():
                data += chunk
                if len(data) > BODY_BYTES_MAX:
                    raise Refused(413, "request_too_large", f"The body holds at most {BODY_BYTES_MAX} bytes.")
    except TimeoutError:
        raise Refused(408, "timeout", f"The body did not arrive within {BODY_S_MAX:g} seconds.") from None
    return bytes(data) if data.strip() else b"{}"


def unreadable(error: Exception) -> Refused:
    """Of what msgspec says about a body."""
    if isinstance(error, msgspec.ValidationError):
        return Refused(400, "invalid_value", f"Invalid body: {error}.")
    return Refused(400, "invalid_json", "The body is not JSON.")


# -- Answers -----------------------------------------------------------------------------------------------


def answer(value: object, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return Response(body, status, {**HEADERS, **(headers or {})}, media_type="application/json")


def error_answer(request: Request, said: Refused, headers: dict[str, str] | None = None) -> Response:
    if not request.url.path.endswith(TOKENS_PATH):
        body = error_body(said.code, said.message, type=said.type, param=said.param)
        return answer(body, headers, said.status)
    error: dict[str, Any] = {
        "code": said.status,
        "message": said.message,
        "status": _GOOGLES_STATUS.get(said.status, "INTERNAL"),
    }
    return answer({"error": error}, headers, said.status)


async def refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error_answer(request, error)


async def no_such_thing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path[:100]
    if error.status_code == 405:
        said = Refused(405, "method_not_allowed", f"{request.method} is not what {path} answers to.")
    else:
        message = f"There is nothing at {path}. GET / says what there is."
        said = Refused(error.status_code, "not_found", message)
    return error_answer(request, said, dict(error.headers or {}))


async def defect(request: Request, error: Exception) -> Response:
    """Starlette raises it again for the log; the client learns no more than this."""
    said = Refused(500, "server_error", "Something went wrong in the gateway.", type="server_error")
    return error_answer(request, said)
