"""GPT-Live: one voice that hears and speaks at once; no turns, no tools of its own, billed by time."""

from ..dialect import NewId, NowUs
from ..terms import Target, Terms
from .client_side import ClientSide
from .frames import error
from .proofs import (
    audio_bytes_from_client,
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
from .sideband import session_id_of
from .start import read_config, write_config
from .weight import weight

NAME = "gpt-live"
CLIENT_SPEAKS_FIRST = True
BINARY_TO_CLIENT = False
OUTLIVES_PROVIDER = False  # a session that is lost is lost: a new one would have another id and another clock
measure = audio_bytes_from_client


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
    "error",
    "is_of_item",
    "measure",
    "only_audio_from_client",
    "only_audio_from_provider",
    "only_idle_from_provider",
    "only_parts_from_provider",
    "only_words_from_provider",
    "provider_side",
    "read_config",
    "session_id_of",
    "weight",
    "words_to_read",
    "write_config",
]
