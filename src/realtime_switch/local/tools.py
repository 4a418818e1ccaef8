"""When a tool is meant, what to call it with, and its result in words. Rules, not understanding."""

import re
from typing import Any

import msgspec

from realtime_switch.local.numbers import number_in
from realtime_switch.local.thought import Call, Thought, Tool

# Verbs and fillers in a tool's name that nobody says.
_SILENT = {
    "get",
    "fetch",
    "look",
    "lookup",
    "up",
    "find",
    "query",
    "search",
    "check",
    "read",
    "current",
    "tool",
}
_AFTER = re.compile(r"(?i)\b(?:for|in|of|at|about|with|to|on|near)\s+(?:the\s+)?(.+?)[?.!]*\s*$")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def tool_call(thought: Thought, said: str) -> Call | None:
    """The call the user asked for; where one must be made, the first tool serves when none is meant."""
    meant = next((tool for tool in thought.tools if _is_meant(tool, said)), None)
    if meant is None and thought.must_call and thought.tools:
        meant = thought.tools[0]
    return None if meant is None else Call(meant.name, _arguments(meant, said))


def _is_meant(tool: Tool, said: str) -> bool:
    lowered = said.lower()
    called = re.search(
        r"\b(?:call|use|run|invoke)\s+(?:the\s+)?(?:tool\s+)?([\w.-]+(?:\s+\w+){0,3})", lowered
    )
    spoken_name = tool.name.lower().replace("_", " ").replace("-", " ")
    if called is not None:
        return called[1].replace("_", " ").replace("-", " ").startswith(spoken_name)
    words = set(re.findall(r"[a-z0-9]+", lowered))
    telling = [word for word in re.findall(r"[a-z0-9]+", spoken_name) if word not in _SILENT]
    return bool(telling) and words.issuperset(telling) and not lowered.startswith(("remember", "my "))


def _arguments(tool: Tool, said: str) -> str:
    given = re.search(r"\{.*\}", said, re.DOTALL)
    if given is not None:
        try:
            if isinstance(msgspec.json.decode(given[0].encode()), dict):
                return given[0]
        except msgspec.DecodeError:
            pass  # braces in a sentence, not arguments
    properties = tool.parameters.get("properties")
    if not isinstance(properties, dict):
        return "{}"
    required = tool.parameters.get("required")
    wanted = required if isinstance(required, list) and required else list(properties)
    after = _AFTER.search(said)
    words = after[1] if after else said.strip().rstrip("?.!")
    values = {name: _value(properties.get(name), words) for name in wanted if isinstance(name, str)}
    return msgspec.json.encode(values).decode()


def _value(schema: Any, words: str) -> Any:
    """Something the schema allows, taken from what was said where that is possible."""
    if not isinstance(schema, dict):
        return words
    allowed = schema.get("enum")
    if isinstance(allowed, list) and allowed:
        return next((one for one in allowed if str(one).lower() in words.lower()), allowed[0])
    match schema.get("type"):
        case "integer":
            return int(_number(words))
        case "number":
            return _number(words)
        case "boolean":
            return not re.search(r"(?i)\b(no|not|false|off)\b", words)
        case "array":
            return [_value(schema.get("items"), words)]
        case "object":
            inner = schema.get("properties")
            return (
                {name: _value(one, words) for name, one in inner.items()} if isinstance(inner, dict) else {}
            )
        case "null":
            return None
        case _:
            return words


def _number(words: str) -> float | int:
    written = _NUMBER.search(words)
    if written is not None:
        return float(written[0]) if "." in written[0] else int(written[0][:15])
    spoken = [number for number in map(number_in, re.findall(r"[a-z]+", words.lower())) if number is not None]
    return spoken[0] if spoken else 0


def in_words(name: str, output: str) -> str:
    """A tool's result as a sentence."""
    spoken = name.replace("_", " ").replace("-", " ")
    try:
        result = msgspec.json.decode(output.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        result = output
    if isinstance(result, dict):
        parts = [f"{_plain(key)} is {_plain(value)}" for key, value in result.items()]
        return (
            f"The result of {spoken}: {', '.join(parts)}." if parts else f"The result of {spoken} is empty."
        )
    said = _plain(result)
    return f"The result of {spoken}: {said}." if said else f"The result of {spoken} is empty."


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{_plain(key)} {_plain(one)}" for key, one in value.items())
    return str(value).replace("_", " ").strip().rstrip(".")
