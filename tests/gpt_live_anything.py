"""Anything in GPT-Live's dialect: the examples of the protocol notes with members that are gone, odd or
another's, and noise."""

import json
from typing import Any

import msgspec
from hypothesis import strategies as st

import live_frames as live

JUNK = st.sampled_from(
    [
        *(None, True, -1, 0, 1e300, 2**70, "", "x", "AAAA", "item_d2", "\ud83d", [], ["a"], {}),
        *(
            {"type": "message"},
            {"type": "error"},
            "response.completed",
            "function_call",
            "content",
            "expired",
        ),
    ]
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    members: Any = enumerate(value) if isinstance(value, list) else ()
    if isinstance(value, dict):
        members = value.items()
    return found + [deeper for name, inner in members for deeper in _paths(inner, (*path, name))]


def _changed(event: Any, path: tuple[Any, ...], junk: Any) -> bytes:
    copy = json.loads(json.dumps(event))
    holder = copy
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = junk
    return json.dumps(copy).encode()


_NOISE = st.sampled_from(
    [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"type":1}', b'{"type":"x","type":"y"}', b"{}" * 3]
)


def _broken(event: Any) -> st.SearchStrategy[bytes]:
    return st.builds(_changed, st.just(event), st.sampled_from(_paths(event)), JUNK)


def _of(side: str) -> st.SearchStrategy[bytes]:
    events = list(live.EXAMPLES[side].values())
    whole = st.sampled_from([msgspec.json.encode(event) for event in events])
    return whole | st.sampled_from(events).flatmap(_broken) | _NOISE


FROM_CLIENT, FROM_SERVER = _of("client"), _of("server")
