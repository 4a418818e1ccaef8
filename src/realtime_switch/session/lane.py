"""The way of a frame between a client and a provider of one dialect.

Nearly every frame is audio, is proven to be nothing else, and passes unread:
the answer is PASS, and the conductor sends on what it holds. Anything else is
read, and the answer says in order what goes where and what was heard.

The order for a provider's frame: first the bills in it, so that they are kept
before the client can have the frame; then the frame, the very object that came;
then the rest. A client's frame meets the gate instead: it may ask for what it
did not pay for.
"""

from typing import Literal

from msgspec import Struct

from ..dialects.acts import Act, AudioPassed, Bill, ReplyText, ReplyTranscript
from ..dialects.dialect import Dialect
from ..dialects.openai import beta
from . import limits
from .gate import Gate
from .steps import PASS, Answer, ToClient, _Pass


class Heard(Struct, frozen=True, gc=False):
    act: Act


Hop = ToClient | Heard
Hops = Literal[_Pass.PASS] | list[Hop]


_WORDS = (ReplyTranscript, ReplyText)


def _place(act: Act) -> object:
    """Which words they are: said or written, of which part of which item."""
    return (type(act), act.item_id, act.part) if isinstance(act, _WORDS) else None


class Relay:
    def __init__(self, dialect: Dialect, gate: Gate) -> None:
        self._dialect = dialect
        self.passes_from_client = dialect.only_audio_from_client
        self._only_audio_from_provider = dialect.only_audio_from_provider
        self._only_words_from_provider = dialect.only_words_from_provider
        self._gate = gate
        # Audio that passed unread since the last frame that was read: the transcript wants to know how much
        # the client was sent, and counting is all that it costs.
        self._audio_frames = 0
        self._audio_bytes = 0
        self._audio_sample = b""
        # Words that passed unread. Nearly always the whole of them comes before anybody asks.
        self._words: list[bytes] = []

    def from_client(self, payload: bytes) -> Answer:
        return PASS if self.passes_from_client(payload) else self._gate.admit(payload)

    def passes_from_provider(self, payload: bytes) -> bool:
        """True: it is audio, which is counted, or words, which are read later; the client gets it as it
        came."""
        if self._only_audio_from_provider(payload):
            self._audio_frames += 1
            self._audio_bytes += len(payload)
            self._audio_sample = payload
            return True
        if self._only_words_from_provider(payload) and len(self._words) < limits.UNREAD_WORDS_MAX:
            self._words.append(payload)
            return True
        return False

    def catch_up(self) -> list[Act]:
        """What has passed unread, read now: for whoever must know all that was said so far."""
        words, self._words = self._words, []
        return [act for payload in words for act in self._dialect.read(payload)]

    def from_provider(self, payload: bytes) -> Hops:
        return PASS if self.passes_from_provider(payload) else self._look_at(payload)

    def _look_at(self, payload: bytes) -> list[Hop]:
        shown, acts = self._gate.shown(payload, self._dialect.read(payload))
        first: list[Hop] = []
        if acts and self._words:
            words = self.catch_up()
            whole = {_place(act) for act in acts if isinstance(act, _WORDS) and act.final}
            # The whole takes the place of its parts. The first of them still says where the line begins.
            first += map(Heard, words[:1] if whole and {_place(act) for act in words} == whole else words)
        if self._audio_frames:
            first.append(self._audio_heard())
        rest: list[Hop] = [] if shown is None else self._to_client(shown)
        for act in acts:
            (first if isinstance(act, Bill) else rest).append(Heard(act))
        return first + rest

    def _to_client(self, payload: bytes) -> list[Hop]:
        return [ToClient(payload)]

    def _audio_heard(self) -> Heard:
        chars = self._audio_bytes - self._audio_frames * self._dialect.envelope_bytes(self._audio_sample)
        self._audio_frames = self._audio_bytes = 0
        self._audio_sample = b""
        return Heard(AudioPassed(max(0, chars)))


class BetaRelay(Relay):
    """A client that speaks beta, a provider that speaks GA: the same way, renamed at the client's edge. What
    such a client says is renamed in the gate, where it is read; its audio is spelt alike in both."""

    def passes_from_provider(self, payload: bytes) -> bool:
        return False

    def from_provider(self, payload: bytes) -> Hops:
        if not super().passes_from_provider(payload):
            return self._look_at(payload)
        if self._words and self._words[-1] is payload:
            return self._to_client(payload)
        return [ToClient(beta.audio_to_client(payload))]

    def _to_client(self, payload: bytes) -> list[Hop]:
        renamed = beta.to_client(payload)
        return [] if renamed is None else [ToClient(renamed)]
