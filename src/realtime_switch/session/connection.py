"""One provider connection, as a session sees it."""

from msgspec import Struct

from .lane import Relay
from .translation import Translation
from .way import Way


class Connection(Struct):
    way: Way
    lane: Relay | Translation
    generation: int  # whatever an older one still says is ignored
    history: str | None = None  # what it was told of the past; None: not yet told
    ready: bool = False  # it has greeted
