"""How Gemini's JSON may be spelt, made one (GEMINI-LIVE.md 2): names in either casing,
durations as text.

proto3's JSON takes `mimeType` and `mime_type` alike, also mixed in one message, and the Python SDK mixes
them. What stands in free-form maps is not the protocol's: a tool's argument called `user_id` stays so.
"""

import re
from functools import lru_cache
from typing import Any

# -- Names ---------------------------------------------------------------------------------------------------

# What stands below these is somebody else's: arguments of calls, JSON Schema, labels, examples.
_FREE = frozenset({"args", "parametersJsonSchema", "responseJsonSchema", "labels", "default", "example"})
# Maps by a name of somebody else's, to what is the protocol's again (Schema).
_NAMED = frozenset({"properties", "defs"})
# `response` is what a tool said in these, and a Schema in a functionDeclaration.
_ANSWERS = frozenset({"functionResponse", "functionResponses"})


def camel_keys(message: Any, twice: list[str] | None = None) -> Any:
    """The same message with every name of the protocol's in camelCase. The name of a member that stands in
    both casings in one object is added to `twice`; then the later one counts."""
    return _camel(message, "", [] if twice is None else twice)


def _camel(value: Any, within: str, twice: list[str]) -> Any:
    if isinstance(value, list):
        return [_camel(one, within, twice) for one in value]
    if not isinstance(value, dict):
        return value
    if within in _NAMED:
        return {name: _camel(one, "", twice) for name, one in value.items()}
    renamed: dict[str, Any] = {}
    for key, one in value.items():
        name = camel(key)
        if name in renamed:
            twice.append(name)
        free = name in _FREE or (name == "response" and within in _ANSWERS)
        renamed[name] = one if free else _camel(one, name, twice)
    return renamed


@lru_cache(maxsize=1024)
def _camel_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def camel(name: str) -> str:
    # A name that begins or ends with one is nobody's: renamed it might become somebody's.
    return _camel_name(name) if "_" in name.strip("_") and len(name) < 100 else name


# -- Durations -----------------------------------------------------------------------------------------------

_DURATION = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?s", re.ASCII)


def duration_ms(value: Any) -> int:
    """ "50s" or "0.440s"; 0 for anything else."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return 0
    return int(match[1]) * 1000 + int((match[2] or "").ljust(3, "0")[:3])


def duration(ms: int) -> str:
    """As proto3 prints it: no fraction, or three digits of it."""
    seconds, rest = divmod(max(0, ms), 1000)
    return f"{seconds}.{rest:03}s" if rest else f"{seconds}s"
