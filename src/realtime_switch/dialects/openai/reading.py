"""Reads what an OpenAI-like provider says: only what somebody here needs, and both spellings of it (A20).

Total: a member of an unexpected kind is taken as absent, because shapes differ
from one provider of this dialect to the next (OPENAI-REALTIME.md 15, 16).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from ..acts import (
    Act,
    AudioCleared,
    Configured,
    Garbled,
    ItemDeleted,
    ItemTaken,
    PastTold,
    Pinged,
    Ready,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyPart,
    ReplyText,
    ReplyTranscript,
    ReplyTruncated,
    SpeechStarted,
    SpeechStopped,
    ToolAnswered,
    ToolCall,
    TranscriptionUsage,
    Trouble,
    Usage,
    UserText,
    UserTranscript,
    UserTranscriptFailed,
    UserTurn,
)
from ..members import COUNT_MAX, count_of, list_of, object_of, text_of
from ..mending import UNREADABLE, mend
from .bills import bill
from .formats import output_format

# What a provider says before it hangs up.
OVER_WITH = ("session_expired", "server_error")


class _Message(Struct, gc=False):
    """The members that are read; everything else is skipped by the decoder without building it."""

    type: Any = None
    item_id: Any = None
    response_id: Any = None
    content_index: Any = None
    output_index: Any = None
    delta: Any = None
    transcript: Any = None
    text: Any = None
    audio_start_ms: Any = None
    audio_end_ms: Any = None
    usage: Any = None
    item: Any = None
    response: Any = None
    part: Any = None
    session: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Message).decode


def read(payload: bytes) -> Sequence[Act]:
    """What somebody here must hear though the client hears it as well."""
    return _read(payload, _READERS)


def read_closely(payload: bytes) -> Sequence[Act]:
    """For a client of another dialect, who is told by us alone: more of it."""
    return _read(payload, _CLOSE_READERS)


def _read(payload: bytes, readers: "_Readers") -> Sequence[Act]:
    try:
        message = _decode(payload)
    except UNREADABLE:
        try:
            message = _decode(mend(payload))
        except UNREADABLE:
            return (Garbled(),)
    reader = readers.get(message.type) if isinstance(message.type, str) else None
    return reader(message, payload) if reader is not None else ()


# -- Session -----------------------------------------------------------------------------------------------


def _ready(message: _Message, payload: bytes) -> Sequence[Act]:
    expires_us = count_of(object_of(message.session).get("expires_at")) * 1_000_000
    return (Ready(payload, output_format(message.session).bytes_per_ms, expires_us),)


def _configured(message: _Message, payload: bytes) -> Sequence[Act]:
    return (Configured(payload, output_format(message.session).bytes_per_ms),)


def _trouble(message: _Message, payload: bytes) -> Sequence[Act]:
    error = object_of(message.error)
    code = text_of(error.get("code")) or text_of(error.get("type")) or "unknown"
    return (Trouble(code, text_of(error.get("message")), text_of(error.get("event_id"))),)


def _pinged(message: _Message, payload: bytes) -> Sequence[Act]:
    return (Pinged(),)


# -- The user ----------------------------------------------------------------------------------------------


def _committed(message: _Message, payload: bytes) -> Sequence[Act]:
    return (UserTurn(text_of(message.item_id)),)


def _item_added(message: _Message, payload: bytes) -> Sequence[Act]:
    item = object_of(message.item)
    item_id = text_of(item.get("id"))
    kind, role = item.get("type"), item.get("role")
    if kind == "function_call_output":
        return (ToolAnswered(text_of(item.get("call_id")), text_of(item.get("output"))),)
    said = " ".join(filter(None, map(_words, list_of(item.get("content")))))
    if kind == "message" and role == "user" and said:
        return (UserText(item_id, said),)
    # The model's own items are added empty and filled by deltas (OPENAI-REALTIME.md 9.2); this one came
    # from the client.
    if (kind == "message" and role == "assistant" and said) or (
        kind == "function_call" and item.get("arguments")
    ):
        return (PastTold(item_id),)
    return ()


def _words(part: Any) -> str:
    part = object_of(part)
    return text_of(part.get("text")) or text_of(part.get("transcript"))


def _transcription_delta(message: _Message, payload: bytes) -> Sequence[Act]:
    return (UserTranscript(text_of(message.item_id), text_of(message.delta)),)


def _transcription_completed(message: _Message, payload: bytes) -> Sequence[Act]:
    item_id = text_of(message.item_id)
    words = UserTranscript(item_id, text_of(message.transcript), final=True)
    usage = object_of(message.usage)
    seconds = usage.get("seconds")
    duration_ms = 0
    if isinstance(seconds, int | float) and math.isfinite(seconds) and seconds > 0:
        duration_ms = min(math.ceil(seconds * 1000), COUNT_MAX)
    cost = bill(usage)
    if not cost and not duration_ms:
        return (words,)
    return (TranscriptionUsage(**cost, item_id=item_id, duration_ms=duration_ms), words)


def _transcription_failed(message: _Message, payload: bytes) -> Sequence[Act]:
    return (UserTranscriptFailed(text_of(message.item_id)),)


# -- The reply ---------------------------------------------------------------------------------------------


def _reply_begun(message: _Message, payload: bytes) -> Sequence[Act]:
    response = object_of(message.response)
    return (ReplyBegun(text_of(response.get("id")), text_of(response.get("conversation_id"))),)


def _reply_item(message: _Message, payload: bytes) -> Sequence[Act]:
    item = object_of(message.item)
    return (
        ReplyItem(
            reply_id=text_of(message.response_id),
            item_id=text_of(item.get("id")),
            index=count_of(message.output_index),
            kind=text_of(item.get("type")),
            call_id=text_of(item.get("call_id")),
            name=text_of(item.get("name")),
        ),
    )


def _reply_item_done(message: _Message, payload: bytes) -> Sequence[Act]:
    item = object_of(message.item)
    done = ReplyItemDone(text_of(item.get("id")))
    name, arguments = text_of(item.get("name")), text_of(item.get("arguments"))
    # Some providers leave the status out; only a call that was cut off says so.
    if item.get("type") == "function_call" and item.get("status") not in ("incomplete", "in_progress"):
        reply_id = text_of(message.response_id)
        return (ToolCall(text_of(item.get("call_id")), name, arguments, done.item_id, reply_id), done)
    if item.get("type") == "mcp_call":  # the provider calls and answers it itself
        answer = ToolAnswered(done.item_id, text_of(item.get("output")))
        return (ToolCall(done.item_id, name, arguments), answer, done)
    return (done,)


def _part_added(message: _Message, payload: bytes) -> Sequence[Act]:
    return _part(message, over=False)


def _part_done(message: _Message, payload: bytes) -> Sequence[Act]:
    return _part(message, over=True)


def _part(message: _Message, over: bool) -> Sequence[Act]:
    kind = object_of(message.part).get("type")
    return (ReplyPart(text_of(message.item_id), "text" if kind in _WRITTEN else "audio", over),)


_WRITTEN = ("text", "output_text")


def _audio(message: _Message, payload: bytes) -> Sequence[Act]:
    return (ReplyAudio(text_of(message.item_id), text_of(message.delta)),)


def _transcript_delta(message: _Message, payload: bytes) -> Sequence[Act]:
    return (
        ReplyTranscript(text_of(message.item_id), count_of(message.content_index), text_of(message.delta)),
    )


def _transcript_done(message: _Message, payload: bytes) -> Sequence[Act]:
    words = text_of(message.transcript)
    return (ReplyTranscript(text_of(message.item_id), count_of(message.content_index), words, final=True),)


def _text_delta(message: _Message, payload: bytes) -> Sequence[Act]:
    return (ReplyText(text_of(message.item_id), count_of(message.content_index), text_of(message.delta)),)


def _text_done(message: _Message, payload: bytes) -> Sequence[Act]:
    words = text_of(message.text)
    return (ReplyText(text_of(message.item_id), count_of(message.content_index), words, final=True),)


def _truncated(message: _Message, payload: bytes) -> Sequence[Act]:
    return (ReplyTruncated(text_of(message.item_id), count_of(message.audio_end_ms)),)


def _reply_done(message: _Message, payload: bytes) -> Sequence[Act]:
    response = object_of(message.response)
    reply_id = text_of(response.get("id"))
    cost = bill(object_of(response.get("usage")))
    done = ReplyDone(reply_id, *_outcome(response))
    return (Usage(**cost, reply_id=reply_id), done) if cost else (done,)


_Status = Literal["completed", "cancelled", "incomplete", "failed"]
_STATUSES: dict[Any, _Status] = {
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "incomplete": "incomplete",
    "failed": "failed",
}


def _outcome(response: dict[str, Any]) -> tuple[_Status, str]:
    """Status, and why (OPENAI-REALTIME.md 9.6). Look-alikes leave the status out of what is complete."""
    status = response.get("status")
    told = response.get("status_details")  # xAI may put plain words there
    details = object_of(told)
    error = object_of(details.get("error"))
    reason = (
        text_of(told)
        or text_of(details.get("reason"))
        or text_of(error.get("code"))
        or text_of(error.get("type"))
    )
    return (_STATUSES.get(status, "completed") if isinstance(status, str) else "completed", reason)


# -- Heard closely -----------------------------------------------------------------------------------------


def _speech_started(message: _Message, payload: bytes) -> Sequence[Act]:
    return (SpeechStarted(text_of(message.item_id), count_of(message.audio_start_ms)),)


def _speech_stopped(message: _Message, payload: bytes) -> Sequence[Act]:
    return (SpeechStopped(text_of(message.item_id), count_of(message.audio_end_ms)),)


def _cleared(message: _Message, payload: bytes) -> Sequence[Act]:
    return (AudioCleared(),)


def _deleted(message: _Message, payload: bytes) -> Sequence[Act]:
    return (ItemDeleted(text_of(message.item_id)),)


def _item_taken(message: _Message, payload: bytes) -> Sequence[Act]:
    heard = _item_added(message, payload)
    return (*heard, ItemTaken(text_of(object_of(message.item).get("id")))) if heard else ()


_Readers = dict[str, Callable[[_Message, bytes], Sequence[Act]]]
_READERS: _Readers = {
    "session.created": _ready,
    "session.updated": _configured,
    "transcription_session.created": _ready,
    "transcription_session.updated": _configured,
    "error": _trouble,
    "ping": _pinged,  # xAI; GLM calls it heartbeat (OPENAI-REALTIME.md 2.5)
    "heartbeat": _pinged,
    "input_audio_buffer.speech_started": _speech_started,
    "input_audio_buffer.speech_stopped": _speech_stopped,
    "input_audio_buffer.committed": _committed,
    "conversation.item.added": _item_added,
    "conversation.item.created": _item_added,
    "conversation.item.truncated": _truncated,
    "conversation.item.input_audio_transcription.delta": _transcription_delta,
    "conversation.item.input_audio_transcription.completed": _transcription_completed,
    "conversation.item.input_audio_transcription.failed": _transcription_failed,
    "response.created": _reply_begun,
    "response.output_item.added": _reply_item,
    "response.output_item.done": _reply_item_done,
    "response.content_part.added": _part_added,
    "response.content_part.done": _part_done,
    "response.output_audio.delta": _audio,
    "response.audio.delta": _audio,
    "response.output_audio_transcript.delta": _transcript_delta,
    "response.audio_transcript.delta": _transcript_delta,
    "response.output_audio_transcript.done": _transcript_done,
    "response.audio_transcript.done": _transcript_done,
    "response.output_text.delta": _text_delta,
    "response.text.delta": _text_delta,
    "response.output_text.done": _text_done,
    "response.text.done": _text_done,
    "response.done": _reply_done,
}
_CLOSE_READERS: _Readers = {
    **_READERS,
    "input_audio_buffer.cleared": _cleared,
    "conversation.item.deleted": _deleted,
    "conversation.item.added": _item_taken,
    "conversation.item.created": _item_taken,
}
