"""A client's control message, and why it cannot be one, in OpenAI's words."""

from typing import Any

from msgspec import Struct

from ..unambiguous import DEPTH_MAX, TOKENS_MAX, read_object


class Mistake(Struct, frozen=True):
    """Why a message cannot be a request (OPENAI-REALTIME.md 10)."""

    code: str
    message: str
    param: str = ""
    request_id: str = ""


def read_request(
    payload: bytes, tokens_max: int = TOKENS_MAX, depth_max: int = DEPTH_MAX
) -> dict[str, Any] | Mistake:
    message = read_object(payload, tokens_max, depth_max)
    if isinstance(message, str):
        return Mistake("invalid_event", message)
    if not isinstance(message.get("type"), str):
        text = "Missing required parameter: 'type'."
        return Mistake("missing_required_parameter", text, "type", request_id(message))
    return message


def request_id(message: dict[str, Any]) -> str:
    """The client's own name for its message; errors about it carry it (OPENAI-REALTIME.md 6)."""
    event_id = message.get("event_id")
    return event_id if isinstance(event_id, str) else ""
