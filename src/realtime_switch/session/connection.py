"""One provider connection, as a session sees it."""

from msgspec import Struct

from . import limits
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
    audio_bytes_per_ms: int = 48  # as it said then
    expires_us: int = 0  # as the provider says it

    def life_s(self, now_us: int) -> float:
        """How long the provider lets it last. Its own word counts where it is sooner than what is known of it
        (Azure: 30 minutes, OPENAI-REALTIME.md 4.1), unless only two clocks seem to differ."""
        told_s = (self.expires_us - now_us) / 1e6
        known_s = self.way.connection_s_max
        return told_s if limits.TOLD_LIFE_S_MIN <= told_s < known_s else known_s
