"""The tool calls of an OpenAI-like provider, and what answers them: a reply is asked for once all calls of a
group are answered (TRANSLATION.md 9)."""

from ..acts import Refused, ToolCall
from ..dialect import ProviderSaid
from ..wishes import AnswerTool, AskReply, SayCall
from . import requests_out as out
from .config_out import NOT_SUPPORTED
from .replies_out import Replies

_IN_PIECES = "toolResponse.functionResponses[].willContinue"  # nobody but Gemini's clients gives them so


class Calls:
    def __init__(self, replies: Replies, strict: bool) -> None:
        self._replies = replies
        self._strict = strict
        self._waiting: dict[str, str] = {}  # for their answers -> their reply
        self._known: set[str] = set()  # those that this connection has heard of
        self._reply_due = False  # an answer of this group wants to be spoken of
        self._urgent = False

    def called(self, act: ToolCall) -> None:
        self._waiting[act.call_id] = act.reply_id
        self._known.add(act.call_id)

    def said(self, wish: SayCall) -> bytes:
        self._known.add(wish.call_id)
        if wish.awaited:
            self._waiting[wish.call_id] = ""
        return out.called(wish)

    def answered(self, wish: AnswerTool) -> ProviderSaid:
        if wish.more:  # a call has one answer here
            return [Refused(_IN_PIECES, NOT_SUPPORTED, wish.request_id)] if self._strict else []
        item: ProviderSaid = [out.answered(wish)]
        if self._waiting.pop(wish.call_id, None) is None:
            if wish.call_id in self._known:
                return item  # of the past
            # Of a connection before this one, which has not heard of the call and would refuse the answer.
            self._known.add(wish.call_id)
            call = SayCall(item_id="", call_id=wish.call_id, name=wish.name, arguments="{}")
            item = [out.called(call), *item]
        self._reply_due |= wish.scheduling != "silent"
        self._urgent |= wish.scheduling == "interrupt"
        if self._waiting or not self._reply_due:
            return item
        cut = self._replies.cut_short() if self._urgent else []
        self._reply_due = self._urgent = False
        return [*item, *cut, *self._replies.ask(AskReply())]

    def any_of(self, reply_id: str) -> bool:
        return reply_id in self._waiting.values()

    def drop(self, reply_id: str) -> None:
        """It was not completed: then its calls are not shown to the client."""
        self._waiting = {call: reply for call, reply in self._waiting.items() if reply != reply_id}
