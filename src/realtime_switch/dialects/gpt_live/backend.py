"""Another provider's tools as the backend of a GPT-Live session: their calls are told as work handed to a
backend, or to the application, and are answered as such (TRANSLATION-GPT-LIVE.md 3)."""

from typing import Any

import msgspec

from ..acts import ToolCall
from ..dialect import ClientSaid, NewId
from ..members import object_of
from ..members import text_of as member
from ..wishes import AnswerTool, AskReply, Say, Tool
from . import frames
from .frames import UNSUPPORTED, Mistake
from .history import words_of

_Members = dict[str, Any]

# What a model calls where the session hands its work to the application.
DELEGATE = Tool(
    name="delegate_to_application",
    description="Hand a task to the application that you work for, and speak of its outcome when it answers. "
    "Use it whenever you need to know or to do something that you cannot by yourself.",
    parameters={
        "type": "object",
        "properties": {"request": {"type": "string", "description": "What is wanted, in a sentence."}},
        "required": ["request"],
    },
)


class Backend:
    def __init__(self, new_id: NewId, to_application: bool, model: str) -> None:
        self._new_id = new_id
        self._to_application = to_application
        self._model = model  # of the backend, as the client named it
        self._delegation_id = ""
        self._response_id = ""  # of the run that goes on
        self._sequence = 0
        self._open: dict[str, ToolCall] = {}  # that wait for an output
        self._outputs: list[AnswerTool] = []  # that wait for response.create
        self.applications: dict[str, str] = {}  # delegations to the application -> the call behind it

    # -- What the client is told -------------------------------------------------------------------------

    def called(self, call: ToolCall, at_ms: int) -> list[bytes]:
        if call.name == DELEGATE.name:
            delegation_id = self._new_id("item")
            self.applications[delegation_id] = call.call_id
            target = {"type": "delegation", "id": delegation_id, "target": "client"}
            return [self._event("session.delegation.created", offset_ms=at_ms, delegation=target)]
        begun = [] if self._response_id else self._begin(at_ms)
        self._open[call.call_id] = call
        item = {
            "type": "function_call",
            "id": call.item_id or self._new_id("fc"),
            "call_id": call.call_id,
            "name": call.name,
        }
        added = {**item, "status": "in_progress", "arguments": ""}
        done = {**item, "status": "completed", "arguments": call.arguments}
        arguments = {"item_id": item["id"], "name": call.name, "arguments": call.arguments}
        return [
            *begun,
            self._tell("response.output_item.added", output_index=0, item=added),
            self._tell("response.function_call_arguments.done", output_index=0, **arguments),
            self._tell("response.output_item.done", output_index=0, item=done),
        ]

    def _begin(self, at_ms: int) -> list[bytes]:
        self._response_id = self._new_id("resp")
        told = []
        if not self._delegation_id:
            self._delegation_id = self._new_id("item")
            target = {
                "type": "delegation",
                "id": self._delegation_id,
                "target": "responses",
                "response_id": self._response_id,
            }
            told.append(self._event("session.delegation.created", offset_ms=at_ms, delegation=target))
        return [*told, self._tell("response.created", response=self._response("in_progress"))]

    def over(self, status: str = "completed") -> list[bytes]:
        """All calls of the run are told. What it cost is the provider's to bill, and not in these tokens."""
        if not self._response_id:
            return []
        told = self._tell(f"response.{status}", response=self._response(status))
        self._response_id = ""
        return [told]

    def cancelled(self, call_ids: tuple[str, ...]) -> list[bytes]:
        known = [call_id for call_id in call_ids if self._open.pop(call_id, None) is not None]
        if known and not self._response_id:
            self._response_id = self._new_id("resp")
        return self.over("failed") if known else []

    # -- What the client says ----------------------------------------------------------------------------

    def item(self, message: _Members) -> ClientSaid:
        self._only_with_a_model()
        item = object_of(message.get("item"))
        if item.get("type") == "function_call_output":
            call_id = member(item.get("call_id"))
            if not self._answered(call_id, _text(item.get("output"))):
                raise Mistake("invalid_value", f"There is no open call '{call_id[:80]}'.", "item.call_id")
            return []
        text = words_of(item)
        if item.get("type", "message") != "message" or not text:
            raise Mistake(UNSUPPORTED, "Only texts and outputs can be told to this backend.", "item")
        return [Say(item_id=self._new_id("item"), role="user", text=text)]

    def _answered(self, call_id: str, output: str) -> bool:
        """False: there is no such call. What was cancelled meanwhile is not told."""
        call = self._open.get(call_id)
        if call is None or any(one.call_id == call_id for one in self._outputs):
            return False
        answer = AnswerTool(item_id=self._new_id("item"), call_id=call_id, output=output, name=call.name)
        self._outputs.append(answer)
        return True

    def respond(self, message: _Members) -> ClientSaid:
        self._only_with_a_model()
        if self._open.keys() != {one.call_id for one in self._outputs}:
            told = "All function call outputs are required before response.create."
            raise Mistake("function_call_outputs_required", told)
        outputs, self._outputs = self._outputs, []
        self._open.clear()
        self._delegation_id = ""
        return [*outputs] or [AskReply()]

    def _only_with_a_model(self) -> None:
        if self._to_application:
            raise Mistake("invalid_value", "The session does not delegate to a Responses model.", "type")

    # -- Writing -----------------------------------------------------------------------------------------

    def _tell(self, kind: str, **members: Any) -> bytes:
        self._sequence += 1
        event = {"type": kind, "sequence_number": self._sequence, **members}
        return self._event("response.event", delegation_id=self._delegation_id, event=event)

    def _event(self, kind: str, **members: Any) -> bytes:
        return frames.write(kind, event_id=self._new_id("event"), **members)

    def _response(self, status: str) -> dict[str, Any]:
        return {
            "id": self._response_id,
            "object": "response",
            "status": status,
            "model": self._model,
            "output": [],
            "tools": [],
            "usage": None,
        }


def _text(output: Any) -> str:
    return output if isinstance(output, str) else msgspec.json.encode(output).decode()
