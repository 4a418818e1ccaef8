"""How a session's audio is written (OPENAI-REALTIME.md 4.3), in both spellings."""

from typing import Any

from ..members import count_of, object_of, text_of
from ..mending import UNREADABLE, read_any
from ..sound import G711_RATE_HZ, PCM_24K, AudioFormat, Coding

PCM_RATE_HZ = 24_000

_CODINGS: dict[str, Coding] = {
    "audio/pcmu": "pcmu",
    "audio/pcma": "pcma",
    "g711_ulaw": "pcmu",
    "g711_alaw": "pcma",
}
_NAMES: dict[Coding, str] = {"pcmu": "audio/pcmu", "pcma": "audio/pcma"}


def output_format(session: Any) -> AudioFormat:
    return _format(object_of(session), "output")


def input_format(session: Any) -> AudioFormat:
    return _format(object_of(session), "input")


def _format(session: dict[str, Any], way: str) -> AudioFormat:
    spelt = object_of(object_of(session.get("audio")).get(way)).get("format")
    spelt = spelt if spelt is not None else session.get(f"{way}_audio_format")
    kind = text_of(spelt.get("type") if isinstance(spelt, dict) else spelt)
    if kind in _CODINGS:
        return AudioFormat(_CODINGS[kind], G711_RATE_HZ)
    return AudioFormat("pcm", count_of(object_of(spelt).get("rate")) or PCM_RATE_HZ)


def as_told(audio_format: AudioFormat) -> AudioFormat:
    """OpenAI's own service writes PCM at one rate only (4.3)."""
    return PCM_24K if audio_format.coding == "pcm" else audio_format


def written(audio_format: AudioFormat) -> dict[str, Any]:
    if audio_format.coding in _NAMES:
        return {"type": _NAMES[audio_format.coding]}
    return {"type": "audio/pcm", "rate": audio_format.rate_hz}


def session_of(payload: bytes) -> dict[str, Any]:
    """Of a message that was read already."""
    try:
        return object_of(object_of(read_any(payload)).get("session"))
    except UNREADABLE:
        return {}
