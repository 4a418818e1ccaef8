"""A GPT-Live client on a provider of another dialect, as a subset (docs/dialects-gpt-live.md): full duplex on
top of turns. Its clock is its own sound, by which it is told what the agent says (pacer.py); its backend is
the provider's tools (backend.py).
"""

from collections.abc import Callable
from typing import Any

from ..acts import (
    Act,
    Configured,
    Interrupted,
    Ready,
    Refused,
    ReplyAudio,
    ReplyBegun,
    ReplyDone,
    ReplyItemDone,
    ReplyTranscript,
    SpeechStarted,
    ToolCall,
    ToolCallsCancelled,
    Trouble,
    UserTranscript,
)
from ..dialect import ClientSaid, Hangup, NewId, NowUs
from ..members import text_of as member
from ..sound import AudioFormat, base64_bytes, silence, standard
from ..unambiguous import read_object
from ..wishes import AnswerTool, AskReply, Say, Truncate, UserAudio
from . import frames
from .backend import DELEGATE, Backend
from .frames import UNSUPPORTED, Mistake
from .pacer import GRID_MS, PIECE_MS, Pacer
from .proofs import audio_from_client, only_audio_from_client
from .session import Session
from .words import Words

_Members = dict[str, Any]

USAGE_EVERY_MS = 15_000  # as the service tells it
APPEND_CHARS_MAX = 1_800  # about 500 tokens (GPT-LIVE.md 4.3)
LIFE_S = 7_200
_AUDIO_HEAD, _AUDIO_TAIL = '{"type":"session.output_audio.delta","delta":"', '"}'
_NO_COUNTERPART = (
    "session.output_audio.fixture.play",
    "decision.create",
    "decision.item.create",
    "decision.item.delete",
    "transport.dtmf.send",
)


class Translated:
    def __init__(self, new_id: NewId, now_us: NowUs, start: str) -> None:
        self._new_id = new_id
        self._now_us = now_us
        self.session = Session(start)
        self._pacer = Pacer(self._format)
        self._backend = Backend(new_id, self.session.to_application, self.session.backend_model)
        self._muted = False
        self.reply_open = False
        self._commentary: list[str] = []  # to be spoken when nothing is
        self._told_usage_ms = 0
        self._heard, self._said = Words(), Words()  # the user's, the agent's
        self._speech_ms = 0  # when the user began
        self._obeyers: dict[str, Callable[[_Members], ClientSaid]] = {
            "session.input_audio.append": self._audio,
            "session.input_audio.mute": self._mute,
            "session.input_audio.unmute": self._unmute,
            "session.instructions.append": self._instructions,
            "session.thinking.append": self._thinking,
            "session.commentary.append": self._comment,
            "session.update": self.session.update,
            "session.close": self._close,
            "response.item.create": self._backend.item,
            "response.create": self._backend.respond,
        }

    @property
    def _format(self) -> AudioFormat:
        return self.session.config.input

    # -- What the client says ----------------------------------------------------------------------------

    def hear(self, payload: bytes) -> ClientSaid:
        message = read_object(payload)
        if isinstance(message, str):
            return [self._error("invalid_value", message)]
        asked_by = member(message.get("event_id"))
        kind = member(message.get("type"))
        obey = self._obeyers.get(kind)
        if obey is None:
            code = UNSUPPORTED if kind in _NO_COUNTERPART else "invalid_value"
            told = f"'{kind[:80]}' has no counterpart at this session's provider."
            return [self._error(code, told, "type", asked_by)]
        try:
            return obey(message)
        except Mistake as mistake:
            return [self._error(mistake.code, mistake.message, mistake.param, asked_by)]

    def hear_audio(self, payload: bytes) -> ClientSaid | None:
        if not only_audio_from_client(payload):
            return None
        return self._sound(standard(audio_from_client(payload)))

    def _audio(self, message: _Members) -> ClientSaid:
        base64 = standard(member(message.get("audio")).encode("utf-8", "replace"))
        if not base64:
            raise Mistake("invalid_audio", "The audio is not valid base64.", "audio")
        return self._sound(base64)

    def _sound(self, base64: str) -> ClientSaid:
        size = base64_bytes(base64)
        heard = silence(self._format, size // self._format.bytes_per_ms) if self._muted else base64
        said: ClientSaid = [UserAudio(heard, self._format)] if heard else []
        for piece in self._pacer.sent(size):
            if piece.words:
                said.append(self._words("output", piece.words, piece.at_ms, piece.at_ms + GRID_MS))
            said.append(f"{_AUDIO_HEAD}{piece.base64}{_AUDIO_TAIL}".encode())
            if piece.at_ms + PIECE_MS - self._told_usage_ms >= USAGE_EVERY_MS:
                self._told_usage_ms = piece.at_ms + PIECE_MS
                usage = {"seconds": self._told_usage_ms / 1000}
                said.append(self._event("session.usage.updated", usage=usage))
        return said

    def _mute(self, message: _Members) -> ClientSaid:
        self._muted = True
        return [self._answer(message, "session.input_audio.muted")]

    def _unmute(self, message: _Members) -> ClientSaid:
        self._muted = False
        return [self._answer(message, "session.input_audio.unmuted")]

    # -- Context -----------------------------------------------------------------------------------------

    def _content(self, message: _Members) -> str:
        content = message.get("content")
        if not isinstance(content, str) or not content:
            raise Mistake("missing_required_parameter", "Missing required parameter: 'content'.", "content")
        if len(content) > APPEND_CHARS_MAX:
            raise Mistake("invalid_value", "The content has more than 500 tokens.", "content")
        delegation_id = message.get("delegation_id")
        if delegation_id is not None and member(delegation_id) not in self._backend.applications:
            raise Mistake("invalid_value", "There is no such open delegation.", "delegation_id")
        return content

    def _appended(self, message: _Members) -> bytes:
        at_ms = self._pacer.now_ms
        kind = member(message["type"]).replace(".append", ".appended")
        return self._answer(message, kind, start_ms=at_ms, end_ms=at_ms + GRID_MS)

    def _instructions(self, message: _Members) -> ClientSaid:
        content = self._content(message)
        return [self._appended(message), self.session.instruct(content)]

    def _thinking(self, message: _Members) -> ClientSaid:
        content = self._content(message)
        call_id = self._backend.applications.pop(member(message.get("delegation_id")), None)
        if call_id is not None:
            return [self._appended(message), self._tool_answer(call_id, content)]
        said = Say(item_id=self._new_id("item"), role="system", text=content)
        return [self._appended(message), said]

    def _comment(self, message: _Members) -> ClientSaid:
        content = self._content(message)
        call_id = self._backend.applications.pop(member(message.get("delegation_id")), None)
        if call_id is not None:
            return [self._appended(message), self._tool_answer(call_id, content)]
        self._commentary.append(content)
        return [self._appended(message), *self._speak()]

    def _tool_answer(self, call_id: str, output: str) -> AnswerTool:
        return AnswerTool(item_id=self._new_id("item"), call_id=call_id, output=output, name=DELEGATE.name)

    def _speak(self) -> ClientSaid:
        """What the application wants spoken, once nothing else is."""
        if self.reply_open or not self._commentary or not self.session.started:
            return []
        content, self._commentary = "\n".join(self._commentary), []
        text = f"[Say this to the user now, close to these words: {content}]"
        return [Say(item_id=self._new_id("item"), role="user", text=text), AskReply()]

    # -- The end -----------------------------------------------------------------------------------------

    def _close(self, message: _Members) -> ClientSaid:
        if not self.session.started:
            return [Hangup(1000, "")]
        return [self.closed("close_requested", member(message.get("event_id"))), Hangup(1000, "")]

    def closed(self, reason: str, asked_by: str = "") -> bytes:
        return self._event(
            "session.closed",
            asked_by,
            reason=reason,
            usage={"seconds": self._pacer.now_ms / 1000},
            session=self.session.resource,
        )

    # -- What the client is told -------------------------------------------------------------------------

    def tell(self, act: Act) -> ClientSaid:
        teller = _TELLERS.get(type(act))
        return [] if teller is None else teller(self, act)

    def _ready(self, act: Ready | Configured) -> ClientSaid:
        if self.session.started:
            asked_by = self.session.confirmed()
            if asked_by is None:
                return []
            return [self._event("session.updated", asked_by, session=self.session.resource)]
        for extra in self.session.config.extras:
            told = f"'{extra.path}' has no counterpart at this session's provider."
            return [self._error(UNSUPPORTED, told, extra.path), Hangup(1008, UNSUPPORTED)]
        self.session.start(self._new_id("live"), self._now_us() // 1_000_000 + LIFE_S)
        return [self._event("session.started", session=self.session.resource), *self._speak()]

    def _speech_started(self, act: SpeechStarted) -> ClientSaid:
        self._speech_ms = self._pacer.now_ms
        return self._interrupted(act)

    def _interrupted(self, act: Act) -> ClientSaid:
        """The agent falls silent, and its provider hears how much of it was spoken."""
        return [Truncate(item_id, heard_ms) for item_id, heard_ms in self._pacer.drop() if item_id]

    def _user_words(self, act: UserTranscript) -> ClientSaid:
        text = self._heard.untold(act.item_id, act.text, act.final)
        if not text:
            return []
        start_ms = self._speech_ms // GRID_MS * GRID_MS
        self._speech_ms = max(self._pacer.now_ms, start_ms + GRID_MS)
        return [self._words("input", text, start_ms, self._speech_ms)]

    def _agent_words(self, act: ReplyTranscript) -> ClientSaid:
        self._pacer.say(self._said.untold(act.item_id, act.text, act.final))
        return []

    def _agent_sound(self, act: ReplyAudio) -> ClientSaid:
        self._pacer.add(act.item_id, act.base64, act.format)
        return []

    def _item_done(self, act: ReplyItemDone) -> ClientSaid:
        self._pacer.whole(act.item_id)
        return []

    def _reply_begun(self, act: ReplyBegun) -> ClientSaid:
        self.reply_open = True
        return []

    def _tool_call(self, act: ToolCall) -> ClientSaid:
        return [*self._backend.called(act, self._pacer.now_ms)]

    def _calls_cancelled(self, act: ToolCallsCancelled) -> ClientSaid:
        return [*self._backend.cancelled(act.call_ids)]

    def _reply_done(self, act: ReplyDone) -> ClientSaid:
        self.reply_open = False
        return [*self._backend.over(), *self._speak()]

    def _refused(self, act: Refused) -> ClientSaid:
        error = self._error(act.code, act.message, act.field, act.request_id)
        return [error] if self.session.started else [error, Hangup(1008, act.code)]

    def _trouble(self, act: Trouble) -> ClientSaid:
        return [self._error(act.code, act.message, asked_by=act.request_id)] if self.session.started else []

    def silent(self) -> None:
        """The provider is gone; what it was about to say is not said."""
        self.reply_open = False
        self._pacer.drop()

    # -- Writing -----------------------------------------------------------------------------------------

    def _words(self, who: str, text: str, start_ms: int, end_ms: int) -> bytes:
        return self._event(f"session.{who}_transcript.delta", delta=text, start_ms=start_ms, end_ms=end_ms)

    def _event(self, kind: str, asked_by: str = "", **members: Any) -> bytes:
        named = {"client_event_id": asked_by} if asked_by else {}
        return frames.write(kind, event_id=self._new_id("event"), **named, **members)

    def _answer(self, message: _Members, kind: str, **members: Any) -> bytes:
        return self._event(kind, member(message.get("event_id")), **members)

    def _error(self, code: str, message: str, param: str = "", asked_by: str = "") -> bytes:
        return frames.error(self._new_id, "invalid_request_error", code, message, param, asked_by)


# Each is given the acts that it is filed under.
_TELLERS: dict[type[Act], Callable[[Translated, Any], ClientSaid]] = {
    Ready: Translated._ready,
    Configured: Translated._ready,
    SpeechStarted: Translated._speech_started,
    Interrupted: Translated._interrupted,
    UserTranscript: Translated._user_words,
    ReplyBegun: Translated._reply_begun,
    ReplyTranscript: Translated._agent_words,
    ReplyAudio: Translated._agent_sound,
    ReplyItemDone: Translated._item_done,
    ToolCall: Translated._tool_call,
    ToolCallsCancelled: Translated._calls_cancelled,
    ReplyDone: Translated._reply_done,
    Refused: Translated._refused,
    Trouble: Translated._trouble,
}
