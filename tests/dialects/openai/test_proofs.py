"""Witnesses: what real libraries really print. The laws that no proof may break are in tests/laws."""

import json

import pytest
from openai.types.realtime import InputAudioBufferAppendEvent

from openai_frames import AUDIO, RESPONSE_DONE, transcript_delta
from realtime_switch.dialects.openai import (
    envelope_bytes,
    only_audio_from_client,
    only_audio_from_provider,
    only_idle_from_provider,
    read,
)

APPEND = "input_audio_buffer.append"
AUDIO_BYTES = "AAABAAIAAwA="


def tight(message):
    return json.dumps(message, separators=(",", ":"))


CLIENTS = {
    "openai-node, agents-realtime and browsers": tight({"type": APPEND, "audio": AUDIO_BYTES}),
    "openai-python": json.dumps({"type": APPEND, "audio": AUDIO_BYTES}),
    "openai-python, with its model class": InputAudioBufferAppendEvent(
        type=APPEND, audio=AUDIO_BYTES
    ).to_json(),
    "openai-agents": tight({"audio": AUDIO_BYTES, "type": APPEND}),
    "livekit": json.dumps({"audio": AUDIO_BYTES, "type": APPEND}),
    "pipecat": json.dumps(
        {"event_id": "3f1c2c1e-0000-4000-8000-000000000000", "type": APPEND, "audio": AUDIO_BYTES}
    ),
    "a browser that names its events": tight({"event_id": "e1", "type": APPEND, "audio": AUDIO_BYTES}),
    "a browser that names them later": tight({"type": APPEND, "event_id": "e1", "audio": AUDIO_BYTES}),
    "python that names them later": json.dumps({"type": APPEND, "event_id": "e1", "audio": AUDIO_BYTES}),
}

PROVIDERS = {
    "OpenAI": AUDIO,
    "with spaces": json.dumps(json.loads(AUDIO)).encode(),
    "beta": AUDIO.replace(b"output_audio", b"audio", 1),
    "the event_id first": b'{"event_id":"event_1","type":"response.output_audio.delta","delta":"AAAA"}',
    "the event_id first, with spaces": b'{"event_id": "e", "type": "response.audio.delta", "delta": ""}',
}


@pytest.mark.parametrize("said", CLIENTS.values(), ids=CLIENTS.keys())
def test_a_real_clients_audio_passes_unread(said):
    assert only_audio_from_client(said.encode())
    assert said.encode()[only_audio_from_client.cut(said.encode())] == AUDIO_BYTES.encode()


@pytest.mark.parametrize("said", PROVIDERS.values(), ids=PROVIDERS.keys())
def test_a_real_providers_audio_passes_unread(said):
    assert only_audio_from_provider(said)


@pytest.mark.parametrize("shape", only_idle_from_provider.shapes, ids=str)
def test_what_passes_as_idle_would_be_no_act_if_it_were_read(shape):
    message = {"content_index": 0, "item": {"id": "i", "type": "message", "role": "user"}, "delta": "x"}
    members = tight(message | {"transcript": "x", "text": "x", "usage": {"total_tokens": 5}})
    said = shape.parts[0] + members.encode()[1:] if shape.open else b"x".join(shape.parts)
    assert only_idle_from_provider(said)
    assert read(said) == ()


@pytest.mark.parametrize("said", [RESPONSE_DONE, transcript_delta("hi"), AUDIO, b"", b"[]"])
def test_what_somebody_listens_for_is_not_idle(said):
    assert not only_idle_from_provider(said)


@pytest.mark.parametrize(
    "said",
    [
        '{"type":"input_audio_buffer.append","audio":"AA","type":"session.update"}',
        '{"type":"input_audio_buffer.append","audio":"AA","session":{"model":"dear"}}',
        '{"audio":"AA","session":"","type":"input_audio_buffer.append"}',
        '{"type":"input_audio_buffer.append","event_id":"\\","audio":"AA"}',
        '{"event_id":"x\\","type":"input_audio_buffer.append","audio":"AA"}',
        '{"type":"input_audio_buffer.append","audio":"AA"} ',
        '{"type":"input_audio_buffer.append","audio":"AA"',
        '{"type":"input_audio_buffer.append","audio":"',
        '{"type":"input_audio_buffer.commit"}',
        "",
    ],
)
def test_what_may_be_more_than_audio_is_read(said):
    assert not only_audio_from_client(said.encode())
    assert only_audio_from_client.cut(said.encode()) is None


@pytest.mark.parametrize("said", [RESPONSE_DONE, transcript_delta("hi"), b"", b'{"event_id":"x', b"[]"])
def test_what_a_provider_says_besides_audio_is_read(said):
    assert not only_audio_from_provider(said)


def test_the_envelope_of_a_frame_is_all_but_its_base64():
    assert len(AUDIO) - envelope_bytes(AUDIO) == 6400


def test_a_frame_without_audio_is_all_envelope():
    assert envelope_bytes(b'{"type":"response.output_audio.delta",}') == 39


def test_a_frame_that_was_cut_off_is_read():
    whole = b'{"type":"response.output_audio.delta","delta":"AAAA"}'
    assert only_audio_from_provider(whole)
    assert not only_audio_from_provider(whole[:-2])
