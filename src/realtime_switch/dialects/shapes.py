"""Proofs as data: what a frame must look like to carry one thing and nothing else.

A Shape is literal text with gaps. A gap is the inside of a JSON string: it ends
at the first quote, and the text after it begins with that quote. So whatever
JSON reader sees a frame of this shape sees the members that the literal text
names, one string in each gap, and no others, or it sees an error.

Data and not functions, because the same table is matched twice: here, and in C
on the socket's own memory (gateway/_compiled.pyx). tests/laws/test_shapes_laws.py
holds the two equal.
"""

from msgspec import Struct

_QUOTE = b'"'
_BACKSLASH = 0x5C
_BRACE = b"}"


class Shape(Struct, frozen=True):
    parts: tuple[bytes, ...]
    # Anything may follow up to a closing brace: for a sender who is trusted not to name a member twice.
    # Without the brace the frame was cut off, and no client could read it.
    open: bool = False

    def __post_init__(self) -> None:
        assert self.parts
        assert all(part.startswith(_QUOTE) for part in self.parts[1:])
        assert not any(part.endswith(b"\\") for part in self.parts)


def whole(*parts: bytes) -> Shape:
    return Shape(parts)


def beginning(*parts: bytes) -> Shape:
    return Shape(parts, open=True)


class Shapes:
    """Says whether a frame has one of these shapes. Put the likeliest first."""

    def __init__(self, *shapes: Shape) -> None:
        self.shapes = shapes
        alone = [shape for shape in shapes if shape.open and len(shape.parts) == 1]
        self._settled_by_head = tuple(shape.parts[0] for shape in alone)
        self._others = tuple(shape for shape in shapes if shape not in alone)
        self._other_heads = tuple(shape.parts[0] for shape in self._others)

    def __call__(self, payload: bytes) -> bool:
        if payload.startswith(self._settled_by_head) and payload.endswith(_BRACE):
            return True
        if payload.startswith(self._other_heads):
            for shape in self._others:
                if _fits(shape, payload):
                    return True
        return False

    def last_gap(self, payload: bytes) -> bytes | None:
        """What stands in the last gap of the shape that the frame has; None: it has none of these. For tables
        of whole shapes."""
        for shape in self.shapes:
            if payload.startswith(shape.parts[0]) and _fits(shape, payload):
                end = len(payload) - len(shape.parts[-1])
                return payload[payload.rfind(_QUOTE, 0, end) + 1 : end]
        return None


def _fits(shape: Shape, payload: bytes) -> bool:
    parts = shape.parts
    if not payload.startswith(parts[0]):
        return False
    at = len(parts[0])
    for part in parts[1:]:
        quote = payload.find(_QUOTE, at)
        # After a backslash the quote may be a part of the string. Or not; it is not worth finding out.
        if quote < 0 or payload[quote - 1] == _BACKSLASH or not payload.startswith(part, quote):
            return False
        at = quote + len(part)
    return payload.endswith(_BRACE, at) if shape.open else at == len(payload)
