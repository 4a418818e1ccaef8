"""A client's control message, read so that it can only mean one thing.

JSON lets a member stand twice, and readers differ in which one counts: what
the gate has judged must be what the provider obeys. So a second member of the
same name is refused at any depth, and so is what is built to be expensive.
"""

import re
from typing import Any

import msgspec

from .mending import UNREADABLE, read_any

# What a control message may hold at most, in strings and brackets: it is looked through one by one, on the
# process that carries everybody's audio. The largest real ones (a session.update with 100 tools) stay under
# 10,000.
TOKENS_MAX = 50_000
# Tool schemas nest; ten levels are rare. JSON readers recurse, so there must be an end.
DEPTH_MAX = 64


def read_object(
    payload: bytes, tokens_max: int = TOKENS_MAX, depth_max: int = DEPTH_MAX
) -> dict[str, Any] | str:
    """The message, or the sentence that says why it is none."""
    if (mistake := _ambiguous(payload, tokens_max, depth_max)) is not None:
        return mistake
    try:
        message = read_any(payload)
    except UNREADABLE:
        return "The message is not valid JSON."
    return message if isinstance(message, dict) else "The message is not a JSON object."


# Whole strings, brackets, commas and colons; everything else between them is skipped. An unclosed string
# runs to the end, or a message full of quotes would be looked through once for each of them.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\],:]', re.DOTALL)


def _ambiguous(payload: bytes, tokens_max: int, depth_max: int) -> str | None:
    """Also the bound on what the reader behind may be made to build."""
    names: list[set[bytes]] = []  # of every object or array that is open
    last = b""
    for number, match in enumerate(_TOKEN.finditer(payload)):
        if number >= tokens_max:
            return f"The message has more than {tokens_max} parts."
        token = match[0]
        if token == b":":
            name = _unescaped(last)
            if names and name in names[-1]:
                return "The message has two members of the same name in one object."
            if names:
                names[-1].add(name)
        elif token in (b"{", b"["):
            if len(names) >= depth_max:
                return f"The message is nested deeper than {depth_max} levels."
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
