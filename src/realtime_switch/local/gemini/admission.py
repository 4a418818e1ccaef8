"""Where the dialect is spoken, and who may come in (GEMINI-LIVE.md 1): every upgrade succeeds, and who is
refused is told by a close.
"""

import re
from collections.abc import Mapping

import msgspec

from realtime_switch.local.gemini import closes
from realtime_switch.local.gemini.auth_tokens import AuthTokens, Grant
from realtime_switch.local.orders import End

_DEVELOPER = re.compile(
    r"/ws/google\.ai\.generativelanguage\.(v1|v1beta|v1alpha)\.GenerativeService\."
    r"BidiGenerateContent(Constrained)?$"
)
_VERTEX = re.compile(r"/ws/google\.cloud\.aiplatform\.(v1|v1beta1)\.LlmBidiService/BidiGenerateContent$")
_AUTH_TOKENS = re.compile(r"/(v1alpha|v1beta)/auth_tokens$")
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


class Surface(msgspec.Struct, frozen=True):
    version: str
    vertex: bool = False
    # For tokens, not for keys.
    constrained: bool = False


def surface(path: str) -> Surface | None:
    """By the end of the path, because SDKs put a prefix and too many slashes before it."""
    plain = _plain(path)
    if (developer := _DEVELOPER.search(plain)) is not None:
        return Surface(developer[1], constrained=developer[2] is not None)
    if (vertex := _VERTEX.search(plain)) is not None:
        return Surface(vertex[1], vertex=True)
    return None


def is_auth_tokens(path: str) -> bool:
    return _AUTH_TOKENS.search(_plain(path)) is not None


def admission(
    where: Surface, query: Mapping[str, str], headers: Mapping[str, str], key: str | None, tokens: AuthTokens
) -> Grant | End | None:
    """A token's grant, a refusal, or nothing to say. `key` is the only one that is right; None means any or
    none will do.
    """
    given = keys(query, headers)
    if where.constrained:
        named = next((one for one in given if one.startswith("auth_tokens/")), None)
        return closes.NO_KEY if named is None else tokens.find(named)
    return key_refusal(given, key)


def key_refusal(given: list[str], key: str | None) -> End | None:
    if key is None or key in given:
        return None
    return closes.KEY_IS_WRONG if given else closes.NO_KEY


def keys(query: Mapping[str, str], headers: Mapping[str, str]) -> list[str]:
    """In every form that clients use."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    given = [
        query.get("key", ""),
        query.get("access_token", ""),
        headers.get("x-goog-api-key", ""),
        credentials.strip() if scheme.lower() in ("bearer", "token") else "",
    ]
    return [one for one in given if one]


def _plain(path: str) -> str:
    return re.sub("/+", "/", path)
