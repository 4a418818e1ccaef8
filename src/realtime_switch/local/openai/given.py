"""Items as a client gives them: kept as they came, but for audio bytes and the nulls that mean nothing."""

import base64
import binascii
from collections.abc import Callable

from realtime_switch.local.audio import Format, Sound
from realtime_switch.local.openai.items import Item, Json
from realtime_switch.local.openai.shape import Refused


def given_item(wire: Json, format: Format, mint: Callable[[], str]) -> Item:
    kept = {name: value for name, value in wire.items() if value is not None}
    kept["id"] = kept.get("id") or mint()
    if not wire["type"].startswith("mcp_"):
        kept["status"] = "completed"
    item = Item(kept)
    if "content" in kept:
        kept["content"] = [_content(item, index, part, format) for index, part in enumerate(wire["content"])]
    return item


def decoded(audio: str, path: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError):
        message = f"Invalid '{path}'. Expected base64-encoded audio bytes."
        raise Refused("invalid_value", message, path) from None


def _content(item: Item, index: int, part: Json, format: Format) -> Json:
    if part["type"] != "input_audio":
        return {name: value for name, value in part.items() if value is not None}
    data = decoded(part["audio"], f"item.content[{index}].audio")
    item.sounds[index] = Sound(data, format, format.ms(len(data)))
    # agents-js throws where the key is missing (OPENAI-REALTIME.md 5).
    return {"type": "input_audio", "transcript": part.get("transcript")}
