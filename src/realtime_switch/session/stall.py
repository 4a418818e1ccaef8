"""Whether a provider that says nothing has stalled.

Sure: it owes a reply, or the rest of one, or a word about a turn, and says nothing.

Likely: the user has spoken and been silent since, and the provider says nothing. It may have heard the user
begin and not made a turn of it; or it has heard nothing, and then only our own ear says that somebody spoke.
The silence must have been sent: a provider hears none that it is not sent, and waits. A provider that listens
to a long speech, or to noise, is silent by right, so nothing counts while there is sound. Nor does sound
count while the agent is heard, for that may be all it is.

What is only likely may have been noise, or nothing that wants an answer (docs/decisions/0020): as long as no
reply comes, each time takes twice as long as the one before.

Nothing is done for a frame. Now and then somebody asks (`look`).
"""

from collections.abc import Callable

from . import limits
from .floor import Floor
from .unheard import Unheard

# So often within `after_s` the user is listened to.
LOOKS = 4

OWED, TURN_OPEN, DEAF = "a reply is owed", "a turn is open", "the user is not heard"


class Stall:
    def __init__(self, floor: Floor, unheard: Unheard, now_us: Callable[[], int]) -> None:
        self.after_s = limits.STALL_S
        self._floor = floor
        self._unheard = unheard
        self._now_us = now_us
        self._looked_us = 0
        self._silent_us = 0  # so long the user has been, as far as was listened
        self._sounds = 0
        self._newest = unheard.newest

    def begin(self) -> None:
        """A provider listens, from now on."""
        self._looked_us, self._silent_us = self._now_us(), 0

    @property
    def look_at_us(self) -> int:
        """When to look next."""
        if self._floor.owes:
            return self._floor.sign_us + self._patience_us
        return self._looked_us + int(self.after_s * 1e6 / LOOKS)

    @property
    def _patience_us(self) -> int:
        likely = self._floor.owes_unasked or not self._floor.owes
        return int(self.after_s * 1e6) << (self._floor.stalls if likely else 0)

    def look(self, answered_unasked: bool) -> str | None:
        """How the provider has stalled, if it has. `answered_unasked`: a turn is, so nobody need ask."""
        floor, unheard, now_us = self._floor, self._unheard, self._now_us()
        self._listen(now_us)
        if floor.owes:
            return OWED if now_us >= floor.sign_us + self._patience_us else None
        if self._silent_us < self._patience_us:
            return None
        if floor.turn_open:  # an ear that has heard nothing of it is too dull to judge
            return TURN_OPEN if unheard.sounds else None
        if unheard.speaks and answered_unasked:
            return None if floor.open_calls else DEAF
        unheard.calm()
        return None

    def _listen(self, now_us: int) -> None:
        since_us, self._looked_us = now_us - self._looked_us, now_us
        unheard = self._unheard
        if now_us < self._floor.heard_until_us + limits.PLAYBACK_SLACK_S * 1e6:
            unheard.forget_sounds()  # it may be the agent, in the user's microphone
        unheard.listen()
        sent, self._newest = unheard.sent_since(self._newest), unheard.newest
        if unheard.sounds != self._sounds:
            self._sounds, self._silent_us = unheard.sounds, 0
        elif sent:
            self._silent_us = min(self._silent_us + since_us, now_us - self._floor.sign_us)

    def left(self, how: str) -> None:
        """The call moves because of it."""
        if how != OWED or self._floor.owes_unasked:
            self._floor.stalls += 1
