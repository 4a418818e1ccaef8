"""A Gemini client on a Gemini provider: what it may ask, and what it sees of what it did not ask for."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gemini_client_frames as gemini
from realtime_switch.dialects import openai as openai_dialect
from realtime_switch.dialects.acts import (
    Act,
    Garbled,
    PastTold,
    Ready,
    ReplyAudio,
    ReplyTranscript,
    ToolAnswered,
    UserText,
    UserTranscript,
)
from realtime_switch.dialects.dialect import Hangup, ToClient, ToProvider
from realtime_switch.dialects.gemini import ClientSide
from realtime_switch.dialects.openai import ProviderSide
from realtime_switch.dialects.past import LEAD_IN
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.session import lane

TARGET = Target(provider="gemini", model="gemini-3.8-live", greets=False)
OUT = {"outputAudioTranscription": {}}


def gate(target=TARGET, terms=None, **setup):
    client_side = ClientSide(lambda kind: f"{kind}_1")
    word = client_side.first_word(gemini.setup(**setup))
    made = client_side.gate(target, terms or Terms())
    return made, word.config, client_side


def opened(history="", target=TARGET, terms=None, **setup):
    made, config, _ = gate(target, terms, **setup)
    (frame,) = made.opening(config, history)
    return msgspec.json.decode(frame)["setup"]


MODEL = {"model": "models/gemini-3.8-live"}


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        ({}, {**MODEL, **OUT}),
        (
            {"outputAudioTranscription": {"mode": "SMART"}},
            {**MODEL, "outputAudioTranscription": {"mode": "SMART"}},
        ),
        (
            {
                "generation_config": {"response_modalities": ["AUDIO"], "temperature": 0.25},
                "labels": {"my_label": "x"},
            },
            {
                **MODEL,
                **OUT,
                "generationConfig": {"responseModalities": ["AUDIO"], "temperature": 0.25},
                "labels": {"my_label": "x"},
            },
        ),
        # A handle of ours is unknown to the provider, its own goes to it.
        ({"sessionResumption": {"handle": "rs.s1"}}, {**MODEL, **OUT, "sessionResumption": {}}),
        ({"sessionResumption": {"handle": "h-7"}}, {**MODEL, **OUT, "sessionResumption": {"handle": "h-7"}}),
    ],
)
def test_the_clients_own_setup_opens_the_call(setup, expected):
    assert opened(**setup) == expected


def test_the_model_is_the_routes_as_it_is_configured():
    target = Target(provider="vertex", model="publishers/google/models/x")
    assert opened(target=target)["model"] == "publishers/google/models/x"


def test_the_users_words_are_asked_for_where_the_route_wants_them():
    assert "inputAudioTranscription" not in opened()
    assert opened(terms=Terms(transcribe_with=""))["inputAudioTranscription"] == {}
    own = {"languageCodes": ["de"]}
    assert (
        opened(terms=Terms(transcribe_with=""), inputAudioTranscription=own)["inputAudioTranscription"] == own
    )


def test_what_was_said_before_stands_at_the_end_of_the_instructions():
    past = {"text": f"{LEAD_IN}\nuser: hi"}
    assert opened("user: hi")["systemInstruction"] == {"parts": [past]}
    own = {"role": "user", "parts": [{"text": "Be brief."}]}
    assert opened("user: hi", systemInstruction=own)["systemInstruction"] == {
        "role": "user",
        "parts": [{"text": "Be brief."}, past],
    }


def test_new_instructions_do_not_replace_what_was_said_before():
    made, config, client_side = gate()
    made.opening(config, "user: hi")
    new = {"parts": [{"text": "Speak French."}]}
    (sent,) = made.admit(gemini.frame(context_update={"system_instruction": new}))
    told = {"parts": [{"text": "Speak French."}, {"text": f"{LEAD_IN}\nuser: hi"}]}
    assert msgspec.json.decode(sent.payload) == {"contextUpdate": {"systemInstruction": told}}
    # A fresh connection begins with them, and they are what is kept.
    (frame,) = made.opening(config, "")
    assert msgspec.json.decode(frame)["setup"]["systemInstruction"] == new
    kept = msgspec.json.decode(client_side.config_to_save(Ready(b"{}", 48)))
    assert kept["setup"]["systemInstruction"] == new


def test_a_client_that_has_told_its_past_is_not_waited_for_again():
    seeds = {"historyConfig": {"initialHistoryInClientContent": True}}
    made, config, _ = gate(**seeds)
    assert "historyConfig" in msgspec.json.decode(made.opening(config, "")[0])["setup"]
    made.admit(gemini.frame(clientContent={"turns": [], "turnComplete": True}))
    assert "historyConfig" not in msgspec.json.decode(made.opening(config, "")[0])["setup"]


@pytest.mark.parametrize("config", [None, "", "x", "[]", '{"setup":[]}', '{"type":"session.update"}'])
def test_without_a_configuration_it_opens_with_the_route_alone(config):
    made, _, _ = gate()
    assert [msgspec.json.decode(frame) for frame in made.opening(config, "")] == [{"setup": {**MODEL, **OUT}}]


# -- What a client says --------------------------------------------------------------------------------------


def content(role, text):
    return {"role": role, "parts": [{"text": text}]}


@pytest.mark.parametrize(
    ("message", "heard"),
    [
        ({"realtimeInput": {"text": "hi"}}, [UserText("item_1", "hi")]),
        ({"realtime_input": {"text": " "}}, []),
        ({"realtimeInput": {"audio": {"data": "AAAA", "mimeType": "audio/pcm"}, "new": 1}}, []),
        (
            {
                "clientContent": {
                    "turns": [content("user", "I am Mia."), content("model", "Hi.")],
                    "turnComplete": True,
                }
            },
            [UserText("item_1", "I am Mia."), PastTold("item_1")],
        ),
        (
            {"client_content": {"turns": [{"parts": [{"text": "a"}, {"text": "b"}]}]}},
            [UserText("item_1", "a\nb")],
        ),
        (
            {"toolResponse": {"functionResponses": [{"id": "c", "name": "f", "response": {"output": "x"}}]}},
            [ToolAnswered("c", "x")],
        ),
        ({"toolResponse": {"bogus": 1}}, []),  # the provider says so itself
        ({"contextUpdate": {"tools": {"tools": []}}}, []),
    ],
)
def test_a_message_passes_as_it_came_and_what_nobody_says_again_is_heard(message, heard):
    made, config, _ = gate()
    made.opening(config, "")
    payload = b" " + gemini.frame(**message)
    sent, *acts = made.admit(payload)
    assert sent == ToProvider(payload)
    assert sent.payload is payload
    assert acts == heard


INVALID = "Request contains an invalid argument."


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"setup":{}}', INVALID),
        (b"{}", INVALID),
        (b'{"clientContent":{},"client_content":{}}', INVALID),
        (b'{"clientContent":{},"realtimeInput":{}}', INVALID),
        (
            b'{"bogus_field":{}}',
            'Invalid JSON payload received. Unknown name "bogus_field": Cannot find field.',
        ),
        (
            b'{"realtimeInput":{"text":"a","text":"b"}}',
            "Invalid JSON payload received. The message has two members of the same name in one object.",
        ),
        (b"nonsense", "Invalid JSON payload received. The message is not valid JSON."),
    ],
)
def test_what_may_not_be_asked_ends_the_call(payload, reason):
    made, _, _ = gate()
    assert made.admit(payload) == [Hangup(1007, reason)]


def test_what_the_gate_heard_is_heard_in_the_lane():
    made, _, _ = gate()
    way = lane.Relay(openai_dialect, made, ProviderSide(TARGET))
    payload = gemini.frame(realtimeInput={"text": "hi"})
    assert way.from_client(payload) == [ToProvider(payload), lane.Heard(UserText("item_1", "hi"))]


# -- What a client sees --------------------------------------------------------------------------------------

SAID = [ReplyTranscript("a", 0, "Four.")]
HEARD = [UserTranscript("u", "Line 4?")]


def server(**members):
    return gemini.frame(serverContent=members)


def shown(payload, acts, terms=None, **setup):
    made, config, _ = gate(terms=terms, **setup)
    made.opening(config, "")
    frame, heard = made.shown(payload, acts)
    assert heard == acts
    return frame


def test_words_are_shown_to_who_asked_for_them_as_they_came():
    payload = server(outputTranscription={"text": "Four."}, inputTranscription={"text": "Line 4?"})
    frame = shown(payload, [*HEARD, *SAID], outputAudioTranscription={}, inputAudioTranscription={})
    assert frame is payload


@pytest.mark.parametrize(
    ("payload", "acts", "expected"),
    [
        (server(outputTranscription={"text": "Four."}), SAID, None),
        (server(inputTranscription={"text": "Line 4?"}), HEARD, None),
        (
            server(modelTurn={"parts": []}, outputTranscription={"text": "Four."}),
            [ReplyAudio("a", "AAAA"), *SAID],
            server(modelTurn={"parts": []}),
        ),
        (
            gemini.frame(
                serverContent={"outputTranscription": {"text": "F"}}, usageMetadata={"totalTokenCount": 1}
            ),
            SAID,
            gemini.frame(serverContent={}, usageMetadata={"totalTokenCount": 1}),
        ),
    ],
)
def test_words_that_only_memory_asked_for_are_not_shown(payload, acts, expected):
    assert shown(payload, acts, Terms(transcribe_with="")) == expected


def test_a_second_greeting_is_not_shown():
    made, _, client_side = gate()
    ready = [Ready(b'{"setupComplete": {}}', 48)]
    assert made.shown(b'{"setupComplete": {}}', ready) == (b'{"setupComplete": {}}', ready)
    client_side.follow(ready[0])
    assert made.shown(b'{"setupComplete": {}}', ready) == (None, ready)


def test_what_is_no_message_is_not_shown():
    assert shown(b"\xff", [Garbled()]) is None


@given(
    st.binary(max_size=80) | st.sampled_from([b'{"contextUpdate":[]}', b'{"clientContent":{"turns":[5]}}'])
)
def test_anything_is_answered(payload):
    made, _, _ = gate()
    made.opening(payload.decode("utf-8", "replace"), "")
    assert all(isinstance(one, ToClient | ToProvider | Hangup | Act) for one in made.admit(payload))
    made.shown(payload, [*SAID, *HEARD])
