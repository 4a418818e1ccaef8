"""What the client has said and no provider has shown to have taken in: the next one is told it again.

Audio is kept from the end of the last turn that is settled: answered, or known in words, and then it is in
the history. Everything else is kept until the provider confirms it. All in the order in which it was said,
and bounded: of too much audio the oldest goes first. A turn's end is known a moment late, so a little of what
was said before it is kept as well: a word twice is better than a word lost.
"""

from collections import deque

from ..dialects.acts import (
    Act,
    Configured,
    ItemTaken,
    PastTold,
    ReplyBegun,
    ReplyDone,
    ToolAnswered,
    UserText,
    UserTranscript,
    UserTurn,
)
from ..dialects.dialect import Weight
from . import limits

OVERLAP_FRAMES = 10  # 200 ms of 20 ms each: about what a turn's end takes to reach us


class Unheard:
    def __init__(self) -> None:
        self._turn: deque[_Said] = deque()  # up to the end of the last turn
        self._after: deque[_Said] = deque()
        self._audio_bytes = 0

    def audio(self, payload: bytes) -> None:
        """On the way of every frame that a client speaks."""
        self._after.append((Weight.AUDIO, payload))
        self._audio_bytes += len(payload)
        if self._audio_bytes > limits.UNHEARD_AUDIO_BYTES_MAX:
            self._drop_oldest_audio()

    def said(self, weight: Weight, payload: bytes) -> None:
        if weight is Weight.AUDIO:
            self.audio(payload)
        elif weight is Weight.CLEAR:
            self._turn.extend(self._after)
            self._after.clear()
            self._settle()
        elif weight is not Weight.MOMENT and len(self._after) < limits.UNHEARD_MESSAGES_MAX:
            self._after.append((weight, payload))

    def hear(self, act: Act) -> None:
        if isinstance(act, UserTurn):
            self._end_turn()
        elif isinstance(act, ReplyDone) or (isinstance(act, UserTranscript) and act.final):
            self._settle()
        elif isinstance(act, ReplyBegun):
            self._confirmed(Weight.ASK, Weight.TURN)
        elif isinstance(act, UserText | PastTold | ToolAnswered | ItemTaken):
            self._confirmed(Weight.ITEM)
        elif isinstance(act, Configured):
            self._confirmed(Weight.CONFIG)

    @property
    def holds_turn(self) -> bool:
        """A turn whose words nobody knows: told again, it is answered again."""
        return any(weight in _SPOKEN for weight, _ in self._turn)

    @property
    def asks(self) -> bool:
        return any(weight in (Weight.ASK, Weight.TURN) for weight, _ in (*self._turn, *self._after))

    def take(self) -> list[bytes]:
        """All of it, to be told again; from now on nothing is kept."""
        said = [payload for _, payload in (*self._turn, *self._after)]
        self._turn.clear()
        self._after.clear()
        self._audio_bytes = 0
        return said

    def forget_audio(self) -> None:
        """Between two turns: what was heard since is silence, but for the moment that is just now."""
        self._end_turn()
        self._settle()

    def _end_turn(self) -> None:
        while len(self._after) > OVERLAP_FRAMES or (self._after and self._after[0][0] not in _SPOKEN):
            self._turn.append(self._after.popleft())

    def _settle(self) -> None:
        self._audio_bytes -= sum(len(payload) for weight, payload in self._turn if weight is Weight.AUDIO)
        self._turn = deque(said for said in self._turn if said[0] not in _SPOKEN)

    def _confirmed(self, *weights: Weight) -> None:
        for said in (self._turn, self._after):
            for index, (weight, _) in enumerate(said):
                if weight in weights:
                    del said[index]
                    return

    def _drop_oldest_audio(self) -> None:
        for said in (self._turn, self._after):
            for index, (weight, payload) in enumerate(said):
                if weight is Weight.AUDIO:
                    self._audio_bytes -= len(payload)
                    del said[index]
                    return


_Said = tuple[Weight, bytes]
_SPOKEN = (Weight.AUDIO, Weight.COMMIT)
