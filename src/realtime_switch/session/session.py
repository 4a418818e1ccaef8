"""The rules of one call: when to dial, what a provider hears first, what is kept, and how it ends.

Pure: it is told what happened and answers with the steps to take (steps.py).
Frames meet the lane and nothing else; what the lane hears, the session hears.

phase.py has the phases and what leads from one to another. Here is what a session is told, whether that still
matters, and what its parts share. They find each other here:

    entry.py      how a client comes in                 HEARING, ASKING
    approach.py   how a call gets to a provider         BRIEFING, DIALLING, GREETING
    live.py       how frames are carried                LIVE
    heard.py      what is done about what was heard
    moving.py     from one provider to another
    credits.py    what the call may take                FINISHING
    parting.py    how it ends                           LEAVING, HANGING_UP, ENDED

Where the call goes is choice.py's to say.

`from_client` and `from_provider` are the methods of the present phase; a change
of phase puts others in their place (`enter`). Whatever an old connection still
says is known by its generation and ignored.

`passes_from_client` and `passes_from_provider` are their short cut for nearly
every frame: True says PASS and that nothing else is to be done. False says
nothing; the frame then takes the other way, which answers in full.
"""

from collections.abc import Callable, Container
from itertools import count

from ..accounts.errors import ErrorCode
from ..accounts.records import Grant, Refusal, SwitchCause
from ..dialects.acts import Trouble
from ..dialects.dialect import ClientSide, Dialect, Farewell, FirstWord, Gate, Hangup, ToClient
from ..dialects.loudness import IS_LOUD
from ..dialects.terms import Target
from . import limits
from .alarms import Alarm, Alarms
from .approach import Approach
from .choice import Choice, Health, Next
from .connection import Connection
from .credits import Credits
from .entry import Entry
from .floor import Floor
from .heard import catch_up, hear, keep_passages, settle
from .lane import Heard
from .live import Live
from .moving import Moving
from .parting import CLIENT_LEFT, HOPELESS, Parting
from .passing import Passing
from .phase import CONNECTED, GOING_ON, OVER, PARTING, UNKNOWN, Phase
from .purse import Purse
from .stall import Stall
from .steps import Answer, End, Note, Steps
from .taps import Taps
from .translation import Translation
from .unheard import Unheard
from .unread import nothing_passes
from .way import Choose, Ways


class Session(Passing):
    """One client connection, from its first frame to its last.

    `run_id` is new for each client connection, so that a client that comes back
    under its session id makes records with new ids. `random` gives 0 to 1.
    """

    from_client: Callable[[bytes], Answer]
    from_provider: Callable[[int, bytes], Answer]
    ways: Ways | Refusal  # from ASKING on
    here: Connection  # to the provider of now, or the next; this and the rest from the grant on
    gate: Gate
    taps: Taps
    choice: Choice
    # What begins alike and hardly changes: more than 30 attributes CPython 3.11 keeps in a dict of three
    # times the size.
    route = ""  # its name, once it is known
    client_listens = True
    unproven_from_client = 0  # frames of audio that had to be read
    unproven_from_provider = 0

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
        super().__init__()
        self.phase = Phase.HEARING
        self.on_live: Callable[[], None] = _to_nobody  # a provider listens
        self.on_answer: Callable[[int], None] = _to_nobody  # so many microseconds after it was due
        self.generation = 0  # of the present provider connection; 0 before the first
        self.generations = count(1)
        self.client = client
        self.client_side = client_side
        self.stays = not client.OUTLIVES_PROVIDER
        self.now_us = now_us
        self.alarms = Alarms(now_us)
        self.floor = Floor(now_us)
        self.unheard = Unheard(self._how_to_listen)
        self.stall = Stall(self.floor, self.unheard, now_us)
        self.entry = Entry(
            self,
            choose=choose,
            model=model,
            health=health,
            random=random,
            record_id=_numbered(run_id),
            first_word=first_word or client_side.first_word,
        )
        self.approach = Approach(self, new_id)
        self.live = Live(self)
        self.moving = Moving(self, health)
        self.credits = Credits(self)
        self.parting = Parting(self)
        self.enter(Phase.HEARING, self.approach.wait, self.ignore_provider)

    # -- The way in -----------------------------------------------------------------------------------------

    def begin(self) -> Steps:
        """The client's socket is open."""
        return self.entry.begin()

    def granted(self, grant: Grant, purse: Purse) -> Steps:
        """`purse` is shared with the other calls of the account."""
        if self.phase is Phase.ENDED:  # the client left while the question was on its way
            return []
        assert self.phase is Phase.ASKING
        return self.entry.granted(grant, purse)

    def refused(self, refusal: Refusal) -> Steps:
        return self.end(refusal.code, refusal.message)

    # -- What happens to its provider -----------------------------------------------------------------------

    def provider_opened(self, generation: int) -> Steps:
        if (beside := self.beside(generation)) is not None:
            return self.moving.opened(beside)
        if generation != self.generation or self.phase is not Phase.DIALLING:
            return []
        return self.approach.opened()

    def provider_closed(self, generation: int, code: int, reason: str) -> Steps:
        """The provider hung up, and said so."""
        if generation != self.generation or self.phase not in CONNECTED:
            return self.provider_lost(generation)
        steps: Steps = []
        for hop in self.here.lane.closed(code, reason):
            if isinstance(hop, Heard) and isinstance(hop.act, Trouble):
                self.approach.refused_with = self.approach.refused_with or hop.act.code
                steps.append(Note("provider_closed", hop.act.code))
        return steps + self.provider_lost(generation)

    def provider_lost(self, generation: int, hopeless: bool = False) -> Steps:
        """The dial failed, or the connection ended, for whatever reason. `hopeless`: the provider turned us
        down in a way that trying again will not change (a wrong key of ours)."""
        if (beside := self.beside(generation)) is not None:
            return self.moving.lost(beside)
        if generation != self.generation:
            return []
        if self.phase in PARTING:
            return self.parting.finish(self.parting.end)
        if self.phase not in (Phase.DIALLING, *CONNECTED):
            return []
        approach = self.approach
        if self.phase is Phase.GREETING and approach.handle[0] == self.here.way.name:
            # It remembers no more, or believes the connection before this one alive (GEMINI-LIVE.md 9);
            # then it is told, like any other.
            approach.handle = ("", "")
            note = Note("handle_refused", approach.refused_with)
            return [note, *approach.to(Next(self.here.way, 0.0, others=False))]
        cause = SwitchCause.DROPPED if self.phase is Phase.LIVE else SwitchCause.REFUSED
        return self.moving.move(cause, hopeless or approach.refused_with in HOPELESS)

    def latency(self, latency_ms: int) -> Steps:
        """So long the provider took: for a ping, or to begin a reply."""
        return self.moving.latency(latency_ms) if self.phase is Phase.LIVE and not self.stays else []

    def switch(self, name: str, request_id: str | None = None) -> Steps | str:
        """Somebody wants the call to be with that target of its route, "" for the next. It goes there at the
        end of the turn. Or why it cannot. `request_id`: of a client that is to be told."""
        if self.phase is not Phase.LIVE:
            return f"The call is {self.phase.value} and cannot be switched now."
        if self.stays:
            return "A call of this dialect is one session of its provider and stays there."
        return self.moving.switch(name, request_id)

    # -- The way out ----------------------------------------------------------------------------------------

    def client_left(self) -> Steps:
        self.client_listens = False
        return [] if self.phase in OVER else self.parting.leave(CLIENT_LEFT)

    def end(self, code: ErrorCode, message: str) -> Steps:
        """The gateway ends the call: idle, too slow, taken over, stopping."""
        return [] if self.phase in OVER else self.parting.leave_for(code, message)

    def cap(self, code: ErrorCode, message: str) -> Steps:
        """The call has had as much as one may: as with credits, the running reply may end."""
        return [] if self.phase in (Phase.FINISHING, *OVER) else self.credits.cap(code, message)

    def cap_near(self, what: str, left: int) -> Steps:
        """So many tokens, or seconds, are left of those that one call may have; as of low credits (A15)."""
        if self.phase not in GOING_ON:
            return []
        told = self.client_side.cap_near(what, left) if self.here.way.terms.tell_low_credits else []
        return [Note("cap_near", f"{left} {what} left"), *map(ToClient, told)]

    def purse_changed(self) -> Steps:
        """By the ledger's word, or by another call of the account."""
        return self.credits.out() if self.phase in GOING_ON and self.taps.spent else []

    def stop(self, end: End) -> Steps:
        """The process goes, and has little time."""
        if self.phase is Phase.ENDED:
            return []
        if self.phase in PARTING:
            self.parting.end = end
            return self.alarms.set(Alarm.LEAVE, limits.LEAVE_AT_STOP_S)
        return self.parting.leave(end, [], limits.LEAVE_AT_STOP_S)

    def part(self, end: End, left_ms: int) -> Steps:
        """The gateway is to go: the call ends so at the first moment at which nobody would miss a word."""
        return [] if self.phase in (Phase.FINISHING, *OVER) else self.parting.part(end, left_ms)

    def ending(self, code: ErrorCode) -> End:
        close = self.client_side.farewell(code, "").close
        return End(close.code, close.reason, code)

    # -- By the clock ---------------------------------------------------------------------------------------

    def woke(self) -> Steps:
        due = self.alarms.due()
        steps: Steps = []
        if self.phase not in UNKNOWN and not _NEED_NOT_KNOW.issuperset(due):
            catch_up(self)
            steps += settle(self)
        for alarm in due:
            phases, ring = _ON_ALARM[alarm]
            if self.phase in phases:
                steps += ring(self)
        return steps if self.phase is Phase.ENDED else steps + self.alarms.wake()

    def _provider_side_is_due(self) -> Steps:
        lane = self.here.lane
        return hear(self, lane.woke()) if isinstance(lane, Translation) else []

    # -- What others ask ------------------------------------------------------------------------------------

    @property
    def target(self) -> Target | None:
        """Where the call is, or is going; None before that is known."""
        return None if self.phase in UNKNOWN else self.here.way.target

    @property
    def bound_for(self) -> Target | None:
        """Where it will be, if it is on its way to another."""
        beside = self.moving.beside
        return beside.way.target if beside is not None else self.target

    @property
    def targets(self) -> list[str]:
        """All of its route's, by the names that `switch` takes; none before that is known."""
        return [] if self.phase in UNKNOWN else self.choice.names

    @property
    def greeting(self) -> bytes:
        """What its client was told when the session began, for who joins it. b"": nobody may, or not now."""
        return self.client_side.greeting if self.phase is Phase.LIVE else b""

    @property
    def is_over(self) -> bool:
        """Nothing is said any more; its cost may still be told."""
        return self.phase in OVER

    @property
    def dialect(self) -> str:
        """The client's."""
        return self.client.NAME

    @property
    def is_free(self) -> bool:
        """Nobody speaks, and nothing is awaited."""
        return self.phase is Phase.LIVE and self.floor.is_free and not self.client_side.reply_open

    def expects(self, generation: int) -> bool:
        """It is that of the present connection, or of the one beside it."""
        return generation == self.generation or self.beside(generation) is not None

    def beside(self, generation: int) -> Connection | None:
        beside = self.moving.beside
        return beside if beside is not None and generation == beside.generation else None

    # -- Frames, by phase -----------------------------------------------------------------------------------

    def enter(
        self,
        phase: Phase,
        from_client: Callable[[bytes], Answer],
        from_provider: Callable[[int, bytes], Answer],
    ) -> None:
        """Nothing passes, until a provider listens (live.py)."""
        self.phase = phase
        self.from_client = from_client
        self.from_provider = from_provider
        self.watched()

    def ignore(self, payload: bytes) -> Answer:
        return []

    def ignore_provider(self, generation: int, payload: bytes) -> Answer:
        return []

    def watched(self) -> None:
        """From now on every frame is to be seen by the conductor."""
        self.passes_from_client = self.passes_from_provider = nothing_passes

    def unwatched(self) -> None:
        if self.phase is Phase.LIVE:
            self.live.let_pass()

    def answered(self) -> None:
        """Sound of a reply is here."""
        if (took_us := self.floor.answered()) is not None:
            self.on_answer(took_us)

    def _how_to_listen(self) -> Callable[[bytes], bool]:
        return IS_LOUD[self.client_side.config.input.coding]


# The phases in which each still matters, and what is then to be done.
_ON_ALARM: dict[Alarm, tuple[Container[Phase], Callable[[Session], Steps]]] = {
    Alarm.FIRST_WORD: ((Phase.HEARING,), lambda session: session.entry.word_is_due()),
    Alarm.GREETING: ((Phase.GREETING,), lambda session: session.approach.greeting_is_due()),
    Alarm.FINISH: ((Phase.FINISHING,), lambda session: session.credits.finish_is_due()),
    Alarm.WORDS: (tuple(Phase), keep_passages),
    Alarm.CREDITS: ((Phase.LIVE,), lambda session: session.credits.ask_is_due()),
    Alarm.PROVIDER: ((Phase.LIVE,), Session._provider_side_is_due),
    Alarm.TIME: ((Phase.LIVE,), lambda session: session.credits.time_is_due()),
    Alarm.LEAVE: (PARTING, lambda session: session.parting.leave_is_due()),
    Alarm.STALL: ((Phase.LIVE,), lambda session: session.moving.may_have_stalled()),
    Alarm.ROLL: ((Phase.LIVE,), lambda session: session.moving.roll_is_due()),
    Alarm.BESIDE: ((Phase.LIVE,), lambda session: session.moving.word_is_due()),
    Alarm.PART: (GOING_ON, lambda session: session.parting.may_part()),
}
# STALL looks first whether it must know what has passed unread. By WORDS only lines are written that were
# over before it came: what is unread are the agent's words of the reply that goes on.
_NEED_NOT_KNOW = frozenset({Alarm.STALL, Alarm.WORDS})


def _to_nobody(*told: object) -> None: ...


def _numbered(run_id: str) -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"{run_id}-{next(numbers)}"
