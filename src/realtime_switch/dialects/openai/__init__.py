"""OpenAI Realtime: messages tagged by `type`, replies made of nested items. GA inside, beta at the edge."""

from .client_side import ClientSide
from .proofs import (
    envelope_bytes,
    only_audio_from_client,
    only_audio_from_provider,
    only_words_from_provider,
)
from .provider_side import read

__all__ = [
    "ClientSide",
    "envelope_bytes",
    "only_audio_from_client",
    "only_audio_from_provider",
    "only_words_from_provider",
    "read",
]
