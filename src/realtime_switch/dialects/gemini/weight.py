"""What becomes of a client's message when the provider goes."""

from typing import Any

from ..dialect import Weight
from ..members import list_of, object_of
from ..mending import UNREADABLE, read_any
from .casing import camel, camel_keys
from .content import is_picture
from .proofs import only_audio_from_client

_INPUTS = {
    "audio": Weight.AUDIO,
    "mediaChunks": Weight.AUDIO,
    "text": Weight.TURN,
    "activityStart": Weight.MARK,
    "activityEnd": Weight.HANDOVER,
    "audioStreamEnd": Weight.MARK,  # without it the audio before it would have no end (GEMINI-LIVE.md 3.3)
}


def weight(payload: bytes) -> Weight:
    if only_audio_from_client(payload):
        return Weight.AUDIO
    try:
        message = read_any(payload)
    except UNREADABLE:
        return Weight.MOMENT
    if not isinstance(message, dict) or len(message) != 1:
        return Weight.MOMENT
    name, members = next(iter(message.items()))
    match camel(name):
        case "realtimeInput":
            return _weight_of_input(members if isinstance(members, dict) else {})
        case "clientContent":
            asks = isinstance(members, dict) and camel_keys(members).get("turnComplete") is True
            return Weight.TURN if asks else Weight.ITEM
        case "toolResponse":
            return _weight_of_answers(object_of(camel_keys(members)))
        case "contextUpdate":
            return Weight.MOMENT  # what it changed is part of the next setup
    return Weight.MOMENT


def _weight_of_answers(members: dict[str, Any]) -> Weight:
    """The model goes on by itself, unless nothing is to be said of them. A piece of one is kept elsewhere
    (pieces.py)."""
    answers = [object_of(one) for one in list_of(members.get("functionResponses"))]
    whole = [one for one in answers if one.get("willContinue") is not True]
    if answers and not whole:
        return Weight.MOMENT
    silent = whole and all(one.get("scheduling") == "SILENT" for one in whole)
    return Weight.ITEM if silent else Weight.TURN


def _weight_of_input(members: dict[str, Any]) -> Weight:
    name, member = next(iter(members.items()), ("", None))
    first = next(iter(list_of(member)), None)  # of mediaChunks; only that one is used (GEMINI-LIVE.md 3.3)
    if is_picture(object_of(camel_keys(first))):
        return Weight.MOMENT  # as `video` is
    return _INPUTS.get(camel(name), Weight.MOMENT)
