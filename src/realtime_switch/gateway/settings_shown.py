"""A session's configuration as its account may see it: without what opens something. Pure.

A client may put credentials of its tool servers into a configuration (`authorization` and `headers` of an MCP
server, OPENAI-REALTIME.md 5.2), and an address may carry some.
"""

import re
from typing import Any

import msgspec

HIDDEN = "(hidden)"

_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET = re.compile(
    r"(?:^|[_-])(?:authorization|auth|bearer|cookie|credentials?|key|apikey|pass|passwd|password|secret|token)$"
)
_WHOLLY = frozenset({"authorization", "headers", "http_headers", "credentials", "cookies"})
_ADDRESS = re.compile(r"^([a-z][a-z0-9+.-]*://)(?:[^/?#]*@)?([^?#]*)(?:[?#].*)?$", re.IGNORECASE | re.DOTALL)


def shown(config: str | None) -> Any:
    """None: there is none. What is no JSON is not shown at all."""
    if config is None:
        return None
    try:
        return _shown(msgspec.json.decode(config))
    except (msgspec.DecodeError, RecursionError):
        return HIDDEN


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _member(name, member) for name, member in value.items()}
    if isinstance(value, list):
        return [_shown(member) for member in value]
    if isinstance(value, str) and (address := _ADDRESS.match(value)) is not None:
        return address[1] + address[2]
    return value


def _member(name: str, value: Any) -> Any:
    snake = _CAPITAL.sub("_", name).lower()
    if snake in _WHOLLY and value is not None:
        return HIDDEN
    # A tool's parameter may be called "token"; then what stands here is its schema, and no string.
    if isinstance(value, str) and _SECRET.search(snake):
        return HIDDEN
    return _shown(value)
