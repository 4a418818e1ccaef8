"""The Responses model behind the voice: runs, calls, what waits to be told to it, and what it costs
(GPT-LIVE.md 4.4, 7)."""

from collections.abc import Callable
from typing import Any

import msgspec

from realtime_switch.local.billing import text_tokens
from realtime_switch.local.gpt_live.outbox import Outbox
from realtime_switch.local.gpt_live.start import Held, Mistake
from realtime_switch.local.thought import Answer, Call, Called, Returned, Said, Say, Tokens, Turn

_Json = dict[str, Any]

ITEMS_MAX, BYTES_MAX = 128, 32_768


class Backend:
    def __init__(self, held: Held, turns: list[Turn], outbox: Outbox, new_id: Callable[[str], str]) -> None:
        self._held = held
        self._turns = turns
        self._outbox = outbox
        self._new_id = new_id
        self._delegation_id = ""
        self._open: set[str] = set()  # calls without an output
        self._items = 0
        self._bytes = 0
        self._sequence = 0

    def take(self, item: Any) -> None:
        """An input item: a tool's output, or something typed."""
        size = len(msgspec.json.encode(item))
        if self._items >= ITEMS_MAX or self._bytes + size > BYTES_MAX:
            raise Mistake("response_input_buffer_full", "The response input buffer is full.")
        if not isinstance(item, dict):
            raise Mistake("invalid_value", "Invalid type for 'item': expected an object.", "item")
        self._items += 1
        self._bytes += size
        if item.get("type") == "function_call_output":
            call_id = str(item.get("call_id"))
            if call_id not in self._open:
                raise Mistake("invalid_value", f"There is no open call '{call_id}'.", "item.call_id")
            self._open.discard(call_id)
            output = item.get("output")
            text = output if isinstance(output, str) else msgspec.json.encode(output).decode()
            self._turns.append(Returned(call_id, text))
        elif item.get("role") == "user":
            self._turns.append(Said("user", _text_of(item.get("content"))))

    def asked(self) -> None:
        if self._open:
            raise Mistake(
                "function_call_outputs_required",
                "All function call outputs are required before response.create.",
            )
        self._items = self._bytes = 0

    def run(self, answer: Answer, read: int, at_ms: int) -> str:
        """One response. What the voice is to say of it; "" while it waits for its tools."""
        response_id = self._new_id("resp")
        if not self._delegation_id:
            self._delegation_id = self._new_id("item")
            target = {
                "type": "delegation",
                "id": self._delegation_id,
                "target": "responses",
                "response_id": response_id,
            }
            self._outbox.emit("session.delegation.created", offset_ms=at_ms, delegation=target)
        self._tell("response.created", response=self._response(response_id, "in_progress", None))
        for hosted in answer.hosted:
            item = {"type": f"{hosted}_call", "id": self._new_id("ws"), "status": "completed"}
            self._tell("response.output_item.done", output_index=0, item=item)
        written = 0
        text = ""
        for index, step in enumerate(answer.steps):
            if isinstance(step, Call):
                self._call(index, step)
                written += text_tokens(step.name + step.arguments)
            elif isinstance(step, Say):
                self._write(index, step.text)
                written += text_tokens(step.text)
                text = f"{text} {step.text}".strip()
        bill = answer.tokens or Tokens(input_text=read, output_text=written)
        self._tell(
            "response.completed", bill=bill, response=self._response(response_id, "completed", _usage(bill))
        )
        if self._open:
            return ""
        self._delegation_id = ""
        return text

    def _call(self, index: int, call: Call) -> None:
        call_id = self._new_id("call")
        self._open.add(call_id)
        self._turns.append(Called(call.name, call.arguments, call_id))
        item = {"type": "function_call", "id": self._new_id("fc"), "call_id": call_id, "name": call.name}
        self._tell(
            "response.output_item.added",
            output_index=index,
            item={**item, "status": "in_progress", "arguments": ""},
        )
        self._tell(
            "response.function_call_arguments.delta",
            item_id=item["id"],
            output_index=index,
            delta=call.arguments,
        )
        self._tell(
            "response.function_call_arguments.done",
            item_id=item["id"],
            output_index=index,
            name=call.name,
            arguments=call.arguments,
        )
        self._tell(
            "response.output_item.done",
            output_index=index,
            item={**item, "status": "completed", "arguments": call.arguments},
        )

    def _write(self, index: int, text: str) -> None:
        item_id = self._new_id("msg")
        self._tell(
            "response.output_text.delta",
            item_id=item_id,
            output_index=index,
            content_index=0,
            delta=text,
            logprobs=[],
        )
        content = [{"type": "output_text", "text": text, "annotations": []}]
        item = {
            "type": "message",
            "id": item_id,
            "role": "assistant",
            "status": "completed",
            "content": content,
        }
        self._tell("response.output_item.done", output_index=index, item=item)

    def _tell(self, kind: str, bill: Tokens | None = None, **fields: Any) -> None:
        self._sequence += 1
        event = {"type": kind, "sequence_number": self._sequence, **fields}
        self._outbox.emit("response.event", bill=bill, delegation_id=self._delegation_id, event=event)

    def _response(self, response_id: str, status: str, usage: _Json | None) -> _Json:
        """Emptied, as the service sends it (GPT-LIVE.md 7)."""
        return {
            "id": response_id,
            "object": "response",
            "created_at": 1795252810,
            "status": status,
            "model": self._held.backend["model"],
            "output": [],
            "tools": [],
            "instructions": None,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "temperature": None,
            "top_p": None,
            "metadata": {},
            "error": None,
            "incomplete_details": None,
            "usage": usage,
        }


def _usage(bill: Tokens) -> _Json:
    return {
        "input_tokens": bill.input,
        "input_tokens_details": {"cached_tokens": bill.cached_text, "cache_write_tokens": 0},
        "output_tokens": bill.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": bill.input + bill.output,
    }


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))
