"""What the voice is told besides sound comes in pieces of at most 500 tokens (GPT-LIVE.md 4.3)."""

import re

PIECE_CHARS_MAX = 1_750  # as many were taken, 1,900 were not

_WORD = re.compile(rf"\s*\S{{1,{PIECE_CHARS_MAX // 2}}}")


def pieces(text: str) -> list[str]:
    """Cut between words, but for words that nobody says."""
    told = [""]
    for word in _WORD.findall(text):
        if len(told[-1]) + len(word) > PIECE_CHARS_MAX:
            told.append("")
        told[-1] += word if told[-1] else word.lstrip()
    return [piece for piece in told if piece]
