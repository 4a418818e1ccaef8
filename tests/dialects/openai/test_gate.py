import msgspec
import pytest

import openai_frames as openai
from calls import TARGET, ids
from openai_frames import SESSION, frame, is_for_client, is_for_provider, response
from realtime_switch.dialects.acts import Configured, Replayed, ReplyBegun, Trouble, UserTranscript
from realtime_switch.dialects.openai import ClientSide, read
from realtime_switch.dialects.openai.resume import minimal_update, with_history
from realtime_switch.dialects.terms import Terms
from realtime_switch.session.steps import ToClient, ToProvider

decode = msgspec.json.decode
HISTORY = "user: I am Bo."
CONFIG = '{"type":"session.update","session":{"type":"realtime","instructions":"Be kind."}}'


def gate(**terms):
    return ClientSide(ids()).gate(TARGET, Terms(**terms))


def update(**session):
    return frame("session.update", event_id="c1", session={"type": "realtime", **session})


def admitted(gate, payload):
    """The one message that goes to the provider."""
    (step,) = gate.admit(payload)
    assert isinstance(step, ToProvider)
    return step.payload


def refused(gate, payload):
    (step,) = gate.admit(payload)
    assert isinstance(step, ToClient)
    assert is_for_client(step.payload)
    return decode(step.payload)["error"]


def transcription(model):
    return {"audio": {"input": {"transcription": model}}}


# -- Towards the provider ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        update(instructions="Hi", tools=[]),
        update(model="gpt-realtime"),
        frame("response.create", response={"output_modalities": ["text"]}),
        frame("conversation.item.create", item={"type": "message"}),
        frame("some.new.feature", x=[1, {"y": None}]),
        frame("session.update"),
        frame("response.create", response=None),
        b'{ "type" : "response.cancel" }',
    ],
)
def test_what_a_route_grants_goes_on_as_the_object_that_came(said):
    assert admitted(gate(), said) is said


def test_another_model_is_left_out_and_the_rest_goes_on():
    """openai-agents sends its own default whatever the URL says, and must not notice (CLIENTS-OPENAI.md
    5)."""
    said = admitted(gate(), update(model="gpt-realtime-2.1", instructions="Hi"))
    assert decode(said) == decode(update(instructions="Hi"))


def test_another_model_is_left_out_of_a_request_for_a_reply():
    said = admitted(gate(), frame("response.create", response={"model": "dear", "instructions": "Hi"}))
    assert decode(said) == {"type": "response.create", "response": {"instructions": "Hi"}}


def test_another_model_that_the_route_admits_goes_on():
    said = update(model="gpt-realtime-mini")
    assert admitted(gate(admits_model=lambda model: model == "gpt-realtime-mini"), said) is said


@pytest.mark.parametrize("model", [None, 5, {"id": "x"}])
def test_a_model_that_is_no_name_is_left_out_too(model):
    assert (
        "model" not in decode(admitted(gate(admits_model=lambda model: True), update(model=model)))["session"]
    )


def test_a_transcription_model_that_the_route_does_not_allow_is_refused_by_name():
    allowed = gate(transcription_models=frozenset({"whisper-1", "gpt-4o-mini-transcribe"}))
    said = update(**transcription({"model": "whisper-1"}))
    assert admitted(allowed, said) is said
    assert refused(allowed, update(**transcription({"model": "dear"}))) == {
        "type": "invalid_request_error",
        "code": "invalid_value",
        "message": "Invalid value: 'dear'. Supported values are: 'gpt-4o-mini-transcribe', 'whisper-1'.",
        "param": "session.audio.input.transcription.model",
        "event_id": "c1",
    }


@pytest.mark.parametrize(
    ("said", "code", "event_id"),
    [
        (b"hello", "invalid_event", None),
        (b"[]", "invalid_event", None),
        (b'{"event_id":"c1"}', "missing_required_parameter", "c1"),
        (b'{"type":"response.create","type":"session.update"}', "invalid_event", None),
        (b'{"type":"input_audio_buffer.append","audio":"AA","type":"session.update"}', "invalid_event", None),
        (frame("realtime_switch.credits", event_id="c1"), "invalid_value", "c1"),
        (frame("realtime_switch.switch", event_id="c1", target=["b/m"]), "invalid_type", "c1"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_openais_words(said, code, event_id):
    error = refused(gate(), said)
    assert (error["type"], error["code"], error["event_id"]) == ("invalid_request_error", code, event_id)


# -- History (A10) -------------------------------------------------------------------------------------------


def test_a_fresh_call_opens_with_nothing():
    assert gate().opening(None, "") == []


def test_a_provider_first_hears_the_saved_configuration_with_the_history_in_it():
    (said,) = gate().opening(CONFIG, HISTORY)
    want = {**decode(with_history(CONFIG.encode(), HISTORY)), "event_id": "event_1"}
    assert decode(said) == want
    assert is_for_provider(said)


def test_a_conversation_without_a_configuration_gets_a_minimal_one():
    (said,) = gate().opening(None, HISTORY)
    assert decode(said) == {**decode(minimal_update(HISTORY)), "event_id": "event_1"}
    assert is_for_provider(said)


@pytest.mark.parametrize("config", ["", "hello", "[]", "{}", '{"session":5}'])
def test_a_configuration_that_is_none_is_as_good_as_no_configuration(config):
    assert gate().opening(config, "") == []
    (said,) = gate().opening(config, HISTORY)
    assert HISTORY in decode(said)["session"]["instructions"]


def test_a_clients_own_instructions_do_not_wipe_out_the_history():
    """All agent SDKs send a session.update at once, which would replace the instructions that we sent."""
    resumed = gate()
    resumed.opening(CONFIG, HISTORY)
    said = update(instructions="I am new.")
    assert decode(admitted(resumed, said)) == decode(with_history(said, HISTORY))


def test_an_update_without_instructions_leaves_the_history_where_it_is():
    resumed = gate()
    resumed.opening(CONFIG, HISTORY)
    said = update(output_modalities=["text"])
    assert admitted(resumed, said) is said


# -- Towards the client ----------------------------------------------------------------------------------


def shown(gate, payload):
    return gate.shown(payload, read(payload))


def test_a_providers_frame_is_shown_as_the_object_that_came():
    assert shown(gate(), openai.COMMITTED)[0] is openai.COMMITTED
    assert shown(gate(), openai.SESSION_CREATED)[0] is openai.SESSION_CREATED
    assert shown(gate(), openai.ERROR)[0] is openai.ERROR
    assert shown(gate(), openai.SESSION_UPDATED) == (
        openai.SESSION_UPDATED,
        (Configured(openai.SESSION_UPDATED, 48),),
    )


def test_a_second_greeting_is_not_shown():
    call = gate()
    call.greeted()
    assert shown(call, openai.SESSION_CREATED)[0] is None


def test_the_answer_to_our_own_update_is_not_shown_and_not_the_clients_wish():
    call = gate()
    call.opening(CONFIG, HISTORY)
    assert shown(call, openai.SESSION_UPDATED) == (None, (Replayed(48),))
    assert shown(call, openai.SESSION_UPDATED)[0] is openai.SESSION_UPDATED


def test_an_answer_that_an_old_connection_owes_us_is_not_waited_for():
    call = gate()
    call.opening(CONFIG, HISTORY)
    call.opening(None, "")
    assert shown(call, openai.SESSION_UPDATED)[0] is openai.SESSION_UPDATED


@pytest.mark.parametrize("event_id", ["event_1", None])
def test_a_refusal_of_our_own_update_is_not_shown(event_id):
    call = gate()
    call.opening(CONFIG, HISTORY)
    error = frame(
        "error", error={"type": "invalid_request_error", "code": "x", "message": "m", "event_id": event_id}
    )
    assert shown(call, error) == (None, (Trouble("x", "m", event_id or ""),))
    assert shown(call, openai.SESSION_UPDATED)[0] is openai.SESSION_UPDATED


@pytest.mark.parametrize("code", ["session_expired", "server_error"])
def test_what_a_provider_says_before_it_hangs_up_is_not_shown_because_the_call_goes_on(code):
    error = frame("error", error={"type": "invalid_request_error", "code": code, "message": "m"})
    assert shown(gate(), error)[0] is None


def test_garbage_is_not_shown():
    assert shown(gate(), b"\x00\x01garbage")[0] is None


def test_a_reply_outside_of_the_conversation_is_known_when_the_client_asked_for_such():
    """Look-alikes leave the conversation's id out of every reply."""
    call = gate()
    begun = frame("response.created", response=response("in_progress", conversation_id=None))
    assert shown(call, begun) == (begun, (ReplyBegun("resp_1"),))
    call.admit(frame("response.create", response={"conversation": "none"}))
    assert shown(call, begun) == (begun, (ReplyBegun("resp_1", aside=True),))
    assert shown(call, openai.RESPONSE_CREATED) == (
        openai.RESPONSE_CREATED,
        (ReplyBegun("resp_1", "conv_1"),),
    )


# -- Transcription for memory's sake (B2a) ---------------------------------------------------------------


def test_the_route_turns_transcription_on_at_once():
    (said,) = gate(transcribe_with="whisper-1").opening(None, "")
    assert decode(said)["session"] == {"type": "realtime", **transcription({"model": "whisper-1"})}
    assert is_for_provider(said)


def test_a_client_that_turns_it_off_only_turns_it_off_for_itself():
    call = gate(transcribe_with="whisper-1")
    said = decode(admitted(call, update(**transcription(None))))
    assert said["session"]["audio"]["input"]["transcription"] == {"model": "whisper-1"}


def test_a_client_that_did_not_ask_does_not_see_it():
    call = gate(transcribe_with="whisper-1")
    frame_shown, acts = shown(call, openai.TRANSCRIBED)
    assert frame_shown is None
    assert UserTranscript("item_u", "Is row four free?", final=True) in acts
    session = {**SESSION, "audio": {**SESSION["audio"], "input": {"transcription": {"model": "whisper-1"}}}}
    updated = frame("session.updated", event_id="e", session=session)
    frame_shown, acts = shown(call, updated)
    assert decode(frame_shown)["session"]["audio"]["input"] == {"transcription": None}
    assert acts == (Configured(frame_shown, 48),)  # so that only what the client wanted is saved
    assert is_for_client(frame_shown)


@pytest.mark.parametrize(
    "ask",
    [
        lambda call: call.admit(update(**transcription({"model": "dear"}))),
        lambda call: call.opening(
            '{"type":"session.update","session":{"audio":{"input":{"transcription":{}}}}}', ""
        ),
    ],
)
def test_a_client_that_asked_now_or_in_its_saved_configuration_sees_it(ask):
    call = gate(transcribe_with="whisper-1")
    ask(call)
    assert shown(call, openai.TRANSCRIBED)[0] is openai.TRANSCRIBED


def test_where_the_route_does_not_ask_the_client_decides():
    call = gate()
    said = update(**transcription(None))
    assert admitted(call, said) is said
    assert shown(call, openai.TRANSCRIBED)[0] is openai.TRANSCRIBED
