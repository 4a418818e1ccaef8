"""What becomes of a client's message, and of its turns, when the provider goes."""

from typing import Any

import msgspec
from msgspec import Struct

from ..dialect import Weight
from ..mending import UNREADABLE, read_mended
from .proofs import only_audio_from_client

_WEIGHTS = {
    "input_audio_buffer.append": Weight.AUDIO,
    "input_audio_buffer.commit": Weight.COMMIT,
    "input_audio_buffer.clear": Weight.CLEAR,
    "conversation.item.create": Weight.ITEM,
    "response.create": Weight.ASK,
    "session.update": Weight.CONFIG,
    "transcription_session.update": Weight.CONFIG,
}


class _Typed(Struct):
    type: Any = None


_decode_type = msgspec.json.Decoder(_Typed).decode


def weight(payload: bytes) -> Weight:
    if only_audio_from_client(payload):
        return Weight.AUDIO
    try:
        kind = read_mended(payload, _decode_type).type
    except UNREADABLE:
        return Weight.MOMENT
    return _WEIGHTS.get(kind, Weight.MOMENT) if isinstance(kind, str) else Weight.MOMENT


class _Detection(Struct, frozen=True):
    create_response: bool | None = None


class _Input(Struct, frozen=True):
    turn_detection: _Detection | None = None


class _Audio(Struct, frozen=True):
    input: _Input = _Input()


class _Session(Struct, frozen=True):
    type: str = ""
    audio: _Audio | None = None
    turn_detection: _Detection | None = None  # where beta has it (OPENAI-REALTIME.md 4.5)


class _Event(Struct, frozen=True):
    type: str = ""
    session: _Session = _Session()


_decode_session = msgspec.json.Decoder(_Event).decode


def answered_unasked(event: bytes) -> bool:
    """By a `session.created` or `session.updated`: does the provider answer a turn by itself? Where it cannot
    be read, yes, as nearly everywhere (OPENAI-REALTIME.md 4.2). A session that only writes down what it hears
    answers nothing (12)."""
    try:
        told = read_mended(event, _decode_session)
    except UNREADABLE:
        return True
    session = told.session
    if session.type == "transcription" or told.type.startswith("transcription_session."):
        return False
    detection = session.audio.input.turn_detection if session.audio is not None else session.turn_detection
    return detection is not None and detection.create_response is not False
