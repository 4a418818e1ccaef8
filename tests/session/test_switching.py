"""A call changes its provider: because it must, because it is better, or because somebody asks."""

import base64

import msgspec
import pytest

import gemini_frames as gemini
import openai_frames as openai
from calls import Clock, granted, ids
from gemini_client_frames import setup
from openai_frames import frame, transcript_delta
from realtime_switch.accounts.records import Grant, SwitchCause
from realtime_switch.dialects import gemini as gemini_dialect
from realtime_switch.dialects import openai as openai_dialect
from realtime_switch.dialects.acts import Configured
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.session import limits
from realtime_switch.session.choice import Health
from realtime_switch.session.phase import Phase
from realtime_switch.session.session import Session
from realtime_switch.session.stall import DEAF, OWED, TURN_OPEN
from realtime_switch.session.steps import (
    PASS,
    CloseClient,
    Dial,
    DialBeside,
    End,
    GoOver,
    HangUp,
    Keep,
    LeaveBeside,
    Note,
    ToClient,
    ToProvider,
    Wake,
)
from realtime_switch.session.way import Way, Ways

A, B = Target(provider="a", model="m"), Target(provider="b", model="m")
USUAL = Terms()
SPOKEN = gemini.tight(gemini.spoken())
APPEND = frame("input_audio_buffer.append", audio="AAAA")
TOOL_ITEM = {"id": "item_f", "type": "function_call", "call_id": "call_1", "name": "seats", "arguments": "{}"}
TOOL_CALL = [
    openai.RESPONSE_CREATED,
    frame("response.output_item.added", response_id="resp_1", output_index=0, item=TOOL_ITEM),
    frame("response.output_item.done", response_id="resp_1", output_index=0, item=TOOL_ITEM),
    openai.RESPONSE_DONE,
]
TURN = [openai.COMMITTED, openai.RESPONSE_CREATED, openai.ITEM_ADDED]


def call(clock=None, *, life_s=3600.0, targets=(A, B), terms=USUAL, **route):
    clock = clock or Clock()
    new_id = ids()
    made = Session(
        run_id="run",
        client=openai_dialect,
        client_side=openai_dialect.ClientSide(new_id),
        choose=lambda model: Ways(
            ways=tuple(Way(target, terms, openai_dialect, life_s) for target in targets), **route
        ),
        model="m",
        health=Health(clock),
        now_us=clock,
        random=lambda: 0.5,
        new_id=new_id,
    )
    made.begin()
    return made


def live(clock=None, **how):
    made = call(clock, **how)
    granted(made)
    up(made)
    return made


def up(made):
    """The connection that is being opened is, and greets."""
    generation = made.generation
    return [*made.provider_opened(generation), *made.from_provider(generation, openai.SESSION_CREATED)]


def hear(made, *said):
    return [
        step for one in said if (got := made.from_provider(made.generation, one)) is not PASS for step in got
    ]


def of(kind, steps):
    return [step for step in steps if isinstance(step, kind)]


def switched(steps):
    return [
        (k.record.cause, k.record.to_provider, k.record.silent_us)
        for k in of(Keep, steps)
        if hasattr(k.record, "cause")
    ]


def says(steps):
    return [decoded(step.payload)["type"] for step in of(ToProvider, steps)]


def shown(steps):
    return [decoded(step.payload)["type"] for step in of(ToClient, steps)]


def refused(steps):
    """What a client is told whose wish came to nothing."""
    told = [decoded(step.payload).get("error") for step in of(ToClient, steps)]
    return [(error["code"], error["event_id"], error["message"]) for error in told if error]


def decoded(payload):
    return msgspec.json.decode(payload)


# -- Because it must --------------------------------------------------------------------------------------


def test_a_target_that_refuses_leads_to_the_next_at_once_and_the_client_is_told_nothing():
    made = call()
    assert of(Dial, granted(made)) == [Dial(1, 0.0, A, limits.PROVIDER_HANDSHAKE_IMPATIENT_S)]
    steps = made.provider_lost(1)
    assert steps == [Note("redial", "attempt 1"), Dial(2, 0.0, B, limits.PROVIDER_HANDSHAKE_S)]
    assert shown(up(made)) == ["session.created"]


def test_a_target_that_is_silent_leads_to_the_next():
    clock = Clock()
    made = call(clock)
    granted(made)
    made.provider_opened(1)
    clock.go_on(limits.PROVIDER_GREETING_S)
    assert of(Dial, made.woke()) == [Dial(2, 0.0, B, limits.PROVIDER_HANDSHAKE_S)]


@pytest.mark.parametrize(("on_drop", "target", "after_s"), [("next", B, 0.0), ("same", A, 0.1)])
def test_a_drop_in_mid_reply_goes_where_the_route_says(on_drop, target, after_s):
    made = live(on_drop=on_drop)
    hear(made, openai.SESSION_UPDATED, *TURN, transcript_delta("It is"))
    steps = made.provider_lost(1)
    assert shown(steps) == ["conversation.item.done", "response.output_item.done", "response.done"]
    (dial,) = of(Dial, steps)
    assert (dial.target, dial.after_s) == (target, after_s)


def test_what_the_user_said_since_the_last_turn_is_told_again_in_order_before_what_waited():
    made = live()
    audio = [frame("input_audio_buffer.append", audio=f"A{n:03}") for n in range(5)]
    for said in audio[:3]:
        assert made.passes_from_client(said)
    made.provider_lost(1)
    for said in audio[3:]:
        made.from_client(said)
    told = [step.payload for step in of(ToProvider, up(made))]
    assert told == audio


def test_the_change_is_put_down_with_its_silence():
    clock = Clock()
    made = live(clock)
    made.provider_lost(1)
    clock.go_on(0.25)
    assert switched(up(made)) == [(SwitchCause.DROPPED, "b", 250_000)]


def test_a_call_that_nobody_takes_ends_by_name_and_that_is_put_down_too():
    made = live()
    made.provider_lost(1, hopeless=True)
    steps = made.provider_lost(2, hopeless=True)
    assert switched(steps) == [(SwitchCause.DROPPED, "", 0)]
    assert made.phase is Phase.ENDED


def test_a_turn_that_was_not_answered_is_told_again_and_its_reply_not_asked_for():
    made = live()
    hear(made, openai.SESSION_UPDATED)  # server VAD
    for _ in range(20):
        made.passes_from_client(APPEND)
    hear(made, openai.COMMITTED)
    made.provider_lost(1)
    assert says(up(made)) == ["session.update", *["input_audio_buffer.append"] * 20]


def test_a_turn_whose_words_are_known_is_in_the_history_and_its_reply_is_asked_for():
    made = live()
    hear(made, openai.SESSION_UPDATED)
    for _ in range(20):
        made.passes_from_client(APPEND)
    hear(made, openai.COMMITTED, openai.TRANSCRIBED)
    made.provider_lost(1)
    steps = up(made)
    assert says(steps) == ["session.update", *["input_audio_buffer.append"] * 10, "response.create"]
    told = decoded(of(ToProvider, steps)[0].payload)["session"]["instructions"]
    assert told.endswith("user: Is row four free?")


def test_what_was_asked_and_not_begun_is_asked_again():
    made = live()
    typed = frame("conversation.item.create", item={"type": "message", "role": "user", "content": []})
    asked = frame("response.create")
    made.from_client(typed)
    made.from_client(asked)
    made.provider_lost(1)
    assert [step.payload for step in of(ToProvider, up(made))] == [typed, asked]


def test_an_answer_to_a_tool_call_of_the_old_provider_brings_the_call_along():
    made = live()
    hear(made, *TOOL_CALL)
    made.provider_lost(1)
    up(made)
    answer = frame(
        "conversation.item.create", item={"type": "function_call_output", "call_id": "call_1", "output": "4"}
    )
    call_item, output = [decoded(step.payload)["item"] for step in of(ToProvider, made.from_client(answer))]
    assert (call_item["type"], call_item["call_id"], call_item["name"]) == (
        "function_call",
        "call_1",
        "seats",
    )
    assert output["type"] == "function_call_output"


def test_a_provider_that_stalls_in_mid_reply_is_left():
    clock = Clock()
    made = live(clock, stall_after_s=5.0)
    hear(made, openai.SESSION_UPDATED, *TURN)
    clock.go_on(4.9)
    assert of(Dial, made.woke()) == []
    clock.go_on(0.1)
    steps = made.woke()
    assert [dial.target for dial in of(Dial, steps)] == [B]
    assert Note("provider_stalled", OWED) in steps


def sends(made, clock, seconds, size):
    """The client's microphone is on, 50 frames a second; whoever wants to be woken is. What came of it, up to
    the first change of provider."""
    steps = []
    for _ in range(round(seconds * 50)):
        clock.go_on(0.02)
        audio = base64.b64encode(size.to_bytes(2, "little") * 480 + clock().to_bytes(8, "little"))
        assert made.passes_from_client(frame("input_audio_buffer.append", audio=audio.decode()))
        steps += made.woke()
        if of(Dial, steps):
            break
    return steps


def heard_by_the_next(made):
    sizes = []
    for step in of(ToProvider, up(made)):
        said = decoded(step.payload)
        if said["type"] == "input_audio_buffer.append":
            sizes.append(int.from_bytes(base64.b64decode(said["audio"])[:2], "little"))
    return sizes


def test_a_provider_that_falls_silent_while_the_user_speaks_is_left_and_the_next_is_told_it_all():
    clock = Clock()
    made = live(clock, stall_after_s=5.0)
    sends(made, clock, 10, 0)
    hear(made, frame("input_audio_buffer.speech_started", item_id="item_u", audio_start_ms=0))
    assert of(Dial, sends(made, clock, 12, 3_000)) == []
    steps = sends(made, clock, 8, 0)
    assert Note("provider_stalled", TURN_OPEN) in steps
    assert [dial.target for dial in of(Dial, steps)] == [B]
    sizes = heard_by_the_next(made)
    assert sizes.count(3_000) == 600
    assert 250 <= sizes[sizes.index(3_000) + 600 :].count(0) <= 350


def test_a_provider_that_does_not_hear_the_user_at_all_is_left_and_the_next_is_told_it_all():
    clock = Clock()
    made = live(clock, stall_after_s=5.0)
    sends(made, clock, 10, 0)
    sends(made, clock, 4, 3_000)
    steps = sends(made, clock, 8, 0)
    assert Note("provider_stalled", DEAF) in steps
    assert heard_by_the_next(made).count(3_000) == 200


@pytest.mark.parametrize(
    ("told", "stalls"),
    [
        (None, True),
        ({"type": "server_vad"}, True),
        ({"type": "server_vad", "create_response": False}, False),
        ("null", False),
    ],
)
def test_a_user_whom_only_we_hear_waits_for_an_answer_only_where_turns_are_answered(told, stalls):
    clock = Clock()
    made = live(clock, stall_after_s=5.0)
    if told is not None:
        heard = {} if told == "null" else {"turn_detection": told}
        hear(made, frame("session.updated", session={**openai.SESSION, "audio": {"input": heard}}))
    sends(made, clock, 4, 3_000)
    assert bool(of(Dial, sends(made, clock, 30, 0))) is stalls


def test_g711_is_listened_to_as_what_it_is():
    clock = Clock()
    made = live(clock, stall_after_s=5.0)
    detection = {"turn_detection": {"type": "server_vad"}, "format": {"type": "audio/pcmu"}}
    hear(made, frame("session.updated", session={**openai.SESSION, "audio": {"input": detection}}))
    sends(made, clock, 4, 0x2020)
    assert of(Dial, sends(made, clock, 20, 0x7F7F))  # which is loud as PCM


def test_a_provider_is_looked_at_from_the_moment_it_listens_on():
    clock = Clock()
    made = call(clock, stall_after_s=5.0)
    granted(made)
    clock.go_on(3)
    assert of(Wake, up(made))[-1] == Wake(1.25)


def test_as_long_as_nobody_answers_the_user_each_provider_is_waited_for_twice_as_long():
    clock = Clock()
    made = live(clock, stall_after_s=5.0)
    took_s = []
    for _ in range(3):
        hear(made, frame("input_audio_buffer.speech_started", item_id="item_u", audio_start_ms=0))
        sends(made, clock, 4, 3_000)
        began_us = clock()
        assert of(Dial, sends(made, clock, 60, 0))
        took_s.append((clock() - began_us) / 1_000_000)
        clock.go_on(3)
        up(made)
    assert [round(took / 5.0) for took in took_s] == [1, 2, 4]


def test_a_commit_that_nobody_answers_is_a_stall():
    clock = Clock()
    made = live(clock, stall_after_s=5.0)
    made.from_client(frame("input_audio_buffer.commit"))
    clock.go_on(5)
    steps = made.woke()
    assert Note("provider_stalled", OWED) in steps
    assert "input_audio_buffer.commit" in says(up(made))


def test_a_planned_move_waits_for_what_is_said_of_a_tools_answer_and_not_for_ever():
    clock = Clock()
    made = live(clock)
    hear(made, openai.SESSION_UPDATED, *TURN, *TOOL_CALL)
    answer = {"type": "function_call_output", "call_id": "call_1", "output": "free"}
    hear(made, frame("conversation.item.added", item={"id": "item_o", **answer}))
    assert not isinstance(made.switch(""), str)
    up(made)
    (beside,) = [made.generation + 1]
    made.provider_opened(beside)
    assert of(GoOver, made.from_provider(beside, openai.SESSION_CREATED)) == []
    clock.go_on(limits.ANSWERS_SPOKEN_OF_S + 4)
    assert of(GoOver, made.woke()) != []


def test_audio_that_passes_unread_is_a_sign_of_life():
    clock = Clock()
    made = live(clock, stall_after_s=5.0)
    hear(made, openai.SESSION_UPDATED, *TURN)
    clock.go_on(4.9)
    assert made.passes_from_provider(openai.AUDIO)
    clock.go_on(0.2)
    assert of(Dial, made.woke()) == []


# -- Because it is better ---------------------------------------------------------------------------------


def begin_roll(made, clock, life_s=100.0):
    clock.go_on(life_s)
    return made.woke()


def test_before_a_provider_hangs_up_another_connection_is_made_ready_and_taken_at_the_end_of_the_turn():
    clock = Clock()
    made = live(clock, life_s=100.0, stall_after_s=1e6)
    hear(made, openai.SESSION_UPDATED, *TURN)
    steps = begin_roll(made, clock, 80.0)
    assert of(DialBeside, steps) == [DialBeside(2, A)]
    assert made.provider_opened(2) == [Wake(limits.PROVIDER_GREETING_S)]
    assert made.from_provider(2, openai.SESSION_CREATED) == []  # a reply is running
    assert made.from_client(APPEND) is PASS  # to the old one
    steps = hear(made, openai.RESPONSE_DONE)
    assert ToClient(openai.RESPONSE_DONE) in steps
    assert GoOver(2) in steps
    assert switched(steps) == [(SwitchCause.SESSION_CAP, "a", 0)]
    assert says(steps)[0] == "session.update"
    assert made.generation == 2
    assert hear(made, openai.SESSION_UPDATED) == []  # the answer to ours


def expiring(clock, after_s):
    session = {**decoded(openai.SESSION_CREATED)["session"], "expires_at": clock() // 1_000_000 + after_s}
    return frame("session.created", event_id="e1", session=session)


def test_a_call_moves_before_the_moment_that_the_provider_names():
    clock = Clock()
    made = call(clock, stall_after_s=1e6)
    granted(made)
    made.provider_opened(1)
    made.from_provider(1, expiring(clock, 1800))
    assert of(DialBeside, begin_roll(made, clock, 1739.0)) == []
    assert of(DialBeside, begin_roll(made, clock, 1.0)) == [DialBeside(2, A)]
    made.provider_opened(2)
    assert GoOver(2) in made.from_provider(2, expiring(clock, 900))
    assert of(DialBeside, begin_roll(made, clock, 839.0)) == []
    assert of(DialBeside, begin_roll(made, clock, 1.0)) == [DialBeside(3, A)]


@pytest.mark.parametrize("after_s", [-5, 0, 599, 3601])
def test_a_moment_that_can_only_be_another_clocks_is_not_believed(after_s):
    clock = Clock()
    clock.go_on(1e9)
    made = call(clock, stall_after_s=1e6)
    granted(made)
    made.provider_opened(1)
    made.from_provider(1, expiring(clock, after_s))
    assert of(DialBeside, begin_roll(made, clock, 3539.0)) == []
    assert of(DialBeside, begin_roll(made, clock, 1.0)) == [DialBeside(2, A)]


def test_where_the_floor_is_free_the_call_goes_over_as_soon_as_the_other_is_ready():
    clock = Clock()
    made = live(clock, life_s=100.0, stall_after_s=1e6)
    begin_roll(made, clock)
    made.provider_opened(2)
    assert GoOver(2) in made.from_provider(2, openai.SESSION_CREATED)


def test_a_connection_beside_that_fails_changes_nothing_and_is_tried_again_before_the_provider_hangs_up():
    clock = Clock()
    made = live(clock, life_s=600.0, stall_after_s=1e6)
    assert of(DialBeside, begin_roll(made, clock, 540.0)) == [DialBeside(2, A)]
    assert Note("switch_failed", "a/m") in made.provider_lost(2)
    assert made.from_client(APPEND) is PASS
    for generation, target in ((3, B), (4, A), (5, B)):
        steps = begin_roll(made, clock, limits.ROLL_AGAIN_S)
        assert of(DialBeside, steps) == [DialBeside(generation, target)]
        if generation < 5:
            made.provider_lost(generation)
    made.provider_opened(5)
    assert switched(made.from_provider(5, openai.SESSION_CREATED)) == [(SwitchCause.SESSION_CAP, "b", 0)]


def test_a_provider_is_left_in_time_though_a_wish_that_came_to_nothing_was_under_way():
    clock = Clock()
    made = live(clock, life_s=600.0, stall_after_s=1e6)
    clock.go_on(539.0)
    made.switch("b/m")
    assert of(DialBeside, begin_roll(made, clock, 1.0)) == []
    made.provider_lost(2)
    assert of(DialBeside, begin_roll(made, clock, limits.ROLL_AGAIN_S)) == [DialBeside(3, A)]


def test_a_connection_beside_that_is_silent_is_given_up():
    clock = Clock()
    made = live(clock, stall_after_s=1e6)
    made.from_client(frame("realtime_switch.switch", event_id="c1", target="b/m"))
    made.provider_opened(2)
    clock.go_on(limits.PROVIDER_GREETING_S)
    steps = made.woke()
    assert of(LeaveBeside, steps) == [LeaveBeside()]
    assert refused(steps) == [("switch_refused", "c1", "b/m cannot be reached; the call stays with a/m.")]
    assert of(DialBeside, made.switch("b/m")) == [DialBeside(3, B)]


def test_a_connection_beside_is_waited_for_anew_each_time():
    clock = Clock()
    made = live(clock, stall_after_s=1e6)
    made.switch("b/m")
    made.provider_opened(2)
    clock.go_on(limits.PROVIDER_GREETING_S / 2)
    made.provider_lost(2)
    made.switch("b/m")
    clock.go_on(limits.PROVIDER_GREETING_S / 2)
    assert of(LeaveBeside, made.woke()) == []


def test_a_drop_while_another_is_ready_beside_goes_over_at_once():
    clock = Clock()
    made = live(clock, life_s=100.0, stall_after_s=1e6)
    hear(made, openai.SESSION_UPDATED, *TURN)
    begin_roll(made, clock, 80.0)
    made.provider_opened(2)
    made.from_provider(2, openai.SESSION_CREATED)
    steps = made.provider_lost(1)
    assert GoOver(2) in steps
    assert not of(Dial, steps)


def test_who_asked_is_told_though_the_provider_that_was_to_be_left_dies_meanwhile():
    made = live()
    hear(made, openai.SESSION_UPDATED, *TURN)
    made.from_client(frame("realtime_switch.switch", event_id="c1", target="b/m"))
    made.provider_opened(2)
    made.from_provider(2, openai.SESSION_CREATED)
    steps = made.provider_lost(1)
    assert shown(steps)[-1] == "realtime_switch.switched"
    assert switched(steps) == [(SwitchCause.DROPPED, "b", 0)]


def test_who_asked_is_told_though_there_was_no_time_to_make_it_ready():
    made = live(on_drop="next")
    made.from_client(frame("realtime_switch.switch", event_id="c1", target="b/m"))
    steps = made.provider_lost(1)
    assert of(LeaveBeside, steps) == [LeaveBeside()]
    assert [dial.target for dial in of(Dial, steps)] == [B]
    (told,) = [decoded(step.payload) for step in of(ToClient, up(made))]
    assert (told["type"], told["provider"], told["request_event_id"]) == (
        "realtime_switch.switched",
        "b",
        "c1",
    )
    assert of(DialBeside, made.switch("a/m")) == [DialBeside(4, A)]


def test_who_asked_is_told_if_the_call_must_go_elsewhere():
    made = live(on_drop="same")
    made.from_client(frame("realtime_switch.switch", event_id="c1", target="b/m"))
    steps = made.provider_lost(1)
    assert [dial.target for dial in of(Dial, steps)] == [A]
    assert refused(steps) == [("switch_refused", "c1", "a/m was lost meanwhile; the call goes on with a/m.")]
    assert shown(up(made)) == []


def test_a_provider_that_must_be_told_anew_is_no_longer_to_be_left():
    made = live()
    made.from_client(frame("realtime_switch.switch", event_id="c1", target="b/m"))
    steps = made.moving.start_over()
    assert refused(steps) == [("switch_refused", "c1", "The call begins anew with a/m. Ask again.")]
    up(made)
    assert of(DialBeside, made.switch("b/m")) == [DialBeside(4, B)]


def test_latency_above_the_mark_so_often_in_a_row_moves_the_call():
    made = live(switch_above_latency_ms=500, switch_after=3)
    told = [made.latency(ms) for ms in (600, 600, 400, 600, 600)]
    assert told == [[]] * 5
    assert of(DialBeside, made.latency(600)) == [DialBeside(2, B)]


def slow(made, times):
    return [step for _ in range(times) for step in made.latency(600)]


def test_what_was_measured_of_one_provider_is_not_held_against_the_next():
    made = live(switch_above_latency_ms=500, switch_after=3)
    hear(made, openai.SESSION_UPDATED, *TURN)
    assert of(DialBeside, slow(made, 3)) == [DialBeside(2, B)]
    slow(made, 5)  # while it waits for the end of the reply
    made.provider_opened(2)
    made.from_provider(2, openai.SESSION_CREATED)
    assert GoOver(2) in hear(made, openai.RESPONSE_DONE)
    assert slow(made, 1) == []
    made.provider_lost(2)
    up(made)
    assert slow(made, 2) == []


def test_where_all_are_slow_the_call_wanders_less_each_time():
    made = live(switch_above_latency_ms=500, switch_after=2)
    for generation, (times, other) in enumerate([(2, B), (4, A), (8, B)], 2):
        assert slow(made, times - 1) == []
        assert of(DialBeside, slow(made, 1)) == [DialBeside(generation, other)]
        made.provider_opened(generation)
        assert GoOver(generation) in made.from_provider(generation, openai.SESSION_CREATED)


def test_a_slow_beginning_of_a_reply_counts_as_latency():
    clock = Clock()
    made = live(clock, switch_above_latency_ms=500, switch_after=1)
    hear(made, openai.SESSION_UPDATED, openai.COMMITTED, openai.RESPONSE_CREATED)
    clock.go_on(0.6)
    assert of(DialBeside, hear(made, openai.ITEM_ADDED)) == [DialBeside(2, B)]


def test_latency_below_the_mark_or_without_a_mark_moves_nothing():
    assert live().latency(10_000) == []
    assert live(switch_above_latency_ms=500).latency(400) == []


# -- Because somebody asks --------------------------------------------------------------------------------


def test_a_client_asks_in_band_and_is_told_when_it_is_done():
    made = live()
    asked = frame("realtime_switch.switch", event_id="c1", target="b/m")
    steps = made.from_client(asked)
    assert of(DialBeside, steps) == [DialBeside(2, B)]
    made.provider_opened(2)
    steps = made.from_provider(2, openai.SESSION_CREATED)
    (told,) = [decoded(step.payload) for step in of(ToClient, steps)]
    told.pop("event_id")
    assert told == {
        "type": "realtime_switch.switched",
        "provider": "b",
        "model": "m",
        "request_event_id": "c1",
    }


def test_whoever_did_not_ask_is_told_only_where_the_route_says_so():
    for tells, names in ((False, []), (True, ["realtime_switch.switched"])):
        made = live(terms=Terms(tell_switches=tells))
        made.switch("b/m")
        made.provider_opened(2)
        assert shown(made.from_provider(2, openai.SESSION_CREATED)) == names
        made.provider_lost(2)
        assert shown(up(made)) == names


def test_what_cannot_be_is_refused_by_name():
    made = live()
    assert made.switch("nobody/m") == "The call's route has no target 'nobody/m'. It has: a/m, b/m."
    assert isinstance(made.switch("b/m"), list)
    assert made.switch("a/m") == "The call is on its way to b/m already."
    assert call().switch("b/m") == "The call is asking and cannot be switched now."


def test_a_call_without_credits_goes_nowhere_any_more():
    made = live()
    hear(made, *TURN)
    made.taps._purse.known(0)
    made.purse_changed()
    assert made.phase is Phase.FINISHING
    steps = made.provider_lost(1)
    assert not of(Dial, steps)
    assert made.phase is Phase.ENDED


def test_a_second_wish_after_the_first_came_to_nothing_is_taken():
    made = live()
    made.switch("b/m")
    made.provider_lost(2)
    assert of(DialBeside, made.switch("b/m")) == [DialBeside(3, B)]


def test_a_beside_that_says_no_is_let_go_of():
    made = live()
    made.switch("b/m")
    made.provider_opened(2)
    assert made.from_provider(2, openai.ERROR) == [LeaveBeside(), Note("switch_failed", "b/m")]


def test_who_asked_is_told_if_it_cannot_be():
    made = live()
    made.from_client(frame("realtime_switch.switch", event_id="c1", target="b/m"))
    assert refused(made.provider_lost(2)) == [
        ("switch_refused", "c1", "b/m cannot be reached; the call stays with a/m.")
    ]


# -- What it costs ----------------------------------------------------------------------------------------


def billed(steps):
    return [k.record.reseed_input for k in of(Keep, steps) if hasattr(k.record, "reseed_input")]


def test_the_first_bill_after_a_switch_says_what_telling_the_past_cost_about():
    made = live()
    turn = [
        *TURN,
        openai.TRANSCRIBED,
        transcript_delta("Yes, it is."),
        openai.ITEM_DONE,
        openai.RESPONSE_DONE,
    ]
    assert billed(hear(made, *turn)) == [0, 0]
    made.provider_lost(1)
    steps = up(made)
    (update,) = [s.payload for s in of(ToProvider, steps) if b"session.update" in s.payload]
    told = decoded(update)["session"]["instructions"].partition("\n")[2]
    assert told == "user: Is row four free?\nagent: Yes, it is."
    bills = billed(hear(made, openai.RESPONSE_CREATED, openai.RESPONSE_DONE))
    bills += billed(hear(made, openai.RESPONSE_CREATED, openai.RESPONSE_DONE))
    assert bills == [-(-len(told) // 4), 0]


# -- From one dialect to the other -------------------------------------------------------------------------

G = Target(provider="g", model="gm", greets=False)
SETTLED = frame("session.updated", session={**openai.SESSION, "instructions": "Be kind."})


def both(clock=None, **route):
    new_id = ids()
    clock = clock or Clock()
    ways = (Way(A, Terms(), openai_dialect, 100.0), Way(G, Terms(), gemini_dialect))
    made = Session(
        run_id="run",
        client=openai_dialect,
        client_side=openai_dialect.ClientSide(new_id),
        choose=lambda model: Ways(ways=ways, **route),
        model="m",
        health=Health(clock),
        now_us=clock,
        random=lambda: 0.5,
        new_id=new_id,
    )
    made.begin()
    return made


@pytest.mark.parametrize("why", [(1008, "BidiGenerateContent session not found"), (1011, "Internal error")])
def test_a_provider_is_asked_to_remember_and_where_it_does_not_it_is_told(why):
    made = both(on_drop="same")
    granted(made)
    up(made)
    hear(made, SETTLED)
    made.provider_lost(1, hopeless=True)
    made.provider_opened(2)
    hear(
        made,
        b'{"setupComplete":{}}',
        b'{"sessionResumptionUpdate":{"newHandle":"h1","resumable":true}}',
        b'{"serverContent":{"inputTranscription":{"text":"Is row four free?","finished":true}}}',
        b'{"serverContent":{"outputTranscription":{"text":"It is."}}}',
        b'{"serverContent":{"turnComplete":true}}',
    )
    made.provider_lost(2)
    (setup,) = of(ToProvider, made.provider_opened(3))
    assert decoded(setup.payload)["setup"]["sessionResumption"] == {"handle": "h1"}
    assert "row four" not in str(decoded(setup.payload))
    steps = made.provider_closed(3, *why)
    assert of(Dial, steps) == [Dial(4, 0.0, G, limits.PROVIDER_HANDSHAKE_S)]
    (setup,) = of(ToProvider, made.provider_opened(4))
    assert decoded(setup.payload)["setup"]["sessionResumption"] == {}
    assert "row four" in str(decoded(setup.payload))


def test_a_handle_counts_no_more_once_the_call_was_elsewhere():
    made = both(on_drop="next")
    granted(made)
    up(made)
    hear(made, SETTLED)
    made.provider_lost(1)
    made.provider_opened(2)
    hear(made, b'{"setupComplete":{}}', b'{"sessionResumptionUpdate":{"newHandle":"h1","resumable":true}}')
    made.provider_lost(2)
    up(made)
    hear(made, openai.SESSION_UPDATED, openai.COMMITTED, openai.TRANSCRIBED, openai.RESPONSE_CREATED)
    hear(made, openai.ITEM_ADDED, transcript_delta("Yes."), openai.ITEM_DONE, openai.RESPONSE_DONE)
    made.provider_lost(3)
    (setup,) = of(ToProvider, made.provider_opened(4))
    assert decoded(setup.payload)["setup"]["sessionResumption"] == {}
    assert "Is row four free?" in str(decoded(setup.payload))


def test_a_provider_that_says_it_will_go_is_left_at_the_end_of_the_turn_by_the_handle_it_gave():
    made = both(on_drop="same")
    granted(made)
    up(made)
    hear(made, SETTLED)
    made.provider_lost(1, hopeless=True)
    made.provider_opened(2)
    hear(
        made,
        b'{"setupComplete":{}}',
        b'{"sessionResumptionUpdate":{"newHandle":"h1","resumable":true}}',
        b'{"serverContent":{"outputTranscription":{"text":"It is"}}}',
    )
    steps = hear(made, b'{"goAway":{"timeLeft":"50s"}}')
    assert Note("switching", "going_away to g/gm") in steps
    assert of(Dial, steps) + of(DialBeside, steps) == []
    steps = hear(made, b'{"serverContent":{"turnComplete":true}}')
    # The old connection is closed first: a handle is for one at a time.
    assert of(Dial, steps) == [Dial(3, 0.0, G, limits.PROVIDER_HANDSHAKE_S)]
    (setup,) = of(ToProvider, made.provider_opened(3))
    assert decoded(setup.payload)["setup"]["sessionResumption"] == {"handle": "h1"}
    steps = hear(made, b'{"setupComplete":{}}')
    assert switched(steps) == [(SwitchCause.GOING_AWAY, "g", 0)]


def gemini_call(clock):
    """Waiting for the client's first word; where it goes there is another beside."""
    new_id = ids()
    ways = (
        Way(G, Terms(), gemini_dialect),
        Way(msgspec.structs.replace(G, provider="h"), Terms(), gemini_dialect),
    )
    made = Session(
        run_id="run",
        client=gemini_dialect,
        client_side=gemini_dialect.ClientSide(new_id),
        choose=lambda model: Ways(ways=ways, stall_after_s=5.0),
        model="m",
        health=Health(clock),
        now_us=clock,
        random=lambda: 0.5,
        new_id=new_id,
    )
    made.begin()
    return made


def test_a_gemini_reply_whose_client_has_left_is_heard_to_its_end_and_paid_for():
    clock = Clock()
    made = gemini_call(clock)
    made.from_client(setup())
    granted(made)
    made.provider_opened(1)
    hear(made, b'{"setupComplete":{}}', SPOKEN)
    left = End(1000, "")
    assert made.client_left() == [CloseClient(left), Wake(limits.LEAVE_S)], "nothing stops it but a voice"
    usage = {"promptTokenCount": 3, "responseTokenCount": 4, "totalTokenCount": 7}
    over = gemini.tight({"serverContent": {"turnComplete": True}, "usageMetadata": usage})
    bill, *rest = hear(made, SPOKEN, over)
    assert bill.record.tokens.total == 7
    assert rest == [HangUp(), Wake(limits.HANG_UP_S)]
    assert made.provider_closed(1, 1000, "") == [left]


def test_a_gemini_client_that_ends_its_own_turn_is_owed_a_reply():
    clock = Clock()
    made = gemini_call(clock)
    made.from_client(setup(realtimeInputConfig={"automaticActivityDetection": {"disabled": True}}))
    granted(made)
    made.provider_opened(1)
    hear(made, b'{"setupComplete":{}}')
    said = [b'{"realtimeInput":{"activityStart":{}}}']
    said += [b'{"realtimeInput":{"audio":{"mimeType":"audio/pcm","data":"%04d"}}}' % n for n in range(200)]
    for one in said:
        made.from_client(one)
    clock.go_on(60)
    assert of(Dial, made.woke()) == []  # it is still speaking
    said.append(b'{"realtimeInput":{"activityEnd":{}}}')
    made.from_client(said[-1])
    clock.go_on(5)
    steps = made.woke()
    assert Note("provider_stalled", OWED) in steps
    made.provider_opened(2)
    told = [step.payload for step in of(ToProvider, hear(made, b'{"setupComplete":{}}'))]
    assert told == said


def test_a_client_that_has_nothing_more_to_say_is_not_waited_for():
    made = both()
    granted(made)
    up(made)
    hear(made, SETTLED)
    steps = made.provider_lost(1)
    assert [dial.target for dial in of(Dial, steps)] == [G]
    (setup,) = of(ToProvider, made.provider_opened(2))
    assert "Be kind." in str(decoded(setup.payload))


def test_what_was_saved_of_an_earlier_call_counts_though_a_provider_of_its_own_dialect_went_between():
    made = both()
    config = openai_dialect.ClientSide(ids()).config_to_save(Configured(SETTLED, 48))
    granted(made, Grant(account_id="a1", session_id="s1", credits=1_000, config=config))
    up(made)
    hear(made, openai.SESSION_UPDATED)  # the answer to ours
    made.provider_lost(1)
    (setup,) = of(ToProvider, made.provider_opened(2))
    assert "Be kind." in str(decoded(setup.payload))


def test_a_connection_of_another_dialect_is_made_ready_without_the_client_or_its_side_knowing():
    made = both()
    granted(made)
    up(made)
    hear(made, SETTLED, *TURN)
    (dial,) = of(DialBeside, made.switch("g/gm"))
    made.provider_opened(dial.generation)
    assert made.from_provider(dial.generation, b'{"setupComplete":{}}') == []  # the reply is not over
    steps = hear(made, openai.RESPONSE_DONE)
    assert shown(steps) == ["response.done"]
    assert of(LeaveBeside, steps) or of(GoOver, steps)
