"""GPT-Live calls, whatever happens to them: each ends within its bounds, none is reconnected in silence, and
no second that was told is lost or put down twice."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import live_frames as live
from calls import GRANT, Clock, ids
from gpt_live_anything import FROM_CLIENT, FROM_SERVER
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.accounts.records import Certainty, Draft, UsageKind, UsageRecord
from realtime_switch.dialects import gpt_live
from realtime_switch.dialects.dialect import ToClient, ToProvider
from realtime_switch.dialects.gpt_live.frames import CLOSE
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.session import limits
from realtime_switch.session.choice import Health
from realtime_switch.session.phase import Phase
from realtime_switch.session.purse import Purse
from realtime_switch.session.session import Session
from realtime_switch.session.steps import PASS, Dial, DialBeside, End, Keep
from realtime_switch.session.way import Way, Ways

SECOND = live.said(live.SECOND_OF_AUDIO)


class Call:
    def __init__(self) -> None:
        self.clock = Clock()
        self.steps: list[Any] = []
        new_id = ids()
        targets = [Target(provider=name, model="gpt-live-1") for name in ("p", "q")]
        self.session = Session(
            run_id="run",
            client=gpt_live,
            client_side=gpt_live.ClientSide(new_id, self.clock),
            choose=lambda model: Ways(ways=tuple(Way(t, Terms(), gpt_live) for t in targets)),
            model="",
            health=Health(self.clock),
            now_us=self.clock,
            random=lambda: 0.5,
            new_id=new_id,
        )
        self.session.begin()
        self.session.from_client(live.START)
        self.session.granted(GRANT, Purse(10**9))
        self.session.provider_opened(self.session.generation)
        self.session.from_provider(self.session.generation, live.STARTED)
        assert self.session.phase is Phase.LIVE

    def do(self, step: Any) -> None:
        session = self.session
        match step:
            case ("client", payload):
                if not session.passes_from_client(payload):
                    self._take(session.from_client(payload))
            case ("provider", payload):
                if not session.passes_from_provider(payload):
                    self._take(session.from_provider(session.generation, payload))
            case float():
                self.clock.go_on(step)
                self._take(session.woke())
            case "switch":
                answer = session.switch("")
                self._take([] if isinstance(answer, str) else answer)
            case "credits":
                self._take(session.end(ErrorCode.EXTERNAL_NO_CREDITS, "No credits."))
            case "left":
                self._take(session.client_left())
            case "lost":
                self._take(session.provider_lost(session.generation))
            case "latency":
                self._take(session.latency(60_000))

    def _take(self, steps: Any) -> None:
        self.steps += [] if steps is PASS else steps

    def times(self) -> list[UsageRecord]:
        kept = [step.record for step in self.steps if isinstance(step, Keep)]
        return [r for r in kept if isinstance(r, UsageRecord) and r.kind is UsageKind.SESSION]


_TALK = st.one_of(
    st.just(("client", SECOND)),
    st.just(("client", SECOND)),
    st.builds(lambda payload: ("client", payload), FROM_CLIENT),
    st.builds(lambda payload: ("provider", payload), FROM_SERVER),
    st.builds(lambda s: ("provider", live.usage(s)), st.floats(0, 100)),
    st.sampled_from([0.5, 5.0, 61.0]),
    st.sampled_from(["switch", "latency"]),
)
_ENDS = st.sampled_from(["left", "lost", "credits"])


@settings(max_examples=150)
@given(st.lists(_TALK, max_size=30), _ENDS)
def test_a_call_that_is_over_ends_within_fifteen_seconds_and_its_provider_is_told(
    talk: list[Any], end: str
) -> None:
    call = Call()
    for step in talk:
        call.do(step)
    before = len(call.steps)
    was_live = call.session.phase is Phase.LIVE
    call.do(end)
    if was_live and end != "lost":
        assert ToProvider(CLOSE) in call.steps[before:]
        assert call.session.phase is Phase.LEAVING
    call.do(limits.LEAVE_S)
    call.do(limits.HANG_UP_S)
    assert call.session.phase is Phase.ENDED
    assert sum(isinstance(step, End) for step in call.steps) == 1


@settings(max_examples=150)
@given(st.lists(_TALK, max_size=30), _ENDS)
def test_nobody_is_dialled_once_a_session_has_started_and_a_loss_is_told_by_name(
    talk: list[Any], end: str
) -> None:
    call = Call()
    for step in talk:
        call.do(step)
    was_live = call.session.phase is Phase.LIVE
    before = len(call.steps)
    call.do(end)
    assert not [step for step in call.steps if isinstance(step, Dial | DialBeside)]
    if was_live and end == "lost":
        told = [s.payload for s in call.steps[before:] if isinstance(s, ToClient)]
        assert b"upstream_disconnected" in told[-1]
        assert live.is_for_client(told[-1])
        assert next(s.code for s in call.steps[before:] if isinstance(s, End)) == 1011


@settings(max_examples=150)
@given(
    st.lists(st.just("second") | st.integers(0, 40) | st.sampled_from([0.5, 5.0, 61.0]), max_size=60),
    _ENDS,
    st.booleans(),
)
def test_the_seconds_put_down_are_those_told_or_those_sent(talk: list[Any], end: str, told: bool) -> None:
    """An integer: the provider tells of so much of what was sent. `told`: it says all of it at the end."""
    call = Call()
    sent = 0
    for step in talk:
        if step == "second":
            sent += 1
            call.do(("client", SECOND))
        elif isinstance(step, int):
            call.do(("provider", live.usage(float(min(step, sent)))))
        else:
            call.do(step)
    call.do(end)
    if told and end != "lost":
        call.do(("provider", live.closed(float(sent))))
    call.do(limits.LEAVE_S)
    call.do(limits.HANG_UP_S)
    times = call.times()
    assert sum(record.duration_ms for record in times) == sent * 1000
    assert all(record.tokens.total == 0 and record.fees == 0 for record in times)
    assert len({record.id for record in times}) == len(times)


_SIZES = st.sampled_from([960, 4_800, 5_000, 30_000, 48_000, 100_000])


@settings(max_examples=150)
@given(
    st.lists(
        _SIZES.map(lambda size: ("sound", size))
        | st.floats(0, 1.5).map(lambda share: ("told", share))
        | st.sampled_from([0.5, 5.0, 61.0]),
        max_size=60,
    ),
    st.sampled_from(["left", "lost", "credits", "closed"]),
)
def test_whenever_it_is_killed_all_but_a_second_is_on_disk(talk: list[Any], end: str) -> None:
    """Counted after every frame, as who adopts the outbox would: of each id the bill, else the last draft.
    The provider tells of a share of what was sent, or of more."""
    call = Call()
    sent_ms = told_ms = 0.0
    disk: dict[str, UsageRecord] = {}
    billed: set[str] = set()
    seen = 0

    def look() -> int:
        nonlocal seen
        for step in call.steps[seen:]:
            if isinstance(step, Keep) and isinstance(record := step.record, UsageRecord | Draft):
                assert record.id not in billed, "nothing is drafted or billed behind the bill"
                disk[record.id] = record.bill if isinstance(record, Draft) else record
                if isinstance(record, UsageRecord):
                    billed.add(record.id)
                else:
                    assert record.bill.certainty is Certainty.ESTIMATED
        seen = len(call.steps)
        return sum(record.duration_ms for record in disk.values())

    for step in talk:
        match step:
            case ("sound", size):
                sent_ms += size / 48
                call.do(("client", live.said("AAAA" * (size // 3))))
            case ("told", share):
                told_ms = max(told_ms, sent_ms * share)
                call.do(("provider", live.usage(sent_ms * share / 1000)))
            case _:
                call.do(step)
        assert max(sent_ms, told_ms) - 1_000 < look() <= max(sent_ms, told_ms) + 1
    if end == "closed":
        call.do(("provider", live.closed(sent_ms / 1000)))
    else:
        call.do(end)
    call.do(limits.LEAVE_S)
    call.do(limits.HANG_UP_S)
    look()
    assert set(disk) == billed, "what was drafted is billed once the call is over"
