"""Items that a client adds to the conversation, as wishes (OPENAI-REALTIME.md 5; TRANSLATION.md 2)."""

import re
from collections.abc import Iterator
from typing import Any

from ..sound import AudioFormat, standard
from ..wishes import AnswerTool, Picture, Say, SayCall, Spoken, UserAudio
from .requests import Mistake
from .rules import (
    ID_CHARS_MAX,
    Rule,
    anything,
    by_type,
    each,
    either,
    flag,
    members,
    one_of,
    text,
)

_Members = dict[str, Any]
ItemWish = Say | SayCall | AnswerTool

UNSUPPORTED = "unsupported_by_backend"

# -- What may be written -----------------------------------------------------------------------------------

_HEAD: dict[str, Rule] = {
    "type": anything,
    "id": text(ID_CHARS_MAX),
    "object": anything,
    "status": one_of("completed", "incomplete", "in_progress"),
}
_PARTS: dict[str, dict[str, Rule]] = {
    "input_text": {"text": text()},
    "input_audio": {"audio": text(), "transcript": text()},
    "input_image": {"image_url": text(), "file_id": text(), "detail": one_of("auto", "low", "high")},
    "output_text": {"text": text()},
}
_SAYS = {
    "user": ("input_text", "input_audio", "input_image"),
    "system": ("input_text",),
    "assistant": ("output_text",),
}
_NEEDED = {"input_text": ("text",), "output_text": ("text",), "input_audio": ("audio",)}
_CONTENT: dict[str, Rule] = {
    role: each(
        by_type(
            {
                kind: members({"type": anything, **_PARTS[kind]}, needed=_NEEDED.get(kind, ()))
                for kind in kinds
            }
        )
    )
    for role, kinds in _SAYS.items()
}


def _message(item: Any, path: str) -> Mistake | None:
    known = {**_HEAD, "role": one_of(*_SAYS), "content": anything}
    if (mistake := members(known, needed=("role", "content"))(item, path)) is not None:
        return mistake
    return _CONTENT[item["role"]](item["content"], f"{path}.content")


_CALL_ID = text(ID_CHARS_MAX * 4)  # of providers whose own are longer than OpenAI's
_ITEM = by_type(
    {
        "message": _message,
        "function_call": members(
            {**_HEAD, "call_id": _CALL_ID, "name": text(128), "arguments": text()},
            needed=("name", "arguments"),
        ),
        "function_call_output": members(
            {**_HEAD, "call_id": _CALL_ID, "output": text()}, needed=("call_id", "output")
        ),
        "mcp_approval_response": members(
            {**_HEAD, "approval_request_id": text(), "approve": flag, "reason": text()}
        ),
        "mcp_call": either((dict, anything)),
        "mcp_list_tools": either((dict, anything)),
        "mcp_approval_request": either((dict, anything)),
    }
)


def mistake_in(item: Any) -> Mistake | None:
    """In an item, or in what another provider cannot be told of it."""
    if (mistake := _ITEM(item, "item")) is not None:
        return mistake
    if item["type"].startswith("mcp_"):
        return _unsupported(f"Items of type '{item['type']}' are not available on this backend.", "item.type")
    if item["type"] != "message":
        return None
    return next(_beyond(item["content"]), None)


def _beyond(content: list[_Members]) -> Iterator[Mistake]:
    for place, part in enumerate(content):
        path = f"item.content[{place}]"
        if part["type"] == "input_audio" and not _sound(part["audio"]):
            words = f"Invalid '{path}.audio'. Expected base64-encoded audio bytes, but got an invalid value."
            yield Mistake("invalid_value", words, f"{path}.audio")
        elif part["type"] == "input_image" and part.get("image_url") is None:
            words = "This backend takes images only as data URLs in 'image_url'."
            yield _unsupported(words, f"{path}.file_id" if part.get("file_id") else f"{path}.image_url")
        elif part["type"] == "input_image" and _picture(part["image_url"]) is None:
            yield _unsupported("This backend takes images only as data URLs.", f"{path}.image_url")


def _unsupported(message: str, param: str) -> Mistake:
    return Mistake(UNSUPPORTED, message, param)


# -- As wishes ---------------------------------------------------------------------------------------------


def wish_of(
    item: _Members, item_id: str, call_id: str, request_id: str, audio_format: AudioFormat
) -> ItemWish:
    """Of an item without mistakes."""
    if item["type"] == "function_call_output":
        return AnswerTool(item_id=item_id, call_id=call_id, output=item["output"], request_id=request_id)
    if item["type"] == "function_call":
        return SayCall(
            item_id=item_id,
            call_id=call_id,
            name=item["name"],
            arguments=item["arguments"],
            request_id=request_id,
        )
    content = item["content"]
    pictures = [_picture(part["image_url"]) for part in content if part["type"] == "input_image"]
    return Say(
        item_id=item_id,
        role="agent" if item["role"] == "assistant" else item["role"],
        text="\n".join(part["text"] for part in content if part.get("text")),
        pictures=tuple(picture for picture in pictures if picture is not None),
        spoken=tuple(
            Spoken(UserAudio(_sound(part["audio"]), audio_format), f"item.content[{place}].type")
            for place, part in enumerate(content)
            if part["type"] == "input_audio"
        ),
        request_id=request_id,
    )


def _sound(base64: str) -> str:
    return standard(base64.encode("utf-8", "replace"))


_DATA_URL = re.compile(r"data:(image/[\w.+-]{1,60});base64,", re.IGNORECASE)


def _picture(url: str) -> Picture | None:
    head = _DATA_URL.match(url)
    if head is None or not url.isascii():
        return None
    base64 = standard(url[head.end() :].encode())
    return Picture(base64, head[1].lower()) if base64 else None


def given(item: _Members, call_id: str) -> _Members:
    """What is shown of it later: without pictures and sound, which the client has itself and which are
    large."""
    if item["type"] == "message":
        content = [
            {k: v for k, v in part.items() if k not in ("image_url", "audio")} for part in item["content"]
        ]
        return {"role": item["role"], "content": content}
    kept = {k: v for k, v in item.items() if k in ("name", "arguments", "output")}
    return {"call_id": call_id, **kept}
