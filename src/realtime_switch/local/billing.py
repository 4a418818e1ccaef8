"""What both dialects count: text, and what of a reply's context stood there before.

Sound and images have each dialect's own measure (openai/billing.py, gemini/billing.py).
"""

import msgspec

from realtime_switch.local.thought import Tokens


def text_tokens(text: str) -> int:
    """One for each four characters begun."""
    return -(-len(text) // 4)


class Line(msgspec.Struct, frozen=True):
    """One thing read: the same line again in the same place is cached."""

    key: str
    text: int
    audio: int = 0
    image: int = 0

    @property
    def total(self) -> int:
        return self.text + self.audio + self.image


def input_tokens(lines: list[Line], lines_before: list[Line]) -> Tokens:
    same = 0
    while same < min(len(lines), len(lines_before)) and lines[same] == lines_before[same]:
        same += 1
    return Tokens(
        input_text=sum(one.text for one in lines),
        input_audio=sum(one.audio for one in lines),
        input_image=sum(one.image for one in lines),
        cached_text=sum(one.text for one in lines[:same]),
        cached_audio=sum(one.audio for one in lines[:same]),
    )
