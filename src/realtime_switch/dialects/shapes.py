"""Proofs as data: what a frame must look like to carry one thing and nothing else.

A Shape is literal text with gaps. A gap is the inside of a JSON string: it ends
at the first quote, and the text after it begins with that quote. So whatever
JSON reader sees a frame of this shape sees the members that the literal text
names, one string in each gap, and no others, or it sees an error.

Data and not functions, because the same table is matched twice: here, and in C
on the socket's own memory (gateway/_compiled.pyx). tests/laws/test_shapes_laws.py
holds the two equal.
"""

from typing import Any

from msgspec import Struct

_QUOTE = b'"'
_BACKSLASH = 0x5C
_BRACE = b"}"


class Shape(Struct, frozen=True):
    parts: tuple[bytes, ...]
    cut: int = -1  # the gap that holds what the frame is for, counted as Python counts
    # Anything may follow up to a closing brace: for a sender who is trusted not to name a member twice.
    # Without the brace the frame was cut off, and no client could read it.
    open: bool = False

    def __post_init__(self) -> None:
        assert self.parts
        assert all(part.startswith(_QUOTE) for part in self.parts[1:])
        assert not any(part.endswith(b"\\") for part in self.parts)


def whole(*parts: bytes, cut: int = -1) -> Shape:
    return Shape(parts, cut)


def beginning(*parts: bytes) -> Shape:
    return Shape(parts, open=True)


class Shapes:
    """Says whether a frame has one of these shapes. Put the likeliest first."""

    def __init__(self, *shapes: Shape) -> None:
        self.shapes = shapes
        self.compiled: Any = None  # what gateway/_compiled.pyx has made of it; says the same, sooner
        # The head and the brace at the end must not be the same byte.
        alone = [s for s in shapes if s.open and len(s.parts) == 1 and not s.parts[0].endswith(_BRACE)]
        self._settled_by_head = tuple(shape.parts[0] for shape in alone)
        self._others: dict[bytes, list[Shape]] = {}  # by their heads
        for shape in shapes:
            if shape not in alone:
                self._others.setdefault(shape.parts[0], []).append(shape)
        self._other_heads = tuple(self._others)

    def __call__(self, payload: bytes) -> bool:
        return self.fits(payload) if self.compiled is None else self.compiled(payload)

    def fits(self, payload: bytes) -> bool:
        if payload.startswith(self._settled_by_head) and payload.endswith(_BRACE):
            return True
        return payload.startswith(self._other_heads) and self._fitting(payload) is not None

    def cut(self, payload: bytes) -> slice | None:
        """Where in the frame that stands which it is for; None: it has none of these shapes. For tables of
        whole shapes."""
        if not payload.startswith(self._other_heads) or (found := self._fitting(payload)) is None:
            return None
        shape, gaps = found
        return gaps[shape.cut]

    def _fitting(self, payload: bytes) -> tuple[Shape, list[slice]] | None:
        for head, shapes in self._others.items():
            if payload.startswith(head):
                for shape in shapes:
                    if (gaps := _gaps(shape, payload)) is not None:
                        return shape, gaps
        return None


def _gaps(shape: Shape, payload: bytes) -> list[slice] | None:
    """None: the frame, whose head is the shape's, does not have it."""
    at = len(shape.parts[0])
    gaps = []
    for part in shape.parts[1:]:
        quote = payload.find(_QUOTE, at)
        # After a backslash the quote may be a part of the string. Or not; it is not worth finding out.
        if quote < 0 or payload[quote - 1] == _BACKSLASH or not payload.startswith(part, quote):
            return None
        gaps.append(slice(at, quote))
        at = quote + len(part)
    fits = payload.endswith(_BRACE, at) if shape.open else at == len(payload)
    return gaps if fits else None
