"""What a session's backend costs: tokens, and hosted tools by the piece (GPT-LIVE.md 8)."""

from typing import Any

from ..acts import Usage
from ..members import count_of, object_of, text_of

# Output items of tools that OpenAI runs itself, which have fees of their own.
HOSTED = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "shell_call",
        "mcp_call",
        "computer_call",
    }
)


def usage_of(reply_id: str, model: str, usage: Any, fees: int = 0) -> Usage | None:
    """None: nothing was counted. All of it is text: no backend takes sound from here."""
    counts = object_of(usage)
    came, went = count_of(counts.get("input_tokens")), count_of(counts.get("output_tokens"))
    if not (came or went or fees):
        return None
    cached = min(count_of(object_of(counts.get("input_tokens_details")).get("cached_tokens")), came)
    return Usage(
        input=came,
        output=went,
        input_text=came,
        cached_text=cached,
        output_text=went,
        model=text_of(model),
        fees=fees,
        reply_id=reply_id,
    )
