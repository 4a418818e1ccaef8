"""Which frames of a provider are heard like one that was read: those that differ from it as deltas do.

A provider's deltas name their item, and each server prints them in its own way. So the shape is not written
down anywhere: it is learned from the first delta of an item, and tried before it is believed.
"""

import re

import msgspec

from ..acts import ReplyAudio, ReplyTranscript
from ..envelopes import Alike
from ..shapes import Shape, Shapes

# Strings that differ in every delta. Within a string no name looks like this: its quotes are escaped there.
_DIFFERS = re.compile(rb'"(event_id|delta|obfuscation)"\s*:\s*"')


class Learned:
    def __init__(self) -> None:
        self._known: dict[type[ReplyAudio | ReplyTranscript], tuple[str, Alike | None]] = {}

    def alike(self, payload: bytes, act: ReplyAudio | ReplyTranscript) -> list[Alike]:
        """Of either kind, of the item of this act, which was read from that frame."""
        kind = type(act)
        if self._known.get(kind, ("", None))[0] != act.item_id:
            shape = shape_like(payload)
            said = _empty(act)
            self._known[kind] = (act.item_id, None if shape is None else Alike(Shapes(shape), said))
        return [alike for item_id, alike in self._known.values() if alike and item_id == act.item_id]


def _empty(act: ReplyAudio | ReplyTranscript) -> ReplyAudio | ReplyTranscript:
    if isinstance(act, ReplyAudio):
        return ReplyAudio(act.item_id, "", act.format)
    return ReplyTranscript(act.item_id, act.part, "")


def shape_like(payload: bytes) -> Shape | None:
    """None: it is printed in a way of which that cannot be told."""
    parts, names, at = [], [], 0
    for found in _DIFFERS.finditer(payload):
        end = payload.find(b'"', found.end())
        if found.start() < at or end < 0:
            return None
        parts.append(payload[at : found.end()])
        names.append(found[1].decode())
        at = end
    parts.append(payload[at:])
    if names.count("delta") != 1 or any(part.endswith(b"\\") for part in parts):
        return None
    filled = b"".join(part + b"%d" % number for number, part in enumerate(parts[:-1])) + parts[-1]
    try:
        message, read = msgspec.json.decode(payload), msgspec.json.decode(filled)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    expected = {**message, **{name: str(number) for number, name in enumerate(names)}}
    return Shape(tuple(parts), names.index("delta")) if read == expected else None
