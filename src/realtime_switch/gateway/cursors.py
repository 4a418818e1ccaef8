"""Where a page of a list ended, as a word that its reader only hands back. Pure.

Not signed: whoever invents one gets another place in a list of his own.
"""

import base64
import binascii
from typing import TypeVar

import msgspec

from .http_answers import Refused

T = TypeVar("T")

CHARS_MAX = 4_000


def cursor(place: object) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).rstrip(b"=").decode()


def place(cursor: str, kind: type[T]) -> T:
    try:
        if len(cursor) > CHARS_MAX or not cursor.isascii():
            raise ValueError
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.msgpack.decode(data, type=kind)
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        message = "That is no cursor of this list: hand back the 'next' of its last page, as it was."
        raise Refused(400, "invalid_value", message, param="after") from None
