"""What a client types, and what its tools answer, as items of the backend (GPT-LIVE.md 4.4)."""

from typing import Any

from ..mending import write_any
from ..wishes import AnswerTool, Say

_Members = dict[str, Any]

ITEMS_MAX, BYTES_MAX = 128, 32_768


class Buffer:
    """What the backend was told and has not read: a service that is told more strands the call."""

    def __init__(self) -> None:
        self.items = 0
        self._bytes = 0

    def take(self, item: _Members) -> bool:
        size = len(write_any(item))
        if self.items >= ITEMS_MAX or self._bytes + size > BYTES_MAX:
            return False
        self.items += 1
        self._bytes += size
        return True

    def clear(self) -> None:
        self.items = self._bytes = 0


def typed(wish: Say) -> _Members:
    """A picture that is too large for the buffer makes the whole too large."""
    content: list[_Members] = [
        {"type": "input_image", "detail": "auto", "image_url": f"data:{one.mime_type};base64,{one.base64}"}
        for one in wish.pictures
    ]
    if wish.text or not content:
        content.insert(0, {"type": "input_text", "text": wish.text})
    return {"type": "message", "role": "user", "content": content}


def answered(wish: AnswerTool, earlier: str) -> _Members:
    """`earlier`: the name of a tool that another provider has called; this one has not heard of it."""
    if not earlier:
        return {"type": "function_call_output", "call_id": wish.call_id, "output": wish.output}
    text = f"[The tool {earlier}, which was called before, has answered: {wish.output}]"
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
