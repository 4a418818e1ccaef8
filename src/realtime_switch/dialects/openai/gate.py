"""What a client may ask for, and what it is shown of what the gateway asked for itself.

Towards the provider: control messages are read, typed and unambiguous; what the
route does not grant is refused in OpenAI's words or left out, and the rest goes
on as the bytes it came as. An event type that nobody here knows passes, so a
provider's new feature works on the day it appears.

Towards the client a provider's frames pass unchanged, but for what the client
never asked for: the answer to our own `session.update`, a second greeting after
a redial, and the transcription that a route turned on for memory's sake (B2a).

What it keeps for the whole call (what the
client asked for) lives on when the provider changes.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ..acts import (
    Act,
    Configured,
    Garbled,
    PastTold,
    Pinged,
    Ready,
    Replayed,
    ReplyBegun,
    ReplyTruncated,
    ToolCall,
    Trouble,
    UserText,
    UserTranscript,
    UserTranscriptFailed,
)
from ..dialect import Judgement, NewId, ToClient, ToProvider
from ..members import object_of
from ..mending import UNREADABLE, read_any
from ..terms import Target, Terms
from . import resume
from .beta import from_client as from_beta_client
from .own import own
from .reading import OVER_WITH
from .requests import Mistake, read_request, request_id
from .truncating import Truncating

if TYPE_CHECKING:
    from .client_side import ClientSide

_Members = dict[str, Any]
_Shown = tuple[bytes | None, Sequence[Act]]


class Gate:
    def __init__(
        self,
        target: Target,
        terms: Terms,
        client_side: "ClientSide",
        new_id: NewId,
    ) -> None:
        self._terms = terms
        self._beta = client_side.beta
        self._target = target
        self._client_side = client_side
        self._new_id = new_id
        self._history = ""  # what the provider of now was told of the past
        self._own_update_id = ""  # of our own session.update, until it is answered
        self._greeted = False  # the client has seen a greeting
        self._client_transcribes = False
        self._asides = False  # the client has asked for replies outside of the conversation
        self._calls_before: dict[str, ToolCall] = {}  # by id; of earlier providers, to be answered yet
        self._truncating = Truncating(client_side, new_id)
        self._judges = {
            "session.update": self._judge_update,
            "response.create": self._judge_reply,
            "conversation.item.create": self._judge_item,
            "conversation.item.truncate": self._judge_truncation,
        }

    def turn_to(self, target: Target, terms: Terms) -> None:
        self._target, self._terms = target, terms
        self._client_side.is_relayed(target.model)
        self._truncating.another_provider()

    # -- Towards the provider ----------------------------------------------------------------------------

    def opening(self, config: str | None, history: str, handle: str = "") -> list[bytes]:
        """A10: what a fresh provider hears before anything else."""
        by_items = self._terms.resume_by == "items"
        items = resume.history_items(history) if by_items else []
        self._history = history = "" if by_items else history
        self._own_update_id = ""  # an older connection will not answer any more
        message = _update_of(config) if config is not None else None
        if message is None and not history and self._terms.transcribe_with is None:
            return items
        if message is None:
            message = read_any(resume.minimal_update(""))
        session = message["session"]
        # What is saved is what the client wanted; what the route adds is added anew.
        self._client_transcribes |= _input(session).get("transcription") is not None
        if self._terms.transcribe_with is not None:
            self._transcribe(session)
        self._own_update_id = message["event_id"] = self._new_id("event")
        return [resume.with_history(msgspec.json.encode(message), history), *items]

    def admit(self, payload: bytes) -> Judgement:
        request = read_request(payload)
        if isinstance(request, Mistake):
            return self._refuse(request)
        if self._beta and (renamed := from_beta_client(request)) is not request:
            request, payload = renamed, msgspec.json.encode(renamed)
        kind = request["type"]
        if (judge := self._judges.get(kind)) is not None:
            return judge(payload, request)
        said = own(request)
        if said is None:
            return [ToProvider(payload)]
        return self._refuse(said) if isinstance(said, Mistake) else [said]

    def _judge_update(self, payload: bytes, request: _Members) -> Judgement:
        session = request.get("session")
        if not isinstance(session, dict):
            return [ToProvider(payload)]  # the provider says what is missing
        if (mistake := self._wrong_transcription(session, request)) is not None:
            return self._refuse(mistake)
        changed = self._drop_foreign_model(session) | self._arrange_transcription(session)
        if changed:
            payload = msgspec.json.encode(request)
        # Its instructions would replace those that hold the history, and every agent SDK sends some at once.
        return [ToProvider(resume.keep_history(payload, self._history))]

    def _judge_reply(self, payload: bytes, request: _Members) -> Judgement:
        response = request.get("response")
        if not isinstance(response, dict):
            return [ToProvider(payload)]
        self._asides |= response.get("conversation") == "none"
        if self._drop_foreign_model(response):
            payload = msgspec.json.encode(request)
        return [ToProvider(payload)]

    def told_before(self, calls: Sequence[ToolCall]) -> None:
        self._calls_before = {call.call_id: call for call in calls}

    def _judge_item(self, payload: bytes, request: _Members) -> Judgement:
        """An answer to a call that the provider of now has not made: it is told of the call first, because it
        takes no answer without one (OPENAI-REALTIME.md 5)."""
        item = request.get("item")
        answers = isinstance(item, dict) and item.get("type") == "function_call_output"
        call_id = item.get("call_id") if isinstance(item, dict) and answers else None
        call = self._calls_before.pop(call_id, None) if isinstance(call_id, str) else None
        if call is None:
            return [ToProvider(payload)]
        return [ToProvider(resume.call_item(call.call_id, call.name, call.arguments)), ToProvider(payload)]

    def _judge_truncation(self, payload: bytes, request: _Members) -> Judgement:
        judged = self._truncating.judge(payload, request)
        return self._refuse(judged) if isinstance(judged, Mistake) else judged

    def _drop_foreign_model(self, asked: _Members) -> bool:
        """OPENAI-REALTIME.md 4.1: the model is fixed by the URL, yet SDKs send one along (openai-agents
        even its own default), and look-alikes obey it. Left out, it is accepted silently, as the real
        service does."""
        if "model" not in asked or asked["model"] == self._target.model:
            return False
        if isinstance(asked["model"], str) and self._terms.admits_model(asked["model"]):
            return False
        del asked["model"]
        return True

    # -- Transcription (B2a) -----------------------------------------------------------------------------

    def _wrong_transcription(self, session: _Members, request: _Members) -> Mistake | None:
        allowed = self._terms.transcription_models
        model = object_of(_input(session).get("transcription")).get("model")
        if allowed is None or model is None or model in allowed:
            return None
        names = ", ".join(f"'{name}'" for name in sorted(allowed))
        text = f"Invalid value: {str(model)[:80]!r}. Supported values are: {names}."
        return Mistake("invalid_value", text, "session.audio.input.transcription.model", request_id(request))

    def _arrange_transcription(self, session: _Members) -> bool:
        """Know whether the client wants it; keep it on where the route wants it."""
        came = _input(session)
        if "transcription" not in came:
            return False
        self._client_transcribes = came["transcription"] is not None
        if self._client_transcribes or self._terms.transcribe_with is None:
            return False
        self._transcribe(session)
        return True

    def _transcribe(self, session: _Members) -> None:
        """Turn it on, unless it is on already."""
        audio = session["audio"] = object_of(session.get("audio"))
        came = audio["input"] = object_of(audio.get("input"))
        if not isinstance(came.get("transcription"), dict):
            came["transcription"] = {"model": self._terms.transcribe_with}

    # -- Towards the client ------------------------------------------------------------------------------

    def greeted(self) -> None:
        self._greeted = True

    def shown(self, payload: bytes, acts: Sequence[Act]) -> _Shown:
        """The frame as the client is to see it, None if it is not, and what is to be heard of it."""
        for act in acts:
            if (show := _SHOWN.get(type(act))) is not None:
                return show(self, payload, act, acts)
        return payload, acts

    def _show_greeting(self, payload: bytes, act: Ready, acts: Sequence[Act]) -> _Shown:
        return (None if self._greeted else payload), acts

    def _show_configuration(self, payload: bytes, act: Configured, acts: Sequence[Act]) -> _Shown:
        if self._own_update_id:  # answered in order, and ours was the first
            self._own_update_id = ""
            return None, (Replayed(act.audio_bytes_per_ms),)
        shown = self._without_transcription(payload)
        return shown, (Configured(shown, act.audio_bytes_per_ms),)

    def _show_trouble(self, payload: bytes, act: Trouble, acts: Sequence[Act]) -> _Shown:
        # Not every provider says which message it means; the first answer of all is the answer to ours.
        if self._own_update_id and act.request_id in ("", self._own_update_id):
            self._own_update_id = ""
            return None, acts
        if (instead := self._truncating.refused(act.request_id)) is not None:
            return instead
        # The call goes on with another connection (A18, B4), and an error would make pipecat deaf.
        return (None if act.code in OVER_WITH and not act.request_id else payload), acts

    def _show_truncation(self, payload: bytes, act: ReplyTruncated, acts: Sequence[Act]) -> _Shown:
        self._truncating.done(act)
        return payload, acts

    def _show_reply(self, payload: bytes, act: ReplyBegun, acts: Sequence[Act]) -> _Shown:
        # OPENAI-REALTIME.md 6.1. Look-alikes give no reply a conversation id: absence alone says nothing.
        if self._asides and not act.conversation_id:
            return payload, (ReplyBegun(act.reply_id, aside=True),)
        return payload, acts

    def _show_item(self, payload: bytes, act: UserText | PastTold, acts: Sequence[Act]) -> _Shown:
        # What we told of the past was said long ago: it is not to be remembered once more.
        return payload, (() if act.item_id.startswith(resume.ITEM_ID) else acts)

    def _show_transcript(self, payload: bytes, act: Act, acts: Sequence[Act]) -> _Shown:
        return (None if self._hides_transcription else payload), acts

    def _show_nothing(self, payload: bytes, act: Garbled, acts: Sequence[Act]) -> _Shown:
        return None, acts

    def _hear_nothing(self, payload: bytes, act: Pinged, acts: Sequence[Act]) -> _Shown:
        # Nothing that a client of OpenAI's knows, and no sign that a reply is under way.
        return None, ()

    @property
    def _hides_transcription(self) -> bool:
        return self._terms.transcribe_with is not None and not self._client_transcribes

    def _without_transcription(self, payload: bytes) -> bytes:
        if not self._hides_transcription:
            return payload
        message = read_any(payload)
        came = _input(object_of(message.get("session")))
        if came.get("transcription") is None:
            return payload
        came["transcription"] = None
        return msgspec.json.encode(message)

    def _refuse(self, mistake: Mistake) -> Judgement:
        frames = self._client_side.refuse(
            "invalid_request_error", mistake.code, mistake.message, mistake.request_id, mistake.param
        )
        return [ToClient(frame) for frame in frames]


# The kinds of frames that may not go to the client as they came, by what is heard of them.
_SHOWN: dict[type[Act], Callable[[Gate, bytes, Any, Sequence[Act]], _Shown]] = {
    Ready: Gate._show_greeting,
    Configured: Gate._show_configuration,
    Trouble: Gate._show_trouble,
    ReplyBegun: Gate._show_reply,
    ReplyTruncated: Gate._show_truncation,
    UserText: Gate._show_item,
    PastTold: Gate._show_item,
    UserTranscript: Gate._show_transcript,
    UserTranscriptFailed: Gate._show_transcript,
    Garbled: Gate._show_nothing,
    Pinged: Gate._hear_nothing,
}


def _update_of(config: str) -> _Members | None:
    """None: what was saved is no configuration, so the call begins without."""
    try:
        message = read_any(config.encode("utf-8", "replace"))
    except UNREADABLE:
        return None
    return message if isinstance(message, dict) and isinstance(message.get("session"), dict) else None


def _input(session: _Members) -> _Members:
    return object_of(object_of(session.get("audio")).get("input"))
