"""The page: files that the build made of console/, held in memory, compressed once.

index.html is asked for anew each time; whatever it names carries a hash of its
content in its own name and may be kept for ever. The policy lets in nothing but
these files: no inline script, no eval, no other host.
"""

import gzip
import hashlib
from pathlib import Path

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from . import http_answers as http
from .http_answers import Refused

BUILT = Path(__file__).parent / "built_page"  # by hatch_build.py; not in version control

NOT_BUILT = """
The page that browsers see here is not in this installation. Install Realtime Switch again from its source
without RTS_NO_PAGE, with Node.js 20 or later and npm at hand; or install a wheel, which has the page in it.
"""

HEADERS = {
    **http.HEADERS,
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=(), display-capture=()",
    "vary": "accept, accept-encoding",
}
_ASK_AGAIN, _FOR_EVER = "no-cache", "public, max-age=31536000, immutable"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class _File(Struct, frozen=True):
    plain: bytes
    zipped: bytes
    type: str
    etag: str


class Page:
    def __init__(self, text: str, folder: Path = BUILT) -> None:
        """`text`: what this is, for whoever is no browser."""
        self._files = {path.name: _read(path) for path in folder.glob("*.*") if path.suffix in _TYPES}
        self._text = text if self._is_built else text + NOT_BUILT

    @property
    def _is_built(self) -> bool:
        return "index.html" in self._files

    async def at_root(self, request: Request) -> Response:
        if self._is_built and "text/html" in request.headers.get("accept", ""):
            return _answer(request, self._files["index.html"], _ASK_AGAIN)
        return PlainTextResponse(self._text, headers={**http.HEADERS, "vary": "accept"})

    async def file(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        if file is None:
            raise Refused(
                404, "not_found", "The page has no such file. It may be of another version: reload it."
            )
        return _answer(request, file, _FOR_EVER)


def _read(path: Path) -> _File:
    plain = path.read_bytes()
    etag = f'"{hashlib.sha256(plain).hexdigest()[:32]}"'
    return _File(plain, gzip.compress(plain, 9, mtime=0), _TYPES[path.suffix], etag)


def _answer(request: Request, file: _File, caching: str) -> Response:
    headers = {**HEADERS, "cache-control": caching, "etag": file.etag}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.zipped, headers={**headers, "content-encoding": "gzip"}, media_type=file.type)
    return Response(file.plain, headers=headers, media_type=file.type)
