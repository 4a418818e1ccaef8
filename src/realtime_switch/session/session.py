"""The rules of one call: when to dial, what a provider hears first, what is kept, and how it ends.

Pure: it is told what happened and answers with the steps to take (steps.py).
Frames meet the lane and nothing else; what the lane hears, the session hears.

    HEARING --first word--> ASKING --granted--> DIALLING --opened--> GREETING --first word--> LIVE
                              |                 ^  ^                     |                     |
                              +--> BRIEFING ----+  +---- lost, while there is somewhere to go --+
    LIVE --credits spent in mid-reply--> FINISHING --reply over--> ENDED
    LIVE --over, and the cost of something is still to be told--> LEAVING --told--> HANGING_UP
    LIVE --over--> HANGING_UP --the provider has hung up as well--> ENDED
    any phase --client left, refused, credits spent, nowhere left to go, ended by the gateway--> ENDED

A client is heard first where its dialect has it speak first; then it says which model it wants. Where
a provider of another dialect wants to be told at once how the call is to be held, it is dialled once the
client has said so.

Where the call goes is choice.py's to say. A provider that is to be left while it still works is left at the
end of a turn, for a connection that was made ready beside it.

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

import msgspec

from ..accounts.errors import ErrorCode
from ..accounts.records import Grant, Refusal, SwitchCause
from ..dialects.acts import (
    Act,
    Garbled,
    GoingAway,
    Handle,
    Ready,
    ReplyAudio,
    ReplyDone,
    SessionOver,
    StartOver,
    TranscriptionUsage,
    Trouble,
    Usage,
)
from ..dialects.dialect import (
    AskSwitch,
    ClientSide,
    Dialect,
    Farewell,
    FirstWord,
    Hangup,
    Manner,
    ToClient,
    ToProvider,
    Weight,
)
from ..dialects.loudness import is_loud
from ..dialects.terms import Target, Terms
from . import limits
from .alarms import Alarm, Alarms
from .choice import Choice, Health, Next
from .connection import Connection
from .floor import Floor
from .lane import Heard, Hops, Relay, TimedRelay, relay
from .purse import Purse
from .seam import Seam
from .stall import Stall
from .steps import (
    PASS,
    Answer,
    Ask,
    AskCredits,
    CloseClient,
    Dial,
    DialBeside,
    End,
    GoOver,
    HangUp,
    Keep,
    LeaveBeside,
    Note,
    Steps,
    ToBeside,
)
from .taps import Taps
from .translation import Translation
from .unheard import Keeps, Unheard
from .unread import Passes, nothing_passes
from .way import Choose, Way

CLIENT_LEFT = End(1000, "")
NO_CREDITS = (ErrorCode.EXTERNAL_NO_CREDITS, "The account has no credits left; the call is ended.")


class Phase(enum.Enum):
    HEARING = "hearing"  # the client is to say the first word
    ASKING = "asking"  # the business process is asked who this is
    BRIEFING = "briefing"  # the client is to say how the call is to be held, before a provider is dialled
    DIALLING = "dialling"  # a provider connection is being opened
    GREETING = "greeting"  # it is open; the provider has not said a word yet
    LIVE = "live"
    FINISHING = "finishing"  # out of credits; the running reply may end
    LEAVING = "leaving"  # the call is over; the provider is heard to the end, for what it was
    HANGING_UP = "hanging up"  # the provider is told goodbye; what it sent before it heard that is on its way
    ENDED = "ended"


# An Enum's member is found by Python code (CPython 3.11), so those that every read frame meets have a name.
_LIVE, _FINISHING, _ENDED = Phase.LIVE, Phase.FINISHING, Phase.ENDED
_WORDS = Alarm.WORDS

# A provider that says this at the door will say it again.
_HOPELESS = {
    "invalid_model": ErrorCode.EXTERNAL_MODEL_NOT_FOUND,
    "model_not_found": ErrorCode.EXTERNAL_MODEL_NOT_FOUND,
    "missing_model": ErrorCode.EXTERNAL_MODEL_NOT_FOUND,
    "invalid_api_key": ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
    "backend_rejected_setup": ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
    "beta_api_shape_disabled": ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE,
    "session_not_found": ErrorCode.EXTERNAL_NOT_FOUND,  # by a handle that the client brought: ours are let go
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
        health: Health,
        now_us: Callable[[], int],
        random: Callable[[], float],
        new_id: Callable[[str], str],
        first_word: Callable[[bytes], FirstWord | Farewell | Hangup] | None = None,
    ) -> None:
        """`model`: as the client named it at the door, "" if it did not. `first_word`: how a client that
        speaks first is heard, where a token narrows what it may say."""
        self.phase = Phase.HEARING
        self.route = ""  # its name, once it is known
        self.on_live: Callable[[], None] = _to_nobody  # a provider listens
        self.on_answer: Callable[[int], None] = _to_nobody  # so many microseconds after it was due
        self.unproven_from_client = 0  # frames of audio that had to be read
        self.unproven_from_provider = 0
        self.generation = 0  # of the present provider connection; 0 before the first
        self.passes_from_client: Passes = nothing_passes
        self.passes_from_provider: Passes = nothing_passes  # of the present generation
        self.from_client: Callable[[bytes], Answer] = self._wait
        self.from_provider: Callable[[int, bytes], Answer] = self._ignore_provider
        self._client = client
        self._client_side = client_side
        self._first_word = first_word
        self._choose = choose
        self._model = model
        self._health = health
        self._now_us = now_us
        self._random = random
        self._new_id = new_id
        self._record_id = _numbered(run_id)
        self._generations = count(1)
        self._alarms = Alarms(now_us)
        self._floor = Floor(now_us)
        self._unheard = Unheard(self._is_loud)
        self._stall = Stall(self._floor, self._unheard, now_us)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._first_config: str | None = None  # where the client speaks first, what it said
        self._briefed = client.CLIENT_SPEAKS_FIRST  # the client has said how the call is to be held
        self._greeted = client.CLIENT_SPEAKS_FIRST  # nobody need greet the client any more
        self._stays = not client.OUTLIVES_PROVIDER
        self._client_listens = True
        self._parting = CLIENT_LEFT  # how a call ends whose provider is still heard
        self._beside: Connection | None = None
        self._seam: Seam | None = None
        self._owes_reply = False  # the provider that is gone does, so the next one will
        self._handle = ("", "")  # the way's name, and what its provider remembers the call by
        self._departure: End | None = None  # at the first moment at which nobody would miss a word
        self._spent = NO_CREDITS  # why a call ends that may take no more
        self._leaving = False  # at the end of the turn, for a new connection that goes on by the handle
        self._slow_in_a_row = 0
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
        word = (self._first_word or self._client_side.first_word)(payload)
        if isinstance(word, Farewell):
            return self._finish(End(word.close.code, word.close.reason), list(map(ToClient, word.frames)))
        if isinstance(word, Hangup):
            return self._finish(End(word.code, word.reason))
        self._model = word.model or self._model
        self._first_config = word.config
        return self._ask(word.session_id)

    def _ask(self, session_id: str) -> Steps:
        self.phase = Phase.ASKING
        self.from_client = self._wait
        self._alarms.drop(Alarm.FIRST_WORD)
        self._ways = self._choose(self._model)
        self.route = "" if isinstance(self._ways, Refusal) else self._ways.route
        return [Ask(session_id)]

    def granted(self, grant: Grant, purse: Purse) -> Steps:
        """`purse` is shared with the other calls of the account."""
        if self.phase is Phase.ENDED:  # the client left while the question was on its way
            return []
        self._expect(Phase.ASKING)
        ways = self._ways
        if isinstance(ways, Refusal):  # only now: what routes there are is not everybody's to know
            return self.refused(ways)
        terms = ways.ways[0].terms
        self._client_side.session_id = grant.session_id
        # From here on; before, there is nobody to keep anything for.
        self._taps = Taps(grant, purse, terms, self._client_side, self._record_id, self._now_us)
        self._stall.after_s = ways.stall_after_s
        self._choice = Choice(ways.ways, ways.on_drop, self._health, self._now_us, self._random)
        found = self._choice.first()
        self._gate = self._client_side.gate(found.way.target, terms)
        self._here = self._connection(found.way)
        if self._taps.spent:
            return self._end(ErrorCode.EXTERNAL_NO_CREDITS, "The account has no credits left.")
        return self._approach(found)

    def refused(self, refusal: Refusal) -> Steps:
        return self.end(refusal.code, refusal.message)

    def _approach(self, found: Next) -> Steps:
        """To a provider, once the client has said as much as that one must know at once."""
        was_relayed = isinstance(self._here.lane, Relay)
        here = self._here = self._connection(found.way)
        if isinstance(here.lane, Relay):
            self._gate.turn_to(found.way.target, found.way.terms)
            return self._dial(found)
        saved = self._taps.config
        fresh = was_relayed or not self._briefed  # the client's side has not heard how the call is held
        if saved is not None and not self._client.CLIENT_SPEAKS_FIRST and fresh:
            self._client_side.restore(saved)
        steps: Steps = []
        if not self._greeted:
            self._greeted = True
            self._gate.greeted()
            steps += map(ToClient, self._client_side.greet(found.way.target.model))
        if self._briefed or here.lane.manner is not Manner.ANSWERS:
            return steps + self._dial(found)
        self.phase = Phase.BRIEFING
        self.from_client = self._hear_word
        self.from_provider = self._ignore_provider
        self._nothing_passes()
        return steps + self._play_waiting()

    def _hear_word(self, payload: bytes) -> Answer:
        lane = self._here.lane
        assert isinstance(lane, Translation)
        self._unheard.said(self._client.weight(payload), payload)
        hops, self._briefed = lane.first_word(payload)
        steps = self._hear(hops)
        if not self._briefed or self.phase is not Phase.BRIEFING:
            return steps
        return steps + self._dial(Next(self._here.way, 0.0, others=False))

    def provider_opened(self, generation: int) -> Steps:
        if self._beside is not None and generation == self._beside.generation:
            return self._open_beside(self._beside)
        if generation != self.generation or self.phase is not Phase.DIALLING:
            return []
        manner = self._here.lane.manner
        if manner is Manner.LISTENS:
            return self._go_live(self._opening())
        self.phase = Phase.GREETING
        self.from_provider = self._greet
        opening = self._opening() if manner is Manner.ANSWERS else []
        return opening + self._alarms.set(Alarm.GREETING, limits.PROVIDER_GREETING_S)

    # -- The way out ----------------------------------------------------------------------------------------

    def provider_closed(self, generation: int, code: int, reason: str) -> Steps:
        """The provider hung up, and said so."""
        if generation != self.generation or self.phase not in _CONNECTED:
            return self.provider_lost(generation)
        steps: Steps = []
        for hop in self._here.lane.closed(code, reason):
            if isinstance(hop, Heard) and isinstance(hop.act, Trouble):
                self._refused_with = self._refused_with or hop.act.code
                steps.append(Note("provider_closed", hop.act.code))
        return steps + self.provider_lost(generation)

    def provider_lost(self, generation: int, hopeless: bool = False) -> Steps:
        """The dial failed, or the connection ended, for whatever reason. `hopeless`: the provider turned us
        down in a way that trying again will not change (a wrong key of ours)."""
        if self._beside is not None and generation == self._beside.generation:
            return self._lose_beside(self._beside)
        if generation == self.generation and self.phase in _PARTING:
            return self._finish(self._parting)
        if generation != self.generation or self.phase not in (Phase.DIALLING, *_CONNECTED):
            return []
        if self.phase is Phase.GREETING and self._handle[0] == self._here.way.name:
            # It remembers no more, or believes the connection before this one alive (GEMINI-LIVE.md 9);
            # then it is told, like any other.
            self._handle = ("", "")
            note = Note("handle_refused", self._refused_with)
            return [note, *self._approach(Next(self._here.way, 0.0, others=False))]
        cause = SwitchCause.DROPPED if self.phase is Phase.LIVE else SwitchCause.REFUSED
        return self._move(cause, hopeless or self._refused_with in _HOPELESS)

    @property
    def target(self) -> Target | None:
        """Where the call is, or is going; None before that is known."""
        return None if self.phase in _UNKNOWN else self._here.way.target

    @property
    def bound_for(self) -> Target | None:
        """Where it will be, if it is on its way to another."""
        return self._beside.way.target if self._beside is not None else self.target

    @property
    def targets(self) -> list[str]:
        """All of its route's, by the names that `switch` takes; none before that is known."""
        return [] if self.phase in _UNKNOWN else self._choice.names

    @property
    def greeting(self) -> bytes:
        """What its client was told when the session began, for who joins it. b"": nobody may, or not now."""
        return self._client_side.greeting if self.phase is Phase.LIVE else b""

    def watched(self) -> None:
        """From now on every frame is to be seen by the conductor."""
        self._nothing_passes()

    def unwatched(self) -> None:
        if self.phase is Phase.LIVE:
            self._let_pass()

    @property
    def dialect(self) -> str:
        """The client's."""
        return self._client.NAME

    def expects(self, generation: int) -> bool:
        """It is that of the present connection, or of the one beside it."""
        beside = self._beside
        return generation == self.generation or (beside is not None and generation == beside.generation)

    @property
    def is_over(self) -> bool:
        """Nothing is said any more; its cost may still be told."""
        return self.phase in _OVER

    def client_left(self) -> Steps:
        self._client_listens = False
        return [] if self.phase in _OVER else self._leave(CLIENT_LEFT)

    def stop(self, end: End) -> Steps:
        """The process goes, and has little time."""
        if self.phase is Phase.ENDED:
            return []
        if self.phase in _PARTING:
            self._parting = end
            return self._alarms.set(Alarm.LEAVE, limits.LEAVE_AT_STOP_S)
        return self._leave(end, [], limits.LEAVE_AT_STOP_S)

    def end(self, code: ErrorCode, message: str) -> Steps:
        """The gateway ends the call: idle, too slow, taken over, stopping."""
        return [] if self.phase in _OVER else self._end(code, message)

    def part(self, end: End, left_ms: int) -> Steps:
        """The gateway is to go: the call ends so at the first moment at which nobody would miss a word."""
        if self.phase in (Phase.FINISHING, *_OVER) or self._departure is not None:
            return []
        if not self._live_since_us:
            return self._leave(end)
        self._departure = end
        told: Steps = [ToClient(frame) for frame in self._client_side.going_away(left_ms)]
        return told + self._may_part()

    def ending(self, code: ErrorCode) -> End:
        close = self._client_side.farewell(code, "").close
        return End(close.code, close.reason, code)

    # -- From one provider to another -----------------------------------------------------------------------

    def _move(self, cause: SwitchCause, hopeless: bool = False) -> Steps:
        """The provider of now cannot be counted on any more."""
        self._catch_up()
        closing: Steps = [ToClient(frame) for frame in self._client_side.close_replies()]
        if self.phase is Phase.FINISHING:
            return closing + self._finish(*self._farewell(*self._spent))
        self._taps.cut_off()
        self._owes_reply |= self._floor.lost()
        was_live = self.phase is Phase.LIVE
        if was_live and self._now_us() - self._live_since_us >= limits.REDIAL_FORGIVEN_AFTER_S * 1e6:
            self._choice.settled()
        if self._seam is None and (was_live or cause is not SwitchCause.REFUSED):
            self._seam = Seam(source=self._here.way.target, cause=cause, since_us=self._now_us())
        if self._beside is not None and self._beside.ready:
            return closing + self._go_over(self._beside)
        self._beside = None
        found = self._choice.failed(hopeless=hopeless, was_live=was_live)
        if found is None or (was_live and self._stays):
            return closing + self._arrived(None) + self._end_for_provider()
        note = Note("redial", f"attempt {self._choice.attempts}")
        return [*closing, note, *self._approach(found)]

    def _start_over(self, act: StartOver) -> Steps:
        """Another connection to the same provider, which is told anew how the call is to be held."""
        self._taps.cut_off()
        self._owes_reply |= self._floor.lost()
        closing: Steps = [ToClient(frame) for frame in self._client_side.close_replies()]
        way = self._here.way
        self._seam = Seam(source=way.target, cause=SwitchCause.START_OVER, since_us=self._now_us())
        return [*closing, Note("start_over"), *self._approach(Next(way, 0.0, others=False))]

    def switch(self, name: str, request_id: str | None = None) -> Steps | str:
        """Somebody wants the call to be with that target of its route, "" for the next. It goes there at the
        end of the turn. Or why it cannot. `request_id`: of a client that is to be told."""
        if self.phase is not Phase.LIVE:
            return f"The call is {self.phase.value} and cannot be switched now."
        if self._stays:
            return "A call of this dialect is one session of its provider and stays there."
        if self._leaving or self._beside is not None:
            where = self._beside.way.name if self._beside is not None else self._here.way.name
            return f"The call is on its way to {where} already."
        way = self._choice.named(name) if name else self._choice.other()
        if way is None and name:
            return f"The call's route has no target {name[:80]!r}. It has: {', '.join(self._choice.names)}."
        if way is None:
            return "The call's route has no other target that works at the moment."
        return self._roll(way, SwitchCause.REQUESTED, request_id)

    def latency(self, latency_ms: int) -> Steps:
        """So long the provider took: for a ping, or to begin a reply."""
        assert not isinstance(self._ways, Refusal)
        bound_ms = self._ways.switch_above_latency_ms
        if bound_ms is None or self.phase is not Phase.LIVE or self._stays:
            return []
        self._slow_in_a_row = self._slow_in_a_row + 1 if latency_ms > bound_ms else 0
        if self._slow_in_a_row < self._ways.switch_after or self._leaving or self._beside is not None:
            return []
        self._slow_in_a_row = 0
        way = self._choice.other()
        return [] if way is None else self._roll(way, SwitchCause.LATENCY)

    def _roll(self, way: Way, cause: SwitchCause, request_id: str | None = None) -> Steps:
        """A connection is made ready beside the present one; the call goes over at the end of a turn."""
        self._rolling = Seam(
            source=self._here.way.target, cause=cause, since_us=self._now_us(), request_id=request_id
        )
        if way is self._here.way and self._handle[0] == way.name:
            self._leaving = True
            return [Note("switching", f"{cause} to {way.name}"), *self._go_over_if_free()]
        self._beside = beside = self._connection(way)
        beside.generation = next(self._generations)
        return [Note("switching", f"{cause} to {way.name}"), DialBeside(beside.generation, way.target)]

    def _open_beside(self, beside: Connection) -> Steps:
        if beside.lane.manner is Manner.GREETS:
            return []
        beside.ready = beside.lane.manner is Manner.LISTENS
        if beside.lane.manner is Manner.ANSWERS:
            here = self._here.way
            self._gate.turn_to(beside.way.target, beside.way.terms)
            hops = self._say_opening(beside)
            self._gate.turn_to(here.target, here.terms)
            return [ToBeside(hop.payload) for hop in hops if isinstance(hop, ToProvider)]
        return self._go_over_if_free()

    def _hear_beside(self, beside: Connection, payload: bytes) -> Steps:
        """Nothing of it is for the client; it is to be ready, and that is all."""
        hops = beside.lane.beside(payload)
        acts = [hop.act for hop in hops if isinstance(hop, Heard)]
        if any(isinstance(act, Trouble | Garbled) for act in acts):
            return [LeaveBeside(), *self._lose_beside(beside)]
        beside.ready |= any(isinstance(act, Ready) for act in acts)
        answers: Steps = [ToBeside(hop.payload) for hop in hops if isinstance(hop, ToProvider)]
        return answers + self._go_over_if_free()

    def _lose_beside(self, beside: Connection) -> Steps:
        """The present one goes on; if it is to hang up, it is redialled then."""
        self._beside = None
        self._health.failed(beside.way.name)
        return [Note("switch_failed", beside.way.name)]

    @property
    def _is_free(self) -> bool:
        """Nobody speaks, and nothing is awaited."""
        return self.phase is Phase.LIVE and self._floor.is_free and not self._client_side.reply_open

    def _may_part(self) -> Steps:
        """When all has been quiet for a moment: between a user's last word and its answer's first there are
        pauses in which nothing is known to be under way."""
        if self._departure is None or self.phase in (Phase.FINISHING, *_OVER):
            return []
        self._catch_up()  # a reply may have begun in what passed unread
        speaks = not self._client_side.answered_unasked and self._unheard.holds_speech
        quiet = self._floor.quiet_us >= limits.QUIET_S * 1e6
        if self._is_free and quiet and not speaks:
            return self._leave(self._departure)
        return self._alarms.set(Alarm.PART, limits.QUIET_S / 4)

    def _part_after(self, hops: Hops) -> Steps:
        """Right behind an answer and its bill, for who asks again at once is never quiet."""
        acts = [type(hop.act) for hop in hops if isinstance(hop, Heard)]
        assert self._departure is not None
        over = ReplyDone in acts and Usage in acts and self._is_free
        return self._leave(self._departure) if over else []

    def _go_over_if_free(self) -> Steps:
        if not self._is_free:
            return []
        if self._leaving:
            return self._go_by_handle()
        beside = self._beside
        if beside is None or not beside.ready:
            return []
        if beside.history is not None and beside.history != self._taps.history():
            # It was told of the past before the last turn was over.
            cause, request_id = self._rolling.cause, self._rolling.request_id
            self._beside = None
            return [LeaveBeside(), *self._roll(beside.way, cause, request_id)]
        self._catch_up()
        self._unheard.forget_audio()
        self._seam = msgspec.structs.replace(self._rolling, since_us=self._now_us())
        return self._go_over(beside)

    def _go_by_handle(self) -> Steps:
        """What a provider remembers by a handle it gives to one connection at a time, so the old one goes
        first (GEMINI-LIVE.md 9)."""
        self._catch_up()
        self._unheard.forget_audio()
        self._seam = msgspec.structs.replace(self._rolling, since_us=self._now_us())
        return self._approach(Next(self._here.way, 0.0, others=False))

    def _go_over(self, beside: Connection) -> Steps:
        self._beside, self._here, self.generation = None, beside, beside.generation
        self._choice.moved(beside.way)
        if isinstance(beside.lane, Relay):
            self._gate.turn_to(beside.way.target, beside.way.terms)
        opening = self._opening() if beside.history is None else []
        return [GoOver(beside.generation), *self._go_live(opening)]

    def _arrived(self, way: Way | None) -> Steps:
        """The change is put down. None: there was nowhere to go."""
        seam, self._seam = self._seam, None
        if seam is None:
            return []
        record = self._taps.switched(seam, way, self._choice.attempts, self._here.told)
        to = way.name if way is not None else "nowhere"
        note = Note("switched", f"{seam.cause} to {to} after {record.silent_us // 1000} ms")
        told: list[bytes] = []
        if way is not None and (way.terms.tell_switches or seam.request_id is not None):
            told = self._client_side.switched(way.target.provider, way.target.model, seam.request_id or "")
        return [Keep(record), note, *map(ToClient, told)]

    # -- Credits and time -----------------------------------------------------------------------------------

    def purse_changed(self) -> Steps:
        """By the ledger's word, or by another call of the account."""
        if self.phase in (*_UNKNOWN, Phase.FINISHING, *_OVER) or not self._taps.spent:
            return []
        return self._out_of_credits()

    def woke(self) -> Steps:
        due = self._alarms.due()
        if self.phase not in _UNKNOWN and due != [Alarm.STALL]:  # that looks first whether it must know
            self._catch_up()
        steps: Steps = []
        for alarm in due:
            steps += _ON_ALARM[alarm](self)
        return steps if self.phase is Phase.ENDED else steps + self._alarms.wake()

    def _never_spoke(self) -> Steps:
        if self.phase is not Phase.HEARING:
            return []
        return self._end(ErrorCode.EXTERNAL_IDLE, "The client has not said a word.")

    def _never_greeted(self) -> Steps:
        if self.phase is not Phase.GREETING:
            return []
        return [Note("provider_silent"), *self._move(SwitchCause.REFUSED)]

    def _finish_is_due(self) -> Steps:
        if self.phase is not Phase.FINISHING:
            return []
        return [ToClient(frame) for frame in self._client_side.close_replies()] + self._end_for_credits()

    def _credits_are_due(self) -> Steps:
        return [*self._keep_passages(), *self._ask_credits()] if self.phase is Phase.LIVE else []

    def _time_is_due(self) -> Steps:
        if self.phase is not Phase.LIVE:
            return []
        steps = [*self._taps.time_due(self._here.way.target), *self._keep_passages()]
        if self._taps.spent:
            return steps + self._out_of_credits()
        return steps + self._alarms.set(Alarm.TIME, limits.TIME_LOOKED_AT_S)

    def _leave_is_due(self) -> Steps:
        return self._finish(self._parting) if self.phase in _PARTING else []

    def _provider_side_is_due(self) -> Steps:
        lane = self._here.lane
        if self.phase is not Phase.LIVE or not isinstance(lane, Translation):
            return []
        return self._hear(lane.woke())

    def _may_have_stalled(self) -> Steps:
        if self.phase is not Phase.LIVE:
            return []
        how = self._look_at_provider()
        if how is not None:
            self._catch_up()
            how = self._look_at_provider()
        if how is None:
            return self._alarms.set_at(Alarm.STALL, self._stall.look_at_us) + self._go_over_if_free()
        self._stall.left(how)
        return [Note("provider_stalled", how), *self._move(SwitchCause.STALLED)]

    def _look_at_provider(self) -> str | None:
        return self._stall.look(self._client_side.answered_unasked)

    def _cap_is_near(self) -> Steps:
        return self._leave_for_the_same(SwitchCause.SESSION_CAP)

    def _leave_for_the_same(self, cause: SwitchCause) -> Steps:
        if self.phase is not Phase.LIVE or self._stays or self._leaving or self._beside is not None:
            return []
        return self._roll(self._here.way, cause)

    # -- Frames, by phase -----------------------------------------------------------------------------------

    def _wait(self, payload: bytes) -> Answer:
        """A17: the provider is not ready, so what the client says is put by."""
        self._waiting_bytes += len(payload)
        terms = Terms() if isinstance(self._ways, Refusal) else self._ways.ways[0].terms
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
        hops = self._here.lane.from_provider(payload)
        if hops is PASS:
            return [ToClient(payload), *self._go_live(self._late_opening())]
        acts = [hop.act for hop in hops if isinstance(hop, Heard)]
        for act in acts:
            if isinstance(act, Trouble) and act.for_client:
                return self._finish(End(1008, act.code), [hop for hop in hops if isinstance(hop, ToClient)])
            if isinstance(act, Trouble | Garbled):
                self._refused_with = act.code if isinstance(act, Trouble) else "garbled"
                return [Note("provider_refused", self._refused_with)]
        if self._here.lane.manner is Manner.ANSWERS and not any(isinstance(act, Ready) for act in acts):
            return self._hear(hops)
        steps = self._hear(hops)
        return steps if self.phase is Phase.ENDED else [*steps, *self._go_live(self._late_opening())]

    def _hear_out(self, generation: int, payload: bytes) -> Answer:
        """A provider that was told that the call is over."""
        if generation != self.generation:
            return []
        hops = self._here.lane.from_provider(payload)
        steps = [ToClient(payload)] if hops is PASS else self._hear(hops)
        return [step for step in steps if self._client_listens or not isinstance(step, ToClient)]

    def _hear_bills(self, generation: int, payload: bytes) -> Answer:
        """A provider that bills by replies: what it says of them still counts, and nothing else does."""
        hops = self._here.lane.from_provider(payload) if generation == self.generation else []
        acts = [] if hops is PASS else [hop.act for hop in hops if isinstance(hop, Heard)]
        bills = [act for act in acts if isinstance(act, Usage | TranscriptionUsage)]
        target = self._here.way.target
        steps: Steps = []
        for bill in bills:
            steps += [step for step in self._taps.hear(bill, target) if isinstance(step, Keep)]
        if self.phase is Phase.LEAVING and any(type(act) is ReplyDone for act in acts):
            steps += self._hang_up()
        return steps

    def _carry_provider(self, generation: int, payload: bytes) -> Answer:
        if generation != self.generation:
            beside = self._beside
            is_beside = beside is not None and generation == beside.generation
            return self._hear_beside(beside, payload) if beside is not None and is_beside else []
        hops = self._here.lane.from_provider(payload)
        if hops is PASS:
            return PASS
        if len(hops) == 1 and isinstance(hop := hops[0], ToClient):
            return [hop]  # nothing is heard of it
        return self._hear(hops)

    def _translate_client(self, payload: bytes) -> Answer:
        assert isinstance(self._here.lane, Translation)
        hops = self._here.lane.audio_from_client(payload)
        if hops is None:
            return self._carry_client(payload)
        self._unheard.audio(payload)
        if len(hops) == 1 and isinstance(hop := hops[0], ToProvider):
            return [hop]
        return self._hear(hops)

    def _carry_client(self, payload: bytes) -> Answer:
        weight = self._client.weight(payload)
        if weight is Weight.AUDIO:
            self.unproven_from_client += 1
        elif weight is Weight.MOMENT:
            self._catch_up()  # it may be about what was heard so far
        elif weight in (Weight.ASK, Weight.TURN, Weight.HANDOVER):
            self._floor.asked()
        elif weight is Weight.COMMIT:
            self._floor.committed()
        self._unheard.said(weight, payload)
        hops = self._here.lane.from_client(payload)
        return PASS if hops is PASS else self._hear(hops)

    # -- What is heard --------------------------------------------------------------------------------------

    def _hear(self, hops: Hops) -> Steps:
        steps: Steps = []
        for hop in hops:
            if type(hop) is ToClient:  # nearly always, and `isinstance` is slow to say no
                steps.append(hop)
            elif type(hop) is Heard:
                steps += self._hear_act(hop.act)
            elif isinstance(hop, AskSwitch):
                steps += self._asked_to_switch(hop)
            elif isinstance(hop, Hangup):
                return steps + self._finish(End(hop.code, hop.reason))
            elif not isinstance(hop, Heard):
                steps.append(hop)
        phase = self.phase
        if phase is _ENDED:
            return steps
        if isinstance(self._here.lane, Translation):
            steps += self._alarms.set_at(Alarm.PROVIDER, self._here.lane.due_us)
        if self._taps.unsettled:
            # First, because the frame that ends a turn tells the client that it is over: then it is on disk.
            steps = [*self._keep_passages(), *steps]
        # Only now: the frame that spends the last credit still reaches the client.
        if phase is _FINISHING and not self._client_side.reply_open:
            steps += self._end_for_credits()
        elif phase is _LIVE and self._taps.spent:
            steps += self._out_of_credits()
        if self._departure is not None:
            steps += self._part_after(hops)
            if self.phase is not Phase.LIVE:
                return steps
        waits = self._leaving or self._beside is not None
        return steps + self._go_over_if_free() if waits else steps

    def _hear_act(self, act: Act) -> Steps:
        took_ms = self._know(act)
        steps = self._taps.hear(act, self._here.way.target)
        if (react := _REACTIONS.get(type(act))) is not None:
            steps += react(self, act)
        return steps if took_ms is None else steps + self.latency(took_ms)

    def _know(self, act: Act) -> int | None:
        """How many milliseconds the reply took that begins with this, if one does."""
        if type(act) is ReplyAudio:  # else it has passed, and nobody hears of a piece of it
            self.unproven_from_provider += 1
            self._answered()
        unasked = self._client_side.answered_unasked
        self._client_side.follow(act)
        self._unheard.hear(act, not unasked)
        return self._floor.hear(act, unasked)

    def _answered(self) -> None:
        if (took_us := self._floor.answered()) is not None:
            self.on_answer(took_us)

    def _catch_up(self) -> None:
        """Know what the lane let pass unread: words and audio, by which nothing is to be done."""
        for hop in self._here.lane.catch_up():
            if isinstance(hop, Heard):
                self._know(hop.act)
                self._taps.hear(hop.act, self._here.way.target)

    def _see_greeting(self, act: Ready) -> Steps:
        self._greeted = True
        self._gate.greeted()
        return []

    def _see_trouble(self, act: Trouble) -> Steps:
        return [Note("provider_error", act.code)]

    def _see_garbage(self, act: Garbled) -> Steps:
        """Whoever sends one thing that is no message is not listened to any longer."""
        note = Note("provider_error", "garbled")
        return [note, *self._move(SwitchCause.GARBLED)] if self.phase is Phase.LIVE else [note]

    def _see_over(self, act: SessionOver) -> Steps:
        return self._finish(self._parting if self.phase is Phase.LEAVING else End(1000, act.reason))

    def _see_going_away(self, act: GoingAway) -> Steps:
        return self._leave_for_the_same(SwitchCause.GOING_AWAY)

    def _see_handle(self, act: Handle) -> Steps:
        self._handle = (self._here.way.name, act.handle) if act.resumable else ("", "")
        return []

    def _count_reply(self, act: Usage) -> Steps:
        self._replies_since_asked += 1
        asks = self._replies_since_asked >= limits.CREDITS_ASKED_AFTER_REPLIES
        return self._ask_credits() if asks else []

    def _asked_to_switch(self, asked: AskSwitch) -> Steps:
        answer = self.switch(asked.target, asked.request_id)
        if not isinstance(answer, str):
            return answer
        frames = self._client_side.refuse_switch(answer, asked.request_id)
        return [ToClient(frame) for frame in frames]

    def _keep_passages(self) -> Steps:
        return self._taps.due() + self._alarms.set_at(_WORDS, self._taps.due_us())

    # -- Changes of phase -----------------------------------------------------------------------------------

    def _connection(self, way: Way) -> Connection:
        side = way.dialect.provider_side(way.target, way.terms, self._new_id, self._now_us)
        relayed = way.dialect.NAME == self._client.NAME and not way.translated
        lane = (
            relay(way.dialect, self._gate, side, self._client_side)
            if relayed
            else Translation(self._client_side, side, way.dialect.only_idle_from_provider)
        )
        lane.tell_of_audio(self._answered)
        return Connection(way, lane, 0)

    def _dial(self, found: Next) -> Steps:
        self.phase = Phase.DIALLING
        self._here.generation = self.generation = next(self._generations)
        self._leaving = False
        self._nothing_passes()
        self.from_client = self._wait
        self.from_provider = self._ignore_provider
        self._refused_with = ""
        within_s = limits.PROVIDER_HANDSHAKE_IMPATIENT_S if found.others else limits.PROVIDER_HANDSHAKE_S
        return [Dial(self.generation, found.after_s, found.way.target, within_s)]

    def _say_opening(self, connection: Connection) -> Hops:
        connection.history = self._taps.history()
        name, handle = self._handle
        handle = handle if name == connection.way.name else ""
        connection.told = "" if handle else connection.history
        config = self._first_config or self._taps.config
        return connection.lane.opening(config, connection.history, handle)

    def _opening(self) -> Steps:
        return self._hear(self._say_opening(self._here))

    def _late_opening(self) -> Steps:
        return self._opening() if self._here.lane.manner is Manner.GREETS else []

    def _go_live(self, opening: Steps) -> Steps:
        """A10, A17: first what makes the provider know the call, then what nobody has taken in yet and what
        waited, in order. No frame can come between, because all of it is one answer."""
        lane = self._here.lane
        self.phase = Phase.LIVE
        self._briefed = True  # whoever comes next is told what this one was
        self._live_since_us = self._now_us()
        self._alarms.drop(Alarm.GREETING)
        self._choice.worked()
        self.on_live()
        self.from_client = self._carry_client if isinstance(lane, Relay) else self._translate_client
        self.from_provider = self._carry_provider
        self._let_pass()
        steps = [*opening, *self._arrived(self._here.way)]
        if isinstance(lane, Translation) and lane.briefed:
            self._unheard.configured()
            steps += self._hear(lane.ready())
        else:
            steps += self._tell_again()
        steps += self._play_waiting()
        life_s = self._here.way.connection_s_max
        if not self._stays:
            self._stall.begin()
            steps += self._alarms.set_at(Alarm.STALL, self._stall.look_at_us)
        steps += self._alarms.set(Alarm.ROLL, max(life_s - limits.ROLL_BEFORE_S, life_s * 0.8))
        if lane.last_word:
            steps += self._alarms.set(Alarm.TIME, limits.TIME_LOOKED_AT_S)
        return steps + self._alarms.set(Alarm.CREDITS, limits.CREDITS_ASKED_AFTER_S)

    def _tell_again(self) -> Steps:
        """To a provider that was not there: tool calls that it has not made, what the client said, and that a
        reply is owed."""
        owed, self._owes_reply = self._owes_reply, False
        asked = self._unheard.asks or (self._unheard.holds_turn and self._client_side.answered_unasked)
        floor = self._floor
        answered = floor.answered_calls if self._unheard.answers else {}  # and the answer is told again
        calls = [*answered.values(), *floor.open_calls.values()]
        self._client_side.hears_again(calls)
        steps = self._hear(self._here.lane.told_before(calls))
        for payload in self._unheard.take():
            steps += self._say(payload)
        return steps if asked or not owed else steps + self._say(self._client_side.ask_again())

    def _play_waiting(self) -> Steps:
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return [step for payload in waiting for step in self._say(payload)]

    def _say(self, payload: bytes) -> Steps:
        if (passed := self.passes_from_client(payload)) is not False:
            return [ToProvider(payload if passed is True else passed)]
        answer = self.from_client(payload)
        return [ToProvider(payload)] if answer is PASS else answer

    def cap(self, code: ErrorCode, message: str) -> Steps:
        """The call has had as much as one may: as with credits, the running reply may end."""
        if self.phase in (Phase.FINISHING, *_OVER):
            return []
        self._spent = (code, message)
        return self._end_for_credits() if self.phase in _UNKNOWN else self._out_of_credits()

    def _out_of_credits(self) -> Steps:
        """A15: the running reply may end, and the client says nothing more that costs."""
        self._catch_up()  # a reply may have begun in what passed unread
        if not self._client_side.reply_open:
            return self._end_for_credits()
        self.phase = Phase.FINISHING
        self.passes_from_client = nothing_passes
        self.from_client = self._ignore
        note = Note("credits_spent" if self._spent is NO_CREDITS else "call_capped")
        return [note, *self._alarms.set(Alarm.FINISH, limits.FINISH_REPLY_S)]

    def _end_for_credits(self) -> Steps:
        return self._end(*self._spent)

    def _end_for_provider(self) -> Steps:
        """It is gone, so nothing more is heard of it."""
        code = _HOPELESS.get(self._refused_with, ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE)
        if code is ErrorCode.EXTERNAL_MODEL_NOT_FOUND:
            message = f"The provider does not serve the model {self._here.way.target.model!r}."
        elif code is ErrorCode.EXTERNAL_NOT_FOUND:
            message = "The provider knows no session of that handle."
        elif self._stays and self.phase is Phase.LIVE:
            message = "The provider's connection was lost, and its session with it."
        else:
            message = "The provider cannot be reached. Try again in a moment."
        return self._finish(*self._farewell(code, message))

    def _end(self, code: ErrorCode, message: str) -> Steps:
        return self._leave(*self._farewell(code, message))

    def _farewell(self, code: ErrorCode, message: str) -> tuple[End, Steps]:
        farewell = self._client_side.farewell(code, message)
        end = End(farewell.close.code, farewell.close.reason, code)
        return end, [ToClient(frame) for frame in farewell.frames]

    def _leave(self, end: End, last_words: Steps | None = None, within_s: float = limits.LEAVE_S) -> Steps:
        """The call is over, but for what its provider has to say of its cost: one that bills by time says it
        at the end, one that bills by replies with each of them."""
        if self.phase not in _TALKING:
            return self._finish(end, last_words)
        self._catch_up()
        steps = list(last_words or [])
        self._parting = end
        self._nothing_passes()
        self.from_client = self._ignore
        self._alarms.clear()
        if last_word := self._here.lane.last_word:
            self.phase = Phase.LEAVING
            self.from_provider = self._hear_out
            return [*steps, ToProvider(last_word), *self._alarms.set(Alarm.LEAVE, within_s)]
        steps = [*self._taps.flush(self._here.way.target), *steps, CloseClient(end)]
        if self._beside is not None:
            self._beside = None
            steps.append(LeaveBeside())
        self.from_provider = self._hear_bills
        if not self._floor.replying:
            return steps + self._hang_up()
        self.phase = Phase.LEAVING
        if stop_reply := self._here.lane.stop_reply:
            return [*steps, ToProvider(stop_reply), *self._alarms.set(Alarm.LEAVE, limits.HANG_UP_S)]
        return steps + self._alarms.set(Alarm.LEAVE, within_s)

    def _hang_up(self) -> Steps:
        """RFC 6455 1.4: what the provider has sent before it answers our close arrives before that answer."""
        self.phase = Phase.HANGING_UP
        return [HangUp(), *self._alarms.set(Alarm.LEAVE, limits.HANG_UP_S)]

    def _finish(self, end: End, last_words: Steps | None = None) -> Steps:
        """A19: what is known is kept before anything is let go."""
        kept: Steps = []
        if self.phase not in _UNKNOWN:
            self._catch_up()
            kept = self._taps.flush(self._here.way.target)
        self.phase = Phase.ENDED
        self.generation = next(self._generations)
        self._beside = None
        self._nothing_passes()
        self.from_client = self._ignore
        self.from_provider = self._ignore_provider
        self._waiting, self._waiting_bytes = [], 0
        self._alarms.clear()
        return [*kept, *(last_words or []), end]

    def _let_pass(self) -> None:
        lane = self._here.lane
        timed = isinstance(lane, TimedRelay)  # and what is said there is never told again
        audio = lane.passes_from_client
        self.passes_from_client = audio if timed else Keeps(audio, self._unheard)
        self.passes_from_provider = lane.passes_from_provider

    def _nothing_passes(self) -> None:
        self.passes_from_client = self.passes_from_provider = nothing_passes

    # -- Small things ---------------------------------------------------------------------------------------

    def _ask_credits(self) -> Steps:
        self._replies_since_asked = 0
        return [AskCredits(), *self._alarms.set(Alarm.CREDITS, limits.CREDITS_ASKED_AFTER_S)]

    def _is_loud(self, payload: bytes) -> bool:
        return is_loud(payload, self._client_side.config.input.coding)

    def _expect(self, *phases: Phase) -> None:
        assert self.phase in phases, f"{self.phase} is none of {phases}"


_UNKNOWN = (Phase.HEARING, Phase.ASKING)
_TALKING = (Phase.LIVE, Phase.FINISHING)
_PARTING = (Phase.LEAVING, Phase.HANGING_UP)
_OVER = (*_PARTING, Phase.ENDED)
_CONNECTED = (Phase.GREETING, Phase.LIVE, Phase.FINISHING)

_ON_ALARM: dict[Alarm, Callable[[Session], Steps]] = {
    Alarm.FIRST_WORD: Session._never_spoke,
    Alarm.GREETING: Session._never_greeted,
    Alarm.FINISH: Session._finish_is_due,
    Alarm.WORDS: Session._keep_passages,
    Alarm.CREDITS: Session._credits_are_due,
    Alarm.PROVIDER: Session._provider_side_is_due,
    Alarm.TIME: Session._time_is_due,
    Alarm.LEAVE: Session._leave_is_due,
    Alarm.STALL: Session._may_have_stalled,
    Alarm.ROLL: Session._cap_is_near,
    Alarm.PART: Session._may_part,
}

# Each is given the acts that it is filed under.
_REACTIONS: dict[type[Act], Callable[[Session, Any], Steps]] = {
    Usage: Session._count_reply,
    StartOver: Session._start_over,
    Ready: Session._see_greeting,
    Trouble: Session._see_trouble,
    Garbled: Session._see_garbage,
    SessionOver: Session._see_over,
    GoingAway: Session._see_going_away,
    Handle: Session._see_handle,
}


def _to_nobody(*told: object) -> None: ...


def _numbered(run_id: str) -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{run_id}-{next(numbers)}"
