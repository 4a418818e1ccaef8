"""What an OpenAI-like provider is asked, message by message (OPENAI-REALTIME.md 5, 6)."""

from typing import Any

import msgspec

from ..wishes import AnswerTool, AskReply, Picture, Say, SayCall

_Members = dict[str, Any]


def request(type: str, **members: Any) -> bytes:
    return msgspec.json.encode({"type": type, **members})


def append(base64: str) -> bytes:
    """Most of what a client says: put together, not printed. `base64` is in the standard alphabet."""
    return APPEND_HEAD + base64.encode("ascii") + APPEND_TAIL


APPEND_HEAD, APPEND_TAIL = b'{"type":"input_audio_buffer.append","audio":"', b'"}'


COMMIT = request("input_audio_buffer.commit")
CLEAR = request("input_audio_buffer.clear")


def cancel(reply_id: str) -> bytes:
    return request("response.cancel", response_id=reply_id) if reply_id else request("response.cancel")


def truncate(item_id: str, heard_ms: int) -> bytes:
    return request("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=heard_ms)


def create(event_id: str, asked: AskReply) -> bytes:
    response: _Members = {}
    if asked.instructions:
        response["instructions"] = asked.instructions
    if asked.metadata is not None:
        response["metadata"] = asked.metadata
    members = {"response": response} if response else {}
    return request("response.create", event_id=event_id, **members)


# -- Items -----------------------------------------------------------------------------------------------

_ROLES = {
    "user": ("user", "input_text"),
    "agent": ("assistant", "output_text"),
    "system": ("system", "input_text"),
}


def said(wish: Say) -> bytes:
    role, kind = _ROLES[wish.role]
    content: list[_Members] = [{"type": kind, "text": wish.text}] if wish.text else []
    if role == "user":
        content += map(_picture, wish.pictures)
    return _item(wish.item_id, wish.request_id, {"type": "message", "role": role, "content": content})


def pictured(picture: Picture) -> bytes:
    return _item("", "", {"type": "message", "role": "user", "content": [_picture(picture)]})


def _picture(picture: Picture) -> _Members:
    return {"type": "input_image", "image_url": f"data:{picture.mime_type};base64,{picture.base64}"}


def called(wish: SayCall) -> bytes:
    call = {"call_id": wish.call_id, "name": wish.name, "arguments": wish.arguments}
    return _item(wish.item_id, wish.request_id, {"type": "function_call", **call})


def answered(wish: AnswerTool) -> bytes:
    answer = {"call_id": wish.call_id, "output": wish.output}
    return _item(wish.item_id, wish.request_id, {"type": "function_call_output", **answer})


def _item(item_id: str, request_id: str, item: _Members) -> bytes:
    """A client whose dialect has no ids for items leaves them to the provider."""
    named = {"id": item_id, **item} if item_id else item
    event = {"event_id": request_id} if request_id else {}
    return request("conversation.item.create", **event, item=named)
