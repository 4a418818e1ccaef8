"""A reply's text and sound in the portions it leaves in."""

import re

import msgspec


class Portion(msgspec.Struct, frozen=True):
    words: tuple[str, ...]
    audio: bytes = b""


def words_of(text: str) -> list[str]:
    """Pieces that together are exactly the text."""
    return re.findall(r"\s*\S+|\s+$", text)


def audio_portions(text: str, sound: bytes, size_bytes: int) -> list[Portion]:
    """Words run ahead of their sound, never behind it."""
    words = words_of(text)
    count = max(-(-len(sound) // size_bytes), 1)
    portions = []
    for index in range(count):
        first, last = (-(-len(words) * step // count) for step in (index, index + 1))
        portions.append(
            Portion(tuple(words[first:last]), sound[index * size_bytes : (index + 1) * size_bytes])
        )
    return portions
