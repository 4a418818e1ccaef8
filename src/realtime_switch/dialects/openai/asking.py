"""What a client says, read into wishes (TRANSLATION.md 2).

OpenAI's own service answers most mistakes itself, so here they are answered in its words; what a provider
cannot do the provider's dialect refuses.
"""

from collections.abc import Callable
from typing import Any

from ..dialect import ClientSaid
from ..members import object_of
from ..sound import base64_bytes, standard
from ..wishes import (
    AskReply,
    ClearAudio,
    CommitAudio,
    Delete,
    Extra,
    StopReply,
    Truncate,
    UserAudio,
)
from . import beta as beta_dialect
from .conversation import Conversation, Item
from .hearing import COMMITTED_MS_MIN, Hearing
from .items import UNSUPPORTED, given, wish_of
from .items import mistake_in as mistake_in_item
from .own import own
from .proofs import only_audio_from_client
from .reply_rules import differing
from .reply_rules import mistake_in as mistake_in_reply
from .requests import Mistake, read_request, request_id
from .rules import missing, number, quoted, text, wrong_value
from .session import Session
from .session_rules import mistake_in as mistake_in_session
from .writing import UNNAMED, Writer

_Members = dict[str, Any]


class Asking:
    def __init__(
        self, writer: Writer, conversation: Conversation, session: Session, hearing: Hearing
    ) -> None:
        self._writer = writer
        self._conversation = conversation
        self._session = session
        self._hearing = hearing

    def hear_audio(self, payload: bytes) -> ClientSaid | None:
        cut = only_audio_from_client.cut(payload)
        base64 = "" if cut is None else standard(payload[cut])
        return self._audio(base64) if base64 else None

    def hear(self, payload: bytes) -> ClientSaid:
        if (audio := self.hear_audio(payload)) is not None:
            return audio
        request = read_request(payload)
        if isinstance(request, Mistake):
            return [*self._writer.refuse_mistake(request)]
        name = request_id(request)
        if (for_us := own(request)) is not None:
            return self._no(for_us, name) if isinstance(for_us, Mistake) else [for_us]
        if self._writer.beta:
            request = _from_beta(request)
        reader = _READERS.get(request["type"])
        if reader is None:
            return self._no(wrong_value(request["type"], "type", _READERS), name)
        said = reader(self, request, name)
        return self._no(said, name) if isinstance(said, Mistake) else said

    def _no(self, mistake: Mistake, name: str) -> ClientSaid:
        return [*self._writer.refuse_mistake(mistake, name)]

    # -- The session -----------------------------------------------------------------------------------------

    def _update(self, request: _Members, name: str) -> ClientSaid | Mistake:
        session = request.get("session")
        if session is None:
            return missing("session")
        if (mistake := mistake_in_session(session)) is not None:
            return mistake
        if "temperature" in session and not self._writer.beta:
            return Mistake(  # OPENAI-REALTIME.md 4.5
                "unknown_parameter", "Unknown parameter: 'session.temperature'.", "session.temperature"
            )
        if self._conversation.spoken and self._changes_voice(session):
            words = "Cannot update a conversation's voice if assistant audio is present."
            return Mistake("cannot_update_voice", words, "session.audio.output.voice")
        return [self._session.ask(session, name or self._writer.new_id(UNNAMED))]

    def _changes_voice(self, session: _Members) -> bool:
        voice = object_of(object_of(session.get("audio")).get("output")).get("voice")
        return voice is not None and voice != self._session.config.voice

    # -- Audio -----------------------------------------------------------------------------------------------

    def _append(self, request: _Members, name: str) -> ClientSaid | Mistake:
        audio = request.get("audio")
        if audio is None:
            return missing("audio")
        if (mistake := text()(audio, "audio")) is not None:
            return mistake
        base64 = standard(audio.encode("utf-8", "replace"))
        if audio and not base64:
            words = "Invalid 'audio'. Expected base64-encoded audio bytes, but got an invalid value."
            return Mistake("invalid_value", words, "audio")
        return self._audio(base64) if base64 else []

    def _audio(self, base64: str) -> ClientSaid:
        config = self._session.config
        if config.manual_turns:
            self._hearing.buffered_ms += base64_bytes(base64) / config.input.bytes_per_ms
        return [UserAudio(base64, config.input)]

    def _commit(self, request: _Members, name: str) -> ClientSaid | Mistake:
        buffered_ms = self._hearing.buffered_ms
        if self._session.config.manual_turns and buffered_ms < COMMITTED_MS_MIN:
            return Mistake(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{COMMITTED_MS_MIN}ms of audio, but buffer only has {buffered_ms:.2f}ms of audio.",
            )
        return [CommitAudio(name)]

    def _clear(self, request: _Members, name: str) -> ClientSaid | Mistake:
        self._hearing.buffered_ms = 0.0
        return [ClearAudio(name)]

    def _clear_output(self, request: _Members, name: str) -> ClientSaid | Mistake:
        words = (
            "'output_audio_buffer.clear' is for WebRTC and SIP: on a WebSocket the client plays the audio."
        )
        return Mistake(UNSUPPORTED, words, "type")

    # -- Items -----------------------------------------------------------------------------------------------

    def _create(self, request: _Members, name: str) -> ClientSaid | Mistake:
        item = request.get("item")
        if item is None:
            return missing("item")
        if (mistake := mistake_in_item(item)) is not None:
            return mistake
        item_id = item.get("id") or self._writer.new_id("item")
        if item_id in self._conversation.items or item_id in self._conversation.waiting:
            words = f"Error adding item: an item with id {quoted(item_id)} already exists."
            return Mistake("item_create_duplicate_item_id", words, "item.id")
        if (mistake := self._misplaced(request.get("previous_item_id"), item["type"])) is not None:
            return mistake
        call_id = item.get("call_id") or self._writer.new_id("call")
        if item["type"] == "function_call_output" and call_id not in self._conversation.calls:
            words = f"Tool call ID {quoted(call_id)} not found in conversation."
            return Mistake("invalid_tool_call_id", words, "item.call_id")
        return self._add(item, item_id, call_id, name or self._writer.new_id(UNNAMED))

    def _add(self, item: _Members, item_id: str, call_id: str, name: str) -> ClientSaid:
        kind = item["type"]
        added = Item(item_id, kind, given=given(item, call_id), request_id=name, done=True)
        if kind == "function_call":
            added.call_id = call_id
        self._conversation.add(added)
        if kind == "function_call_output" and call_id in self._conversation.cancelled:
            # Nobody waits for it any more (TRANSLATION.md 12, B05).
            taken = self._conversation.take(item_id)
            assert taken is not None
            return [*self._writer.item("added", taken), *self._writer.item("done", taken)]
        return [wish_of(item, item_id, call_id, name, self._session.config.input)]

    def _misplaced(self, previous_id: Any, kind: str) -> Mistake | None:
        """Nobody but OpenAI lets a client choose where in the past its item stands. Where a tool's answer
        stands says nothing: it belongs to its call."""
        end_id = self._conversation.end_id
        if previous_id is None or previous_id == (end_id or "root"):
            return None
        known = previous_id == "root" or previous_id in self._conversation.items
        if not known and previous_id not in self._conversation.waiting:
            words = f"Error adding item: the previous item with id {quoted(str(previous_id))} does not exist."
            return Mistake("item_create_invalid_previous_item_id", words, "previous_item_id")
        if kind == "function_call_output":
            return None
        words = "This backend adds items only at the end of the conversation."
        return Mistake(UNSUPPORTED, words, "previous_item_id")

    def _retrieve(self, request: _Members, name: str) -> ClientSaid | Mistake:
        item = self._known(request, "retrieve", "retrieving")
        return (
            item
            if isinstance(item, Mistake)
            else [*self._writer.event("conversation.item.retrieved", item=item.shown())]
        )

    def _delete(self, request: _Members, name: str) -> ClientSaid | Mistake:
        item = self._known(request, "delete", "deleting")
        return item if isinstance(item, Mistake) else [Delete(item.id, name)]

    def _truncate(self, request: _Members, name: str) -> ClientSaid | Mistake:
        item = self._known(request, "truncate", "truncating")
        if isinstance(item, Mistake):
            return item
        heard_ms = request.get("audio_end_ms")
        if heard_ms is None:
            return missing("audio_end_ms")
        if (mistake := number(0, 1 << 40, whole=True)(heard_ms, "audio_end_ms")) is not None:
            return mistake
        if not item.audio_bytes or request.get("content_index"):
            words = "Only model output audio messages can be truncated"
            return Mistake("unsupported_content_type", words)
        if heard_ms > item.audio_ms + TRUNCATION_SLACK_MS:
            words = f"Audio content of {item.audio_ms}ms is already shorter than {heard_ms}ms"
            return Mistake("invalid_value", words, "audio_end_ms")
        name = name or self._writer.new_id(UNNAMED)
        self._conversation.truncating[item.id] = name
        return [Truncate(item.id, min(heard_ms, item.audio_ms), name)]

    def _known(self, request: _Members, verb: str, doing: str) -> Item | Mistake:
        item_id = request.get("item_id")
        if item_id is None:
            return missing("item_id")
        if (mistake := text()(item_id, "item_id")) is not None:
            return mistake
        item: Item | None = self._conversation.items.get(item_id)
        if item is not None:
            return item
        words = f"Error {doing} item: the item with id {quoted(item_id)} does not exist."
        return Mistake(f"item_{verb}_invalid_item_id", words, "item_id")

    # -- Replies ---------------------------------------------------------------------------------------------

    def _ask_reply(self, request: _Members, name: str) -> ClientSaid | Mistake:
        response = request.get("response")
        response = {} if response is None else response
        if (mistake := mistake_in_reply(response)) is not None:
            return mistake
        running = next((r for r in self._conversation.replies.values() if not (r.made or r.aside)), None)
        if running is not None and response.get("conversation") != "none":
            words = (
                f"Conversation already has an active response in progress: {running.id}. "
                "Wait until the response is finished before creating a new one."
            )
            return Mistake("conversation_already_has_active_response", words)
        asked = AskReply(
            instructions=response.get("instructions") or "",
            metadata=response.get("metadata"),
            extras=tuple(map(Extra, differing(response, self._session.told()))),
            request_id=name,
        )
        return [asked]

    def _cancel(self, request: _Members, name: str) -> ClientSaid | Mistake:
        reply_id = request.get("response_id")
        if reply_id is None:
            reply_id = next(reversed(self._conversation.replies), "")
        elif (mistake := text()(reply_id, "response_id")) is not None:
            return mistake
        if reply_id not in self._conversation.replies:
            return Mistake("response_cancel_not_active", "Cancellation failed: no active response found")
        return [StopReply(reply_id, name)]


# The client's player and ours count milliseconds each in its own way; pipecat hears nothing more after an
# error (CLIENTS-OPENAI.md 9).
TRUNCATION_SLACK_MS = 50


def _from_beta(request: _Members) -> _Members:
    """Other providers have the temperature that GA has dropped."""
    temperature = object_of(request.get("session")).get("temperature")
    renamed = beta_dialect.from_client(request)
    if temperature is None or renamed is request:
        return renamed
    return {**renamed, "session": {**renamed["session"], "temperature": temperature}}


_READERS: dict[str, Callable[[Asking, _Members, str], ClientSaid | Mistake]] = {
    "session.update": Asking._update,
    "input_audio_buffer.append": Asking._append,
    "input_audio_buffer.commit": Asking._commit,
    "input_audio_buffer.clear": Asking._clear,
    "output_audio_buffer.clear": Asking._clear_output,
    "conversation.item.create": Asking._create,
    "conversation.item.retrieve": Asking._retrieve,
    "conversation.item.delete": Asking._delete,
    "conversation.item.truncate": Asking._truncate,
    "response.create": Asking._ask_reply,
    "response.cancel": Asking._cancel,
}
