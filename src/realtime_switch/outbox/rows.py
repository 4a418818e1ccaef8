"""A record as the outbox holds it, and how it is spelt on disk. Pure.

msgpack maps, so that a newer release may add members and still read what an
older one left behind.
"""

from typing import Any

import msgspec
from msgspec import Struct

from ..accounts.records import Draft, Passage, SavedConfig, Switched, UsageRecord

Record = UsageRecord | Passage | SavedConfig | Switched
Kept = Record | Draft  # nobody is told of a draft (drafts.py)

# What stands in the column `kind`: never given another meaning, files outlive releases.
KINDS: dict[type[Kept], int] = {UsageRecord: 1, Passage: 2, SavedConfig: 3, Switched: 4, Draft: 5}
BILL, DRAFT = KINDS[UsageRecord], KINDS[Draft]

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[int, msgspec.msgpack.Decoder[Any]] = {
    number: msgspec.msgpack.Decoder(kind) for kind, number in KINDS.items()
}
_decoders[DRAFT] = _decoders[BILL]  # a stretch that runs is spelt as the bill that it would be


class Row(Struct, frozen=True, gc=False):
    """`file` and `number` are its place on disk; `file` 0 is none: it could not be written."""

    file: int
    number: int
    record: Record
    size_bytes: int


def encode(record: Kept) -> bytes:
    """Raises OverflowError for a number that no ledger could hold."""
    spelt = record.bill if type(record) is Draft else record
    try:
        return _encoder.encode(spelt)
    except UnicodeEncodeError:
        return _encoder.encode(_mended(spelt))


def decode(kind: int, data: bytes) -> Record:
    """Raises ValueError: a release that we do not know wrote it, or nobody did."""
    if kind not in _decoders:
        raise ValueError(f"there is no kind of record {kind}")
    record: Record = _decoders[kind].decode(data)
    return record


def _mended(record: Record) -> Record:
    """A lone surrogate, which UTF-8 cannot carry, becomes U+FFFD, as the link would do (link/envelope.py)."""
    texts = {
        name: value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        for name in record.__struct_fields__
        if isinstance(value := getattr(record, name), str)
    }
    return msgspec.structs.replace(record, **texts)
