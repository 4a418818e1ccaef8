"""From one provider to another: after a loss, by somebody's wish, or before the one of now hangs up.

A provider that is to be left while it still works is left at the end of a turn, for a connection that was
made ready beside it (docs/decisions/0015). Where the call goes is choice.py's to say.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..accounts.records import Refusal, SwitchCause
from ..dialects.acts import Garbled, Ready, Trouble
from ..dialects.dialect import Manner, ToClient, ToProvider
from . import limits
from .alarms import Alarm
from .choice import Health, Next
from .connection import Connection
from .heard import catch_up, settle
from .lane import Heard, Relay
from .phase import Phase
from .seam import Seam
from .steps import DialBeside, GoOver, Keep, LeaveBeside, Note, Steps, ToBeside
from .way import Way

if TYPE_CHECKING:
    from .session import Session


class Moving:
    def __init__(self, session: "Session", health: Health) -> None:
        self._session = session
        self._health = health
        self.beside: Connection | None = None
        self.leaving = False  # at the end of the turn, for a new connection that goes on by the handle
        self._rolling: Seam  # of the change that is being made ready
        self._seam: Seam | None = None  # of the one that is under way
        self._ends_by = SwitchCause.SESSION_CAP  # why the provider of now hangs up by itself
        self._failed: Way | None = None  # that was to take its place last
        self._slow_in_a_row = 0
        self._moves_by_latency = 0

    # -- The provider of now cannot be counted on any more --------------------------------------------------

    def move(self, cause: SwitchCause, hopeless: bool = False) -> Steps:
        session = self._session
        catch_up(session)
        closing = [*settle(session), *map(ToClient, session.client_side.close_replies())]
        if session.phase is Phase.FINISHING:
            return closing + session.parting.finish_for(*session.credits.spent)
        self._cut_off()
        was_live = session.phase is Phase.LIVE
        choice = session.choice
        lived_us = session.now_us() - session.approach.live_since_us
        if was_live and lived_us >= limits.REDIAL_FORGIVEN_AFTER_S * 1e6:
            choice.settled()
        if self._seam is None and (was_live or cause is not SwitchCause.REFUSED):
            self._seam = Seam(source=session.here.way.target, cause=cause, since_us=session.now_us())
        if self.beside is not None and self.beside.ready:
            self._health.failed(session.here.way.name)
            self._hand_on_request()
            return closing + self._go_over(self.beside)
        lost = session.here.way.name
        found = choice.failed(hopeless=hopeless, was_live=was_live)
        if found is None or (was_live and session.stays):
            return closing + self.arrived(None) + session.parting.end_for_provider()
        if self.is_under_way and found.way is self._bound_for:
            self._hand_on_request()
        forgone = self._forgo(f"{lost} was lost meanwhile; the call goes on with {found.way.name}.")
        note = Note("redial", f"attempt {choice.attempts}")
        return [*closing, *forgone, note, *session.approach.to(found)]

    def start_over(self) -> Steps:
        """Another connection to the same provider, which is told anew how the call is to be held."""
        session = self._session
        self._cut_off()
        closing: Steps = [ToClient(frame) for frame in session.client_side.close_replies()]
        way = session.here.way
        closing += self._forgo(f"The call begins anew with {way.name}. Ask again.")
        self._seam = Seam(source=way.target, cause=SwitchCause.START_OVER, since_us=session.now_us())
        goodbye = self._goodbye()
        return [*closing, *goodbye, Note("start_over"), *session.approach.to(Next(way, 0.0, others=False))]

    def _goodbye(self) -> Steps:
        """To a provider that is left while it works, and nobody waits for its answer. What it bills by time
        ends there, and not when it misses us."""
        last_word = self._session.here.lane.last_word
        return [ToProvider(last_word)] if last_word else []

    def _cut_off(self) -> None:
        self._session.taps.cut_off()
        self._session.approach.owes_reply |= self._session.floor.lost()

    def may_have_stalled(self) -> Steps:
        session = self._session
        how = self._look_at_provider()
        if how is not None:
            catch_up(session)
            how = self._look_at_provider()
        if how is None:
            return session.alarms.set_at(Alarm.STALL, session.stall.look_at_us) + self.go_over_if_free()
        session.stall.left(how)
        return [Note("provider_stalled", how), *self.move(SwitchCause.STALLED)]

    def _look_at_provider(self) -> str | None:
        return self._session.stall.look(self._session.client_side.answered_unasked)

    # -- It is to be left while it works --------------------------------------------------------------------

    def switch(self, name: str, request_id: str | None = None) -> Steps | str:
        session = self._session
        if self.is_under_way:
            return f"The call is on its way to {self._bound_for.name} already."
        choice = session.choice
        way = choice.named(name) if name else choice.other()
        if way is None and name:
            return f"The call's route has no target {name[:80]!r}. It has: {', '.join(choice.names)}."
        if way is None:
            return "The call's route has no other target that works at the moment."
        return self._roll(way, SwitchCause.REQUESTED, request_id)

    def latency(self, latency_ms: int) -> Steps:
        session = self._session
        assert not isinstance(session.ways, Refusal)
        bound_ms = session.ways.switch_above_latency_ms
        if bound_ms is None:
            return []
        self._slow_in_a_row = self._slow_in_a_row + 1 if latency_ms > bound_ms else 0
        # Twice as many each time, else a call whose ways are all slow would go from one to the next for ever.
        if self._slow_in_a_row < session.ways.switch_after << self._moves_by_latency or self.is_under_way:
            return []
        self._slow_in_a_row = 0
        way = session.choice.other()
        return [] if way is None else self._roll(way, SwitchCause.LATENCY)

    def leave_for_the_same(self, cause: SwitchCause) -> Steps:
        """It hangs up soon by itself."""
        session = self._session
        if session.phase is not Phase.LIVE or session.stays:
            return []
        self._ends_by = cause
        if self.is_under_way:
            return session.alarms.set(Alarm.ROLL, limits.ROLL_AGAIN_S)
        here = session.here.way
        other = session.choice.other() if self._failed is here else None
        return self._roll(other or here, cause)

    def roll_is_due(self) -> Steps:
        return self.leave_for_the_same(self._ends_by)

    @property
    def is_under_way(self) -> bool:
        return self.leaving or self.beside is not None

    @property
    def _bound_for(self) -> Way:
        return self.beside.way if self.beside is not None else self._session.here.way

    def _roll(self, way: Way, cause: SwitchCause, request_id: str | None = None) -> Steps:
        """A connection is made ready beside the present one; the call goes over at the end of a turn."""
        session = self._session
        self._rolling = Seam(
            source=session.here.way.target, cause=cause, since_us=session.now_us(), request_id=request_id
        )
        note = Note("switching", f"{cause} to {way.name}")
        if way is session.here.way and session.approach.handle[0] == way.name:
            self.leaving = True
            return [note, *self.go_over_if_free()]
        self.beside = beside = session.approach.connection(way)
        beside.generation = next(session.generations)
        return [note, DialBeside(beside.generation, way.target)]

    # -- The connection beside ------------------------------------------------------------------------------

    def opened(self, beside: Connection) -> Steps:
        manner, session = beside.lane.manner, self._session
        if manner is Manner.LISTENS:
            beside.ready = True
            return self.go_over_if_free()
        waits = session.alarms.set(Alarm.BESIDE, limits.PROVIDER_GREETING_S)
        if manner is Manner.GREETS:
            return waits
        here = session.here.way
        session.gate.turn_to(beside.way.target, beside.way.terms)
        hops = session.approach.say_opening(beside)
        session.gate.turn_to(here.target, here.terms)
        return [*(ToBeside(hop.payload) for hop in hops if isinstance(hop, ToProvider)), *waits]

    def word_is_due(self) -> Steps:
        """The one beside has said nothing."""
        beside = self.beside
        return self.lost(beside) if beside is not None and not beside.ready else []

    def hear(self, beside: Connection, payload: bytes) -> Steps:
        """Nothing of it is for the client; it is to be ready, and that is all."""
        hops = beside.lane.beside(payload)
        acts = [hop.act for hop in hops if isinstance(hop, Heard)]
        if any(isinstance(act, Trouble | Garbled) for act in acts):
            return self.lost(beside)
        for act in acts:
            if isinstance(act, Ready):
                beside.ready, beside.expires_us = True, act.expires_us
                beside.audio_bytes_per_ms = act.audio_bytes_per_ms
        answers: Steps = [ToBeside(hop.payload) for hop in hops if isinstance(hop, ToProvider)]
        return answers + self.go_over_if_free()

    def lost(self, beside: Connection) -> Steps:
        """The present one goes on; if it is to hang up, there is time for another try."""
        session = self._session
        self._failed = beside.way
        self._health.failed(beside.way.name)
        steps = self._forgo(
            f"{beside.way.name} cannot be reached; the call stays with {session.here.way.name}."
        )
        if self._rolling.cause in (SwitchCause.SESSION_CAP, SwitchCause.GOING_AWAY):
            steps += session.alarms.set(Alarm.ROLL, limits.ROLL_AGAIN_S)
        return steps

    def _forgo(self, why: str) -> Steps:
        """The change that was being made ready, if one was. Who asked for it in the call is told why."""
        if not self.is_under_way:
            return []
        note = Note("switch_failed", self._bound_for.name)
        steps: Steps = [LeaveBeside(), note] if self.beside is not None else [note]
        self.beside, self.leaving = None, False
        self._session.alarms.drop(Alarm.BESIDE)
        request_id = self._rolling.request_id
        if request_id is not None:
            steps += map(ToClient, self._session.client_side.refuse_switch(why, request_id))
        return steps

    def _hand_on_request(self) -> None:
        """The call goes where somebody wanted it, though for another reason: he is told when it is there."""
        assert self._seam is not None
        self._seam = replace(self._seam, request_id=self._rolling.request_id)
        self._rolling = replace(self._rolling, request_id=None)

    # -- Over -----------------------------------------------------------------------------------------------

    def go_over_if_free(self) -> Steps:
        session = self._session
        if not session.is_free:
            return []
        if self.leaving:
            self._begin_seam()
            # What a provider remembers by a handle it gives to one connection at a time, so the old one goes
            # first (GEMINI-LIVE.md 9).
            return session.approach.to(Next(session.here.way, 0.0, others=False))
        beside = self.beside
        if beside is None or not beside.ready:
            return []
        if beside.history is not None and beside.history != session.taps.history():
            # It was told of the past before the last turn was over.
            cause, request_id = self._rolling.cause, self._rolling.request_id
            self.beside = None
            return [LeaveBeside(), *self._roll(beside.way, cause, request_id)]
        self._begin_seam()
        return self._go_over(beside)

    def _begin_seam(self) -> None:
        catch_up(self._session)
        self._session.unheard.forget_audio()
        self._seam = replace(self._rolling, since_us=self._session.now_us())

    def _go_over(self, beside: Connection) -> Steps:
        session = self._session
        goodbye = self._goodbye()
        self.beside, session.here, session.generation = None, beside, beside.generation
        session.choice.moved(beside.way)
        if isinstance(beside.lane, Relay):
            session.gate.turn_to(beside.way.target, beside.way.terms)
        opening = session.approach.opening() if beside.history is None else []
        time = session.taps.time_begins(beside.audio_bytes_per_ms, beside.way.target)
        return [*goodbye, GoOver(beside.generation), *time, *session.approach.go_live(opening)]

    def arrived(self, way: Way | None) -> Steps:
        """The change is put down. None: there was nowhere to go."""
        seam, self._seam = self._seam, None
        self._ends_by, self._failed, self._slow_in_a_row = SwitchCause.SESSION_CAP, None, 0
        if seam is None:
            return []
        session = self._session
        self._moves_by_latency += seam.cause is SwitchCause.LATENCY
        record = session.taps.switched(seam, way, session.choice.attempts, session.here.told)
        to = way.name if way is not None else "nowhere"
        note = Note("switched", f"{seam.cause} to {to} after {record.silent_us // 1000} ms")
        told: list[bytes] = []
        if way is not None and (way.terms.tell_switches or seam.request_id is not None):
            told = session.client_side.switched(way.target.provider, way.target.model, seam.request_id or "")
        return [Keep(record), note, *map(ToClient, told)]
