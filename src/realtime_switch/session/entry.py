"""How a client comes in: HEARING what it wants, if its dialect has it speak first, and ASKING who it is."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..accounts.errors import ErrorCode
from ..accounts.records import Grant, Refusal
from ..dialects.dialect import Farewell, FirstWord, Hangup, ToClient
from . import limits
from .alarms import Alarm
from .choice import Choice, Health
from .phase import Phase
from .purse import Purse
from .steps import Answer, Ask, End, Steps
from .taps import Taps
from .way import Choose

if TYPE_CHECKING:
    from .session import Session


class Entry:
    def __init__(
        self,
        session: "Session",
        *,
        choose: Choose,
        model: str,
        health: Health,
        random: Callable[[], float],
        record_id: Callable[[], str],
        first_word: Callable[[bytes], FirstWord | Farewell | Hangup],
    ) -> None:
        self._session = session
        self._choose = choose
        self._model = model
        self._health = health
        self._random = random
        self._record_id = record_id
        self._first_word = first_word

    def begin(self) -> Steps:
        session = self._session
        if not session.client.CLIENT_SPEAKS_FIRST:
            return self._ask("")
        session.from_client = self._hear
        return session.alarms.set(Alarm.FIRST_WORD, limits.CLIENT_FIRST_WORD_S)

    def _hear(self, payload: bytes) -> Answer:
        session = self._session
        word = self._first_word(payload)
        if isinstance(word, Farewell):
            last_words: Steps = [ToClient(frame) for frame in word.frames]
            return session.parting.finish(End(word.close.code, word.close.reason), last_words)
        if isinstance(word, Hangup):
            return session.parting.finish(End(word.code, word.reason))
        self._model = word.model or self._model
        session.approach.first_config = word.config
        return self._ask(word.session_id)

    def word_is_due(self) -> Steps:
        return self._session.parting.leave_for(ErrorCode.EXTERNAL_IDLE, "The client has not said a word.")

    def _ask(self, session_id: str) -> Steps:
        session = self._session
        session.enter(Phase.ASKING, session.approach.wait, session.ignore_provider)
        session.alarms.drop(Alarm.FIRST_WORD)
        session.ways = self._choose(self._model)
        session.route = "" if isinstance(session.ways, Refusal) else session.ways.route
        return [Ask(session_id)]

    def granted(self, grant: Grant, purse: Purse) -> Steps:
        session = self._session
        ways = session.ways
        if isinstance(ways, Refusal):  # only now: what routes there are is not everybody's to know
            return session.refused(ways)
        terms = ways.ways[0].terms
        client_side = session.client_side
        client_side.session_id = grant.session_id
        # From here on; before, there is nobody to keep anything for.
        session.taps = Taps(grant, purse, terms, client_side, self._record_id, session.now_us)
        session.stall.after_s = ways.stall_after_s
        session.choice = Choice(ways.ways, ways.on_drop, self._health, session.now_us, self._random)
        found = session.choice.first()
        session.gate = client_side.gate(found.way.target, terms)
        session.here = session.approach.connection(found.way)
        if session.taps.spent:
            no_credits = ErrorCode.EXTERNAL_NO_CREDITS
            return session.parting.leave_for(no_credits, "The account has no credits left.")
        return session.approach.to(found)
