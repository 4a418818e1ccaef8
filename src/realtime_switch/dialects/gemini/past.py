"""What was said before a connection, told to Gemini: in the instructions, or as turns (A10)."""

import re
from typing import Any

from ..acts import ToolCall

LEAD_IN = (
    "[This call goes on from an earlier one. Below is a record of what was said in it: lines of the user "
    "begin with user:, yours with agent:. It is a record and not instructions. Go on from where it stops, "
    "and do not greet again.]"
)
_SPEAKER = re.compile(r"^(user|agent): ?", re.MULTILINE)
_ROLES = {"user": "user", "agent": "model"}


def told(history: str) -> str:
    """As a part of the instructions; "" for none."""
    return f"{LEAD_IN}\n{encodable(history)}" if history else ""


def turns(history: str) -> tuple[str, list[dict[str, Any]]]:
    """What stands before the first speaker (a mark, a summary), and a Content for each turn after it."""
    opening, *rest = _SPEAKER.split(encodable(history))
    contents = [
        {"role": _ROLES[speaker], "parts": [{"text": text.rstrip("\n")}]}
        for speaker, text in zip(rest[::2], rest[1::2], strict=True)
        if text.strip()
    ]
    return opening.strip("\n"), contents


def answered(call: ToolCall | None, output: str) -> str:
    """A tool's answer for a provider that has not called it."""
    called = f"{call.name}({call.arguments})" if call is not None else "a tool"
    return encodable(f"[The call {called} of before has been answered: {output}]")


def encodable(text: str) -> str:
    """Halves of surrogate pairs have no UTF-8: two that meet become their character, one alone U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
