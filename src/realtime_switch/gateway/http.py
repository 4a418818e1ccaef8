"""The HTTP side of the front door: tokens for pages, models, calls, health, a page that says what this is.

Nothing is cached but the page's files (http_page.py), and no page of another site is let in
(http_answers.py).
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ..accounts.service import AccountService
from ..providers.routes import Routes, Unknown
from . import http_answers as http
from .calls import Calls
from .holder import Holders
from .http_account import Account
from .http_answers import TOKENS_PATH, Refused
from .http_calls import AskOthers, LiveCalls, nobody
from .http_metrics import NO_METRICS, MetricsPage
from .http_page import Page
from .http_secrets import ClientSecrets
from .http_sessions import Sessions
from .http_tokens import AuthTokens

PAGE = """This is Realtime Switch, a gateway for realtime voice AI.

Connect a WebSocket to /v1/realtime?model=MODEL with 'Authorization: Bearer YOUR_KEY',
or point an OpenAI SDK at this address followed by /v1, or a Google Gen AI SDK at this address.

  GET  /                             in a browser: the page, to talk and to look
  GET  /v1/account                   the credits you have left
  GET  /v1/usage                     what was used, by day, provider and more
  GET  /v1/sessions                  what was said; also /v1/sessions/ID, to export and to delete
  GET  /v1/models                    the models you may name
  GET  /v1/calls                     your calls in the gateways of this machine
  POST /v1/calls/ID/switch           take one of them to another provider
  POST /v1/realtime/client_secrets   a short-lived key for a browser
  POST /v1beta/auth_tokens           the same for Gemini clients
  GET  /v1/openapi.json              all of this as OpenAPI 3.1
  GET  /healthz, /readyz, /metrics   for whoever watches over this process

The documentation is in docs/ of the source: start with docs/clients.md and docs/http-api.md.
"""


class Api:
    def __init__(
        self,
        service: AccountService,
        routes: Routes,
        signing_key: bytes,
        why_not_ready: Callable[[], str],
        settle: Callable[[str], Awaitable[None]],
        calls: Calls,
        metrics: MetricsPage = NO_METRICS,
        data: Path | None = None,
        ask_others: AskOthers = nobody,
    ) -> None:
        """`data`: where `serve` leaves the codes of its links; `ask_others`: the other gateways."""
        self._routes = routes
        self._why_not_ready = why_not_ready
        self._holders = Holders(service, signing_key)
        self._account = Account(self._holders, settle)
        self._sessions = Sessions(self._holders, calls, settle)
        self._client_secrets = ClientSecrets(service, routes, signing_key, self._holders, data)
        self._page = Page(PAGE)
        self._auth_tokens = AuthTokens(service, routes, signing_key)
        self._calls = LiveCalls(self._holders, calls, ask_others)
        self._metrics = metrics

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._page.at_root),
                Route("/page/{name}", self._page.file),
                Route("/healthz", self.healthz),
                Route("/readyz", self.readyz),
                Route("/metrics", self._metrics.show),
                Route("/v1/openapi.json", self.openapi),
                Route("/v1/account", self._account.show),
                Route("/v1/usage", self._account.usage),
                Route("/v1/sessions", self._sessions.list),
                Route("/v1/sessions/{id:path}", self._sessions.one, methods=["GET", "DELETE"]),
                Route("/v1/calls", self._calls.list),
                Route("/v1/calls/{id:path}/switch", self._calls.switch, methods=["POST"]),
                Route("/v1/models", self.models),
                Route("/v1/models/{model:path}", self.model),
                Route("/v1/realtime/client_secrets", self._client_secrets.create, methods=["POST"]),
                *(
                    Route(f"/{version}{TOKENS_PATH}", self._auth_tokens.create, methods=["POST"])
                    for version in ("v1", "v1alpha", "v1beta")
                ),
            ],
            exception_handlers={
                Refused: http.refused,
                HTTPException: http.no_such_thing,
                Exception: http.defect,
            },
        )

    async def healthz(self, request: Request) -> Response:
        """This process runs and answers."""
        return PlainTextResponse("ok\n", headers=http.HEADERS)

    async def readyz(self, request: Request) -> Response:
        """New calls can be taken here."""
        why_not = self._why_not_ready()
        return PlainTextResponse(f"{why_not or 'ready'}\n", 503 if why_not else 200, headers=http.HEADERS)

    async def openapi(self, request: Request) -> Response:
        # 0.2 MB that few gateways are ever asked for; some milliseconds, the first time.
        from .openapi import DOCUMENT

        return http.answer(DOCUMENT)

    async def models(self, request: Request) -> Response:
        await self._holders.account(request)
        return http.answer({"object": "list", "data": [_model(name) for name in self._routes.names()]})

    async def model(self, request: Request) -> Response:
        await self._holders.account(request)
        name = request.path_params["model"]
        if isinstance(chosen := self._routes.choose(name), Unknown):
            raise Refused(404, "model_not_found", chosen.message, param="model")
        return http.answer(_model(name))


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "realtime-switch"}
