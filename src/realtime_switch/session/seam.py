"""A change of provider, from the moment the old one could not be counted on to the first word of the new one:
what is put down about it."""

from msgspec import Struct

from ..accounts.records import SwitchCause
from ..dialects.terms import Target


class Seam(Struct, frozen=True, kw_only=True):
    source: Target
    cause: SwitchCause
    since_us: int  # when nobody was there any more
    attempts: int = 0  # dials that came to nothing
    request_id: str | None = (
        None  # of a client that asked for it and is told; "" if it gave its message no name
    )
