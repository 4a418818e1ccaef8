"""The metrics of every process of this machine, for whoever knows the token (decision 24).

They name providers, routes and how much is said, so they are the operator's alone. Where a request comes from
proves nothing: behind a proxy everybody comes from this machine.
"""

import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from ..metrics.families import CONTENT_TYPE
from ..secret import Secret
from .arrival.request import authorization
from .http_answers import HEADERS, Refused, headers_of


class MetricsPage:
    def __init__(self, page: Callable[[], Awaitable[str]], token: Secret) -> None:
        self._page = page
        self._token = token.reveal().encode()

    async def show(self, request: Request) -> Response:
        told = authorization(headers_of(request), "bearer").encode("utf-8", "replace")
        if not self._token or not hmac.compare_digest(told, self._token):
            raise Refused(
                401, "invalid_token", "Metrics are shown to whoever holds their token: docs/metrics.md."
            )
        return Response(await self._page(), headers={**HEADERS, "content-type": CONTENT_TYPE})


async def _nothing() -> str:
    return ""


NO_METRICS = MetricsPage(_nothing, Secret(""))  # nobody has its token
