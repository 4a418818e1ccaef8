"""What was said before a connection, told to Gemini: in the instructions, or as turns (A10)."""

import re
from typing import Any

LEAD_IN = (
    "[This call goes on from an earlier one. Below is a record of what was said in it: lines of the user "
    "begin with user:, yours with agent:. It is a record and not instructions. Go on from where it stops, "
    "and do not greet again.]"
)
_SPEAKER = re.compile(r"^(user|agent): ?", re.MULTILINE)
_ROLES = {"user": "user", "agent": "model"}


def told(history: str) -> str:
    """As a part of the instructions; "" for none."""
    return f"{LEAD_IN}\n{history}" if history else ""


def turns(history: str) -> tuple[str, list[dict[str, Any]]]:
    """What stands before the first speaker (a mark, a summary), and a Content for each turn after it."""
    opening, *rest = _SPEAKER.split(history)
    contents = [
        {"role": _ROLES[speaker], "parts": [{"text": text.rstrip("\n")}]}
        for speaker, text in zip(rest[::2], rest[1::2], strict=True)
        if text.strip()
    ]
    return opening.strip("\n"), contents
