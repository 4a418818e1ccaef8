"""What a call may take of its account's credits, or under its caps, and what happens when that is spent."""

from typing import TYPE_CHECKING

from ..accounts.errors import ErrorCode
from ..dialects.dialect import ToClient
from . import limits
from .alarms import Alarm
from .heard import catch_up, keep_passages
from .phase import UNKNOWN, Phase
from .steps import AskCredits, Note, Steps
from .unread import nothing_passes

if TYPE_CHECKING:
    from .session import Session

_NO_CREDITS = (ErrorCode.EXTERNAL_NO_CREDITS, "The account has no credits left; the call is ended.")


class Credits:
    def __init__(self, session: "Session") -> None:
        self._session = session
        self.spent = _NO_CREDITS  # why a call ends that may take no more
        self._replies_since_asked = 0

    def cap(self, code: ErrorCode, message: str) -> Steps:
        self.spent = (code, message)
        return self.end() if self._session.phase in UNKNOWN else self.out()

    def out(self) -> Steps:
        """A15: the running reply may end, and the client says nothing more that costs."""
        session = self._session
        catch_up(session)  # a reply may have begun in what passed unread
        if not session.client_side.reply_open:
            return self.end()
        session.phase = Phase.FINISHING
        session.passes_from_client = nothing_passes
        session.from_client = session.ignore
        note = Note("credits_spent" if self.spent is _NO_CREDITS else "call_capped")
        return [note, *session.alarms.set(Alarm.FINISH, limits.FINISH_REPLY_S)]

    def end(self) -> Steps:
        return self._session.parting.leave_for(*self.spent)

    def finish_is_due(self) -> Steps:
        return [ToClient(frame) for frame in self._session.client_side.close_replies()] + self.end()

    def time_is_due(self) -> Steps:
        session = self._session
        steps = [*session.taps.time_due(session.here.way.target), *keep_passages(session)]
        if session.taps.spent:
            return steps + self.out()
        return steps + session.alarms.set(Alarm.TIME, limits.TIME_LOOKED_AT_S)

    # -- What is left ---------------------------------------------------------------------------------------

    def count_reply(self) -> Steps:
        self._replies_since_asked += 1
        return self._ask() if self._replies_since_asked >= limits.CREDITS_ASKED_AFTER_REPLIES else []

    def ask_is_due(self) -> Steps:
        return [*keep_passages(self._session), *self._ask()]

    def _ask(self) -> Steps:
        self._replies_since_asked = 0
        return [AskCredits(), *self._session.alarms.set(Alarm.CREDITS, limits.CREDITS_ASKED_AFTER_S)]
