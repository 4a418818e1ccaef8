"""Witnesses: what real libraries and the service really print; and that nothing else passes with it."""

import asyncio
import json

import pytest
from google.genai import Client, live, types
from hypothesis import given, settings
from hypothesis import strategies as st

from gemini_frames import AUDIO, BLOB, MADE, OVER, called, said, spoken
from realtime_switch.dialects.acts import ReplyAudio, ReplyBegun, ReplyItem
from realtime_switch.dialects.gemini import (
    envelope_bytes,
    only_audio_from_client,
    only_audio_from_provider,
    only_words_from_provider,
    provider_side,
)
from realtime_switch.dialects.terms import Target, Terms

PCM = b"\xfb\xff\xfe\x00" * 3  # "-__-" in the alphabet that the SDK uses
MIME = "audio/pcm;rate=16000"


def tight(message):
    return json.dumps(message, separators=(",", ":"))


class Socket:
    def __init__(self):
        self.sent = []

    async def send(self, message):
        self.sent.append(message)


def printed_by_the_sdk(**sent):
    socket = Socket()
    session = live.AsyncSession(api_client=Client(api_key="x")._api_client, websocket=socket)
    asyncio.run(session.send_realtime_input(**sent))
    (message,) = socket.sent
    return message


DATA_FIRST = {"data": "-__-AA==", "mimeType": MIME}
MIME_FIRST = {"mimeType": MIME, "data": "+//+AA=="}
SNAKE = {"data": "-__-AA==", "mime_type": MIME}
SNAKE_MIME_FIRST = {"mime_type": MIME, "data": "-__-AA=="}

# google-genai 2.34 and 3.6 for Python, and so LiveKit and pipecat, print alike; @google/genai 2.32 prints the
# object as the application gave it, tight (all run against a recording socket, 2026-11).
CLIENTS = {
    "google-genai": printed_by_the_sdk(audio=types.Blob(data=PCM, mime_type=MIME)),
    "google-genai, another rate": printed_by_the_sdk(
        audio=types.Blob(data=PCM, mime_type="audio/pcm;rate=48000")
    ),
    "google-genai, no rate": printed_by_the_sdk(audio=types.Blob(data=PCM, mime_type="audio/pcm")),
    "google-genai, deprecated media": printed_by_the_sdk(media=types.Blob(data=PCM, mime_type=MIME)),
    "google-genai, deprecated send": json.dumps({"realtime_input": {"media_chunks": [SNAKE]}}),
    "@google/genai": tight({"realtimeInput": {"audio": DATA_FIRST}}),
    "@google/genai, mime type first": tight({"realtimeInput": {"audio": MIME_FIRST}}),
    "@google/genai, media": tight({"realtimeInput": {"mediaChunks": [DATA_FIRST]}}),
    "@google/genai, media, mime type first": tight({"realtimeInput": {"mediaChunks": [MIME_FIRST]}}),
    "Python by hand": json.dumps({"realtimeInput": {"audio": DATA_FIRST}}),
    "Python by hand, mime type first": json.dumps({"realtimeInput": {"audio": MIME_FIRST}}),
    "Python by hand, media": json.dumps({"realtimeInput": {"mediaChunks": [MIME_FIRST]}}),
    "Python in snake_case, mime type first": json.dumps({"realtime_input": {"audio": SNAKE_MIME_FIRST}}),
    "Google's first samples": json.dumps({"realtime_input": {"media_chunks": [SNAKE_MIME_FIRST]}}),
    "a browser in snake_case": tight({"realtime_input": {"media_chunks": [SNAKE]}}),
}

AUDIO_FRAME = {"serverContent": {"modelTurn": {"parts": [{"inlineData": BLOB}]}}}
ROLE_FIRST = {"serverContent": {"modelTurn": {"role": "model", "parts": [{"inlineData": BLOB}]}}}
ROLE_LAST = {"serverContent": {"modelTurn": {"parts": [{"inlineData": BLOB}], "role": "model"}}}
NO_RATE = {"serverContent": {"modelTurn": {"parts": [{"inlineData": {**BLOB, "mimeType": "audio/pcm"}}]}}}


def styles(message):
    return {
        "indented, with a line break, as the service": json.dumps(message, indent=2) + "\n",
        "indented": json.dumps(message, indent=2),
        "tight": tight(message),
        "spaced": json.dumps(message),
    }


PROVIDERS = {
    f"{name}, {style}": printed
    for name, message in {
        "no role": AUDIO_FRAME,
        "role first": ROLE_FIRST,
        "role last": ROLE_LAST,
        "no rate": NO_RATE,
    }.items()
    for style, printed in styles(message).items()
}


@pytest.mark.parametrize("said", CLIENTS.values(), ids=CLIENTS.keys())
def test_a_real_clients_audio_passes_unread(said):
    assert only_audio_from_client(said.encode())


@pytest.mark.parametrize("said", PROVIDERS.values(), ids=PROVIDERS.keys())
def test_a_real_providers_audio_passes_unread(said):
    assert only_audio_from_provider(said.encode())
    assert len(said) - envelope_bytes(said.encode()) == len(AUDIO)


@pytest.mark.parametrize(
    "said",
    [
        printed_by_the_sdk(video=types.Blob(data=PCM, mime_type="image/jpeg")),
        printed_by_the_sdk(text="hi"),
        '{"realtimeInput":{"mediaChunks":[{"mimeType":"image/jpeg","data":"AAAA"}]}}',
        '{"realtimeInput":{"audio":{"data":"AAAA"}}}',
        '{"realtimeInput":{"audio":{"data":"AA","mimeType":"audio/pcm"},"text":"hi"}}',
        '{"realtimeInput":{"audio":{"data":"AA","mimeType":"audio/pcm"}},"setup":{}}',
        '{"realtimeInput":{"audio":{"data":"AA","data":"BB","mimeType":"audio/pcm"}}}',
        '{"realtimeInput":{"audio":{"mimeType":"audio/pcm","data":"AA"}},"setup":{"model":"x"}}',
        '{"realtimeInput":{"audio":{"mimeType":"audio/pcm\\","data":"AA"}}}',
        '{"realtimeInput":{"audio":{"mimeType":"audio/pcm","data":"AA\\"}}}',
        '{"realtimeInput":{"audio":{"data":"AA\\","mimeType":"audio/pcm"}}}',
        '{"realtimeInput":{"audio":{"mimeType":"audio/pcm","text":"","data":"AA"}}}',
        '{"realtimeInput":{"audio":{"data":"AA","mimeType":"audio/pcm"}]}}',
        '{"realtimeInput":{"mediaChunks":[{"data":"AA","mimeType":"audio/pcm"},{"data":"AA"}]}}',
        '{"realtimeInput":{"audio":{"data":"AA","mimeType":"audio/pcm;rate=16000"}}} ',
        '{"realtimeInput":{"audio":{"data":"',
        '{"realtimeInput":{"audio":{"mimeType":"audio/pcm',
        '{"setup":{}}',
        "",
    ],
)
def test_what_may_be_more_than_audio_is_read(said):
    assert not only_audio_from_client(said.encode())


TWO_PARTS = {"serverContent": {"modelTurn": {"parts": [{"inlineData": BLOB}, {"inlineData": BLOB}]}}}
WITH_TEXT = {"serverContent": {"modelTurn": {"parts": [{"inlineData": BLOB}, {"text": "hm"}]}}}
TEXT_FIRST = {"serverContent": {"modelTurn": {"parts": [{"text": "hm"}, {"inlineData": BLOB}]}}}
PICTURE = {"serverContent": {"modelTurn": {"parts": [{"inlineData": {**BLOB, "mimeType": "image/png"}}]}}}
NOT_ONLY_AUDIO = [
    {},
    {"serverContent": {}},
    {"setupComplete": {}},
    MADE,
    OVER,
    said("hi"),
    called({"name": "f"}),
    spoken("with words"),
    spoken(generationComplete=True),
    {**spoken(), "usageMetadata": {"promptTokenCount": 1}},
    {"usageMetadata": {"promptTokenCount": 1}, **spoken()},
    {**spoken(), "voiceActivity": {"type": "ACTIVITY_START"}},
    TWO_PARTS,
    WITH_TEXT,
    TEXT_FIRST,
    PICTURE,
]


@pytest.mark.parametrize("message", NOT_ONLY_AUDIO)
def test_what_a_provider_says_besides_audio_is_read(message):
    assert not any(only_audio_from_provider(printed.encode()) for printed in styles(message).values())


def test_words_are_always_read():
    assert not only_words_from_provider(tight(said("hi")).encode())


def test_a_frame_without_audio_is_all_envelope():
    assert envelope_bytes(b"{}") == 2
    assert envelope_bytes(b'{"data"') == 7
    assert envelope_bytes(b'{"data": "AAAA') == 14


# -- Laws --------------------------------------------------------------------------------------------------

scraps = st.sampled_from(
    [
        '{"realtimeInput":{"audio":{"data":"',
        '{"realtimeInput":{"audio":{"mimeType":"audio/pcm',
        '{"realtime_input": {"audio": {"data": "',
        '{"realtimeInput":{"mediaChunks":[{"data":"',
        '{"realtimeInput":{"mediaChunks":[{"mimeType":"audio/pcm',
        '","mimeType":"audio/pcm"}}}',
        '","mimeType":"audio/pcm;rate=16000"}}}',
        '","mimeType":"audio/pcm"}]}}',
        '", "mime_type": "audio/pcm"}}}',
        '","data":"',
        ";rate=16000",
        '"}}}',
        '"}]}}',
        "AA-_",
        '"',
        "\\",
        "}",
        ",",
        '"},"text":"hi"',
        '},"setup":{"model":"dear"}',
        "\\u0022",
        " ",
        "\x00",
        "é",
    ]
)
HEADS_AND_TAILS = [
    ('{"realtimeInput":{"audio":{"data":"', '","mimeType":"audio/pcm"}}}'),
    ('{"realtimeInput":{"audio":{"mimeType":"audio/pcm', '","data":"AAAA"}}}'),
    ('{"realtimeInput":{"audio":{"mimeType":"audio/pcm","data":"', '"}}}'),
    ('{"realtime_input": {"audio": {"data": "', '", "mime_type": "audio/pcm;rate=16000"}}}'),
    ('{"realtime_input": {"mediaChunks": [{"data": "', '", "mime_type": "audio/pcm"}]}}'),
]
inside = st.lists(scraps, max_size=5).map("".join) | st.sampled_from(["", "AAAA", "-__-"])
lies = st.lists(scraps, max_size=8).map("".join) | st.tuples(st.sampled_from(HEADS_AND_TAILS), inside).map(
    lambda lie: lie[0][0] + lie[1] + lie[0][1]
)


class Twice(Exception):
    pass


def _once(pairs):
    if len({name for name, _ in pairs}) < len(pairs):
        raise Twice
    return dict(pairs)


@settings(max_examples=800)
@given(lies)
def test_a_client_cannot_hide_a_request_behind_its_audio(said):
    if not only_audio_from_client(said.encode()):
        return
    try:
        message = json.loads(said, object_pairs_hook=_once)
    except ValueError:
        return  # then no provider obeys it either
    ((name, realtime),) = message.items()
    ((holder, audio),) = realtime.items()
    assert name in ("realtimeInput", "realtime_input")
    assert holder in ("audio", "mediaChunks", "media_chunks")
    (blob,) = audio if isinstance(audio, list) else [audio]
    mime = blob.pop("mimeType", None) or blob.pop("mime_type")
    assert mime.startswith("audio/pcm")
    assert isinstance(blob.pop("data"), str)
    assert not blob


@st.composite
def frames_of_a_provider(draw):
    """Real messages, some of whose members are moved, missing or beside the others."""
    messages = [AUDIO_FRAME, ROLE_FIRST, ROLE_LAST, NO_RATE, *NOT_ONLY_AUDIO]
    message = dict(draw(st.sampled_from(messages[:4]) | st.sampled_from(messages)))
    for more in draw(st.lists(st.sampled_from(NOT_ONLY_AUDIO), max_size=1)):
        for name, value in more.items():
            if isinstance(value, dict) and isinstance(message.get(name), dict):
                message[name] = {**message[name], **value}
            else:
                message[name] = value
    names = draw(st.permutations(list(message)))
    message = {name: message[name] for name in names}
    return draw(st.sampled_from(list(styles(message).values()))).encode()


@settings(max_examples=300)
@given(frames_of_a_provider())
def test_only_audio_from_a_provider_hides_nothing(payload):
    if not only_audio_from_provider(payload):
        return
    side = provider_side(Target(provider="p", model="m"), Terms(), lambda kind: kind, lambda: 0)
    begun, item, audio = side.hear(payload)
    assert isinstance(begun, ReplyBegun)
    assert isinstance(item, ReplyItem)
    assert audio == ReplyAudio(item.item_id, AUDIO)


def test_the_proofs_are_met_by_what_is_generated():
    met = {"client": 0, "provider": 0}

    @settings(max_examples=200, database=None)
    @given(lies, frames_of_a_provider())
    def count(said, payload):
        met["client"] += only_audio_from_client(said.encode())
        met["provider"] += only_audio_from_provider(payload)

    count()
    assert met["client"] >= 5
    assert met["provider"] >= 5
