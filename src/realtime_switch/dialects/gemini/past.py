"""What was said before a connection, as Contents, and what a tool of an earlier provider has answered."""

from typing import Any

from ..acts import ToolCall
from ..mending import encodable
from ..past import turns

_ROLES = {"user": "user", "agent": "model"}


def contents(history: str) -> tuple[str, list[dict[str, Any]]]:
    """What stands before the first speaker, and a Content for each turn after it."""
    opening, said = turns(history)
    return opening, [{"role": _ROLES[who], "parts": [{"text": text}]} for who, text in said]


def answered(call: ToolCall | None, output: str) -> str:
    """A tool's answer for a provider that has not called it."""
    called = f"{call.name}({call.arguments})" if call is not None else "a tool"
    return encodable(f"[The call {called} of before has been answered: {output}]")
