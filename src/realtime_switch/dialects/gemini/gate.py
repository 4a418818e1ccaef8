"""What a Gemini client may ask of a Gemini provider, and what it is shown of what the gateway asked for.

Frames pass as the bytes they came as. Two are made here: a fresh connection's setup (the client's own, with
the model of the route and what was said before), and a contextUpdate whose instructions would replace those
that hold what was said before.

Memory needs both sides' words. What the agent says is always asked for, what the user says where the route
wants it (B2a; neither costs anything at Gemini); a client that did not ask for them does not see them. What a
client types, and what its tools answer, no provider of this dialect says again: it is heard here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import past
from ..acts import (
    Act,
    Garbled,
    GoingAway,
    PastTold,
    Ready,
    ReplyTranscript,
    ToolAnswered,
    ToolCall,
    UserText,
    UserTranscript,
)
from ..dialect import Judgement, NewId, ToProvider
from ..members import list_of, object_of, text_of
from ..mending import UNREADABLE, read_any
from ..terms import Target, Terms
from ..unambiguous import read_object
from ..wishes import AnswerTool
from . import content
from .casing import camel, camel_keys
from .endings import refused
from .frames import write
from .past import answered
from .pieces import Pieces
from .setup_in import OUR_HANDLE
from .shape import INVALID, MESSAGES, read_message

if TYPE_CHECKING:
    from .client_side import ClientSide

_Members = dict[str, Any]
_Shown = tuple[bytes | None, Sequence[Act]]


class Gate:
    def __init__(self, target: Target, terms: Terms, client_side: "ClientSide", new_id: NewId) -> None:
        self._target = target
        self._terms = terms
        self._client_side = client_side
        self._new_id = new_id
        self._history = ""  # what the provider of now was told of the past
        self._calls_before: dict[str, ToolCall] = {}  # by id; of earlier providers, to be answered yet
        self._pieces = Pieces()
        self._updates: _Members = {}  # what the client has changed since its setup
        self._seeded = False  # it has said what was before, and will not say it again
        self._hidden: frozenset[str] = frozenset()  # members of serverContent that it did not ask for

    # -- Towards the provider ----------------------------------------------------------------------------

    def turn_to(self, target: Target, terms: Terms) -> None:
        self._target, self._terms = target, terms
        self._client_side.is_relayed()

    def told_before(self, calls: Sequence[ToolCall]) -> None:
        self._calls_before = {call.call_id: call for call in calls}

    def opening(self, config: str | None, history: str, handle: str = "") -> list[bytes]:
        setup = _setup_of(config)
        setup.update(self._updates)
        self._history = history
        self._hidden = frozenset(_WORDS) - frozenset(name for name, asked in _WORDS.items() if asked in setup)
        setup["model"] = _full_name(self._target.model)
        if history:
            setup["systemInstruction"] = _told(setup.get("systemInstruction"), history)
        setup.setdefault("outputAudioTranscription", {})
        if self._terms.transcribe_with is not None:
            setup.setdefault("inputAudioTranscription", {})
        resumption = object_of(setup.get("sessionResumption"))
        if text_of(resumption.get("handle")).startswith(OUR_HANDLE):
            setup["sessionResumption"] = {k: v for k, v in resumption.items() if k != "handle"}
        if handle:
            setup["sessionResumption"] = {**object_of(setup.get("sessionResumption")), "handle": handle}
        if self._seeded:  # else it would wait for that again, and answer nothing
            setup.pop("historyConfig", None)
        return [write({"setup": setup})]

    def admit(self, payload: bytes) -> Judgement:
        message = read_object(payload)
        if isinstance(message, str):
            return [refused(f"Invalid JSON payload received. {message}")]
        names = [camel(name) for name in message]
        for name, spelt in zip(names, message, strict=True):
            if name not in MESSAGES:
                words = f'Invalid JSON payload received. Unknown name "{spelt[:60]}": Cannot find field.'
                return [refused(words)]
        if len(names) != 1 or names[0] == "setup":
            return [refused(INVALID)]
        return self._judge(names[0], payload, message)

    def _judge(self, name: str, payload: bytes, message: _Members) -> Judgement:
        # What a newer service may know passes: it says itself what it does not (A20).
        read = read_message(message)
        members = read[1] if isinstance(read, tuple) else {}
        if name == "contextUpdate":
            payload = self._updated(payload, members, object_of(camel_keys(message).get(name)))
        if name == "toolResponse":
            return self._judge_answers(payload, members)
        return [ToProvider(payload), *self._heard(name, members)]

    def _judge_answers(self, payload: bytes, members: _Members) -> Judgement:
        """The service takes no answer to a call that it has not made, so it is told what an earlier provider
        called and what was answered (TRANSLATION.md 7). Heard is an answer once it is whole."""
        answers = [content.answer(one) for one in list_of(members.get("functionResponses"))]
        late = any(answer.call_id in self._calls_before for answer in answers)
        for answer in answers:
            if answer.more:
                self._pieces.add(answer)
        whole = [self._pieces.whole(answer) for answer in answers if not answer.more]
        told = self._told_late(whole) if late else [payload]
        return [*map(ToProvider, told), *(ToolAnswered(answer.call_id, answer.output) for answer in whole)]

    def _told_late(self, answers: list[AnswerTool]) -> list[bytes]:
        told = [answered(self._calls_before.pop(a.call_id, None), a.output) for a in answers]
        turn = {"role": "user", "parts": [{"text": "\n".join(told)}]}
        return [write({"clientContent": {"turns": [turn], "turnComplete": True}})] if told else []

    def _updated(self, payload: bytes, members: _Members, update: _Members) -> bytes:
        self._client_side.change(members)
        if "systemInstruction" in members:
            self._updates["systemInstruction"] = members["systemInstruction"]
        if "tools" in members:
            self._updates["tools"] = list_of(object_of(members["tools"]).get("tools"))
        if not self._history or "systemInstruction" not in update:
            return payload
        instruction = _told(update["systemInstruction"], self._history)
        return write({"contextUpdate": {**update, "systemInstruction": instruction}})

    def _heard(self, name: str, members: _Members) -> list[Act]:
        if name == "clientContent":
            self._seeded |= members.get("turnComplete") is True
            return [act for turn in list_of(members.get("turns")) for act in self._heard_turn(turn)]
        if name == "realtimeInput":
            return self._typed(text_of(members.get("text")))
        return []

    def _heard_turn(self, turn: _Members) -> list[Act]:
        words = "\n".join(filter(None, (text_of(part.get("text")) for part in list_of(turn.get("parts")))))
        if turn.get("role") == "model":
            return [PastTold(self._new_id("item"))]
        return self._typed(words) if turn.get("role") in (None, "", "user") else []

    def _typed(self, words: str) -> list[Act]:
        return [UserText(self._new_id("item"), words)] if words.strip() else []

    # -- Towards the client ------------------------------------------------------------------------------

    def greeted(self) -> None:
        pass  # what the client has seen its own side knows

    def shown(self, payload: bytes, acts: Sequence[Act]) -> _Shown:
        for act in acts:
            told = isinstance(act, Ready) and self._client_side.complete
            if told or isinstance(act, Garbled | GoingAway):
                return None, acts  # a provider that goes is the gateway's to leave (B4)
        if self._hidden and any(isinstance(act, UserTranscript | ReplyTranscript) for act in acts):
            return _without(payload, self._hidden), acts
        return payload, acts


# What stands in serverContent, by what asks for it.
_WORDS = {
    "inputTranscription": "inputAudioTranscription",
    "interimInputTranscription": "inputAudioTranscription",
    "outputTranscription": "outputAudioTranscription",
}


def _without(payload: bytes, hidden: frozenset[str]) -> bytes | None:
    """The frame without these; None where nothing else is in it."""
    try:
        message = read_any(payload)
    except UNREADABLE:
        return None
    said = object_of(object_of(message).get("serverContent"))
    left = {name: value for name, value in said.items() if name not in hidden}
    if len(left) == len(said):
        return payload
    if not left and len(message) == 1:
        return None
    message["serverContent"] = left
    return write(message)


def _setup_of(config: str | None) -> _Members:
    """What the client said first, or what was saved of it. Without either it is an empty one."""
    try:
        message = camel_keys(read_any((config or "{}").encode("utf-8", "replace")))
    except UNREADABLE:
        return {}
    return dict(object_of(object_of(message).get("setup")))


def _full_name(model: str) -> str:
    return model if "/" in model else f"models/{model}"


def _told(instruction: Any, history: str) -> _Members:
    """A part of its own at the end, behind a lead-in."""
    parts = list_of(object_of(instruction).get("parts"))
    return {**object_of(instruction), "parts": [*parts, {"text": past.told(history)}]}
