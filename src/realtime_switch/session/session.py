"""The rules of one call: when to dial, what a provider hears first, what is kept, and how it ends.

Pure: it is told what happened and answers with the steps to take (steps.py).
Frames meet the lane and nothing else; what the lane hears, the session hears.

    HEARING --first word--> ASKING --granted--> DIALLING --opened--> GREETING --first word--> LIVE
                              |                 ^  ^                     |                     |
                              +--> BRIEFING ----+  +------- lost, while attempts remain ------+
    LIVE --credits spent in mid-reply--> FINISHING --reply over--> ENDED
    any phase --client left, refused, credits spent, attempts spent, ended by the gateway--> ENDED

A client is heard first where its dialect has it speak first; then it says which model it wants. Where
a provider of another dialect wants to be told at once how the call is to be held, it is dialled once the
client has said so.

`from_client` and `from_provider` are the methods of the present phase; a change
of phase puts others in their place. Whatever an old connection still says is
known by its generation and ignored. Nothing leads out of ENDED.

`passes_from_client` and `passes_from_provider` are their short cut for nearly
every frame: True says PASS and that nothing else is to be done. False says
nothing; the frame then takes the other way, which answers in full.
"""

import enum
from collections.abc import Callable
from itertools import count
from typing import Any

from ..accounts.errors import ErrorCode
from ..accounts.records import Grant, Refusal
from ..dialects.acts import (
    Act,
    Garbled,
    Ready,
    StartOver,
    Trouble,
    Usage,
)
from ..dialects.dialect import ClientSide, Dialect, Hangup, Manner, ToClient, ToProvider
from ..dialects.terms import Terms
from . import limits
from .alarms import Alarm, Alarms
from .lane import Heard, Hops, Relay, relay
from .purse import Purse
from .steps import PASS, Answer, Ask, AskCredits, Dial, End, Note, Steps
from .taps import Taps
from .translation import Translation
from .unread import Passes, nothing_passes
from .way import Choose, Way

CLIENT_LEFT = End(1000, "")


class Phase(enum.Enum):
    HEARING = "hearing"  # the client is to say the first word
    ASKING = "asking"  # the business process is asked who this is
    BRIEFING = "briefing"  # the client is to say how the call is to be held, before a provider is dialled
    DIALLING = "dialling"  # a provider connection is being opened
    GREETING = "greeting"  # it is open; the provider has not said a word yet
    LIVE = "live"
    FINISHING = "finishing"  # out of credits; the running reply may end
    ENDED = "ended"


# A provider that says this at the door will say it again.
_HOPELESS = {
    "invalid_model": ErrorCode.EXTERNAL_MODEL_NOT_FOUND,
    "model_not_found": ErrorCode.EXTERNAL_MODEL_NOT_FOUND,
    "missing_model": ErrorCode.EXTERNAL_MODEL_NOT_FOUND,
    "invalid_api_key": ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
    "beta_api_shape_disabled": ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
}


class Session:
    """One client connection, from its first frame to its last.

    `run_id` is new for each client connection, so that a client that comes back
    under its session id makes records with new ids. `random` gives 0 to 1.
    """

    def __init__(
        self,
        *,
        run_id: str,
        client: Dialect,
        client_side: ClientSide,
        choose: Choose,
        model: str,
        now_us: Callable[[], int],
        random: Callable[[], float],
        new_id: Callable[[str], str],
    ) -> None:
        """`model`: as the client named it at the door, "" if it did not."""
        self.phase = Phase.HEARING
        self.generation = 0  # of the newest provider connection; 0 before the first
        self.passes_from_client: Passes = nothing_passes
        self.passes_from_provider: Passes = nothing_passes  # of the newest generation
        self.from_client: Callable[[bytes], Answer] = self._wait
        self.from_provider: Callable[[int, bytes], Answer] = self._ignore_provider
        self._client = client
        self._client_side = client_side
        self._choose = choose
        self._model = model
        self._now_us = now_us
        self._random = random
        self._new_id = new_id
        self._record_id = _numbered(run_id)
        self._alarms = Alarms(now_us)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._config: str | None = None  # as the client said it first
        self._attempts = 0
        self._live_since_us = 0
        self._refused_with = ""  # what the provider said instead of a greeting
        self._replies_since_asked = 0

    # -- The way in -----------------------------------------------------------------------------------------

    def begin(self) -> Steps:
        """The client's socket is open."""
        if not self._client.CLIENT_SPEAKS_FIRST:
            return self._ask("")
        self.from_client = self._hear_first
        return self._alarms.set(Alarm.FIRST_WORD, limits.CLIENT_FIRST_WORD_S)

    def _hear_first(self, payload: bytes) -> Answer:
        word = self._client_side.first_word(payload)
        if isinstance(word, Hangup):
            return self._finish(End(word.code, word.reason))
        self._model = word.model or self._model
        self._config = word.config
        return self._ask(word.session_id)

    def _ask(self, session_id: str) -> Steps:
        self.phase = Phase.ASKING
        self.from_client = self._wait
        self._alarms.drop(Alarm.FIRST_WORD)
        self._way = self._choose(self._model)
        return [Ask(session_id)]

    def granted(self, grant: Grant, purse: Purse) -> Steps:
        """`purse` is shared with the other calls of the account."""
        if self.phase is Phase.ENDED:  # the client left while the question was on its way
            return []
        self._expect(Phase.ASKING)
        way = self._way
        if isinstance(way, Refusal):  # only now: what routes there are is not everybody's to know
            return self.refused(way)
        # From here on; before, there is nobody to keep anything for.
        self._taps = Taps(grant, purse, way.terms, self._client_side, self._record_id, self._now_us)
        self._go_by(way)
        if self._taps.spent:
            return self._end(ErrorCode.EXTERNAL_NO_CREDITS, "The account has no credits left.")
        return self._prepare(grant.config)

    def refused(self, refusal: Refusal) -> Steps:
        return self.end(refusal.code, refusal.message)

    def _go_by(self, way: Way) -> None:
        self._target, self._terms, self._provider = way.target, way.terms, way.dialect
        self._gate = self._client_side.gate(way.target, way.terms)
        self._lane = self._new_lane()

    def _prepare(self, saved: str | None) -> Steps:
        """Until the provider may be dialled."""
        if self._client.CLIENT_SPEAKS_FIRST:
            return self._dial(0.0, self._lane)
        if isinstance(self._lane, Relay):
            return self._dial(0.0, self._lane)
        if saved is not None:
            self._client_side.restore(saved)
        greeting: Steps = [ToClient(frame) for frame in self._client_side.greet(self._target.model)]
        if self._lane.manner is not Manner.ANSWERS:
            return greeting + self._dial(0.0, self._lane)
        self.phase = Phase.BRIEFING
        self.from_client = self._hear_word
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for payload in waiting:
            answer = self.from_client(payload)
            greeting += [] if answer is PASS else answer
        return greeting

    def _hear_word(self, payload: bytes) -> Answer:
        assert isinstance(self._lane, Translation)
        hops, asked = self._lane.first_word(payload)
        steps = self._hear(hops)
        return steps + self._dial(0.0, self._lane) if asked and self.phase is Phase.BRIEFING else steps

    def provider_opened(self, generation: int) -> Steps:
        if generation != self.generation or self.phase is not Phase.DIALLING:
            return []
        if self._lane.manner is Manner.LISTENS:
            return self._go_live(self._opening())
        self.phase = Phase.GREETING
        self.from_provider = self._greet
        opening = self._opening() if self._lane.manner is Manner.ANSWERS else []
        return opening + self._alarms.set(Alarm.GREETING, limits.PROVIDER_GREETING_S)

    # -- The way out ----------------------------------------------------------------------------------------

    def provider_closed(self, generation: int, code: int, reason: str) -> Steps:
        """The provider hung up, and said so."""
        if generation != self.generation or self.phase not in _CONNECTED:
            return []
        steps: Steps = []
        for hop in self._lane.closed(code, reason):
            if isinstance(hop, Heard) and isinstance(hop.act, Trouble):
                self._refused_with = self._refused_with or hop.act.code
                steps.append(Note("provider_closed", hop.act.code))
        return steps + self.provider_lost(generation)

    def provider_lost(self, generation: int, hopeless: bool = False) -> Steps:
        """The dial failed, or the connection ended, for whatever reason. `hopeless`: the provider turned us
        down in a way that trying again will not change (a wrong key of ours)."""
        if generation != self.generation or self.phase not in (Phase.DIALLING, *_CONNECTED):
            return []
        self._catch_up()
        closing: Steps = [ToClient(p) for p in self._client_side.close_replies()]
        self._taps.cut_off()
        if self.phase is Phase.FINISHING:
            return closing + self._end_for_credits()
        if self._live_long_enough():
            self._attempts = 0
        delays = self._terms.redial_after_s
        if hopeless or self._refused_with in _HOPELESS or self._attempts >= len(delays):
            return closing + self._end_for_provider()
        after_s = delays[self._attempts] * (0.5 + self._random())
        self._attempts += 1
        return [*closing, Note("redial", f"attempt {self._attempts}"), *self._dial(after_s)]

    def client_left(self) -> Steps:
        if self.phase is Phase.ENDED:
            return []
        return self._finish(CLIENT_LEFT)

    def end(self, code: ErrorCode, message: str) -> Steps:
        """The gateway ends the call: idle, too slow, taken over, stopping."""
        return [] if self.phase is Phase.ENDED else self._end(code, message)

    # -- Credits and time -----------------------------------------------------------------------------------

    def purse_changed(self) -> Steps:
        """By the ledger's word, or by another call of the account."""
        if self.phase in (*_UNKNOWN, Phase.FINISHING, Phase.ENDED) or not self._taps.spent:
            return []
        return self._out_of_credits()

    def woke(self) -> Steps:
        if self.phase not in _UNKNOWN:
            self._catch_up()
        steps: Steps = []
        for alarm in self._alarms.due():
            if alarm is Alarm.FIRST_WORD and self.phase is Phase.HEARING:
                steps += self._end(ErrorCode.EXTERNAL_IDLE, "The client has not said a word.")
            elif alarm is Alarm.GREETING and self.phase is Phase.GREETING:
                steps += [Note("provider_silent"), *self.provider_lost(self.generation)]
            elif alarm is Alarm.FINISH and self.phase is Phase.FINISHING:
                steps += [ToClient(p) for p in self._client_side.close_replies()] + self._end_for_credits()
            elif alarm is Alarm.WORDS:
                steps += self._keep_passages()
            elif alarm is Alarm.CREDITS and self.phase is Phase.LIVE:
                steps += [*self._keep_passages(), *self._ask_credits()]
            elif alarm is Alarm.PROVIDER and isinstance(self._lane, Translation):
                steps += self._hear(self._lane.woke())
        return steps if self.phase is Phase.ENDED else steps + self._alarms.wake()

    # -- Frames, by phase -----------------------------------------------------------------------------------

    def _wait(self, payload: bytes) -> Answer:
        """A17: the provider is not ready, so what the client says is put by."""
        self._waiting_bytes += len(payload)
        terms = self._way.terms if isinstance(self._way, Way) else Terms()
        too_many = len(self._waiting) >= terms.waiting_messages_max
        if too_many or self._waiting_bytes > terms.waiting_bytes_max:
            return self._end(
                ErrorCode.EXTERNAL_BUFFER_OVERFLOW,
                "Too much was sent before the provider was ready. Wait for session.created before streaming.",
            )
        self._waiting.append(payload)
        return []

    def _ignore(self, payload: bytes) -> Answer:
        return []

    def _ignore_provider(self, generation: int, payload: bytes) -> Answer:
        return []

    def _greet(self, generation: int, payload: bytes) -> Answer:
        """The first word of a provider. An error instead speaks of our key and our request, so the client
        is not shown it; the close that follows it (OPENAI-REALTIME.md 2.4) decides what happens."""
        if generation != self.generation:
            return []
        hops = self._lane.from_provider(payload)
        if hops is PASS:
            return [ToClient(payload), *self._go_live(self._late_opening())]
        acts = [hop.act for hop in hops if isinstance(hop, Heard)]
        for act in acts:
            if isinstance(act, Trouble | Garbled):
                self._refused_with = act.code if isinstance(act, Trouble) else "garbled"
                return [Note("provider_refused", self._refused_with)]
        if self._lane.manner is Manner.ANSWERS and not any(isinstance(act, Ready) for act in acts):
            return self._hear(hops)
        return [*self._hear(hops), *self._go_live(self._late_opening())]

    def _carry_provider(self, generation: int, payload: bytes) -> Answer:
        if generation != self.generation:
            return []
        hops = self._lane.from_provider(payload)
        return PASS if hops is PASS else self._hear(hops)

    def _carry_client(self, payload: bytes) -> Answer:
        hops = self._lane.from_client(payload)
        return PASS if hops is PASS else self._hear(hops)

    # -- What is heard --------------------------------------------------------------------------------------

    def _hear(self, hops: Hops) -> Steps:
        steps: Steps = []
        for hop in hops:
            if isinstance(hop, Heard):
                act = hop.act
                self._client_side.follow(act)
                steps += self._taps.hear(act, self._target)
                if (react := _REACTIONS.get(type(act))) is not None:
                    steps += react(self, act)
            elif isinstance(hop, Hangup):
                return steps + self._finish(End(hop.code, hop.reason))
            else:
                steps.append(hop)
        if isinstance(self._lane, Translation):
            steps += self._alarms.set_at(Alarm.PROVIDER, self._lane.due_us)
        if self._taps.unsettled:
            # First, because the frame that ends a turn tells the client that it is over: then it is on disk.
            steps = [*self._keep_passages(), *steps]
        # Only now: the frame that spends the last credit still reaches the client.
        if self.phase is Phase.FINISHING and not self._client_side.reply_open:
            steps += self._end_for_credits()
        elif self.phase is Phase.LIVE and self._taps.spent:
            steps += self._out_of_credits()
        return steps

    def _catch_up(self) -> None:
        """Hear the words that the lane let pass unread."""
        for hop in self._lane.catch_up():
            if isinstance(hop, Heard):
                self._client_side.follow(hop.act)
                self._taps.hear(hop.act, self._target)

    def _greeted(self, act: Ready) -> Steps:
        self._lane.greeted()
        return []

    def _start_over(self, act: StartOver) -> Steps:
        """Another connection to the same provider, which is told anew how the call is to be held."""
        self._taps.cut_off()
        return [*map(ToClient, self._client_side.close_replies()), Note("start_over"), *self._dial(0.0)]

    def _troubled(self, act: Trouble) -> Steps:
        return [Note("provider_error", act.code)]

    def _puzzled(self, act: Garbled) -> Steps:
        return [Note("provider_error", "garbled")]

    def _count_reply(self, act: Usage) -> Steps:
        self._replies_since_asked += 1
        asks = self._replies_since_asked >= limits.CREDITS_ASKED_AFTER_REPLIES
        return self._ask_credits() if asks else []

    def _keep_passages(self) -> Steps:
        return self._taps.due() + self._alarms.set_at(Alarm.WORDS, self._taps.due_us())

    # -- Changes of phase -----------------------------------------------------------------------------------

    def _new_lane(self) -> Relay | Translation:
        provider_side = self._provider.provider_side(self._target, self._terms, self._new_id, self._now_us)
        if self._provider.NAME == self._client.NAME:
            return relay(self._provider, self._gate, provider_side, self._client_side)
        return Translation(self._client_side, provider_side)

    def _dial(self, after_s: float, lane: Relay | Translation | None = None) -> Steps:
        """`lane`: one that was begun already."""
        self._lane = lane or self._new_lane()
        self.phase = Phase.DIALLING
        self.generation += 1
        self._nothing_passes()
        self.from_client = self._wait
        self.from_provider = self._ignore_provider
        self._refused_with = ""
        return [Dial(self.generation, after_s, self._target)]

    def _opening(self) -> Steps:
        return self._hear(self._lane.opening(self._config or self._taps.config, self._taps.history()))

    def _late_opening(self) -> Steps:
        return self._opening() if self._lane.manner is Manner.GREETS else []

    def _go_live(self, opening: Steps) -> Steps:
        """A10, A17: first what makes the provider know the call, then what waited, in order. No frame can
        come between, because all of it is one answer."""
        self.phase = Phase.LIVE
        self._live_since_us = self._now_us()
        self._alarms.drop(Alarm.GREETING)
        self.from_client = self._carry_client
        self.from_provider = self._carry_provider
        self.passes_from_client = self._lane.passes_from_client
        self.passes_from_provider = self._lane.passes_from_provider
        steps = opening
        if isinstance(self._lane, Translation):
            steps += self._hear(self._lane.ready())
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for payload in waiting:
            answer = self.from_client(payload)
            steps += [ToProvider(payload)] if answer is PASS else answer
        return steps + self._alarms.set(Alarm.CREDITS, limits.CREDITS_ASKED_AFTER_S)

    def _out_of_credits(self) -> Steps:
        """A15: the running reply may end, and the client says nothing more that costs."""
        self._catch_up()  # a reply may have begun in what passed unread
        if not self._client_side.reply_open:
            return self._end_for_credits()
        self.phase = Phase.FINISHING
        self.passes_from_client = nothing_passes
        self.from_client = self._ignore
        return [Note("credits_spent"), *self._alarms.set(Alarm.FINISH, limits.FINISH_REPLY_S)]

    def _end_for_credits(self) -> Steps:
        return self._end(ErrorCode.EXTERNAL_NO_CREDITS, "The account has no credits left; the call is ended.")

    def _end_for_provider(self) -> Steps:
        code = _HOPELESS.get(self._refused_with, ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE)
        if code is ErrorCode.EXTERNAL_MODEL_NOT_FOUND:
            return self._end(code, f"The provider does not serve the model {self._target.model!r}.")
        return self._end(code, "The provider cannot be reached. Try again in a moment.")

    def _end(self, code: ErrorCode, message: str) -> Steps:
        farewell = self._client_side.farewell(code, message)
        end = End(farewell.close.code, farewell.close.reason, code)
        return self._finish(end, [ToClient(frame) for frame in farewell.frames])

    def ending(self, code: ErrorCode) -> End:
        close = self._client_side.farewell(code, "").close
        return End(close.code, close.reason, code)

    def _finish(self, end: End, last_words: Steps | None = None) -> Steps:
        """A19: what is known is kept before anything is let go."""
        kept: Steps = []
        if self.phase not in _UNKNOWN:
            self._catch_up()
            kept = self._taps.flush()
        self.phase = Phase.ENDED
        self.generation += 1
        self._nothing_passes()
        self.from_client = self._ignore
        self.from_provider = self._ignore_provider
        self._waiting, self._waiting_bytes = [], 0
        self._alarms.clear()
        return [*kept, *(last_words or []), end]

    def _nothing_passes(self) -> None:
        self.passes_from_client = self.passes_from_provider = nothing_passes

    # -- Small things ---------------------------------------------------------------------------------------

    def _live_long_enough(self) -> bool:
        live_us = self._now_us() - self._live_since_us
        return self.phase is Phase.LIVE and live_us >= limits.REDIAL_FORGIVEN_AFTER_S * 1e6

    def _ask_credits(self) -> Steps:
        self._replies_since_asked = 0
        return [AskCredits(), *self._alarms.set(Alarm.CREDITS, limits.CREDITS_ASKED_AFTER_S)]

    def _expect(self, *phases: Phase) -> None:
        assert self.phase in phases, f"{self.phase} is none of {phases}"


_UNKNOWN = (Phase.HEARING, Phase.ASKING)
_CONNECTED = (Phase.GREETING, Phase.LIVE, Phase.FINISHING)

# Each is given the acts that it is filed under.
_REACTIONS: dict[type[Act], Callable[[Session, Any], Steps]] = {
    Usage: Session._count_reply,
    StartOver: Session._start_over,
    Ready: Session._greeted,
    Trouble: Session._troubled,
    Garbled: Session._puzzled,
}


def _numbered(run_id: str) -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{run_id}-{next(numbers)}"
