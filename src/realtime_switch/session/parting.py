"""How a call ends, by whoever's wish: LEAVING, HANGING_UP and ENDED.

What is known is kept before anything is let go (A19), and the client is told why in its own dialect.
"""

from typing import TYPE_CHECKING

from ..accounts.errors import ErrorCode
from ..dialects.acts import ReplyDone, TranscriptionUsage, Usage
from ..dialects.dialect import ToClient, ToProvider
from . import limits
from .alarms import Alarm
from .heard import catch_up, hear
from .lane import Heard, Hops
from .phase import TALKING, UNKNOWN, Phase
from .steps import PASS, Answer, CloseClient, End, HangUp, Keep, LeaveBeside, Steps

if TYPE_CHECKING:
    from .session import Session

CLIENT_LEFT = End(1000, "")

# A provider that says this at the door will say it again.
HOPELESS = {
    "invalid_model": ErrorCode.EXTERNAL_MODEL_NOT_FOUND,
    "model_not_found": ErrorCode.EXTERNAL_MODEL_NOT_FOUND,
    "missing_model": ErrorCode.EXTERNAL_MODEL_NOT_FOUND,
    "invalid_api_key": ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
    "backend_rejected_setup": ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
    "beta_api_shape_disabled": ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
    "session_not_found": ErrorCode.EXTERNAL_NOT_FOUND,  # by a handle that the client brought: ours are let go
}


class Parting:
    def __init__(self, session: "Session") -> None:
        self._session = session
        self.end = CLIENT_LEFT  # of a call whose provider is still heard
        self.departure: End | None = None  # at the first moment at which nobody would miss a word

    # -- At once --------------------------------------------------------------------------------------------

    def leave_for(self, code: ErrorCode, message: str) -> Steps:
        return self.leave(*self._farewell(code, message))

    def finish_for(self, code: ErrorCode, message: str) -> Steps:
        """Nothing more is heard of the provider."""
        return self.finish(*self._farewell(code, message))

    def end_for_provider(self) -> Steps:
        """It is gone."""
        session = self._session
        code = HOPELESS.get(session.approach.refused_with, ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE)
        if code is ErrorCode.EXTERNAL_MODEL_NOT_FOUND:
            message = f"The provider does not serve the model {session.here.way.target.model!r}."
        elif code is ErrorCode.EXTERNAL_NOT_FOUND:
            message = "The provider knows no session of that handle."
        elif session.stays and session.phase is Phase.LIVE:
            message = "The provider's connection was lost, and its session with it."
        else:
            message = "The provider cannot be reached. Try again in a moment."
        return self.finish_for(code, message)

    def _farewell(self, code: ErrorCode, message: str) -> tuple[End, Steps]:
        farewell = self._session.client_side.farewell(code, message)
        end = End(farewell.close.code, farewell.close.reason, code)
        return end, [ToClient(frame) for frame in farewell.frames]

    # -- At a moment that suits -----------------------------------------------------------------------------

    def part(self, end: End, left_ms: int) -> Steps:
        session = self._session
        if not session.approach.live_since_us:
            return self.leave(end)
        self.departure = end
        told: Steps = [ToClient(frame) for frame in session.client_side.going_away(left_ms)]
        return told + self.may_part()

    def may_part(self) -> Steps:
        """When all has been quiet for a moment: between a user's last word and its answer's first there are
        pauses in which nothing is known to be under way."""
        session = self._session
        if self.departure is None:
            return []
        catch_up(session)  # a reply may have begun in what passed unread
        speaks = not session.client_side.answered_unasked and session.unheard.holds_speech
        quiet = session.floor.quiet_us >= limits.QUIET_S * 1e6
        if session.is_free and quiet and not speaks:
            return self.leave(self.departure)
        return session.alarms.set(Alarm.PART, limits.QUIET_S / 4)

    def part_after(self, hops: Hops) -> Steps:
        """Right behind an answer and its bill, for who asks again at once is never quiet."""
        acts = [type(hop.act) for hop in hops if isinstance(hop, Heard)]
        assert self.departure is not None
        over = ReplyDone in acts and Usage in acts and self._session.is_free
        return self.leave(self.departure) if over else []

    # -- To the end -----------------------------------------------------------------------------------------

    def leave(self, end: End, last_words: Steps | None = None, within_s: float = limits.LEAVE_S) -> Steps:
        """The call is over, but for what its provider has to say of its cost: one that bills by time says it
        at the end, one that bills by replies with each of them."""
        session = self._session
        if session.phase not in TALKING:
            return self.finish(end, last_words)
        catch_up(session)
        lane, alarms = session.here.lane, session.alarms
        self.end = end
        alarms.clear()
        steps = list(last_words or [])
        if last_word := lane.last_word:
            session.enter(Phase.LEAVING, session.ignore, self._hear_out)
            return [*steps, ToProvider(last_word), *alarms.set(Alarm.LEAVE, within_s)]
        steps = [*session.taps.flush(session.here.way.target), *steps, CloseClient(end)]
        if session.moving.beside is not None:
            session.moving.beside = None
            steps.append(LeaveBeside())
        if not session.floor.replying:
            return steps + self._hang_up()
        session.enter(Phase.LEAVING, session.ignore, self._hear_bills)
        if stop_reply := lane.stop_reply:
            return [*steps, ToProvider(stop_reply), *alarms.set(Alarm.LEAVE, limits.HANG_UP_S)]
        return steps + alarms.set(Alarm.LEAVE, within_s)

    def _hang_up(self) -> Steps:
        """RFC 6455 1.4: what the provider has sent before it answers our close arrives before that answer."""
        session = self._session
        session.enter(Phase.HANGING_UP, session.ignore, self._hear_bills)
        return [HangUp(), *session.alarms.set(Alarm.LEAVE, limits.HANG_UP_S)]

    def _hear_out(self, generation: int, payload: bytes) -> Answer:
        """A provider that was told that the call is over."""
        session = self._session
        if generation != session.generation:
            return []
        hops = session.here.lane.from_provider(payload)
        steps = [ToClient(payload)] if hops is PASS else hear(session, hops)
        return [step for step in steps if session.client_listens or not isinstance(step, ToClient)]

    def _hear_bills(self, generation: int, payload: bytes) -> Answer:
        """A provider that bills by replies: what it says of them still counts, and nothing else does."""
        session = self._session
        hops = session.here.lane.from_provider(payload) if generation == session.generation else []
        acts = [] if hops is PASS else [hop.act for hop in hops if isinstance(hop, Heard)]
        bills = [act for act in acts if isinstance(act, Usage | TranscriptionUsage)]
        target = session.here.way.target
        steps: Steps = []
        for bill in bills:
            steps += [step for step in session.taps.hear(bill, target) if isinstance(step, Keep)]
        if session.phase is Phase.LEAVING and any(type(act) is ReplyDone for act in acts):
            steps += self._hang_up()
        return steps

    def leave_is_due(self) -> Steps:
        return self.finish(self.end)

    def finish(self, end: End, last_words: Steps | None = None) -> Steps:
        """A19: what is known is kept before anything is let go."""
        session = self._session
        kept: Steps = []
        if session.phase not in UNKNOWN:
            catch_up(session)
            kept = session.taps.flush(session.here.way.target)
        session.enter(Phase.ENDED, session.ignore, session.ignore_provider)
        session.generation = next(session.generations)
        session.moving.beside = None
        session.approach.forget_waiting()
        session.alarms.clear()
        return [*kept, *(last_words or []), end]
