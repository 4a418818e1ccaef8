"""Whether there is sound in a frame, however it is spelt and coded."""

import base64
import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.dialects.loudness import IS_LOUD, LOUD
from realtime_switch.dialects.sound import AudioFormat, Converter

PCM_8K, PCM_16K, PCM_24K = (AudioFormat("pcm", rate_hz) for rate_hz in (8_000, 16_000, 24_000))


def tone(size, ms=20, rate_hz=24_000):
    samples = (round(size * math.sin(n * 440 / rate_hz * math.tau)) for n in range(rate_hz * ms // 1000))
    return array("h", samples).tobytes()


def noise(size, ms=20):
    """As loud as it may be without being loud: its samples are that or less."""
    return array("h", [size if n % 2 else -size for n in range(24 * ms)]).tobytes()


def plain(pcm):
    return b'{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(pcm) + b'"}'


SPELLINGS = {
    "plain": plain,
    "an event_id first": lambda pcm: (
        b'{"event_id":"e_1","type":"input_audio_buffer.append","audio":"' + base64.b64encode(pcm) + b'"}'
    ),
    "URL-safe": lambda pcm: (
        b'{"realtime_input": {"audio": {"data": "'
        + base64.urlsafe_b64encode(pcm)
        + b'", "mime_type": "audio/pcm;rate=16000"}}}'
    ),
    "unpadded": lambda pcm: b'{"audio":"' + base64.b64encode(pcm).rstrip(b"=") + b'"}',
    "slashes escaped": lambda pcm: b'{"audio":"' + base64.b64encode(pcm).replace(b"/", b"\\/") + b'"}',
}


@pytest.mark.parametrize("spelt", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("ms", [5, 20, 21, 100, 1_000])
def test_a_voice_is_loud_and_a_quiet_room_is_not(spelt, ms):
    assert IS_LOUD["pcm"](spelt(tone(2_000, ms)))
    assert IS_LOUD["pcm"](spelt(tone(700, ms)))
    assert not IS_LOUD["pcm"](spelt(tone(400, ms)))
    assert not IS_LOUD["pcm"](spelt(noise(LOUD - 1, ms)))
    assert not IS_LOUD["pcm"](spelt(bytes(48 * ms)))


def test_a_click_is_not_loud():
    click = array("h", [20_000] * 10 + [0] * 470).tobytes()
    assert not IS_LOUD["pcm"](plain(click))


@pytest.mark.parametrize("coding", ["pcmu", "pcma"])
def test_g711_is_as_loud_as_what_it_was_made_of(coding):
    converter = Converter(PCM_8K, AudioFormat(coding, 8_000))
    for pcm, loud in [
        (tone(2_000, rate_hz=8_000), True),
        (tone(700, rate_hz=8_000), True),
        (tone(400, rate_hz=8_000), False),
        (bytes(320), False),
    ]:
        written = converter.convert(base64.b64encode(pcm).decode()).encode()
        assert IS_LOUD[coding](b'{"type":"input_audio_buffer.append","audio":"' + written + b'"}') is loud


@given(
    st.integers(1_000, 32_000),
    st.floats(90, 1_500),
    st.floats(0, 1),
    st.sampled_from([8_000, 16_000, 24_000]),
    st.integers(20, 100),
)
def test_a_tone_of_any_pitch_is_loud_and_the_hundredth_part_of_it_is_not(size, hz, phase, rate_hz, ms):
    for part, loud in ((1, True), (1 / 100, False)):
        wave = (
            size * part * math.sin((n * hz / rate_hz + phase) * math.tau) for n in range(rate_hz * ms // 1000)
        )
        assert IS_LOUD["pcm"](plain(array("h", map(round, wave)).tobytes())) is loud


@given(st.binary(max_size=400), st.sampled_from(["pcm", "pcmu", "pcma"]))
def test_of_any_bytes_something_is_said(payload, coding):
    assert IS_LOUD[coding](payload) in (True, False)
