"""What happens on the provider's side, told as OpenAI tells it (OPENAI-REALTIME.md 7; TRANSLATION.md 4):
all but the replies (replying.py)."""

from collections.abc import Callable
from typing import Any

from ..acts import (
    Act,
    AudioCleared,
    Configured,
    ItemDeleted,
    ItemTaken,
    Ready,
    Refused,
    ReplyTruncated,
    SpeechStarted,
    SpeechStopped,
    ToolCallsCancelled,
    Trouble,
    UserTranscript,
    UserTranscriptFailed,
    UserTurn,
)
from .conversation import Conversation, Item
from .hearing import Hearing
from .session import Session
from .writing import Writer

_Frames = list[bytes]
_Members = dict[str, Any]


class Telling:
    def __init__(
        self, writer: Writer, conversation: Conversation, session: Session, hearing: Hearing
    ) -> None:
        self._event = writer.event
        self._writer = writer
        self._conversation = conversation
        self._session = session
        self._hearing = hearing

    # -- The session -----------------------------------------------------------------------------------------

    def _ready(self, act: Ready) -> _Frames:
        return self._updated(self._session.agree(to_all=True))

    def _configured(self, act: Configured) -> _Frames:
        return self._updated(self._session.agree(to_all=False))

    def _updated(self, agreed: list[_Members]) -> _Frames:
        return [frame for session in agreed for frame in self._event("session.updated", session=session)]

    def _refused(self, act: Refused) -> _Frames:
        path = _PATHS.get(act.field, act.field)
        return self._refuse("invalid_request_error", act.code, act.message, act.request_id, path)

    def _trouble(self, act: Trouble) -> _Frames:
        kind = "invalid_request_error" if act.request_id else "server_error"
        return self._refuse(kind, act.code, act.message, act.request_id, "")

    def _refuse(self, kind: str, code: str, message: str, request_id: str, path: str) -> _Frames:
        self._session.take_back(request_id)
        self._conversation.take_back(request_id)
        return self._writer.refuse(kind, code, message, request_id, path)

    # -- The user --------------------------------------------------------------------------------------------

    def _speech_started(self, act: SpeechStarted) -> _Frames:
        self._hearing.speech_began(act.item_id, act.at_ms)
        return self._event("input_audio_buffer.speech_started", audio_start_ms=act.at_ms, item_id=act.item_id)

    def _speech_stopped(self, act: SpeechStopped) -> _Frames:
        self._hearing.speech_ended(act.item_id, act.at_ms)
        return self._event("input_audio_buffer.speech_stopped", audio_end_ms=act.at_ms, item_id=act.item_id)

    def _user_turn(self, act: UserTurn) -> _Frames:
        if act.item_id in self._conversation.items:
            return []
        item = self._conversation.place(Item(act.item_id, role="user", done=True))
        committed = self._event(
            "input_audio_buffer.committed", previous_item_id=item.previous_id, item_id=item.id
        )
        frames = committed + self._writer.item("added", item) + self._writer.item("done", item)
        # Its words are told by events of their own, even if they are here already.
        words = self._hearing.committed(act.item_id)
        item.heard = words if self._wants_words else None
        return frames

    def _user_transcript(self, act: UserTranscript) -> _Frames:
        words = self._hearing.words(act)
        if words is None or not self._wants_words:
            return []
        if (item := self._conversation.items.get(act.item_id)) is not None:
            item.heard = words.whole
        frames: _Frames = []
        if words.delta:
            frames += self._transcription(act.item_id, "delta", delta=words.delta)
        if act.final:
            usage = {"type": "duration", "seconds": words.audio_ms / 1000}
            frames += self._transcription(act.item_id, "completed", transcript=words.whole, usage=usage)
        return frames

    def _user_transcript_failed(self, act: UserTranscriptFailed) -> _Frames:
        if not self._hearing.words_failed(act.item_id) or not self._wants_words:
            return []
        # Without nulls: agents-js wants strings or nothing (CLIENTS-OPENAI.md 4).
        error = {
            "type": "transcription_error",
            "code": "audio_unintelligible",
            "message": "The audio could not be transcribed.",
        }
        return self._transcription(act.item_id, "failed", error=error)

    @property
    def _wants_words(self) -> bool:
        """If not, they were written down for memory's sake alone (B2a)."""
        return self._session.config.transcription is not None

    def _transcription(self, item_id: str, what: str, **members: Any) -> _Frames:
        kind = f"conversation.item.input_audio_transcription.{what}"
        return self._event(kind, item_id=item_id, content_index=0, **members)

    def _audio_cleared(self, act: AudioCleared) -> _Frames:
        return self._event("input_audio_buffer.cleared")

    # -- Items -----------------------------------------------------------------------------------------------

    def _item_taken(self, act: ItemTaken) -> _Frames:
        item = self._conversation.take(act.item_id)
        return [] if item is None else self._writer.item("added", item) + self._writer.item("done", item)

    def _item_deleted(self, act: ItemDeleted) -> _Frames:
        self._conversation.remove(act.item_id)
        return self._event("conversation.item.deleted", item_id=act.item_id)

    def _truncated(self, act: ReplyTruncated) -> _Frames:
        if not self._conversation.truncate(act.item_id):
            return []  # only the client may ask for that, on a WebSocket
        return self._event(
            "conversation.item.truncated", item_id=act.item_id, content_index=0, audio_end_ms=act.heard_ms
        )

    def _calls_cancelled(self, act: ToolCallsCancelled) -> _Frames:
        """OpenAI has no word for it (TRANSLATION.md 12, B05)."""
        self._conversation.cancelled.update(self._conversation.calls.keys() & set(act.call_ids))
        return []


# -- Where Config's fields stand in a session, for refusals ------------------------------------------------

_INPUT, _OUTPUT = "session.audio.input.", "session.audio.output."
_TURNS = _INPUT + "turn_detection"
_PATHS = {
    "instructions": "session.instructions",
    "text_only": "session.output_modalities",
    "voice": _OUTPUT + "voice",
    "tools": "session.tools",
    "tool_choice": "session.tool_choice",
    "parallel_tools": "session.parallel_tool_calls",
    "manual_turns": _TURNS,
    "turns": _TURNS,
    "threshold": _TURNS + ".threshold",
    "silence_ms": _TURNS + ".silence_duration_ms",
    "padding_ms": _TURNS + ".prefix_padding_ms",
    "eagerness": _TURNS + ".eagerness",
    "replies": _TURNS + ".create_response",
    "interrupts": _TURNS + ".interrupt_response",
    "idle_ms": _TURNS + ".idle_timeout_ms",
    "input": _INPUT + "format",
    "output": _OUTPUT + "format",
    "transcription": _INPUT + "transcription",
    "max_output_tokens": "session.max_output_tokens",
    "temperature": "session.temperature",
    "thinking": "session.reasoning.effort",
    "context": "session.truncation",
    "context_kept": "session.truncation.retention_ratio",
    "context_tokens": "session.truncation.token_limits.post_instructions",
}

# Each is given the acts that it is filed under.
TELLERS: dict[type[Act], Callable[[Telling, Any], _Frames]] = {
    Ready: Telling._ready,
    Configured: Telling._configured,
    Refused: Telling._refused,
    Trouble: Telling._trouble,
    SpeechStarted: Telling._speech_started,
    SpeechStopped: Telling._speech_stopped,
    UserTurn: Telling._user_turn,
    UserTranscript: Telling._user_transcript,
    UserTranscriptFailed: Telling._user_transcript_failed,
    AudioCleared: Telling._audio_cleared,
    ItemTaken: Telling._item_taken,
    ItemDeleted: Telling._item_deleted,
    ReplyTruncated: Telling._truncated,
    ToolCallsCancelled: Telling._calls_cancelled,
}
