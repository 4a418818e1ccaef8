import msgspec
import pytest

import openai_frames as openai
from calls import GRANT, TARGET, Clock, granted, live, session
from openai_frames import SESSION, frame, is_for_client, is_for_provider, response, transcript_delta
from realtime_switch.accounts.errors import ErrorCode
from realtime_switch.accounts.records import Grant, Passage, Refusal, SavedConfig, UsageKind, UsageRecord
from realtime_switch.dialects.openai import endings
from realtime_switch.dialects.openai.resume import config_to_save, history_items, minimal_update, with_history
from realtime_switch.dialects.terms import REDIAL_AFTER_S, Target
from realtime_switch.session import limits
from realtime_switch.session.phase import Phase
from realtime_switch.session.purse import Purse
from realtime_switch.session.steps import (
    PASS,
    AskCredits,
    CloseClient,
    Dial,
    End,
    HangUp,
    Keep,
    Note,
    ToClient,
    ToProvider,
    Wake,
)

decode = msgspec.json.decode
APPEND = frame("input_audio_buffer.append", audio="AAAA")
HISTORY = "user: I am Bo.\nagent: Hello Bo."
CONFIG = '{"type":"session.update","session":{"type":"realtime","instructions":"Be kind."}}'
RESUMED = Grant(account_id="a1", session_id="s1", credits=1_000, config=CONFIG, history=HISTORY)


def ending(code):
    close = endings.ending(code)
    return End(close.code, close.reason, code)


NO_CREDITS = ending(ErrorCode.EXTERNAL_NO_CREDITS)
LOST = ending(ErrorCode.INTERNAL_PROVIDER_UNAVAILABLE)
LEFT = End(1000, "")
SENT_AWAY = [CloseClient(NO_CREDITS), HangUp(), Wake(limits.HANG_UP_S)]
GOODBYE = [CloseClient(LEFT), HangUp(), Wake(limits.HANG_UP_S)]
CANCEL = ToProvider(b'{"type":"response.cancel"}')


def said_to_client(steps):
    return [decode(step.payload) for step in steps if isinstance(step, ToClient)]


def said_to_provider(steps):
    return [decode(step.payload) for step in steps if isinstance(step, ToProvider)]


def kept(steps):
    return [step.record for step in steps if isinstance(step, Keep)]


def error(steps):
    (said,) = (message for message in said_to_client(steps) if message["type"] == "error")
    assert is_for_client(msgspec.json.encode(said))
    return said["error"]


def hear(call, *frames, generation=1):
    steps = []
    for said in frames:
        answer = call.from_provider(generation, said)
        steps += [ToClient(said)] if answer is PASS else answer
    return steps


def a_reply(credits=214):
    usage = {"input_tokens": credits - 4, "output_tokens": 4, "total_tokens": credits}
    done = frame("response.done", event_id="e", response=response("completed", usage=usage))
    return [openai.RESPONSE_CREATED, openai.ITEM_ADDED, openai.AUDIO, openai.ITEM_DONE, done]


# -- The way in ------------------------------------------------------------------------------------------


def test_a_sessions_attributes_are_no_dict():
    assert len(vars(live())) <= 30  # CPython 3.11 keeps no more in the object itself


def test_a_call_is_dialled_when_it_is_granted():
    call = session()
    assert granted(call, GRANT) == [Dial(1, 0.0, TARGET)]
    assert call.phase is Phase.DIALLING


def test_a_refused_call_is_told_why_and_ended():
    call = session()
    steps = call.refused(Refusal(code=ErrorCode.EXTERNAL_INVALID_AUTH, message="This key is not valid."))
    assert error(steps)["code"] == "invalid_api_key"
    assert error(steps)["message"] == "This key is not valid. (EXTERNAL_INVALID_AUTH)"
    assert steps[-1] == End(3000, "invalid_request_error.invalid_api_key", ErrorCode.EXTERNAL_INVALID_AUTH)


@pytest.mark.parametrize("credits", [0, -5])
def test_a_call_without_credits_is_never_dialled(credits):
    steps = granted(session(), Grant(account_id="a1", session_id="s1", credits=credits))
    assert error(steps)["type"] == "insufficient_quota"
    assert steps[-1] == NO_CREDITS
    assert not any(isinstance(step, Dial) for step in steps)


def test_a_provider_is_fed_when_it_has_greeted():
    call = session(Clock())
    assert call.from_client(frame("response.create")) == []
    assert call.from_client(APPEND) == []
    granted(call, GRANT)
    assert call.provider_opened(1) == [Wake(limits.PROVIDER_GREETING_S)]
    assert call.from_provider(1, openai.SESSION_CREATED) == [
        ToClient(openai.SESSION_CREATED),
        ToProvider(frame("response.create")),
        ToProvider(APPEND),
        Wake(limits.STALL_S),  # it was asked for a reply
    ]
    assert call.phase is Phase.LIVE
    assert call.from_client(APPEND) is PASS


def test_a_provider_that_waits_for_the_client_is_fed_at_once():
    call = session(target=Target(provider="zoom", model="m", greets=False))
    call.from_client(APPEND)
    granted(call, GRANT)
    assert call.provider_opened(1)[0] == ToProvider(APPEND)
    assert call.phase is Phase.LIVE


def test_what_waited_meets_the_gate_too():
    call = session()
    call.from_client(b"hello")
    granted(call, GRANT)
    call.provider_opened(1)
    assert error(call.from_provider(1, openai.SESSION_CREATED))["code"] == "invalid_event"


@pytest.mark.parametrize("bound", [{"waiting_messages_max": 3}, {"waiting_bytes_max": 3 * len(APPEND)}])
def test_more_than_may_wait_ends_the_call_by_name(bound):
    call = session(**bound)
    assert [call.from_client(APPEND) for _ in range(3)] == [[], [], []]
    steps = call.from_client(APPEND)
    assert error(steps)["code"] == "EXTERNAL_BUFFER_OVERFLOW"
    assert steps[-1] == ending(ErrorCode.EXTERNAL_BUFFER_OVERFLOW)


# -- Coming back (A8, A10) -------------------------------------------------------------------------------


def test_a_fresh_provider_first_hears_the_saved_configuration_with_the_history_then_what_waited():
    call = session()
    call.from_client(APPEND)
    granted(call, RESUMED)
    call.provider_opened(1)
    steps = call.from_provider(1, openai.SESSION_CREATED)
    opening, waited = (step.payload for step in steps if isinstance(step, ToProvider))
    told = {**decode(with_history(CONFIG.encode(), HISTORY)), "event_id": "event_1"}
    assert decode(opening) == told
    assert is_for_provider(opening)
    assert waited is APPEND


def test_a_conversation_without_a_configuration_gets_a_minimal_one():
    call = session()
    granted(call, Grant(account_id="a1", session_id="s1", credits=9, history=HISTORY))
    call.provider_opened(1)
    (opening,) = said_to_provider(call.from_provider(1, openai.SESSION_CREATED))
    assert opening == {**decode(minimal_update(HISTORY)), "event_id": "event_1"}


def test_the_configuration_that_a_client_asks_for_is_saved():
    call = live()
    steps = call.from_provider(1, openai.SESSION_UPDATED)
    assert steps == [
        ToClient(openai.SESSION_UPDATED),
        Keep(
            SavedConfig(
                id="run-1",
                account_id="a1",
                session_id="s1",
                config=config_to_save(openai.SESSION_UPDATED),
                born_us=1_000_000,
            )
        ),
    ]
    assert call.from_provider(1, openai.SESSION_UPDATED) == [ToClient(openai.SESSION_UPDATED)]


def test_the_echo_of_what_we_replayed_is_neither_shown_nor_saved():
    assert live(grant=RESUMED).from_provider(1, openai.SESSION_UPDATED) == []


def test_what_a_client_that_came_back_asks_for_is_saved_without_the_history():
    call = live(grant=RESUMED)
    call.from_provider(1, openai.SESSION_UPDATED)
    mine = frame("session.update", session={"type": "realtime", "instructions": "I am new."})
    (asked,) = said_to_provider(call.from_client(mine))
    assert HISTORY in asked["session"]["instructions"]
    updated = frame("session.updated", session={**SESSION, "instructions": asked["session"]["instructions"]})
    (saved,) = kept(call.from_provider(1, updated))
    assert decode(saved.config)["session"]["instructions"] == "I am new."


def test_the_first_passage_of_a_client_that_came_back_begins_on_a_new_line():
    call = live(grant=RESUMED)
    hear(call, openai.COMMITTED, openai.TRANSCRIBED)
    (passage,) = kept(call.client_left())
    assert passage.text == "\nuser: Is row four free?"


# -- Bills and credits (A7, A12, A15, A16) ---------------------------------------------------------------


def test_a_bill_is_kept_before_the_client_has_the_frame():
    call = live()
    hear(call, *a_reply()[:-1])
    keep, forward = (s for s in call.from_provider(1, openai.RESPONSE_DONE) if not isinstance(s, Wake))
    assert isinstance(keep.record, UsageRecord)
    assert (keep.record.id, keep.record.response_id, keep.record.tokens.total) == ("run-1", "resp_1", 214)
    assert forward == ToClient(openai.RESPONSE_DONE)


def test_a_transcription_is_a_record_and_costs_the_call_nothing():
    call = live(grant=Grant(account_id="a1", session_id="s1", credits=10))
    steps = hear(call, openai.COMMITTED, openai.TRANSCRIBED)
    assert kept(steps)[0].kind is UsageKind.TRANSCRIPTION
    assert call.phase is Phase.LIVE


def test_the_reply_that_spends_the_last_credit_still_arrives():
    call = live(grant=Grant(account_id="a1", session_id="s1", credits=214))
    steps = hear(call, *a_reply(credits=214))
    done = steps.index(ToClient(a_reply(credits=214)[-1]))
    assert isinstance(steps[done - 1], Keep)
    assert error(steps[done:])["code"] == "EXTERNAL_NO_CREDITS"
    assert steps[-3:] == SENT_AWAY
    assert call.provider_closed(1, 1000, "") == [NO_CREDITS]
    assert call.phase is Phase.ENDED


def empty(call, purse):
    """The ledger says that nothing is left."""
    purse.known(0)
    return call.purse_changed()


def test_a_reply_that_runs_when_the_credits_are_gone_is_finished_and_nothing_is_begun():
    purse = Purse(1_000)
    call = live(purse=purse)
    hear(call, openai.RESPONSE_CREATED, openai.ITEM_ADDED)
    assert empty(call, purse) == [Note("credits_spent")]
    assert call.phase is Phase.FINISHING
    assert call.from_client(frame("response.create")) == []
    assert call.from_client(APPEND) == []
    assert call.from_provider(1, openai.AUDIO) is PASS
    steps = call.from_provider(1, openai.RESPONSE_DONE)
    assert ToClient(openai.RESPONSE_DONE) in steps
    assert steps[-3:] == SENT_AWAY


def test_a_reply_that_does_not_finish_is_closed_and_ended():
    clock, purse = Clock(), Purse(1_000)
    call = live(clock, purse=purse)
    hear(call, openai.RESPONSE_CREATED, openai.ITEM_ADDED)
    empty(call, purse)
    clock.go_on(limits.FINISH_REPLY_S)
    steps = call.woke()
    assert [said["type"] for said in said_to_client(steps)][-2:] == ["response.done", "error"]
    assert [step for step in steps if not isinstance(step, ToClient)] == [
        CloseClient(NO_CREDITS),
        CANCEL,
        Wake(limits.HANG_UP_S),
        Wake(limits.HANG_UP_S),
    ]


def test_a_call_without_credits_is_not_redialled():
    purse = Purse(1_000)
    call = live(purse=purse)
    hear(call, openai.RESPONSE_CREATED)
    empty(call, purse)
    steps = call.provider_lost(1)
    assert steps[-1] == NO_CREDITS
    assert not any(isinstance(step, Dial) for step in steps)


def test_credits_that_another_call_has_spent_end_this_one():
    purse = Purse(600)
    first, second = live(purse=purse), live(purse=purse)
    assert hear(first, *a_reply(credits=600))[-3:] == SENT_AWAY
    assert second.purse_changed()[-3:] == SENT_AWAY


def test_a_word_about_a_purse_that_is_not_empty_changes_nothing():
    purse = Purse(600)
    call = live(purse=purse)
    purse.known(1)
    assert call.purse_changed() == []
    assert call.phase is Phase.LIVE


def test_credits_are_asked_for_after_some_replies_and_nobody_waits():
    call = live()
    asked = [AskCredits() in hear(call, *a_reply(credits=5)) for _ in range(10)]
    assert asked == [False, False, False, False, True] * 2


def test_credits_are_asked_for_after_some_time():
    clock = Clock()
    call = live(clock)
    clock.go_on(limits.CREDITS_ASKED_AFTER_S)
    steps = call.woke()
    assert AskCredits() in steps
    clock.go_on(limits.CREDITS_ASKED_AFTER_S - 1)
    assert AskCredits() not in call.woke()
    clock.go_on(1)
    assert AskCredits() in call.woke()


def test_low_credits_are_noted_once_and_told_only_where_the_route_says_so():
    quiet = live(low_credits=900)
    assert Note("credits_low", "800") in hear(quiet, *a_reply(credits=200))
    assert not any(isinstance(step, Note) for step in hear(quiet, *a_reply(credits=200)))
    told = said_to_client(hear(live(low_credits=900, tell_low_credits=True), *a_reply(credits=200)))
    assert {"type": "realtime_switch.credits_low", "event_id": "event_1", "credits": 800} in told


# -- A provider that goes away (A18) ---------------------------------------------------------------------


def test_a_lost_provider_is_dialled_again_with_growing_patience():
    call = session()
    granted(call, GRANT)
    steps = []
    for generation in range(1, 7):
        steps += call.provider_lost(generation)
    dials = [step for step in steps if isinstance(step, Dial)]
    assert [dial.after_s for dial in dials] == list(REDIAL_AFTER_S)  # `random` gives the middle
    assert [dial.generation for dial in dials] == [2, 3, 4, 5, 6]
    assert error(steps)["code"] == "INTERNAL_PROVIDER_UNAVAILABLE"
    assert steps[-1] == LOST


def test_attempts_are_given_back_to_a_provider_that_stayed():
    clock = Clock()
    call = live(clock)
    for generation in range(1, 20):
        clock.go_on(limits.REDIAL_FORGIVEN_AFTER_S)
        assert Dial(generation + 1, REDIAL_AFTER_S[0], TARGET) in call.provider_lost(generation)
        call.provider_opened(generation + 1)
        call.from_provider(generation + 1, openai.SESSION_CREATED)


def test_a_reply_that_breaks_off_is_closed_before_anything_else():
    call = live()
    hear(call, openai.RESPONSE_CREATED, openai.ITEM_ADDED, transcript_delta("It is"))
    steps = call.provider_lost(1)
    closing = [step.payload for step in steps if isinstance(step, ToClient)]
    assert all(is_for_client(said) for said in closing)
    assert [decode(said)["type"] for said in closing] == [
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
    ]
    assert steps[-2:] == [Note("redial", "attempt 1"), Dial(2, REDIAL_AFTER_S[0], TARGET)]


def test_the_new_provider_is_told_what_was_said_and_the_client_sees_no_second_greeting():
    call = live()
    hear(call, openai.SESSION_UPDATED, openai.COMMITTED, openai.TRANSCRIBED, openai.RESPONSE_CREATED)
    hear(call, openai.ITEM_ADDED, transcript_delta("It is"))
    call.provider_lost(1)
    assert call.from_client(APPEND) == []
    call.provider_opened(2)
    steps = call.from_provider(2, openai.SESSION_CREATED)
    assert not any(isinstance(step, ToClient) for step in steps)
    opening, asked, waited = said_to_provider(steps)
    assert asked == {"type": "response.create"}  # the reply that broke off is owed
    assert opening["session"]["instructions"].startswith("Be kind.")
    assert opening["session"]["instructions"].endswith("user: Is row four free?\nagent: It is")
    assert waited == decode(APPEND)
    assert call.from_provider(2, openai.SESSION_UPDATED) == []


def test_a_long_memory_is_told_from_the_beginning_of_a_line_under_a_mark():
    said = "".join(f"\nuser: sentence number {number}." for number in range(2_000))
    call = live(grant=Grant(account_id="a1", session_id="s1", credits=9, history=said))
    hear(call, openai.COMMITTED, openai.TRANSCRIBED)
    call.provider_lost(1)
    call.provider_opened(2)
    opening, _ = said_to_provider(call.from_provider(2, openai.SESSION_CREATED))
    told = opening["session"]["instructions"]
    history = told[told.index("[What was said before this is left out.]\nuser: sentence") :]
    assert len(history) <= limits.HISTORY_CHARS_MAX
    assert history.endswith("user: Is row four free?")


def test_an_old_connection_is_not_heard_any_more():
    call = live()
    call.provider_lost(1)
    assert call.from_provider(1, openai.RESPONSE_DONE) == []
    assert call.provider_lost(1) == []
    assert call.provider_opened(1) == []
    call.provider_opened(2)
    call.from_provider(2, openai.SESSION_CREATED)
    assert call.from_provider(1, openai.RESPONSE_DONE) == []
    assert call.from_provider(2, openai.RESPONSE_DONE) != []


def test_a_provider_that_is_silent_is_given_up():
    clock = Clock()
    call = session(clock)
    granted(call, GRANT)
    call.provider_opened(1)
    clock.go_on(limits.PROVIDER_GREETING_S)
    assert call.woke() == [
        Note("provider_silent"),
        Note("redial", "attempt 1"),
        Dial(2, REDIAL_AFTER_S[0], TARGET),
    ]


def refusal(code):
    text = "Incorrect API key provided: sk-no***pe."
    return frame("error", error={"type": "invalid_request_error", "code": code, "message": text})


def test_what_a_provider_says_of_our_key_is_not_shown_to_the_client():
    call = session()
    granted(call, GRANT)
    call.provider_opened(1)
    assert call.from_provider(1, refusal("invalid_api_key")) == [Note("provider_refused", "invalid_api_key")]
    steps = call.provider_lost(1)
    assert steps[-1] == LOST
    assert b"sk-no" not in b"".join(step.payload for step in steps if isinstance(step, ToClient))


def test_a_model_that_the_provider_does_not_serve_is_the_callers_to_know():
    call = session()
    granted(call, GRANT)
    call.provider_opened(1)
    call.from_provider(1, refusal("invalid_model"))
    steps = call.provider_lost(1)
    assert error(steps)["message"] == f"The provider does not serve the model '{TARGET.model}'."
    assert steps[-1].error is ErrorCode.EXTERNAL_MODEL_NOT_FOUND


@pytest.mark.parametrize("said", [refusal("rate_limit_exceeded"), b"garbage"])
def test_a_refusal_that_may_pass_is_worth_another_try(said):
    call = session()
    granted(call, GRANT)
    call.provider_opened(1)
    call.from_provider(1, said)
    assert Dial(2, REDIAL_AFTER_S[0], TARGET) in call.provider_lost(1)


def test_a_provider_that_turns_us_down_for_good_is_not_asked_again():
    call = session()
    granted(call, GRANT)
    assert call.provider_lost(1, hopeless=True)[-1] == LOST


# -- The end (A19) ---------------------------------------------------------------------------------------


def test_a_client_that_leaves_leaves_nothing_unwritten():
    call = live()
    hear(call, openai.COMMITTED, openai.RESPONSE_CREATED, openai.ITEM_ADDED, transcript_delta("It is"))
    assert call.client_left() == [
        Keep(Passage(id="run-1", account_id="a1", session_id="s1", text="agent: It is", born_us=1_000_000)),
        CloseClient(LEFT),
        CANCEL,
        Wake(limits.HANG_UP_S),
    ]


def test_who_leaves_in_mid_reply_pays_for_it():
    call = live()
    hear(call, openai.RESPONSE_CREATED, openai.ITEM_ADDED)
    call.client_left()
    assert hear(call, openai.AUDIO, transcript_delta("more")) == []
    bill, *rest = call.from_provider(1, a_reply(50)[-1])
    assert (bill.record.kind, bill.record.tokens.total) == (UsageKind.RESPONSE, 50)
    assert rest == [HangUp()]
    assert call.provider_closed(1, 1000, "") == [LEFT]


def test_a_bill_that_was_on_its_way_when_the_client_left_is_kept():
    call = live()
    assert call.client_left() == GOODBYE
    assert [record.tokens.total for record in kept(hear(call, *a_reply(50), *a_reply(60)))] == [50, 60]
    assert call.client_left() == call.end(ErrorCode.EXTERNAL_IDLE, "") == call.purse_changed() == []
    assert call.provider_lost(1) == [LEFT]


@pytest.mark.parametrize("said", [(), (openai.RESPONSE_CREATED,)])
def test_a_provider_that_does_not_answer_is_not_waited_for_long(said):
    clock = Clock()
    call = live(clock)
    hear(call, *said)
    call.client_left()
    clock.go_on(limits.HANG_UP_S - 0.1)
    assert LEFT not in call.woke()
    clock.go_on(0.1)
    assert call.woke() == [LEFT]


def test_a_process_that_stops_while_a_bill_is_awaited_has_less_time():
    clock = Clock()
    call = live(clock)
    hear(call, openai.RESPONSE_CREATED)
    call.client_left()
    stopping = End(1001, "Bye.")
    assert call.stop(stopping) == [], "the timer is set"
    clock.go_on(limits.LEAVE_AT_STOP_S)
    assert call.woke() == [stopping]


def test_a_client_may_leave_while_it_is_asked_who_it_is():
    call = session()
    assert call.client_left() == [End(1000, "")]
    assert granted(call, GRANT) == []


def test_the_gateway_may_end_a_call_by_name():
    steps = live().end(ErrorCode.EXTERNAL_TAKEN_OVER, "The session was opened elsewhere.")
    assert error(steps)["message"] == "The session was opened elsewhere."
    taken_over = ending(ErrorCode.EXTERNAL_TAKEN_OVER)
    assert steps[1:] == [CloseClient(taken_over), HangUp(), Wake(limits.HANG_UP_S)]


def test_trouble_in_mid_call_is_noted_and_shown():
    assert live().from_provider(1, openai.ERROR) == [
        ToClient(openai.ERROR),
        Note("provider_error", "invalid_value"),
    ]


def test_a_provider_that_sends_what_is_no_message_is_left():
    assert live().from_provider(1, b"garbage") == [
        Note("provider_error", "garbled"),
        Note("redial", "attempt 1"),
        Dial(2, REDIAL_AFTER_S[0], TARGET),
    ]


def test_a_finished_turn_is_kept_before_the_frame_that_ends_it_goes_on():
    """Whoever has seen the end of a turn finds it in the memory, whatever is killed when."""
    call = live()
    words = frame("response.output_text.done", event_id="e", **openai.PLACE, text="It is.")
    hear(call, openai.RESPONSE_CREATED, openai.ITEM_ADDED, words)
    steps = hear(call, openai.ITEM_DONE, openai.RESPONSE_DONE)
    said, billed = steps.index(Keep(kept(steps)[0])), steps.index(Keep(kept(steps)[1]))
    assert (kept(steps)[0].text, kept(steps)[1].kind) == ("agent: It is.", UsageKind.RESPONSE)
    assert max(said, billed) < steps.index(ToClient(openai.RESPONSE_DONE))


def test_spoken_words_are_kept_when_they_must_have_been_heard():
    clock = Clock()
    call = live(clock)
    steps = hear(call, openai.RESPONSE_CREATED, openai.ITEM_ADDED, transcript_delta("It is."), openai.AUDIO)
    steps += hear(call, openai.ITEM_DONE, openai.RESPONSE_DONE)
    assert [type(record).__name__ for record in kept(steps)] == ["UsageRecord"]
    wake = [step for step in steps if isinstance(step, Wake)][-1]
    assert wake.after_s == pytest.approx(openai.AUDIO_MS / 1000 + limits.PLAYBACK_SLACK_S, abs=0.1)
    clock.go_on(wake.after_s)
    assert [record.text for record in kept(call.woke())] == ["agent: It is."]


def test_what_is_kept_by_time_alone_needs_nothing_that_passed_unread():
    clock, said = Clock(), "x" * limits.PASSAGE_CHARS
    call = live(clock)
    hear(call, openai.RESPONSE_CREATED, openai.ITEM_ADDED, transcript_delta(said), openai.AUDIO)
    hear(call, openai.ITEM_DONE, openai.RESPONSE_DONE)
    clock.go_on(limits.PLAYBACK_SLACK_S)
    hear(call, openai.RESPONSE_CREATED, openai.ITEM_ADDED.replace(b"item_a", b"item_b"))
    words = transcript_delta("Yes.").replace(b"item_a", b"item_b")
    assert call.from_provider(1, words) is PASS
    clock.go_on(1.0)
    assert [record.text for record in kept(call.woke())] == [f"agent: {said}"]
    assert call.passes_from_provider.put_by == [words]


def test_a_conversation_comes_back_as_items_where_the_route_says_so():
    call = session(resume_by="items")
    granted(call, RESUMED)
    call.provider_opened(1)
    opening, *items = said_to_provider(call.from_provider(1, openai.SESSION_CREATED))
    assert opening == {**decode(CONFIG.encode()), "event_id": "event_1"}
    assert items == [decode(item) for item in history_items(HISTORY)]

    own = frame("session.update", session={"type": "realtime", "instructions": "Be brief."})
    assert call.from_client(own) == [ToProvider(own)]


def test_items_alone_open_a_call_that_has_no_configuration():
    call = session(resume_by="items")
    granted(call, Grant(account_id="a1", session_id="s1", credits=9, history=HISTORY))
    call.provider_opened(1)
    told = said_to_provider(call.from_provider(1, openai.SESSION_CREATED))
    assert told == [decode(item) for item in history_items(HISTORY)]


def test_items_of_the_past_are_not_remembered_once_more():
    call = session(resume_by="items")
    history = "agent: Hello.\nuser: I am Bo."
    granted(call, Grant(account_id="a1", session_id="s1", credits=9, history=history))
    call.provider_opened(1)
    call.from_provider(1, openai.SESSION_CREATED)
    for item in map(decode, history_items(history)):
        hear(call, frame("conversation.item.added", event_id="e", item=item["item"]))
    hear(call, openai.RESPONSE_CREATED)  # it would make what was typed before it sure
    assert kept(call.client_left()) == []
