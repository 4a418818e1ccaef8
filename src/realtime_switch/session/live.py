"""How the frames of a LIVE call are carried. What passes is not seen here."""

from typing import TYPE_CHECKING

from ..dialects.dialect import ToClient, ToProvider, Weight
from .heard import catch_up, hear
from .lane import Relay, TimedRelay
from .phase import Phase
from .steps import PASS, Answer
from .translation import Translation
from .unheard import Keeps

if TYPE_CHECKING:
    from .session import Session


class Live:
    def __init__(self, session: "Session") -> None:
        self._session = session
        self._client = session.client
        self._floor = session.floor
        self._unheard = session.unheard

    def begin(self) -> None:
        session = self._session
        lane = session.here.lane
        from_client = self._carry_client if isinstance(lane, Relay) else self._translate_client
        if isinstance(lane, TimedRelay):
            lane.counted.begin(session.taps.second_bytes)
            from_client = self._carry_timed_client
        session.enter(Phase.LIVE, from_client, self._carry_provider)
        self.let_pass()

    def let_pass(self) -> None:
        session, lane = self._session, self._session.here.lane
        timed = isinstance(lane, TimedRelay)  # and what is said there is never told again
        audio = lane.passes_from_client
        session.passes_from_client = audio if timed else Keeps(audio, self._unheard)
        session.passes_from_provider = lane.passes_from_provider

    def _carry_provider(self, generation: int, payload: bytes) -> Answer:
        session = self._session
        if generation != session.generation:
            beside = session.beside(generation)
            return [] if beside is None else session.moving.hear(beside, payload)
        hops = session.here.lane.from_provider(payload)
        if hops is PASS:
            return PASS
        if len(hops) == 1 and isinstance(hop := hops[0], ToClient):
            return [hop]  # nothing is heard of it
        return hear(session, hops)

    def _translate_client(self, payload: bytes) -> Answer:
        session = self._session
        lane = session.here.lane
        assert isinstance(lane, Translation)
        hops = lane.audio_from_client(payload)
        if hops is None:
            return self._carry_client(payload)
        self._unheard.audio(payload)
        if len(hops) == 1 and isinstance(hop := hops[0], ToProvider):
            return [hop]
        return hear(session, hops)

    def _carry_timed_client(self, payload: bytes) -> Answer:
        session = self._session
        counted = session.here.lane.counted  # type: ignore[union-attr]
        if counted(payload):
            return PASS
        if not counted.fill(payload):
            return self._carry_client(payload)
        catch_up(session)
        # First, as a bill: what the provider has got of a session, to a second, is on disk.
        return [*session.taps.draft_time(session.here.way.target), ToProvider(payload)]

    def _carry_client(self, payload: bytes) -> Answer:
        session = self._session
        weight = self._client.weight(payload)
        if weight is Weight.AUDIO:
            session.unproven_from_client += 1
        elif weight is Weight.MOMENT:
            catch_up(session)  # it may be about what was heard so far
        elif weight in (Weight.ASK, Weight.TURN, Weight.HANDOVER):
            self._floor.asked()
        elif weight is Weight.COMMIT:
            self._floor.committed()
        self._unheard.said(weight, payload)
        hops = session.here.lane.from_client(payload)
        return PASS if hops is PASS else hear(session, hops)
