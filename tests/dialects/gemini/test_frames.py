import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemini_frames import sent
from realtime_switch.dialects.gemini import frames
from realtime_switch.dialects.sound import PCM_16K, AudioFormat


@pytest.mark.parametrize(
    "payload",
    [
        b'{"goAway":{"timeLeft":"50s"}}',
        b'{"go_away":{"time_left":"50s"}}',
        b'{ "go_away" : {"timeLeft":"50s"}, "more_of_it": 1}',
    ],
)
def test_both_casings_are_read(payload):
    assert frames.read(payload) == frames.Message(goAway={"timeLeft": "50s"})


@pytest.mark.parametrize("payload", [b"", b"[]", b"5", b"{", b"\xff", b'["_"]', b'{"a_b":'])
def test_what_is_no_message(payload):
    assert frames.read(payload) is None


def test_deep_nesting_is_no_message():
    deep = b'{"server_content":' + b"[" * 100_000
    assert frames.read(deep) is None
    assert frames.read(b'{"a_b":' + b'{"a_b":' * 400 + b"1" + b"}" * 401) is not None


@given(st.binary(max_size=30), st.sampled_from([8_000, 16_000, 24_000, 44_100]))
def test_audio_is_put_together_as_it_would_be_printed(data, rate_hz):
    from base64 import b64encode

    base64 = b64encode(data).decode()
    blob = {"mimeType": f"audio/pcm;rate={rate_hz}", "data": base64}
    assert sent(frames.audio(base64, AudioFormat("pcm", rate_hz))) == {"realtimeInput": {"audio": blob}}


@given(st.text(st.characters(), max_size=10))
def test_what_is_no_audio_stays_within_its_quotes(text):
    """A client can break its own call, but not put words into our mouth."""
    frame = frames.audio(text, PCM_16K)
    try:
        message = json.loads(frame)
    except ValueError:
        return
    assert message.keys() == {"realtimeInput"}
    assert message["realtimeInput"].keys() == {"audio"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    )
)
def test_anything_can_be_written(value):
    assert json.loads(frames.write({"toolResponse": value})).keys() == {"toolResponse"}


def test_halves_of_characters_are_mended():
    assert frames.write({"a": [2**70, "\ud83d\ude00", "\ud83d"]}) == (
        b'{"a":[1180591620717411303424,"\xf0\x9f\x98\x80","\xef\xbf\xbd"]}'
    )
