"""The user's sound on its way to Gemini: a stream in which the service finds the turns, or turns that the
client marks.

It marks one as it speaks: that is an activity of its own, and sent as it comes. Or it commits afterwards what
it has sent, or gives a turn as a whole: such ones wait in the buffer until an answer is asked for, and go out
as one activity.
"""

from ..acts import Act, AudioCleared, Refused
from ..dialect import NowUs, ProviderSaid
from ..envelopes import Crossed, Envelope
from ..sound import PCM_24K, AudioFormat, base64_bytes, silence
from ..terms import Target, Terms
from ..wishes import CommitAudio, Say, UserAudio
from . import frames
from .asking import TOO_MUCH, Buffer
from .microphone import Microphone
from .users import Users

# Shorter audio is no turn for OpenAI, and an activity with nothing in it makes Gemini hang up.
TURN_MS_MIN = 100
# Between the end of one activity and the beginning of the next (GEMINI-LIVE.md 3.3).
ACTIVITY_GAP_US = 500_000


class Speech:
    def __init__(self, target: Target, terms: Terms, users: Users, now_us: NowUs) -> None:
        self._terms = terms
        self._users = users
        self._now_us = now_us
        self._microphone = Microphone(target.input)
        self._buffer = Buffer(terms.waiting_bytes_max)
        self._full_told = False  # that the buffer is
        self._input_us = 0  # of the user's audio
        self._input_rest = 0  # not a whole microsecond yet: it makes no difference how a stream is cut up
        self._turn_us = 0  # where its newest turn ended
        self._activity: bool | None = None  # an activity of the client's own is open; True: with audio in it
        self._activity_over_us = 0
        self._later: list[bytes] = []  # of an activity that may not begin yet
        self.due_us: int | None = None  # when it may

    # -- Audio -------------------------------------------------------------------------------------------

    def heard(self, wish: UserAudio) -> ProviderSaid:
        self._count_input(base64_bytes(wish.base64), wish.format)
        return [frame for one in self._microphone.heard(wish) for frame in self._sent(*one)]

    def _count_input(self, audio_bytes: int, audio_format: AudioFormat) -> None:
        total = self._input_rest + audio_bytes * 1000
        us, self._input_rest = divmod(total, audio_format.bytes_per_ms)
        self._input_us += us

    def input_ms(self) -> int:
        """How much there was."""
        return self._input_us // 1000

    def envelope(self, wish: UserAudio) -> Envelope | None:
        if not self._microphone.takes(wish.format) or (self._users.manual and not self._activity):
            return None
        return Envelope(frames.audio_head(wish.format), frames.AUDIO_END)

    def told_unread(self, crossed: Crossed) -> None:
        assert isinstance(crossed.said, UserAudio)
        self._count_input(crossed.audio_bytes, crossed.said.format)

    def _sent(self, base64: str, audio_format: AudioFormat) -> ProviderSaid:
        if self._users.manual and self._activity is None:
            if self._buffer.add(base64, audio_format):
                return []
            told, self._full_told = self._full_told, True
            return [] if told else [Refused("", TOO_MUCH, code="input_audio_buffer_full")]
        if self._activity is False:
            self._activity = True
        return [frames.audio(base64, audio_format)]

    def _rest_sent(self) -> ProviderSaid:
        """A turn ends: what the filter still holds is part of it."""
        return [frame for one in self._microphone.rest() for frame in self._sent(*one)]

    def pauses(self) -> ProviderSaid:
        return [*self._rest_sent(), frames.AUDIO_STREAM_END]

    # -- Turns, marked as they are spoken ----------------------------------------------------------------

    @property
    def begun(self) -> bool:
        return self._activity is not None

    def begin(self) -> bytes:
        self._activity = False
        return frames.ACTIVITY_START

    def end(self) -> ProviderSaid:
        if self._activity is None:
            return []
        said = self._rest_sent()
        if not self._activity:  # one with nothing in it makes the service hang up (GEMINI-LIVE.md 3.3)
            said.append(frames.audio(silence(PCM_24K, TURN_MS_MIN), PCM_24K))
        self._activity = None
        self._activity_over_us = self._now_us()
        return [*said, frames.ACTIVITY_END, *self._turn_committed()]

    # -- Turns, marked afterwards ------------------------------------------------------------------------

    def commit(self, wish: CommitAudio) -> ProviderSaid:
        manual = self._users.manual
        if not manual and self._terms.strict:
            why = "This backend finds the user's turns by itself; they cannot be committed."
            return [Refused("manual_turns", why, wish.request_id)]
        rest = self._rest_sent()  # manual: into the buffer
        waiting_ms = self._buffer.waiting_ms if manual else (self._input_us - self._turn_us) / 1000
        if waiting_ms < TURN_MS_MIN:
            why = (
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{TURN_MS_MIN}ms of audio, but buffer only has {waiting_ms:.2f}ms of audio."
            )
            return [*rest, Refused("", why, wish.request_id, "input_audio_buffer_commit_empty")]
        self._buffer.commit()
        return [*rest, *([] if manual else [frames.AUDIO_STREAM_END]), *self._turn_committed()]

    def _turn_committed(self) -> list[Act]:
        began_us, self._turn_us = self._turn_us, self._input_us
        return self._users.commit(began_us // 1000, self.input_ms())

    def clear(self) -> ProviderSaid:
        """What Gemini has heard it cannot forget; only what still waits here."""
        self._microphone.rest()
        self._buffer.clear()
        self._full_told = False
        self._turn_us = self._input_us
        return [AudioCleared()]

    # -- Turns, given as a whole -------------------------------------------------------------------------

    def add_turn(self, wish: Say) -> bool:
        """False: there is no more room."""
        return self._buffer.add_turn(
            [piece for one in wish.spoken for piece in self._microphone.apart(one.audio)]
        )

    def turn_added(self, wish: Say) -> list[Act]:
        began_ms = self.input_ms()
        for one in wish.spoken:
            self._count_input(base64_bytes(one.audio.base64), one.audio.format)
        return self._users.commit(began_ms, self.input_ms(), wish.item_id)

    # -- When an answer is asked for ---------------------------------------------------------------------

    def take(self) -> list[bytes]:
        """The turns that wait, as one activity; [] for none."""
        self._full_told = False
        return self._buffer.take()

    def in_time(self, activity: list[bytes]) -> list[bytes]:
        """What of it may be sent now; else it is sent later."""
        now_us = self._now_us()
        if self._activity_over_us and now_us < self._activity_over_us + ACTIVITY_GAP_US:
            self._later += activity
            self.due_us = self._activity_over_us + ACTIVITY_GAP_US
            return []
        self._activity_over_us = now_us
        return activity

    def woke(self) -> list[bytes]:
        if self.due_us is None or (now_us := self._now_us()) < self.due_us:
            return []
        later, self._later, self.due_us = self._later, [], None
        self._activity_over_us = now_us
        return later
