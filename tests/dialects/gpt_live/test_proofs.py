"""What passes unread: every spelling has a witness, and nothing else passes."""

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._utils import maybe_transform
from openai.types.live import ClientEventParam, InputAudioAppendEvent

import live_frames as live
from realtime_switch.dialects.gpt_live import proofs

APPEND = {"type": "session.input_audio.append", "audio": "AAAAAAA="}
NAMED = {"event_id": "c1", **APPEND}


def tight(message):
    return json.dumps(message, separators=(",", ":")).encode()


# Who really prints it so.
WITNESSES = {
    "openai-python, resources": json.dumps(maybe_transform(APPEND, ClientEventParam)).encode(),
    "openai-python, resources, named": json.dumps(
        maybe_transform({**APPEND, "event_id": "c1"}, ClientEventParam)
    ).encode(),
    "openai-python, models": InputAudioAppendEvent(**APPEND)
    .to_json(use_api_names=True, exclude_unset=True)
    .encode(),
    "openai-node, browsers": tight(APPEND),
    "openai-node, browsers, named": tight(NAMED),
    "LiveKit, Pipecat": json.dumps(APPEND).encode(),
    "LiveKit, of a model": json.dumps(InputAudioAppendEvent(**APPEND).model_dump(exclude_none=True)).encode(),
    "Pipecat, named": json.dumps(NAMED).encode(),
}


@pytest.mark.parametrize("who", WITNESSES)
def test_what_clients_print_is_proven_and_measured(who):
    frame = WITNESSES[who]
    assert proofs.only_audio_from_client(frame)
    assert proofs.audio_bytes_from_client(frame) == 5


@given(st.binary(max_size=50))
def test_a_measure_is_exact(audio):
    assert proofs.audio_bytes_from_client(live.said(b64encode(audio).decode())) == len(audio)


LIES = [
    b'{"type": "session.input_audio.append", "audio": "AA", "type": "session.close"}',
    b'{"type": "session.input_audio.append", "audio": "AA\\"}',
    b'{"type": "session.input_audio.append", "audio": "AA"} ',
    b'{"type":"session.input_audio.mute"}',
    b'{"audio":"AAAA"}',
]


@pytest.mark.parametrize("lie", LIES)
def test_what_could_be_something_else_is_not_proven(lie):
    assert not proofs.only_audio_from_client(lie)


SERVER = {
    name: json.dumps(event, separators=(",", ":")).encode() for name, event in live.EXAMPLES["server"].items()
}


@pytest.mark.parametrize("name", SERVER)
def test_of_a_servers_events_only_audio_words_and_progress_go_by_unread(name):
    frame = SERVER[name]
    passes = [
        proofs.only_audio_from_provider(frame),
        proofs.only_words_from_provider(frame),
        proofs.only_idle_from_provider(frame),
    ]
    kinds = ("session.output_audio.delta", "session.output_transcript.delta", "response.event (text)")
    assert passes == [name.startswith(kind) for kind in kinds]


@pytest.mark.parametrize("times", ["", ',"start_ms":3000,"end_ms":3100'])
def test_what_is_not_audio_in_a_providers_frame_is_known(times):
    frame = b'{"type":"session.output_audio.delta","delta":"AAAAAAAA"' + times.encode() + b"}"
    assert proofs.envelope_bytes(frame) == len(frame) - 8
