"""What the client has said and no provider has shown to have taken in: the next one is told it again.

Audio is kept from the end of the last turn that is settled: answered, or known in words, and then it is in
the history. Everything else is kept until the provider confirms it. All in the order in which it was said.

Bounded: of too much audio the oldest goes first. While nobody has heard sound in it, only the last moments
are kept, because a microphone sends silence all day. Before any is let go, one frame of it is listened to:
not every provider says when the user begins to speak, and none does that has gone deaf. A turn's end is
known a moment late, so a little of what was said before it is kept as well: a word twice is better than a
word lost.
"""

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from ..dialects.acts import (
    Act,
    AudioCleared,
    Configured,
    ItemTaken,
    PastTold,
    Ready,
    ReplyBegun,
    ReplyDone,
    SpeechStarted,
    ToolAnswered,
    UserText,
    UserTranscript,
    UserTurn,
)
from ..dialects.dialect import Weight
from . import limits
from .packed import payload_bytes, unpack
from .unread import Passes

OVERLAP_FRAMES = 10  # 200 ms of 20 ms each: about what a turn's end takes to reach us
# Frames are let go so many at a time, and then one of them is listened to, or more where they are long: about
# one in a sixth of a second of 24 kHz.
LET_GO_FRAMES = 8
GLANCE_EVERY_BYTES = 11_000
# Sound in so many of them, a third of a second from the first to the last, is more than a click or a cough.
SPEAKS_SOUNDS = 3

# How much is kept: frames, and bytes of them.
SPEECH = limits.SPEECH_FRAMES_MAX, limits.SPEECH_BYTES_MAX
SILENCE = limits.SILENCE_FRAMES_MAX, limits.SILENCE_BYTES_MAX
LONG_FRAMES_MIN = 4  # of any length

# A frame of audio is kept with nothing around it, for the sake of whoever appends one for every 20 ms. It may
# be packed (packed.py).
_Said = bytes | tuple[Weight, bytes]


def _weight(said: _Said) -> Weight:
    return Weight.AUDIO if isinstance(said, bytes) else said[0]


def _payload(said: _Said) -> bytes:
    return unpack(said) if isinstance(said, bytes) else said[1]


def _bytes(said: _Said) -> int:
    """The payload's."""
    return payload_bytes(said) if isinstance(said, bytes) else len(said[1])


class Unheard:
    def __init__(self, how_to_listen: Callable[[], Callable[[bytes], bool]]) -> None:
        """`how_to_listen`: which glance is for audio as the client sends it; asked again when that may have
        changed."""
        self._how_to_listen = how_to_listen
        self.is_loud: Callable[[bytes], bool] | None = None  # None: to be asked
        self._turn: list[_Said] = []  # up to the end of the last turn
        self.kept: deque[_Said] = deque()  # after it; the short way of a frame appends here
        # How many frames there may be, the most of them, and of their bytes. An array, because the short way
        # looks into it for each frame.
        self.bounds = array("q", (limits.SILENCE_FRAMES_MAX, *SILENCE))
        self._asked: list[_Said] = []  # before the reply of now began
        self.all_audio = True  # in both there is surely nothing else, as nearly always
        self.listened: _Said = b""  # the newest that was there when it was listened to
        self.sounds = 0  # so often there was sound, since the last turn

    def audio(self, payload: bytes) -> None:
        self.kept.append(payload)
        if len(self.kept) >= self.bounds[0] + LET_GO_FRAMES:
            self.let_go()

    def let_go(self) -> None:
        """Of too much audio the oldest goes. gateway/_glance.pxi does it by itself where it is quiet."""
        self.listen()
        _, frames, size = self.bounds
        self._keep((frames, size))
        kept = self.kept
        too_many = len(kept) - self.bounds[0]
        if self.all_audio:
            for _ in range(too_many):
                kept.popleft()
            return
        for _ in range(too_many):
            if isinstance(kept[0], bytes):  # nearly always
                kept.popleft()
            elif not self._drop_oldest_audio():
                break

    def _keep(self, most: tuple[int, int]) -> None:
        """So many frames, or fewer where they are long."""
        frames, size = most
        kept = self.kept
        if self.all_audio:
            newest_bytes = _bytes(kept[-1]) if kept else 1
        else:
            newest_bytes = next((_bytes(said) for said in reversed(kept) if isinstance(said, bytes)), 1)
        bounds = self.bounds
        bounds[0] = min(frames, max(LONG_FRAMES_MIN, size // (newest_bytes or 1)))
        bounds[1], bounds[2] = most

    def said(self, weight: Weight, payload: bytes) -> None:
        if weight is Weight.AUDIO:
            self.audio(payload)
        elif weight is Weight.CLEAR:
            self._end_turn(0)
            self._settle()
        elif weight is not Weight.MOMENT and len(self.kept) < limits.UNHEARD_MESSAGES_MAX:
            self.kept.append((weight, payload))
            self.all_audio = False

    # -- What the user does ---------------------------------------------------------------------------------

    def listen(self) -> None:
        """Glance at the audio that is here since the last time."""
        kept = self.kept
        if not kept:
            return
        if (is_loud := self.is_loud) is None:
            is_loud = self.is_loud = self._how_to_listen()
        newest = kept[-1]
        step = min(LET_GO_FRAMES, GLANCE_EVERY_BYTES // (_bytes(newest) or 1)) or 1
        for number in range(1, self._not_listened_to() + 1, step):
            said = kept[-number]
            if isinstance(said, bytes) and is_loud(unpack(said)):
                self.sounds += 1
                self._keep(SPEECH)
        self.listened = newest

    def _not_listened_to(self) -> int:
        """How many have come since the last time."""
        kept = self.kept
        if len(kept) > LET_GO_FRAMES and kept[-1 - LET_GO_FRAMES] is self.listened:
            return LET_GO_FRAMES  # nearly always: they were too many once more
        listened = self.listened
        for number, said in enumerate(reversed(kept)):
            if said is listened:
                return number
        return len(kept)

    def sent_since(self, newest: _Said) -> bool:
        """There is more than that, or the client has said that the microphone is off."""
        return self.newest is not newest or _weight(newest) is Weight.MARK

    @property
    def newest(self) -> _Said:
        return self.kept[-1] if self.kept else b""

    @property
    def speaks(self) -> bool:
        """Somebody seems to have spoken since the last turn."""
        return self.sounds >= SPEAKS_SOUNDS

    def calm(self) -> None:
        """It was no speech."""
        self.sounds = 0
        self._keep(SILENCE)

    def forget_sounds(self) -> None:
        self.sounds = 0
        self.listened = self.newest

    # -- What others show to have heard ---------------------------------------------------------------------

    def hear(self, act: Act, by_client: bool) -> None:
        """`by_client`: it says where its turns end, so nobody tells us when speech begins."""
        if (hear := _HEARERS.get(type(act))) is not None:
            hear(self, act, by_client)

    def _speech_started(self, act: SpeechStarted, by_client: bool) -> None:
        self._keep(SPEECH)

    def _user_turn(self, act: UserTurn, by_client: bool) -> None:
        self._keep(SPEECH if by_client else SILENCE)
        self.forget_sounds()
        self._end_turn(OVERLAP_FRAMES)

    def _audio_cleared(self, act: AudioCleared, by_client: bool) -> None:
        self.forget_sounds()

    def _user_transcript(self, act: UserTranscript, by_client: bool) -> None:
        if act.final:
            self._settle()

    def _reply_begun(self, act: ReplyBegun, by_client: bool) -> None:
        self._confirmed(Weight.ASK, Weight.TURN)
        self._asked = [] if self.all_audio else [one for one in self._all() if _weight(one) is Weight.TURN]

    def _reply_done(self, act: ReplyDone, by_client: bool) -> None:
        if act.status == "completed":  # else it may have been cut short by what is being said
            self.forget_sounds()
            self._answered()
        self._settle()

    def _answered(self) -> None:
        """One reply may answer several: a tool's answer that is told again to who has not called is refused
        with a close, each time (GEMINI-LIVE.md 9)."""
        asked, self._asked = self._asked, []
        for said in (self._turn, self.kept) if asked else ():
            for index in reversed(range(len(said))):
                if any(said[index] is one for one in asked):
                    del said[index]

    def _item_taken(self, act: Act, by_client: bool) -> None:
        self._confirmed(Weight.ITEM)

    def _configured(self, act: Configured, by_client: bool) -> None:
        self._confirmed(Weight.CONFIG)
        self._ready(act, by_client)

    def _ready(self, act: Ready | Configured, by_client: bool) -> None:
        self.is_loud = None
        if by_client:
            self._keep(SPEECH)

    def configured(self) -> None:
        """The provider has begun with what the client said of how the call is to be held."""
        self._confirmed(Weight.CONFIG)

    @property
    def holds_turn(self) -> bool:
        """A turn whose words nobody knows: told again, it is answered again."""
        return any(_weight(said) in _SPOKEN for said in self._turn)

    @property
    def holds_speech(self) -> bool:
        """More audio than a turn leaves behind: of a client that says itself where its turns end, it is the
        beginning of one."""
        return sum(_weight(said) is Weight.AUDIO for said in self.kept) > OVERLAP_FRAMES

    @property
    def asks(self) -> bool:
        return any(_weight(said) in _ASKING for said in self._all())

    @property
    def answers(self) -> bool:
        """There may be a tool's answer in it that asks for a reply as well."""
        return any(_weight(said) is Weight.TURN for said in self._all())

    def take(self) -> list[bytes]:
        """All of it, to be told again; from now on nothing is kept."""
        said = [_payload(one) for one in self._all()]
        self._turn.clear()
        self.kept.clear()
        self._asked = []
        self.sounds = 0
        return said

    def forget_audio(self) -> None:
        """Between two turns: what was heard since is silence, but for the moment that is just now. Where it
        is not, nobody has answered it yet."""
        self.listen()
        if not self.speaks:
            self._end_turn(OVERLAP_FRAMES)
            self._settle()

    def _all(self) -> Iterator[_Said]:
        yield from self._turn
        yield from self.kept

    def _end_turn(self, overlap: int) -> None:
        kept, turn = self.kept, self._turn
        if self.all_audio:  # some hundred frames, none of which is looked at
            after = [kept.pop() for _ in range(min(overlap, len(kept)))]
            turn.extend(kept)
            kept.clear()
            kept.extend(reversed(after))
            return
        ended = next((number for number, said in enumerate(kept, 1) if _weight(said) in _ENDING), None)
        if ended is not None and overlap:  # the client has said where: nothing of it was heard late
            turn.extend(kept.popleft() for _ in range(ended))
            return
        frames = sum(isinstance(said, bytes) for said in kept)
        while kept and (frames > overlap or not overlap or _weight(kept[0]) not in _SPOKEN):
            frames -= isinstance(kept[0], bytes)
            turn.append(kept.popleft())

    def _settle(self) -> None:
        if self.all_audio:
            self._turn.clear()
        elif self._turn:
            self._turn = [said for said in self._turn if _weight(said) not in _SPOKEN]

    def _confirmed(self, *weights: Weight) -> None:
        if self.all_audio:
            return
        all_audio = True
        for said in (self._turn, self.kept):
            for index, one in enumerate(said):
                if not isinstance(one, bytes):
                    if one[0] in weights:
                        del said[index]
                        return
                    all_audio = False
        self.all_audio = all_audio

    def _drop_oldest_audio(self) -> bool:
        for index, one in enumerate(self.kept):
            if isinstance(one, bytes):
                del self.kept[index]
                return True
        return False


class Keeps:
    """Lets a client's audio pass unread, and keeps it. gateway/_compiled.pyx does the same by itself, if
    `audio` is Shapes."""

    def __init__(self, audio: Passes, unheard: Unheard) -> None:
        self.audio = audio
        self.unheard = unheard

    def __call__(self, payload: bytes) -> bool | bytes:
        if (passed := self.audio(payload)) is not False:
            self.unheard.audio(payload)
        return passed


_SPOKEN = (Weight.AUDIO, Weight.MARK, Weight.COMMIT, Weight.HANDOVER)
_ENDING = (Weight.COMMIT, Weight.HANDOVER)
_ASKING = (Weight.ASK, Weight.TURN, Weight.HANDOVER)

# Each is given the acts that it is filed under.
_HEARERS: dict[type[Act], Callable[[Unheard, Any, bool], None]] = {
    SpeechStarted: Unheard._speech_started,
    UserTurn: Unheard._user_turn,
    AudioCleared: Unheard._audio_cleared,
    Ready: Unheard._ready,
    UserTranscript: Unheard._user_transcript,
    ReplyBegun: Unheard._reply_begun,
    ReplyDone: Unheard._reply_done,
    UserText: Unheard._item_taken,
    PastTold: Unheard._item_taken,
    ToolAnswered: Unheard._item_taken,
    ItemTaken: Unheard._item_taken,
    Configured: Unheard._configured,
}
