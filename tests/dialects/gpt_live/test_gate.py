"""Between a client and a provider of this dialect: what is written anew, what is heard, and that all else
passes as the bytes it came as."""

import msgspec
import pytest

import live_frames as live
from calls import Clock, ids
from realtime_switch.dialects import gpt_live
from realtime_switch.dialects.acts import AudioSent, Garbled, ToolAnswered, UserTranscript
from realtime_switch.dialects.dialect import Farewell, FirstWord, Hangup, ToClient, ToProvider
from realtime_switch.dialects.gpt_live.history import CHARS_MAX, MESSAGES_MAX, messages
from realtime_switch.dialects.past import LEAD_IN
from realtime_switch.dialects.terms import Target, Terms

decode = msgspec.json.decode


def side_and_gate(start=live.START, model="gpt-live-1"):
    side = gpt_live.ClientSide(ids(), Clock())
    word = side.first_word(start)
    return side, side.gate(Target(provider="gpt-live", model=model), Terms()), word


# -- The first word ----------------------------------------------------------------------------------------


def test_the_first_message_names_the_model_and_is_kept_as_it_came():
    *_, word = side_and_gate()
    assert word == FirstWord(model="gpt-live-1", config=live.START.decode())


@pytest.mark.parametrize(
    ("first", "code", "param"),
    [
        (live.said(), "invalid_value", "type"),
        (b"{", "invalid_value", None),
        (b'{"type":"session.start","type":"session.start"}', "invalid_value", None),
        (live.frame("session.start", event_id="c1"), "missing_required_parameter", "session"),
        (live.frame("session.start", session={}), "missing_required_parameter", "session.model"),
        (live.frame("session.start", session={"model": 1}), "missing_required_parameter", "session.model"),
    ],
)
def test_a_first_message_that_is_none_is_refused_by_an_event(first, code, param):
    word = gpt_live.ClientSide(ids(), Clock()).first_word(first)
    assert isinstance(word, Farewell)
    assert word.close == Hangup(4000, f"invalid_request_error.{code}")
    (error,) = word.frames
    assert live.is_for_client(error)
    assert (decode(error)["error"]["code"], decode(error)["error"]["param"]) == (code, param)


# -- Towards the provider ----------------------------------------------------------------------------------


def test_a_start_of_the_right_model_goes_on_as_it_came():
    _, gate, word = side_and_gate()
    assert gate.opening(word.config, "") == [live.START]


def test_a_start_bears_the_routes_model_and_nothing_else_is_touched():
    start = live.example("session.start (client delegation")
    _, gate, word = side_and_gate(start, "DEPLOYMENT")
    (told,) = gate.opening(word.config, "")
    wanted = decode(start)
    wanted["session"]["model"] = "DEPLOYMENT"
    assert decode(told) == wanted


def test_what_was_said_before_stands_before_what_the_client_begins_with():
    rule = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Hm."}]}
    start = live.frame("session.start", session={"model": "gpt-live-1", "input": [rule]})
    _, gate, word = side_and_gate(start)
    (told,) = gate.opening(word.config, "[Summary.]\nuser: I am Bo.\nagent: Hello Bo.")
    assert live.is_for_provider(told)
    assert [(item["role"], item["content"][0]["text"]) for item in decode(told)["session"]["input"]] == [
        ("developer", f"{LEAD_IN}\n[Summary.]"),
        ("user", "I am Bo."),
        ("assistant", "Hello Bo."),
        ("developer", "Hm."),
    ]


def test_a_client_that_tells_the_past_itself_is_not_told_it_twice():
    """LiveKit does, when it dials again."""
    start = live.example("session.start (client delegation")
    _, gate, word = side_and_gate(start)
    assert gate.opening(word.config, "user: I am Bo.") == [start]


def test_the_newest_of_a_long_past_is_told_and_the_service_has_room_for_it():
    long = "".join(f"user: number {n}\nagent: {n}, I see.\n" for n in range(5_000))
    told = messages(long)
    assert len(told) <= MESSAGES_MAX
    assert sum(len(item["content"][0]["text"]) for item in told) <= CHARS_MAX
    assert told[0]["content"][0]["text"] == LEAD_IN
    assert told[-1]["content"][0]["text"] == "4999, I see."
    assert messages(long, room=1) == messages("") == []


CLIENT = {
    name: msgspec.json.encode(event)
    for name, event in live.EXAMPLES["client"].items()
    if not event["type"].startswith("session.input_audio.append")
}


@pytest.mark.parametrize("name", CLIENT)
def test_whatever_a_client_says_goes_on_as_the_very_object_that_came(name):
    _, gate, _ = side_and_gate()
    went = gate.admit(CLIENT[name])[0]
    assert went.payload is CLIENT[name]


def test_a_type_that_nobody_knows_goes_on():
    _, gate, _ = side_and_gate()
    odd = live.frame("session.telepathy.begin", strength=11)
    assert gate.admit(odd) == [ToProvider(odd)]


def test_audio_that_is_spelt_in_an_odd_way_is_counted():
    _, gate, _ = side_and_gate()
    odd = b'{ "type":"session.input_audio.append", "audio":"AAAAAAA=" }'
    assert gate.admit(odd) == [ToProvider(odd), AudioSent(5)]


def test_what_a_client_types_and_its_tools_answer_is_heard():
    _, gate, _ = side_and_gate()
    typed, answered = live.example("response.item.create (typed"), live.example("response.item.create (tool")
    heard = [*gate.admit(typed)[1:], *gate.admit(answered)[1:]]
    assert heard == [
        UserTranscript("item_1", "My e-mail is ana@example.org", final=True),
        ToolAnswered("call_1", '{"temp_c":21}'),
    ]


def test_what_may_mean_two_things_goes_nowhere():
    _, gate, _ = side_and_gate()
    (answer,) = gate.admit(b'{"type":"session.close","type":"session.start"}')
    assert isinstance(answer, ToClient)
    assert live.is_for_client(answer.payload)


# -- Towards the client ------------------------------------------------------------------------------------


def test_the_client_sees_the_name_it_gave():
    start = live.frame("session.start", session={"model": "voice"})
    _, gate, _ = side_and_gate(start, "gpt-live-1")
    for told in (live.STARTED, live.closed(1.0), live.example("session.updated")):
        shown, _ = gate.shown(told, [])
        wanted = decode(told)
        wanted["session"]["model"] = "voice"
        assert decode(shown) == wanted


def test_whatever_else_a_provider_says_is_shown_as_the_very_object_that_came():
    _, gate, _ = side_and_gate(live.frame("session.start", session={"model": "voice"}), "gpt-live-1")
    for name, event in live.EXAMPLES["server"].items():
        if "session" in event:
            continue
        frame = msgspec.json.encode(event)
        assert gate.shown(frame, [])[0] is frame, name


def test_what_is_no_message_is_not_shown():
    _, gate, _ = side_and_gate()
    assert gate.shown(b"{", [Garbled()]) == (None, [Garbled()])
