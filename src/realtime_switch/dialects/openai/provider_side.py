"""Towards an OpenAI-like provider. In a relay it listens; for a client of another dialect it also speaks
(translated.py), and knows that by being asked for an opening, which in a relay is the gate's to write."""

from collections.abc import Sequence

from ..acts import Act, AudioPassed, ReplyAudio, ReplyTranscript
from ..dialect import Manner, ProviderSaid
from ..envelopes import Alike, Crossed, Envelope
from ..terms import Target
from ..wishes import Config, UserAudio, Wish
from .beta import for_provider
from .proofs import only_audio_from_provider
from .reading import read
from .translated import Translated


class ProviderSide:
    manner = Manner.GREETS
    last_word = b""
    stop_reply = b'{"type":"response.cancel"}'

    def __init__(self, target: Target, translated: Translated | None = None) -> None:
        """`translated`: in a relay nobody asks for it."""
        self.manner = Manner.GREETS if target.greets else Manner.LISTENS
        self._translated = translated
        self._translates = False
        self._beta = target.beta

    def hear(self, payload: bytes) -> ProviderSaid:
        return self._spelt(self._speaker.hear(payload)) if self._translates else list(read(payload))

    def hear_audio(self, payload: bytes) -> ProviderSaid | None:
        return self._speaker.hear(payload) if only_audio_from_provider(payload) else None

    def passed(self, base64_chars: int) -> Sequence[Act]:
        return (AudioPassed(base64_chars),)

    def closed(self, code: int, reason: str) -> Sequence[Act]:
        return ()

    def opening(self, config: Config, history: str, handle: str = "") -> list[bytes]:
        self._translates = True
        opening = self._speaker.opening(config, history)
        return [*map(for_provider, opening)] if self._beta else opening

    def tell(self, wish: Wish) -> ProviderSaid:
        return self._spelt(self._speaker.tell(wish))

    def alike(self, payload: bytes, act: ReplyAudio | ReplyTranscript) -> list[Alike]:
        return self._speaker.alike(payload, act)

    def envelope(self, wish: UserAudio) -> Envelope | None:
        return self._speaker.envelope(wish)  # older spellings have the same

    def heard_unread(self, crossed: Crossed) -> None:
        self._speaker.heard_unread(crossed)

    def told_unread(self, crossed: Crossed) -> None:
        self._speaker.told_unread(crossed)

    @property
    def _speaker(self) -> Translated:
        assert self._translated is not None, "built for a relay"
        return self._translated

    @property
    def due_us(self) -> int | None:
        return self._translated.due_us if self._translated is not None else None

    def woke(self) -> ProviderSaid:
        return self._spelt(self._speaker.woke())

    def _spelt(self, said: ProviderSaid) -> ProviderSaid:
        if not self._beta:
            return said
        return [for_provider(one) if isinstance(one, bytes) else one for one in said]
