"""What a client puts into the conversation, as wishes (GEMINI-LIVE.md 3.2, 3.3, 3.4). Pure.

In and out are canonical messages (shape.py). What cannot be meant is a ValueError with the path; the client
side makes a close of it.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import msgspec

from ..members import list_of, object_of, text_of
from ..sound import AudioFormat, standard
from ..wishes import AnswerTool, Picture, Say, SayCall, UserAudio, UserImage, Wish
from .shape import INVALID

RATE_HZ = 16_000  # where the client names none (GEMINI-LIVE.md 7)
_RATES_HZ = range(1_000, 192_001)
_Members = dict[str, Any]
NewCall = Callable[[], str]


# -- Streams -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def pcm_format(mime_type: str) -> AudioFormat | None:
    """None: it is no PCM, or at a rate that nobody speaks at."""
    kind, *parameters = (part.strip().lower() for part in mime_type.split(";"))
    if kind not in ("audio/pcm", "audio/l16"):
        return None
    rates = [one.removeprefix("rate=") for one in parameters if one.startswith("rate=")] or [str(RATE_HZ)]
    if len(rates) != 1 or not (rates[0].isascii() and rates[0].isdigit()) or len(rates[0]) > 6:
        return None
    rate_hz = int(rates[0])
    return AudioFormat("pcm", rate_hz) if rate_hz in _RATES_HZ else None


def audio(blob: _Members) -> UserAudio | None:
    audio_format = pcm_format(text_of(blob.get("mimeType"))[:200])
    return UserAudio(base64(text_of(blob.get("data"))), audio_format) if audio_format else None


def base64(data: str) -> str:
    """In the standard alphabet, padded. The Python SDK sends the URL-safe one, and Python's own decoder
    throws its two characters away without a word: the audio shifts and turns to noise. What is no base64 is
    refused: between the quotes of a provider's message it could be a request."""
    found = standard(data.encode("utf-8", "replace"))
    if data and not found:
        raise ValueError(INVALID)
    return found


def is_picture(blob: _Members) -> bool:
    return text_of(blob.get("mimeType")).startswith("image/")


def picture(blob: _Members) -> Picture:
    return Picture(base64(text_of(blob.get("data"))), text_of(blob.get("mimeType")))


def image(blob: _Members) -> UserImage:
    shown = picture(blob)
    return UserImage(shown.base64, shown.mime_type)


# -- Turns ---------------------------------------------------------------------------------------------------


def said(turns: list[_Members], new_call: NewCall) -> list[Wish]:
    """Turns of the past or of now, in order."""
    wishes: list[Wish] = []
    for number, content in enumerate(turns):
        path = f"client_content.turns[{number}]"
        role = text_of(content.get("role")) or "user"
        if role not in ("user", "model"):
            raise ValueError(f"{path}.role: Please use a valid role: user, model.")
        wishes += _turn("user" if role == "user" else "agent", list_of(content.get("parts")), path, new_call)
    return wishes


def _turn(role: Literal["user", "agent"], parts: list[_Members], path: str, new_call: NewCall) -> list[Wish]:
    """What is said and shown together is one; calls and answers stand where they are."""
    wishes: list[Wish] = []
    words: list[str] = []
    pictures: list[Picture] = []

    def flush() -> None:
        if words or pictures:
            wishes.append(Say(item_id="", role=role, text="\n".join(words), pictures=tuple(pictures)))
            words.clear()
            pictures.clear()

    for number, part in enumerate(parts):
        if "functionCall" in part:
            flush()
            wishes.append(_call(part["functionCall"], new_call))
        elif "functionResponse" in part:
            flush()
            # What a tool said once is not to be spoken of now.
            told = answer(part["functionResponse"])
            wishes.append(msgspec.structs.replace(told, scheduling="silent", more=False))
        elif "inlineData" in part and role == "user" and is_picture(part["inlineData"]):
            pictures.append(picture(part["inlineData"]))
        elif part.get("thought") is True:
            continue  # said to nobody
        elif part.get("text"):
            words.append(part["text"])
        elif any(name not in ("text", "thought", "thoughtSignature") for name in part):
            name = next(iter(part))
            raise ValueError(f"{path}.parts[{number}].{name} is not supported by this backend.")
    flush()
    return wishes


def _call(call: _Members, new_call: NewCall) -> SayCall:
    return SayCall(
        item_id="",
        call_id=text_of(call.get("id")) or new_call(),
        name=text_of(call.get("name")),
        arguments=as_json(object_of(call.get("args"))),
    )


# -- Answers of tools ----------------------------------------------------------------------------------------

_SCHEDULING: dict[str, Literal["", "silent", "when_idle", "interrupt"]] = {
    "SILENT": "silent",
    "WHEN_IDLE": "when_idle",
    "INTERRUPT": "interrupt",
}


def answer(response: _Members) -> AnswerTool:
    return AnswerTool(
        item_id="",
        call_id=text_of(response.get("id")),
        output=_output(response.get("response")),
        name=text_of(response.get("name")),
        scheduling=_SCHEDULING.get(text_of(response.get("scheduling")), ""),
        more=response.get("willContinue") is True,
    )


def _output(response: Any) -> str:
    """`{"output": "…"}` alone is the string in it, anything else is JSON (TRANSLATION.md 6)."""
    if isinstance(response, dict) and list(response) == ["output"] and isinstance(response["output"], str):
        return response["output"]
    return as_json(object_of(response))


def as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
