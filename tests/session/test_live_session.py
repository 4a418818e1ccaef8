"""A call at a provider that bills by time: its last word is waited for, and it does not outlive its
provider."""

import msgspec
import pytest

import live_frames as live
from calls import GRANT, Clock, ids
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.accounts.records import (
    Certainty,
    Draft,
    Passage,
    SavedConfig,
    Switched,
    UsageKind,
    UsageRecord,
)
from realtime_switch.dialects import gpt_live, openai
from realtime_switch.dialects.dialect import ToClient, ToProvider
from realtime_switch.dialects.gpt_live.frames import CLOSE
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.session import limits
from realtime_switch.session.choice import Health
from realtime_switch.session.phase import Phase
from realtime_switch.session.purse import Purse
from realtime_switch.session.session import Session
from realtime_switch.session.stall import LOOKS
from realtime_switch.session.steps import PASS, Ask, Dial, End, Keep, Note, Wake
from realtime_switch.session.way import Way, Ways

decode = msgspec.json.decode
SECOND = live.said(live.SECOND_OF_AUDIO)
TENTH = live.said("AAAA" * 1_600)


class Call:
    def __init__(self, start=live.START, ways=1, history="", credits=1_000):
        self.clock = Clock()
        self.purse = Purse(credits)
        new_id = ids()
        targets = [Target(provider=f"p{n}", model="gpt-live-1") for n in range(ways)]
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
        assert self.session.from_client(start) == [Ask("")]
        grant = msgspec.structs.replace(GRANT, history=history)
        self.dialled = self.session.granted(grant, self.purse)

    def opened(self):
        return self.session.provider_opened(self.session.generation)

    def live(self):
        self.opened()
        self.greeting = self.provider(live.STARTED)
        return self

    def client(self, payload):
        if self.session.passes_from_client(payload):
            return PASS
        return self.session.from_client(payload)

    def provider(self, payload):
        if self.session.passes_from_provider(payload):
            return PASS
        return self.session.from_provider(self.session.generation, payload)


def records(steps):
    return [step.record for step in steps if isinstance(step, Keep)]


def times(steps):
    bills = [r for r in records(steps) if isinstance(r, UsageRecord)]
    assert all(r.kind is UsageKind.SESSION and not r.tokens.total for r in bills)
    return [(r.duration_ms, r.certainty) for r in bills]


def errors(steps):
    frames = [step.payload for step in steps if isinstance(step, ToClient)]
    assert all(map(live.is_for_client, frames))
    return [decode(frame)["error"]["code"] for frame in frames if decode(frame)["type"] == "error"]


def test_nobody_is_dialled_before_the_model_is_known_and_then_the_start_goes_first():
    call = Call()
    assert [type(step) for step in call.dialled] == [Dial]
    assert [s for s in call.opened() if isinstance(s, ToProvider)] == [ToProvider(live.START)]
    assert call.session.phase is Phase.GREETING


def test_what_a_client_says_before_its_session_has_started_is_told_then_in_order():
    call = Call()
    call.opened()
    told = [live.frame("session.commentary.append", content="Hi.", delegation_id=None), SECOND]
    for frame in told:
        assert call.client(frame) == []
    steps = call.provider(live.STARTED)
    assert [s for s in steps if isinstance(s, ToClient | ToProvider)] == [
        ToClient(live.STARTED),
        *map(ToProvider, told),
    ]


def test_a_provider_that_speaks_when_it_likes_is_not_looked_at_for_its_silence():
    steps = Call().live().greeting
    assert Wake(limits.STALL_S / LOOKS) not in steps


def test_the_configuration_is_kept_without_the_past_that_came_with_it():
    start = live.example("session.start (client delegation")
    (saved,) = [r for r in records(Call(start).live().greeting) if isinstance(r, SavedConfig)]
    wanted = decode(start)
    assert decode(saved.config) == {
        "type": "session.start",
        "session": {k: v for k, v in wanted["session"].items() if k != "input"},
    }


def test_audio_goes_by_unread_and_a_bill_is_kept_before_it_is_shown():
    call = Call().live()
    assert call.client(TENTH) is PASS
    assert call.provider(live.spoken()) is PASS
    told = live.usage(12.0)
    steps = call.provider(told)
    kept, shown = [s for s in steps if isinstance(s, Keep | ToClient)]
    assert times([kept]) == [(12_000, Certainty.REPORTED)]
    assert shown.payload is told


def test_a_client_that_closes_hears_the_providers_last_word_and_a_good_end():
    call = Call().live()
    closing = live.frame("session.close", event_id="c1")
    assert call.client(closing) == [ToProvider(closing)]
    last = live.closed(3.0)
    steps = call.provider(last)
    assert times(steps) == [(3_000, Certainty.CONFIRMED)]
    assert ToClient(last) in steps
    assert steps[-1] == End(1000, "close_requested")


@pytest.mark.parametrize("reason", ["expired", "content", "remote_hangup", "connection_lost"])
def test_a_session_that_its_provider_ends_is_over_whatever_the_reason(reason):
    call = Call(ways=2).live()
    assert call.provider(live.closed(60.0, reason))[-1] == End(1000, reason)


def test_a_client_that_is_gone_is_not_the_end_its_provider_is_told_and_heard():
    call = Call().live()
    steps = call.session.client_left()
    assert [s for s in steps if isinstance(s, ToProvider | End)] == [ToProvider(CLOSE)]
    assert call.provider(live.words("agent", " Bye.", 0, 200)) == [], "there is nobody to tell"
    steps = call.provider(live.closed(7.5))
    assert times(steps) == [(7_500, Certainty.CONFIRMED)]
    assert not [s for s in steps if isinstance(s, ToClient)]
    assert steps[-1] == End(1000, "")


def test_a_last_word_is_not_waited_for_without_end():
    call = Call().live()
    call.client(SECOND)
    call.session.client_left()
    call.clock.go_on(limits.LEAVE_S - 0.1)
    assert not [s for s in call.session.woke() if isinstance(s, End)]
    call.clock.go_on(0.1)
    steps = call.session.woke()
    assert times(steps) == [(1_000, Certainty.ESTIMATED)]
    assert steps[-1] == End(1000, "")


def test_a_provider_that_hangs_up_while_its_last_word_is_awaited_leaves_the_rest_to_our_clock():
    call = Call().live()
    call.client(SECOND)
    call.session.client_left()
    steps = call.session.provider_closed(call.session.generation, 1000, "")
    assert times(steps) == [(1_000, Certainty.ESTIMATED)]
    assert steps[-1] == End(1000, "")


def test_a_process_that_stops_has_less_time():
    call = Call().live()
    steps = call.session.stop(End(1001, "The gateway is stopping."))
    assert ToProvider(CLOSE) in steps
    call.clock.go_on(limits.LEAVE_AT_STOP_S)
    assert call.session.woke()[-1] == End(1001, "The gateway is stopping.")


def test_the_gateway_ends_a_call_by_name_and_the_client_hears_the_rest():
    call = Call().live()
    steps = call.session.end(ErrorCode.EXTERNAL_IDLE, "Nothing was heard.")
    assert errors(steps) == ["idle"]
    assert ToProvider(CLOSE) in steps
    last = live.closed(9.0)
    assert ToClient(last) in (steps := call.provider(last))
    assert steps[-1] == End(4008, "invalid_request_error.idle", ErrorCode.EXTERNAL_IDLE)


def test_a_lost_provider_is_the_end_and_nobody_is_dialled_silently():
    call = Call(ways=2).live()
    for _ in range(3):
        call.client(SECOND)
    call.provider(live.usage(2.0))
    steps = call.session.provider_lost(call.session.generation)
    assert errors(steps) == ["upstream_disconnected"]
    assert times(steps) == [(1_000, Certainty.ESTIMATED)]
    assert not [s for s in steps if isinstance(s, Dial)]
    (switched,) = [r for r in records(steps) if isinstance(r, Switched)]
    assert (switched.from_provider, switched.to_provider) == ("p0", "")
    assert steps[-1].code == 1011


def test_nor_does_anybody_switch_it():
    call = Call(ways=2).live()
    assert isinstance(call.session.switch("p1/gpt-live-1"), str)
    assert call.session.latency(60_000) == []


def test_before_it_has_started_another_provider_may_be_tried():
    call = Call(ways=2)
    call.opened()
    error = {"type": "insufficient_quota", "code": "insufficient_quota", "message": "No."}
    steps = call.provider(live.frame("error", event_id="e", error=error))
    assert steps == [Note("provider_refused", "insufficient_quota")]
    steps = call.session.provider_closed(call.session.generation, 1000, "")
    assert [s.target.provider for s in steps if isinstance(s, Dial)] == ["p1"]


def test_a_mistake_of_the_clients_own_is_shown_to_it_and_nobody_else_is_tried():
    call = Call(ways=2)
    call.opened()
    wrong = live.example("error (bad command)")
    steps = call.provider(wrong)
    assert [s for s in steps if isinstance(s, ToClient | End)] == [
        ToClient(wrong),
        End(1008, "unknown_parameter"),
    ]


def test_where_no_provider_says_how_long_the_call_is_our_own_clock_does_in_time():
    call = Call().live()
    kept = []
    for _ in range(70):
        for _ in range(10):
            call.client(TENTH)
        call.clock.go_on(1)
        kept += times(call.session.woke())
    assert kept == [(30_000, Certainty.ESTIMATED), (30_000, Certainty.ESTIMATED)]
    call.session.client_left()
    assert times(call.provider(live.closed(70.0))) == [(10_000, Certainty.CONFIRMED)]


def drafts(steps):
    return [(r.id, r.bill.duration_ms) for r in records(steps) if isinstance(r, Draft)]


def test_once_a_second_what_the_stretch_is_worth_is_kept_before_the_sound_goes_on():
    call = Call().live()
    for second in (1, 2, 3):
        assert [call.client(TENTH) for _ in range(9)] == [PASS] * 9
        kept, sent = call.client(TENTH)
        assert drafts([kept]) == [("run-2", second * 1_000)]
        assert kept.record.bill.certainty is Certainty.ESTIMATED
        assert sent == ToProvider(TENTH)
    steps = call.provider(live.usage(3.0))
    assert [record.id for record in records(steps)] == ["run-2"]
    read = [step for _ in range(10) if (step := call.client(TENTH)) is not PASS]
    assert drafts(*read) == [("run-3", 1_000)]


def test_what_is_beyond_a_bill_is_drafted_together_with_it():
    call = Call().live()
    call.client(SECOND)
    call.client(TENTH)
    told, shown = live.usage(0.4), ToClient(live.usage(0.4))
    *kept, last = [step for step in call.provider(told) if not isinstance(step, Note)]
    assert times(kept[:1]) == [(400, Certainty.REPORTED)]
    assert drafts(kept[1:]) == [("run-3", 700)]
    assert last == shown


def test_a_provider_that_is_ahead_of_us_leaves_nothing_to_note():
    call = Call().live()
    call.provider(live.usage(5.0))
    assert drafts(call.client(SECOND)) == []
    for _ in range(4):
        assert drafts(call.client(SECOND)) == []
    assert drafts(call.client(SECOND)) == [("run-3", 1_000)]


def test_nothing_is_drafted_behind_the_last_word():
    call = Call().live()
    call.client(TENTH)
    assert drafts(call.provider(live.closed(0.0))) == []


def test_sound_that_has_to_be_read_is_drafted_too():
    call = Call().live()
    odd = TENTH[:-1] + b" }"
    told = [drafts(call.client(odd)) for _ in range(20)]
    assert [found for found in told if found] == [[("run-2", 1_000)], [("run-2", 2_000)]]


def test_a_call_that_is_watched_is_drafted_as_any_other():
    call = Call().live()
    call.session.watched()
    assert [call.client(TENTH) for _ in range(9)] == [PASS] * 9
    assert drafts(call.client(TENTH)) == [("run-2", 1_000)]
    call.session.unwatched()
    assert [call.client(TENTH) for _ in range(9)] == [PASS] * 9
    assert drafts(call.client(TENTH)) == [("run-2", 2_000)]


def test_credits_that_are_gone_end_the_call_by_name():
    call = Call().live()
    call.purse.known(0)
    steps = call.session.purse_changed()
    assert errors(steps) == ["insufficient_quota"]
    assert ToProvider(CLOSE) in steps
    assert call.provider(live.closed(2.0))[-1].error is ErrorCode.EXTERNAL_NO_CREDITS


def test_a_line_is_kept_once_it_is_over_though_nobody_says_another_word():
    call = Call().live()
    call.provider(live.words("user", " Is row four free?", 0, 900))
    assert call.provider(live.spoken(live.SECOND_OF_AUDIO)) is PASS
    assert call.provider(live.spoken(live.SECOND_OF_AUDIO)) is PASS
    assert call.provider(live.spoken(live.SECOND_OF_AUDIO)) is PASS
    call.clock.go_on(limits.TIME_LOOKED_AT_S)
    call.session.woke()
    call.provider(live.words("agent", " It is.", 3000, 3400))
    assert [r.text for r in records(call.session.provider_lost(1)) if isinstance(r, Passage)] == [
        "user: Is row four free?\nagent: It is."
    ]


def test_it_goes_on_by_a_new_session_with_what_was_said_before():
    call = Call(history="user: I am Bo.\nagent: Hello Bo.")
    (told,) = [s.payload for s in call.opened() if isinstance(s, ToProvider)]
    assert live.is_for_provider(told)
    assert [item["role"] for item in decode(told)["session"]["input"]] == ["developer", "user", "assistant"]


def test_the_backends_tokens_are_a_record_of_their_own_model():
    call = Call().live()
    (bill,) = records(call.provider(live.example("response.event (completed")))
    assert (bill.kind, bill.model, bill.tokens.total, bill.duration_ms) == (
        UsageKind.RESPONSE,
        "gpt-5.6-terra",
        443,
        0,
    )


def test_a_client_that_takes_turns_has_its_stretches_drafted_too():
    new_id, clock = ids(), Clock()
    way = Way(Target(provider="p", model="gpt-live-1"), Terms(backend_model="b"), gpt_live)
    session = Session(
        run_id="run",
        client=openai,
        client_side=openai.ClientSide(new_id),
        choose=lambda model: Ways(ways=(way,)),
        model="m",
        health=Health(clock),
        now_us=clock,
        random=lambda: 0.5,
        new_id=new_id,
    )
    session.begin()
    session.granted(GRANT, Purse(1_000))
    session.from_client(live.frame("session.update", session={"type": "realtime"}))
    session.provider_opened(session.generation)
    session.from_provider(session.generation, live.STARTED)
    said = live.frame("input_audio_buffer.append", audio="AAAA" * 1_600)
    told = [drafts(session.from_client(said)) for _ in range(20)]
    assert [ms for found in told for _, ms in found] == [1_000, 2_000]
