"""Gemini Live: messages that are one member of a few, replies without ids, errors as closes."""

from ..dialect import NewId, NowUs
from ..terms import Target, Terms
from .client_side import ClientSide
from .proofs import (
    ends_item,
    envelope_bytes,
    is_of_item,
    only_audio_from_client,
    only_audio_from_provider,
    only_idle_from_provider,
    only_parts_from_provider,
    only_words_from_provider,
    words_to_read,
)
from .provider_side import ProviderSide
from .saved import read_config, write_config
from .weight import weight

NAME = "gemini"
CLIENT_SPEAKS_FIRST = True
BINARY_TO_CLIENT = True
OUTLIVES_PROVIDER = True
measure = None  # tokens are billed, not time


def provider_side(target: Target, terms: Terms, new_id: NewId, now_us: NowUs) -> ProviderSide:
    return ProviderSide(target, terms, new_id, now_us)


__all__ = [
    "BINARY_TO_CLIENT",
    "CLIENT_SPEAKS_FIRST",
    "NAME",
    "OUTLIVES_PROVIDER",
    "ClientSide",
    "ProviderSide",
    "ends_item",
    "envelope_bytes",
    "is_of_item",
    "measure",
    "only_audio_from_client",
    "only_audio_from_provider",
    "only_idle_from_provider",
    "only_parts_from_provider",
    "only_words_from_provider",
    "provider_side",
    "read_config",
    "weight",
    "words_to_read",
    "write_config",
]
