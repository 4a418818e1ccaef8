"""What a client's tools answer, on its way to Gemini: told when the model is asked to go on, or when it waits
for nothing else."""

from ..acts import ItemTaken, Refused, ToolAnswered
from ..dialect import NowUs, ProviderSaid
from ..wishes import AnswerTool
from . import frames
from .asking import TOO_MUCH, Queue
from .calls import Calls

# Answers to calls go on without being asked for after so long: the model waits for them in silence.
ANSWERS_HELD_US = 3_000_000


class Answers:
    def __init__(self, calls: Calls, queue: Queue, now_us: NowUs) -> None:
        self._calls = calls
        self._queue = queue
        self._now_us = now_us
        self.due_us: int | None = None  # no call is open any more

    def add(self, wish: AnswerTool) -> ProviderSaid:
        """One whose call was taken back is accepted and goes nowhere: there is no other way to say so."""
        if wish.more:
            return []
        call = self._calls.get(wish.call_id)
        if call is None:
            told = self._queue.answer_past(wish)
            if told is None:
                why = f"Tool call ID '{wish.call_id}' not found in conversation."
                return [Refused("item.call_id", why, wish.request_id, "invalid_tool_call_id")]
        elif call.state == "cancelled":
            told = True
        elif call.state == "answered":
            why = f"Tool call ID '{wish.call_id}' is answered already."
            return [Refused("item.call_id", why, wish.request_id, "invalid_tool_call_id")]
        elif told := self._queue.answer(call, wish):
            call.state = "answered"
            if not self._calls.any_open:
                self.due_us = self._now_us() + ANSWERS_HELD_US
        if not told:
            return [Refused("item", TOO_MUCH, wish.request_id)]
        return [ToolAnswered(wish.call_id, wish.output), ItemTaken(wish.item_id)]

    def take(self) -> list[bytes]:
        """All that wait, as one message."""
        self.due_us = None
        answers = self._queue.take_answers()
        return [frames.tool_response(answers)] if answers else []

    def woke(self) -> list[bytes]:
        return [] if self.due_us is None or self._now_us() < self.due_us else self.take()
