"""The HTTP side of the front door: client secrets, the list of models, health, a page that says what this is.

Answers and errors have OpenAI's shapes, so that its SDKs read them. Nothing is
cached, and no page of another site is let in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from ..accounts.keys import hash_key, is_key
from ..accounts.records import Grant, Refusal, SavedConfig
from ..accounts.service import AccountService
from ..dialects.openai.resume import SERVER_MADE
from ..providers.routes import Routes, Unknown
from .arrival import NO_CREDENTIAL, SESSION_HEADER, find_secret, is_session_id
from .client_secrets import SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN, Bound, seal
from .ids import new_id, now_us
from .upgrade import error_body

BODY_BYTES_MAX = 1 << 20
BODY_S_MAX = 10.0

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

PAGE = """This is Realtime Switch, a gateway for realtime voice AI.

Connect a WebSocket to /v1/realtime?model=MODEL with 'Authorization: Bearer YOUR_KEY',
or point an OpenAI SDK at this address followed by /v1.

  GET  /v1/account                   the credits you have left
  GET  /v1/models                    the models you may name
  POST /v1/realtime/client_secrets   a short-lived key for a browser
  GET  /healthz, /readyz             for whoever watches over this process

The documentation is in docs/ of the source: start with docs/clients.md and docs/http-api.md.
"""

_STATUS = {
    ErrorCode.EXTERNAL_INVALID_AUTH: (401, "invalid_request_error", "invalid_api_key"),
    ErrorCode.EXTERNAL_ACCOUNT_CLOSED: (403, "invalid_request_error", "account_deactivated"),
    ErrorCode.EXTERNAL_NO_CREDITS: (429, "insufficient_quota", "insufficient_quota"),
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
        self.body = error_body(code, message, type=type, param=param)


class ExpiresAfter(Struct):
    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Meta(ge=SECONDS_MIN, le=SECONDS_MAX)] = SECONDS_DEFAULT


class Asked(Struct):
    """OPENAI-REALTIME.md 3.1. What else a body may hold is not ours to refuse."""

    expires_after: ExpiresAfter | None = None
    session: dict[str, Any] | None = None


_asked = msgspec.json.Decoder(Asked)


class Api:
    def __init__(
        self,
        service: AccountService,
        routes: Routes,
        signing_key: bytes,
        why_not_ready: Callable[[], str],
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self._service = service
        self._routes = routes
        self._signing_key = signing_key
        self._why_not_ready = why_not_ready
        self._settle = settle

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/healthz", self.healthz),
                Route("/readyz", self.readyz),
                Route("/v1/account", self.account),
                Route("/v1/models", self.models),
                Route("/v1/models/{model:path}", self.model),
                Route("/v1/realtime/client_secrets", self.client_secrets, methods=["POST"]),
            ],
            exception_handlers={Refused: _refused, HTTPException: _no_such_thing, Exception: _defect},
        )

    async def page(self, request: Request) -> Response:
        return PlainTextResponse(PAGE, headers=HEADERS)

    async def healthz(self, request: Request) -> Response:
        """This process runs and answers."""
        return PlainTextResponse("ok\n", headers=HEADERS)

    async def readyz(self, request: Request) -> Response:
        """New calls can be taken here."""
        why_not = self._why_not_ready()
        return PlainTextResponse(f"{why_not or 'ready'}\n", 503 if why_not else 200, headers=HEADERS)

    async def account(self, request: Request) -> Response:
        """What the key holder has left, bills of calls that have just ended included."""
        await self._settle()
        grant, _ = await self._authorise(request, "")
        return _json({"object": "account", "id": grant.account_id, "credits": grant.credits})

    async def models(self, request: Request) -> Response:
        await self._authorise(request, "")
        return _json({"object": "list", "data": [_model(name) for name in self._routes.names()]})

    async def model(self, request: Request) -> Response:
        await self._authorise(request, "")
        name = request.path_params["model"]
        if isinstance(chosen := self._routes.choose(name), Unknown):
            raise Refused(404, "model_not_found", chosen.message, param="model")
        return _json(_model(name))

    async def client_secrets(self, request: Request) -> Response:
        asked = await _body(request)
        session = asked.session or {}
        session_id = _session_id(request)
        grant, key_hash = await self._authorise(request, session_id)
        model = _checked_model(session, self._routes)
        await self._save(grant, session)
        seconds = asked.expires_after.seconds if asked.expires_after is not None else SECONDS_DEFAULT
        expires_at = now_us() // 1_000_000 + seconds
        bound = Bound(key_hash=key_hash, session_id=session_id, expires_at=expires_at, model=model)
        said = {
            "type": "realtime",
            "object": "realtime.session",
            "id": session_id,
            **({"model": model} if model else {}),
            **{name: value for name, value in session.items() if name not in SERVER_MADE},
        }
        return _json(
            {"value": seal(bound, self._signing_key), "expires_at": expires_at, "session": said},
            {SESSION_HEADER: session_id},
        )

    async def _save(self, grant: Grant, session: dict[str, Any]) -> None:
        """The configuration waits under the session, where the connect with this token finds it (A8, A10)."""
        config = {name: value for name, value in session.items() if name not in SERVER_MADE}
        if config.keys() <= {"type"}:
            return
        update = {"type": "session.update", "session": {"type": "realtime", **config}}
        saved = SavedConfig(
            id=new_id("cfg"),
            account_id=grant.account_id,
            session_id=grant.session_id,
            config=msgspec.json.encode(update).decode(),
            born_us=now_us(),
        )
        try:
            await self._service.save_session(saved)
        except RealtimeSwitchError:
            raise _UNREACHABLE from None

    async def _authorise(self, request: Request, session_id: str) -> tuple[Grant, str]:
        secret = find_secret(
            [(name, value) for name, value in request.headers.items()], dict(request.query_params)
        )
        if not secret:
            raise Refused(401, NO_CREDENTIAL.code, NO_CREDENTIAL.message)
        if not is_key(secret):
            raise Refused(
                401, "invalid_api_key", "Incorrect API key provided: it is not a key of this gateway."
            )
        key_hash = hash_key(secret)
        try:
            answer = await self._service.validate_and_load(key_hash, session_id)
        except RealtimeSwitchError:
            raise _UNREACHABLE from None
        if isinstance(answer, Refusal):
            status, kind, code = _STATUS.get(answer.code, (403, "invalid_request_error", str(answer.code)))
            raise Refused(status, code, answer.message, type=kind)
        return answer, key_hash


_UNREACHABLE = Refused(
    503, "server_error", "API keys cannot be checked at the moment. Try again shortly.", type="server_error"
)


def _session_id(request: Request) -> str:
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


def _checked_model(session: dict[str, Any], routes: Routes) -> str:
    if session.get("type", "realtime") != "realtime":
        raise Refused(
            400, "invalid_value", "Only sessions of type 'realtime' are offered here.", param="session.type"
        )
    model = session.get("model", "")
    if not isinstance(model, str):
        raise Refused(
            400,
            "invalid_type",
            "Invalid type for 'session.model': a string is expected.",
            param="session.model",
        )
    if model and isinstance(chosen := routes.choose(model), Unknown):
        raise Refused(400, "model_not_found", chosen.message, param="session.model")
    return model


async def _body(request: Request) -> Asked:
    data = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for chunk in request.stream():
                data += chunk
                if len(data) > BODY_BYTES_MAX:
                    raise Refused(413, "request_too_large", f"The body holds at most {BODY_BYTES_MAX} bytes.")
    except TimeoutError:
        raise Refused(408, "timeout", f"The body did not arrive within {BODY_S_MAX:g} seconds.") from None
    try:
        return _asked.decode(data) if data.strip() else Asked()
    except msgspec.ValidationError as error:
        raise Refused(400, "invalid_value", f"Invalid body: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused(400, "invalid_json", "The body is not JSON.") from None


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "realtime-switch"}


def _json(value: object, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    return Response(body, status, {**HEADERS, **(headers or {})}, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _json(error.body, status=error.status)


async def _no_such_thing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        body = error_body(
            "method_not_allowed", f"{request.method} is not what {request.url.path} answers to."
        )
    else:
        body = error_body(
            "not_found", f"There is nothing at {request.url.path[:100]}. GET / says what there is."
        )
    return _json(body, dict(error.headers or {}), error.status_code)


async def _defect(request: Request, error: Exception) -> Response:
    """Starlette raises it again for the log; the client learns no more than this."""
    return _json(
        error_body("server_error", "Something went wrong in the gateway.", type="server_error"), status=500
    )
