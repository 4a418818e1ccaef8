"""One provider connection, as a session sees it."""

from msgspec import Struct

from .lane import Relay
from .translation import Translation
from .way import Way


class Connection(Struct):
    way: Way
    lane: Relay | Translation
    generation: int  # whatever an older one still says is ignored
    history: str | None = None  # of the past, as of when it was told; None: not yet told
    told: str = ""  # what it was told of it: nothing where it remembers by itself
    ready: bool = False  # it has greeted
