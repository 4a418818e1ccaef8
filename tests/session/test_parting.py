"""A gateway that is to go: at which moment each of its calls ends."""

import openai_frames as openai
from calls import Clock, live
from openai_frames import frame
from realtime_switch.session import limits
from realtime_switch.session.session import Session
from realtime_switch.session.steps import CloseClient, End

STOPPING = End(1001, "The gateway is stopping.")
EVENT = {"event_id": "e", "item_id": "item_a"}


def updated(detection):
    """The client's app asks for answers itself, so between turns nothing is due."""
    audio = {
        **openai.SESSION["audio"],
        "input": {**openai.SESSION["audio"]["input"], "turn_detection": detection},
    }
    return frame("session.updated", event_id="e", session={**openai.SESSION, "audio": audio})


def has_ended(steps):
    return CloseClient(STOPPING) in steps


def looked_at(call: Session, clock: Clock, after_s: float):
    clock.go_on(after_s)
    return has_ended(call.woke())


def test_a_call_ends_when_all_has_been_quiet_for_a_second_and_no_sooner():
    clock = Clock()
    call = live(clock)
    call.from_provider(1, updated({"type": "server_vad", "create_response": False}))
    clock.go_on(60)
    # Between a user's last word and a client's request for an answer nothing is known to be under way.
    call.from_provider(1, frame("input_audio_buffer.speech_started", audio_start_ms=0, **EVENT))
    call.from_provider(1, frame("input_audio_buffer.speech_stopped", audio_end_ms=900, **EVENT))
    call.from_provider(1, frame("input_audio_buffer.committed", previous_item_id=None, **EVENT))
    assert not has_ended(call.part(STOPPING, 15_000))
    looks = [looked_at(call, clock, limits.QUIET_S / 4) for _ in range(4)]
    assert looks == [False, False, False, True]


def test_what_is_heard_meanwhile_makes_the_second_begin_anew():
    clock = Clock()
    call = live(clock)
    assert not has_ended(call.part(STOPPING, 15_000))
    assert not looked_at(call, clock, limits.QUIET_S * 0.9)
    call.from_client(frame("response.create"))
    for said in (openai.RESPONSE_CREATED, openai.ITEM_ADDED):
        call.from_provider(1, said)
    assert not looked_at(call, clock, limits.QUIET_S * 5), "an answer is under way"
    done = frame("response.done", event_id="e", response=openai.response("completed"))
    assert not has_ended(call.from_provider(1, done)), "it has no bill, so it is no moment to leave at once"
    assert not looked_at(call, clock, limits.QUIET_S * 0.9)
    assert looked_at(call, clock, limits.QUIET_S / 4)


def test_a_call_that_has_been_quiet_ends_at_once():
    clock = Clock()
    call = live(clock)
    clock.go_on(limits.QUIET_S)
    assert has_ended(call.part(STOPPING, 15_000))
