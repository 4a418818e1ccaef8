"""Towards GPT-Live, in a client's place. In a relay it listens; for a client of another dialect it also
speaks (wished.py), and knows that by being asked for an opening, which in a relay is the gate's to write."""

from collections.abc import Sequence

from ..acts import Act, ReplyAudio, ReplyTranscript, Trouble
from ..dialect import Manner, NewId, NowUs, ProviderSaid
from ..envelopes import Alike, Crossed, Envelope
from ..terms import Target, Terms
from ..wishes import Config, UserAudio, Wish
from . import frames
from .hearing import Hearing
from .wished import Wished


class ProviderSide:
    manner = Manner.ANSWERS
    # Else it goes on to count, and never says what the call was (GPT-LIVE.md 9).
    last_word = frames.CLOSE
    stop_reply = b""

    def __init__(self, target: Target, terms: Terms, new_id: NewId, now_us: NowUs) -> None:
        self._hearing = Hearing(new_id)
        self._wished: Wished | None = None  # a relay
        self._built = (target, terms, new_id, now_us)

    def hear(self, payload: bytes) -> ProviderSaid:
        return [*self._hearing.hear(payload)] if self._wished is None else self._wished.hear(payload)

    def hear_audio(self, payload: bytes) -> ProviderSaid | None:
        return None

    def passed(self, base64_chars: int) -> Sequence[Act]:
        return self._hearing.passed(base64_chars)

    def closed(self, code: int, reason: str) -> Sequence[Act]:
        """A session that was over has said so; any other end is a loss."""
        return (Trouble("upstream_disconnected", reason or f"closed with {code}"),)

    # -- Of a translation ----------------------------------------------------------------------------------

    def opening(self, config: Config, history: str, handle: str = "") -> list[bytes]:
        self._wished = Wished(*self._built)
        return self._wished.opening(config, history)

    def tell(self, wish: Wish) -> ProviderSaid:
        return self._speaker.tell(wish)

    @property
    def _speaker(self) -> Wished:
        assert self._wished is not None, "a relay"
        return self._wished

    # Nothing crosses unread: what is sent is counted, and what comes is listened to for speech.
    def alike(self, payload: bytes, act: ReplyAudio | ReplyTranscript) -> list[Alike]:
        return []

    def envelope(self, wish: UserAudio) -> Envelope | None:
        return None

    def heard_unread(self, crossed: Crossed) -> None: ...
    def told_unread(self, crossed: Crossed) -> None: ...

    @property
    def due_us(self) -> int | None:
        return self._wished.due_us if self._wished is not None else None

    def woke(self) -> ProviderSaid:
        return self._speaker.woke()
