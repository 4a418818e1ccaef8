"""What becomes of a client's message when the provider goes."""

from ..dialect import Weight
from ..mending import UNREADABLE, read_any
from .casing import camel, camel_keys
from .proofs import only_audio_from_client

_INPUTS = {
    "audio": Weight.AUDIO,
    "mediaChunks": Weight.AUDIO,
    "text": Weight.TURN,
    "activityStart": Weight.COMMIT,
    "activityEnd": Weight.COMMIT,
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
            members = members if isinstance(members, dict) else {}
            return _INPUTS.get(camel(next(iter(members), "")), Weight.MOMENT)
        case "clientContent":
            asks = isinstance(members, dict) and camel_keys(members).get("turnComplete") is True
            return Weight.TURN if asks else Weight.ITEM
        case "toolResponse":
            return Weight.TURN  # the model goes on by itself
        case "contextUpdate":
            return Weight.MOMENT  # what it changed is part of the next setup
    return Weight.MOMENT
