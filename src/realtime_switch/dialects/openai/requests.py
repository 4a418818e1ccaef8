"""A client's control message, read so that it can only mean one thing.

JSON lets a member stand twice, and readers differ in which one counts: what
the gate has judged must be what the provider obeys. So a second member of the
same name is refused at any depth, and so is what is built to be expensive.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from ..mending import UNREADABLE, read_any


class Mistake(Struct, frozen=True):
    """Why a message cannot be a request, in OpenAI's words (OPENAI-REALTIME.md 10)."""

    code: str
    message: str
    param: str = ""
    request_id: str = ""


# Whole strings, brackets, commas and colons; everything else between them is skipped. An unclosed string
# runs to the end, or a message full of quotes would be looked through once for each of them.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\],:]', re.DOTALL)


def read_request(payload: bytes, tokens_max: int, depth_max: int) -> dict[str, Any] | Mistake:
    if (mistake := _ambiguous(payload, tokens_max, depth_max)) is not None:
        return mistake
    try:
        message = read_any(payload)
    except UNREADABLE:
        return Mistake("invalid_event", "The message is not valid JSON.")
    if not isinstance(message, dict):
        return Mistake("invalid_event", "The message is not a JSON object.")
    if not isinstance(message.get("type"), str):
        text = "Missing required parameter: 'type'."
        return Mistake("missing_required_parameter", text, "type", request_id(message))
    return message


def request_id(message: dict[str, Any]) -> str:
    """The client's own name for its message; errors about it carry it (OPENAI-REALTIME.md 6)."""
    event_id = message.get("event_id")
    return event_id if isinstance(event_id, str) else ""


def _ambiguous(payload: bytes, tokens_max: int, depth_max: int) -> Mistake | None:
    """Also the bound on what the reader behind may be made to build."""
    names: list[set[bytes]] = []  # of every object or array that is open
    last = b""
    for number, match in enumerate(_TOKEN.finditer(payload)):
        if number >= tokens_max:
            return Mistake("invalid_event", f"The message has more than {tokens_max} parts.")
        token = match[0]
        if token == b":":
            name = _unescaped(last)
            if names and name in names[-1]:
                return Mistake("invalid_event", "The message has two members of the same name in one object.")
            if names:
                names[-1].add(name)
        elif token in (b"{", b"["):
            if len(names) >= depth_max:
                return Mistake("invalid_event", f"The message is nested deeper than {depth_max} levels.")
            names.append(set())
        elif token in (b"}", b"]") and names:
            names.pop()
        last = token
    return None


def _unescaped(token: bytes) -> bytes:
    """A name may be spelt with escapes: "\\u0074ype" is "type"."""
    if b"\\" not in token:
        return token
    try:
        return msgspec.json.encode(read_any(token))
    except UNREADABLE:
        return token
