"""What a session does about what its lane has heard.

First everybody who listens is told (floor, unheard, taps), then whatever is to be done by it is ordered.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..accounts.records import SwitchCause
from ..dialects.acts import (
    Act,
    Garbled,
    GoingAway,
    Handle,
    Ready,
    ReplyAudio,
    ReplyItem,
    SessionOver,
    StartOver,
    ToolAnswered,
    ToolCall,
    Trouble,
    Usage,
    UserText,
    UserTranscript,
    UserTurn,
)
from ..dialects.dialect import AskSwitch, Hangup, ToClient
from .alarms import Alarm
from .lane import Heard, Hops
from .phase import Phase
from .steps import End, Note, Steps
from .translation import Translation

if TYPE_CHECKING:
    from .session import Session

# An Enum's member is found by Python code (CPython 3.11), so those that every read frame meets have a name.
_LIVE, _FINISHING, _ENDED = Phase.LIVE, Phase.FINISHING, Phase.ENDED
_WORDS = Alarm.WORDS

_BEGIN_LINES = frozenset({ReplyItem, ToolAnswered, ToolCall, UserText, UserTranscript, UserTurn})


def hear(session: "Session", hops: Hops) -> Steps:
    steps: Steps = []
    for hop in hops:
        if type(hop) is ToClient:  # nearly always, and `isinstance` is slow to say no
            steps.append(hop)
        elif type(hop) is Heard:
            if session.taps.unsettled and type(hop.act) in _BEGIN_LINES:
                steps += keep_passages(session)  # what is over is whole, as long as nothing follows it
            steps += _hear_act(session, hop.act)
        elif isinstance(hop, AskSwitch):
            steps += _asked_to_switch(session, hop)
        elif isinstance(hop, Hangup):
            return steps + session.parting.finish(End(hop.code, hop.reason))
        elif not isinstance(hop, Heard):
            steps.append(hop)
    phase = session.phase
    if phase is _ENDED:
        return steps
    if isinstance(session.here.lane, Translation):
        steps += session.alarms.set_at(Alarm.PROVIDER, session.here.lane.due_us)
    if session.taps.unsettled:
        # First, because the frame that ends a turn tells the client that it is over: then it is on disk.
        steps = [*keep_passages(session), *steps]
    if session.taps.second_is_full:
        steps = [*session.taps.draft_time(session.here.way.target), *steps]
    # Only now: the frame that spends the last credit still reaches the client.
    if phase is _FINISHING and not session.client_side.reply_open:
        steps += session.credits.end()
    elif phase is _LIVE and session.taps.spent:
        steps += session.credits.out()
    if session.parting.departure is not None:
        steps += session.parting.part_after(hops)
        if session.phase is not _LIVE:
            return steps
    moving = session.moving
    waits = moving.leaving or moving.beside is not None
    return steps + moving.go_over_if_free() if waits else steps


def catch_up(session: "Session") -> None:
    """Know what the lane let pass unread: words and audio, by which nothing is to be done."""
    for hop in session.here.lane.catch_up():
        if isinstance(hop, Heard):
            _know(session, hop.act)
            session.taps.hear(hop.act, session.here.way.target)


def settle(session: "Session") -> Steps:
    """After catching up: what became sure by it is kept."""
    return keep_passages(session) if session.taps.unsettled else []


def keep_passages(session: "Session") -> Steps:
    return session.taps.due() + session.alarms.set_at(_WORDS, session.taps.due_us())


def _hear_act(session: "Session", act: Act) -> Steps:
    took_ms = _know(session, act)
    steps = session.taps.hear(act, session.here.way.target)
    if (react := _REACTIONS.get(type(act))) is not None:
        steps += react(session, act)
    return steps if took_ms is None else steps + session.latency(took_ms)


def _know(session: "Session", act: Act) -> int | None:
    """How many milliseconds the reply took that begins with this, if one does."""
    if type(act) is ReplyAudio:  # else it has passed, and nobody hears of a piece of it
        session.unproven_from_provider += 1
        session.answered()
    unasked = session.client_side.answered_unasked
    session.client_side.follow(act)
    session.unheard.hear(act, not unasked)
    return session.floor.hear(act, unasked)


def _asked_to_switch(session: "Session", asked: AskSwitch) -> Steps:
    answer = session.switch(asked.target, asked.request_id)
    if not isinstance(answer, str):
        return answer
    frames = session.client_side.refuse_switch(answer, asked.request_id)
    return [ToClient(frame) for frame in frames]


def _count_reply(session: "Session", act: Usage) -> Steps:
    return session.credits.count_reply()


def _start_over(session: "Session", act: StartOver) -> Steps:
    return session.moving.start_over()


def _see_greeting(session: "Session", act: Ready) -> Steps:
    session.here.expires_us = act.expires_us
    session.approach.greeted = True
    session.gate.greeted()
    return []


def _see_trouble(session: "Session", act: Trouble) -> Steps:
    return [Note("provider_error", act.code)]


def _see_garbage(session: "Session", act: Garbled) -> Steps:
    """Whoever sends one thing that is no message is not listened to any longer."""
    note = Note("provider_error", "garbled")
    return [note, *session.moving.move(SwitchCause.GARBLED)] if session.phase is Phase.LIVE else [note]


def _see_over(session: "Session", act: SessionOver) -> Steps:
    parting = session.parting
    return parting.finish(parting.end if session.phase is Phase.LEAVING else End(1000, act.reason))


def _see_going_away(session: "Session", act: GoingAway) -> Steps:
    return session.moving.leave_for_the_same(SwitchCause.GOING_AWAY)


def _see_handle(session: "Session", act: Handle) -> Steps:
    session.approach.handle = (session.here.way.name, act.handle) if act.resumable else ("", "")
    return []


# Each is given the acts that it is filed under.
_REACTIONS: dict[type[Act], Callable[["Session", Any], Steps]] = {
    Usage: _count_reply,
    StartOver: _start_over,
    Ready: _see_greeting,
    Trouble: _see_trouble,
    Garbled: _see_garbage,
    SessionOver: _see_over,
    GoingAway: _see_going_away,
    Handle: _see_handle,
}
