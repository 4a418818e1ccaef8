"""Reads what an OpenAI-like provider says: only what somebody here needs, and both spellings of it (A20).

Total: a member of an unexpected kind is taken as absent, because shapes differ
from one provider of this dialect to the next (OPENAI-REALTIME.md 15, 16).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from ..acts import (
    Act,
    AudioPassed,
    Configured,
    Garbled,
    PastTold,
    Ready,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItem,
    ReplyItemDone,
    ReplyText,
    ReplyTranscript,
    ReplyTruncated,
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
from ..dialect import Manner, ProviderSaid
from ..mending import UNREADABLE, read_mended
from ..terms import Target

COUNT_MAX = 2**40  # what a record may hold (accounts/records.py)

PCM_BYTES_PER_MS_AT_1_KHZ = 2
PCM_RATE_HZ = 24_000
G711_BYTES_PER_MS = 8


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
    audio_end_ms: Any = None
    usage: Any = None
    item: Any = None
    response: Any = None
    session: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Message).decode


def read(payload: bytes) -> Sequence[Act]:
    try:
        message = read_mended(payload, _decode)
    except UNREADABLE:
        return (Garbled(),)
    reader = _READERS.get(message.type) if isinstance(message.type, str) else None
    return reader(message, payload) if reader is not None else ()


# -- Session -----------------------------------------------------------------------------------------------


def _ready(message: _Message, payload: bytes) -> Sequence[Act]:
    return (Ready(payload, _audio_bytes_per_ms(message.session)),)


def _configured(message: _Message, payload: bytes) -> Sequence[Act]:
    return (Configured(payload, _audio_bytes_per_ms(message.session)),)


def _trouble(message: _Message, payload: bytes) -> Sequence[Act]:
    error = _object(message.error)
    code = _text(error.get("code")) or _text(error.get("type")) or "unknown"
    return (Trouble(code, _text(error.get("message")), _text(error.get("event_id"))),)


def _audio_bytes_per_ms(session: Any) -> int:
    session = _object(session)
    audio_format = _object(_object(session.get("audio")).get("output")).get("format")
    audio_format = audio_format if audio_format is not None else session.get("output_audio_format")
    rate_hz = PCM_RATE_HZ
    if isinstance(audio_format, dict):
        rate_hz = _count(audio_format.get("rate")) or PCM_RATE_HZ
        audio_format = audio_format.get("type")
    if audio_format in ("audio/pcmu", "audio/pcma", "g711_ulaw", "g711_alaw"):
        return G711_BYTES_PER_MS
    return max(1, rate_hz * PCM_BYTES_PER_MS_AT_1_KHZ // 1000)


# -- The user ----------------------------------------------------------------------------------------------


def _committed(message: _Message, payload: bytes) -> Sequence[Act]:
    return (UserTurn(_text(message.item_id)),)


def _item_added(message: _Message, payload: bytes) -> Sequence[Act]:
    item = _object(message.item)
    item_id = _text(item.get("id"))
    kind, role = item.get("type"), item.get("role")
    if kind == "function_call_output":
        return (ToolAnswered(_text(item.get("call_id")), _text(item.get("output"))),)
    said = " ".join(filter(None, map(_words, _list(item.get("content")))))
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
    part = _object(part)
    return _text(part.get("text")) or _text(part.get("transcript"))


def _transcription_delta(message: _Message, payload: bytes) -> Sequence[Act]:
    return (UserTranscript(_text(message.item_id), _text(message.delta)),)


def _transcription_completed(message: _Message, payload: bytes) -> Sequence[Act]:
    item_id = _text(message.item_id)
    words = UserTranscript(item_id, _text(message.transcript), final=True)
    usage = _object(message.usage)
    seconds = usage.get("seconds")
    duration_ms = 0
    if isinstance(seconds, int | float) and math.isfinite(seconds) and seconds > 0:
        duration_ms = min(math.ceil(seconds * 1000), COUNT_MAX)
    bill = _bill(usage)
    if not bill and not duration_ms:
        return (words,)
    return (TranscriptionUsage(**bill, item_id=item_id, duration_ms=duration_ms), words)


def _transcription_failed(message: _Message, payload: bytes) -> Sequence[Act]:
    return (UserTranscriptFailed(_text(message.item_id)),)


# -- The reply ---------------------------------------------------------------------------------------------


def _reply_begun(message: _Message, payload: bytes) -> Sequence[Act]:
    response = _object(message.response)
    return (ReplyBegun(_text(response.get("id")), _text(response.get("conversation_id"))),)


def _reply_item(message: _Message, payload: bytes) -> Sequence[Act]:
    item = _object(message.item)
    return (
        ReplyItem(
            reply_id=_text(message.response_id),
            item_id=_text(item.get("id")),
            index=_count(message.output_index),
            kind=_text(item.get("type")),
            call_id=_text(item.get("call_id")),
            name=_text(item.get("name")),
        ),
    )


def _reply_item_done(message: _Message, payload: bytes) -> Sequence[Act]:
    item = _object(message.item)
    done = ReplyItemDone(_text(item.get("id")))
    name, arguments = _text(item.get("name")), _text(item.get("arguments"))
    # Some providers leave the status out; only a call that was cut off says so.
    if item.get("type") == "function_call" and item.get("status") not in ("incomplete", "in_progress"):
        return (ToolCall(_text(item.get("call_id")), name, arguments), done)
    if item.get("type") == "mcp_call":  # the provider calls and answers it itself
        answer = ToolAnswered(done.item_id, _text(item.get("output")))
        return (ToolCall(done.item_id, name, arguments), answer, done)
    return (done,)


def _audio(message: _Message, payload: bytes) -> Sequence[Act]:
    return (ReplyAudio(_text(message.item_id), _text(message.delta)),)


def _transcript_delta(message: _Message, payload: bytes) -> Sequence[Act]:
    return (ReplyTranscript(_text(message.item_id), _count(message.content_index), _text(message.delta)),)


def _transcript_done(message: _Message, payload: bytes) -> Sequence[Act]:
    text = _text(message.transcript)
    return (ReplyTranscript(_text(message.item_id), _count(message.content_index), text, final=True),)


def _text_delta(message: _Message, payload: bytes) -> Sequence[Act]:
    return (ReplyText(_text(message.item_id), _count(message.content_index), _text(message.delta)),)


def _text_done(message: _Message, payload: bytes) -> Sequence[Act]:
    text = _text(message.text)
    return (ReplyText(_text(message.item_id), _count(message.content_index), text, final=True),)


def _truncated(message: _Message, payload: bytes) -> Sequence[Act]:
    return (ReplyTruncated(_text(message.item_id), _count(message.audio_end_ms)),)


def _reply_done(message: _Message, payload: bytes) -> Sequence[Act]:
    response = _object(message.response)
    reply_id = _text(response.get("id"))
    bill = _bill(_object(response.get("usage")))
    done = ReplyDone(reply_id)
    return (Usage(**bill, reply_id=reply_id), done) if bill else (done,)


# -- Bills -------------------------------------------------------------------------------------------------


def _bill(usage: dict[str, Any]) -> dict[str, int]:
    """The counts of a `usage` (OPENAI-REALTIME.md 8). Beta has no split of the cached tokens: they were
    text."""
    came, went = _object(usage.get("input_token_details")), _object(usage.get("output_token_details"))
    cached = came.get("cached_tokens_details")
    cached = cached if isinstance(cached, dict) else {"text_tokens": came.get("cached_tokens")}
    counts = {
        "input": _count(usage.get("input_tokens")),
        "output": _count(usage.get("output_tokens")),
        "input_text": _count(came.get("text_tokens")),
        "input_audio": _count(came.get("audio_tokens")),
        "input_image": _count(came.get("image_tokens")),
        "cached_text": _count(cached.get("text_tokens")),
        "cached_audio": _count(cached.get("audio_tokens")),
        "cached_image": _count(cached.get("image_tokens")),
        "output_text": _count(went.get("text_tokens")),
        "output_audio": _count(went.get("audio_tokens")),
    }
    # A provider that gives the parts without their sums must be paid all the same.
    counts["input"] = counts["input"] or counts["input_text"] + counts["input_audio"] + counts["input_image"]
    counts["output"] = counts["output"] or counts["output_text"] + counts["output_audio"]
    return {name: count for name, count in counts.items() if count}


# -- Members of any kind -----------------------------------------------------------------------------------


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int:
    if type(value) is int:  # nearly always
        return min(max(0, value), COUNT_MAX)
    if not isinstance(value, float) or not math.isfinite(value):
        return 0
    return min(max(0, math.ceil(value)), COUNT_MAX)


_READERS: dict[str, Callable[[_Message, bytes], Sequence[Act]]] = {
    "session.created": _ready,
    "session.updated": _configured,
    "transcription_session.created": _ready,
    "transcription_session.updated": _configured,
    "error": _trouble,
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


class ProviderSide:
    manner = Manner.GREETS

    def __init__(self, target: Target) -> None:
        self.manner = Manner.GREETS if target.greets else Manner.LISTENS

    def hear(self, payload: bytes) -> ProviderSaid:
        return list(read(payload))

    def passed(self, base64_chars: int) -> Sequence[Act]:
        return (AudioPassed(base64_chars),)

    def closed(self, code: int, reason: str) -> Sequence[Act]:
        return ()
