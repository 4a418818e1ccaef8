"""What somebody hears and may say who joins a session beside its client (GPT-LIVE.md 2.3): everything that
the client hears, what it says reflected, and all sound as PCM of 24 kHz with its time."""

from ..dialect import NewId
from ..members import object_of, text_of
from ..mending import UNREADABLE, read_any
from ..sound import PCM_24K, AudioFormat, Converter, base64_bytes
from ..unambiguous import read_object
from . import frames
from .proofs import only_audio_from_provider
from .start import audio_format

# The primary connection's alone.
_NOT_HERE = frozenset({"session.start", "session.input_audio.append"})


class Sideband:
    def __init__(self, greeting: bytes, new_id: NewId) -> None:
        """`greeting`: the session.started that the client was told."""
        session = object_of(object_of(read_any(greeting)).get("session"))
        self._format = audio_format(object_of(session.get("audio")).get("format"))
        self._new_id = new_id
        self._heard = Converter(self._format, PCM_24K)
        self._spoken = Converter(self._format, PCM_24K)
        self._spoken_ms = 0.0  # since we joined

    def client_said(self, payload: bytes) -> bytes | None:
        """None: it is not reflected."""
        message = _read(payload)
        if message.get("type") != "session.input_audio.append":
            return None
        audio = self._heard.convert(text_of(message.get("audio")))
        return frames.write("session.input_audio.append", audio=audio)

    def told(self, payload: bytes) -> bytes:
        if not only_audio_from_provider(payload):
            return payload
        delta = text_of(_read(payload).get("delta"))
        start_ms = self._spoken_ms
        self._spoken_ms += _ms(delta, self._format)
        times = {"start_ms": round(start_ms), "end_ms": round(self._spoken_ms)}
        return frames.write("session.output_audio.delta", delta=self._spoken.convert(delta), **times)

    def refused(self, payload: bytes) -> bytes | None:
        """What may not be said here, answered. None: it may."""
        message = read_object(payload)
        if isinstance(message, str):
            return self._error(message)
        kind = text_of(message.get("type"))
        if kind not in _NOT_HERE:
            return None
        return self._error(f"'{kind}' can be said on the primary connection only.", message.get("event_id"))

    def _error(self, told: str, asked_by: object = "") -> bytes:
        kind, code = "invalid_request_error", "invalid_value"
        return frames.error(self._new_id, kind, code, told, "type", text_of(asked_by))


def session_id_of(greeting: bytes) -> str:
    return text_of(object_of(_read(greeting).get("session")).get("id"))


def _ms(base64: str, spoken: AudioFormat) -> float:
    return base64_bytes(base64) / spoken.bytes_per_ms


def _read(payload: bytes) -> dict[str, object]:
    try:
        return object_of(read_any(payload))
    except UNREADABLE:
        return {}
