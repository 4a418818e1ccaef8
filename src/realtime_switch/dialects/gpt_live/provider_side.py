"""Towards GPT-Live, in a client's place."""

from collections.abc import Sequence

from ..acts import Act, ReplyAudio, ReplyTranscript, Trouble
from ..dialect import Manner, NewId, NowUs, ProviderSaid
from ..envelopes import Alike, Crossed, Envelope
from ..terms import Target, Terms
from ..wishes import Config, UserAudio, Wish
from . import frames
from .hearing import Hearing


class ProviderSide:
    manner = Manner.ANSWERS
    # Else it goes on to count, and never says what the call was (GPT-LIVE.md 9).
    last_word = frames.CLOSE
    stop_reply = b""

    def __init__(self, target: Target, terms: Terms, new_id: NewId, now_us: NowUs) -> None:
        self._hearing = Hearing(new_id)

    def hear(self, payload: bytes) -> ProviderSaid:
        return [*self._hearing.hear(payload)]

    def hear_audio(self, payload: bytes) -> ProviderSaid | None:
        return None

    def passed(self, base64_chars: int) -> Sequence[Act]:
        return self._hearing.passed(base64_chars)

    def closed(self, code: int, reason: str) -> Sequence[Act]:
        """A session that was over has said so; any other end is a loss."""
        return (Trouble("upstream_disconnected", reason or f"closed with {code}"),)

    # -- Of a translation ----------------------------------------------------------------------------------

    def opening(self, config: Config, history: str, handle: str = "") -> list[bytes]:
        raise NotImplementedError("GPT-Live is not translated")  # the switchboard lets nobody come so far

    def tell(self, wish: Wish) -> ProviderSaid:
        raise NotImplementedError("GPT-Live is not translated")

    def alike(self, payload: bytes, act: ReplyAudio | ReplyTranscript) -> list[Alike]:
        return []

    def envelope(self, wish: UserAudio) -> Envelope | None:
        return None

    def heard_unread(self, crossed: Crossed) -> None: ...
    def told_unread(self, crossed: Crossed) -> None: ...

    @property
    def due_us(self) -> int | None:
        return None

    def woke(self) -> ProviderSaid:
        return []
