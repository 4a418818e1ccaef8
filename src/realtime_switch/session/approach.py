"""How a call gets to a provider: BRIEFING, DIALLING, GREETING, and then it is LIVE.

What the client says meanwhile waits. Whoever is reached is told first how the call is to be held and what was
said before, then what nobody has taken in yet, then what waited.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..accounts.errors import ErrorCode
from ..accounts.records import Refusal, SwitchCause
from ..dialects.acts import Garbled, Ready, Trouble
from ..dialects.dialect import Manner, ToClient, ToProvider
from ..dialects.terms import Terms
from . import limits
from .alarms import Alarm
from .choice import Next
from .connection import Connection
from .heard import hear
from .lane import Heard, Hops, Relay, relay
from .phase import Phase
from .steps import PASS, Answer, Dial, End, Note, Steps
from .translation import Translation
from .way import Way

if TYPE_CHECKING:
    from .session import Session


class Approach:
    def __init__(self, session: "Session", new_id: Callable[[str], str]) -> None:
        self._session = session
        self._new_id = new_id
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.first_config: str | None = None  # where the client speaks first, what it said
        self._briefed = session.client.CLIENT_SPEAKS_FIRST  # the client has said how the call is to be held
        self.greeted = session.client.CLIENT_SPEAKS_FIRST  # nobody need greet the client any more
        self.refused_with = ""  # what the provider said instead of a greeting
        self.handle = ("", "")  # the way's name, and what its provider remembers the call by
        self.owes_reply = False  # the provider that is gone does, so the next one will
        self.live_since_us = 0

    def to(self, found: Next) -> Steps:
        """Once the client has said as much as that provider must know at once."""
        session = self._session
        was_relayed = isinstance(session.here.lane, Relay)
        here = session.here = self.connection(found.way)
        if isinstance(here.lane, Relay):
            session.gate.turn_to(found.way.target, found.way.terms)
            return self._dial(found)
        saved = session.taps.config
        fresh = was_relayed or not self._briefed  # the client's side has not heard how the call is held
        if saved is not None and not session.client.CLIENT_SPEAKS_FIRST and fresh:
            session.client_side.restore(saved)
        steps: Steps = []
        if not self.greeted:
            self.greeted = True
            session.gate.greeted()
            steps += map(ToClient, session.client_side.greet(found.way.target.model))
        if self._briefed or here.lane.manner is not Manner.ANSWERS:
            return steps + self._dial(found)
        session.enter(Phase.BRIEFING, self._hear_word, session.ignore_provider)
        return steps + self._play_waiting()

    def connection(self, way: Way) -> Connection:
        session = self._session
        side = way.dialect.provider_side(way.target, way.terms, self._new_id, session.now_us)
        relayed = way.dialect.NAME == session.client.NAME and not way.translated
        lane = (
            relay(way.dialect, session.gate, side, session.client_side)
            if relayed
            else Translation(session.client_side, side, way.dialect.only_idle_from_provider)
        )
        lane.tell_of_audio(session.answered)
        return Connection(way, lane, 0)

    # -- Until it listens -----------------------------------------------------------------------------------

    def _hear_word(self, payload: bytes) -> Answer:
        session = self._session
        lane = session.here.lane
        assert isinstance(lane, Translation)
        session.unheard.said(session.client.weight(payload), payload)
        hops, self._briefed = lane.first_word(payload)
        steps = hear(session, hops)
        if not self._briefed or session.phase is not Phase.BRIEFING:
            return steps
        return steps + self._dial(Next(session.here.way, 0.0, others=False))

    def _dial(self, found: Next) -> Steps:
        session = self._session
        session.enter(Phase.DIALLING, self.wait, session.ignore_provider)
        session.here.generation = session.generation = next(session.generations)
        session.moving.leaving = False
        self.refused_with = ""
        within_s = limits.PROVIDER_HANDSHAKE_IMPATIENT_S if found.others else limits.PROVIDER_HANDSHAKE_S
        return [Dial(session.generation, found.after_s, found.way.target, within_s)]

    def opened(self) -> Steps:
        session = self._session
        manner = session.here.lane.manner
        if manner is Manner.LISTENS:
            return self.go_live(self.opening())
        session.enter(Phase.GREETING, self.wait, self._greet)
        opening = self.opening() if manner is Manner.ANSWERS else []
        return opening + session.alarms.set(Alarm.GREETING, limits.PROVIDER_GREETING_S)

    def _greet(self, generation: int, payload: bytes) -> Answer:
        """The first word of a provider. An error instead speaks of our key and our request, so the client
        is not shown it; the close that follows it (OPENAI-REALTIME.md 2.4) decides what happens."""
        session = self._session
        if generation != session.generation:
            return []
        lane = session.here.lane
        hops = lane.from_provider(payload)
        if hops is PASS:
            return [ToClient(payload), *self.go_live(self._late_opening())]
        acts = [hop.act for hop in hops if isinstance(hop, Heard)]
        for act in acts:
            if isinstance(act, Trouble) and act.for_client:
                shown: Steps = [hop for hop in hops if isinstance(hop, ToClient)]
                return session.parting.finish(End(1008, act.code), shown)
            if isinstance(act, Trouble | Garbled):
                self.refused_with = act.code if isinstance(act, Trouble) else "garbled"
                return [Note("provider_refused", self.refused_with)]
        steps = hear(session, hops)
        if lane.manner is Manner.ANSWERS and not any(isinstance(act, Ready) for act in acts):
            return steps
        return steps if session.phase is Phase.ENDED else [*steps, *self.go_live(self._late_opening())]

    def greeting_is_due(self) -> Steps:
        return [Note("provider_silent"), *self._session.moving.move(SwitchCause.REFUSED)]

    # -- What it is told ------------------------------------------------------------------------------------

    def say_opening(self, connection: Connection) -> Hops:
        taps = self._session.taps
        connection.history = taps.history()
        name, handle = self.handle
        handle = handle if name == connection.way.name else ""
        connection.told = "" if handle else connection.history
        return connection.lane.opening(self.first_config or taps.config, connection.history, handle)

    def opening(self) -> Steps:
        return hear(self._session, self.say_opening(self._session.here))

    def _late_opening(self) -> Steps:
        return self.opening() if self._session.here.lane.manner is Manner.GREETS else []

    def go_live(self, opening: Steps) -> Steps:
        """A10, A17: first what makes the provider know the call, then what nobody has taken in yet and what
        waited, in order. No frame can come between, because all of it is one answer."""
        session, alarms = self._session, self._session.alarms
        way, lane = session.here.way, session.here.lane
        session.live.begin()
        self._briefed = True  # whoever comes next is told what this one was
        self.live_since_us = session.now_us()
        if self.handle[0] != way.name:
            self.handle = ("", "")  # what is said here its provider would not know
        alarms.drop(Alarm.GREETING)
        session.choice.worked()
        session.on_live()
        steps = [*opening, *session.moving.arrived(way)]
        if isinstance(lane, Translation) and lane.briefed:
            session.unheard.configured()
            steps += hear(session, lane.ready())
        else:
            steps += self._tell_again()
        steps += self._play_waiting()
        if not session.stays:
            session.stall.begin()
            steps += alarms.set_at(Alarm.STALL, session.stall.look_at_us)
        life_s = session.here.life_s(self.live_since_us)
        steps += alarms.set(Alarm.ROLL, max(life_s - limits.ROLL_BEFORE_S, life_s * 0.8))
        if lane.last_word:
            steps += alarms.set(Alarm.TIME, limits.TIME_LOOKED_AT_S)
        return steps + alarms.set(Alarm.CREDITS, limits.CREDITS_ASKED_AFTER_S)

    def _tell_again(self) -> Steps:
        """To a provider that was not there: tool calls that it has not made, what the client said, and that a
        reply is owed."""
        session, unheard, floor = self._session, self._session.unheard, self._session.floor
        owed, self.owes_reply = self.owes_reply, False
        asked = unheard.asks or (unheard.holds_turn and session.client_side.answered_unasked)
        answered = floor.answered_calls if unheard.answers else {}  # and the answer is told again
        calls = [*answered.values(), *floor.open_calls.values()]
        session.client_side.hears_again(calls)
        steps = hear(session, session.here.lane.told_before(calls))
        for payload in unheard.take():
            steps += self._say(payload)
        return steps if asked or not owed else steps + self._say(session.client_side.ask_again())

    # -- What waits -----------------------------------------------------------------------------------------

    def wait(self, payload: bytes) -> Answer:
        """A17: the provider is not ready, so what the client says is put by."""
        session = self._session
        self._waiting_bytes += len(payload)
        terms = Terms() if isinstance(session.ways, Refusal) else session.ways.ways[0].terms
        too_many = len(self._waiting) >= terms.waiting_messages_max
        if too_many or self._waiting_bytes > terms.waiting_bytes_max:
            return session.parting.leave_for(
                ErrorCode.EXTERNAL_BUFFER_OVERFLOW,
                "Too much was sent before the provider was ready. Wait for session.created before streaming.",
            )
        self._waiting.append(payload)
        return []

    def forget_waiting(self) -> None:
        self._waiting, self._waiting_bytes = [], 0

    def _play_waiting(self) -> Steps:
        waiting = self._waiting
        self.forget_waiting()
        return [step for payload in waiting for step in self._say(payload)]

    def _say(self, payload: bytes) -> Steps:
        session = self._session
        if (passed := session.passes_from_client(payload)) is not False:
            return [ToProvider(payload if passed is True else passed)]
        answer = session.from_client(payload)
        return [ToProvider(payload)] if answer is PASS else answer
