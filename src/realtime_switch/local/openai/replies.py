"""The replies that are being made: at most one of the conversation, and any number beside it (OPENAI-
REALTIME.md 6.1).
"""

from collections.abc import Callable

from realtime_switch.local.billing import Line, input_tokens
from realtime_switch.local.openai.billing import kept, line, preamble
from realtime_switch.local.openai.hearing import Hearing
from realtime_switch.local.openai.items import Item, Items, Json
from realtime_switch.local.openai.outbox import Outbox
from realtime_switch.local.openai.reply import Reply
from realtime_switch.local.openai.session import Terms
from realtime_switch.local.thought import Answer, Think, Thought, Tokens, Trouble

TOKENS_PER_MINUTE = 40_000
_TOO_LONG = Trouble(
    "invalid_request_error",
    "context_length_exceeded",
    "The conversation is longer than the context of the model, and truncation is disabled.",
)


class Replies:
    def __init__(
        self,
        items: Items,
        hearing: Hearing,
        outbox: Outbox,
        *,
        think: Think,
        now_us: Callable[[], int],
        interval_us: int,
        on_done: Callable[[Reply], None],
    ) -> None:
        self._items = items
        self._hearing = hearing
        self._outbox = outbox
        self._think = think
        self._now_us = now_us
        self._interval_us = interval_us
        self._on_done = on_done
        self._conversation_id = outbox.new_id("conv")
        self._running: dict[str, Reply] = {}
        # Those that wait for speech to be understood, each with all it is to answer.
        self._waiting: dict[str, list[Item]] = {}
        self._lines_before: list[Line] = []

    @property
    def active(self) -> Reply | None:
        return next((reply for reply in self._running.values() if reply.terms.in_conversation), None)

    @property
    def dues_us(self) -> list[int]:
        return [reply.due_us for reply in self._running.values() if reply.due_us is not None]

    def get(self, reply_id: str) -> Reply | None:
        return self._running.get(reply_id)

    def start(self, terms: Terms, context: list[Item]) -> None:
        before = preamble(terms)
        fitting = kept(context, before, terms.truncation)
        lines = [before, *map(line, fitting or [])]
        read = input_tokens(lines, self._lines_before)
        if terms.in_conversation:
            self._lines_before = lines
        reply = Reply(
            terms,
            self._items,
            self._outbox,
            read,
            conversation_id=self._conversation_id,
            interval_us=self._interval_us,
            now_us=self._now_us,
            on_done=self._done,
        )
        self._running[reply.id] = reply
        reply.begin()
        if fitting is None:
            reply.answer(Answer((), trouble=_TOO_LONG))
            return
        self._waiting[reply.id] = fitting
        self.understood()

    def understood(self) -> None:
        """Whatever has everything it waited for is answered now."""
        for reply_id, context in list(self._waiting.items()):
            if self._hearing.missing(context):
                continue
            del self._waiting[reply_id]
            reply = self._running[reply_id]
            turns = tuple(turn for item in context for turn in item.turns())
            terms = reply.terms
            reply.answer(
                self._think(Thought(terms.instructions, turns, terms.callable_tools(), terms.must_call))
            )

    def tick(self) -> None:
        for reply in list(self._running.values()):
            reply.tick()

    def _done(self, reply: Reply, bill: Tokens) -> None:
        del self._running[reply.id]
        self._waiting.pop(reply.id, None)
        spent = bill.input + bill.output
        limit: Json = {
            "name": "tokens",
            "limit": TOKENS_PER_MINUTE,
            "remaining": max(TOKENS_PER_MINUTE - spent, 0),
            "reset_seconds": round(spent * 60 / TOKENS_PER_MINUTE, 3),
        }
        self._outbox.emit("rate_limits.updated", rate_limits=[limit])
        self._on_done(reply)
