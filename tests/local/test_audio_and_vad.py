"""Samples, G.711 and when somebody speaks."""

import random
import warnings
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_talk import silence, speech
from realtime_switch.local.audio import Coding, Format, encoded, pcm16, samples
from realtime_switch.local.vad import Began, Ended, Sensitivity, Vad
from realtime_switch.local.voice import melody

PCM = Format("pcm16", 24_000)
NORMAL = Sensitivity(0.5, 200)


@pytest.mark.parametrize("coding", ["ulaw", "alaw"])
def test_g711_is_bit_equal_to_audioop(coding: Coding) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="left the standard library with 3.13")
    everything = array("h", range(-32768, 32768)).tobytes()
    codes = bytes(range(256))
    encode, decode = (getattr(audioop, name) for name in (f"lin2{coding}", f"{coding}2lin"))
    assert encoded(everything, coding) == encode(everything, 2)
    assert pcm16(codes, coding) == decode(codes, 2)


@given(st.binary(max_size=64))
def test_a_code_means_itself(codes: bytes) -> None:
    for coding in ("alaw", "ulaw"):
        again = encoded(pcm16(codes, coding), coding)
        assert samples(again, coding) == samples(codes, coding)


def find(
    sound: bytes, chunks: list[int], sensitivity: Sensitivity = NORMAL, format: Format = PCM
) -> list[object]:
    vad = Vad(format, 0)
    found: list[object] = []
    for start, end in pairwise([0, *chunks, len(sound)]):
        found += vad.feed(sound[start:end], sensitivity)
    return found


def test_speech_begins_and_ends_in_audio_time() -> None:
    sound = silence(500) + speech(1000) + silence(400)
    assert find(sound, []) == [Began(500 * 24), Ended(1700 * 24)]


@settings(max_examples=30)
@given(st.lists(st.integers(0, 96_000), max_size=12).map(sorted))
def test_how_sound_is_cut_into_appends_does_not_matter(cuts: list[int]) -> None:
    sound = silence(200) + speech(500) + silence(300)
    cuts = [min(cut, len(sound)) // 2 * 2 for cut in cuts]
    assert find(sound, cuts) == find(sound, [])


def test_at_8000_hz_time_is_the_same() -> None:
    sound = encoded(silence(500, 8000) + speech(1000, 8000) + silence(400, 8000), "ulaw")
    assert find(sound, [], format=Format("ulaw", 8000)) == [Began(500 * 24), Ended(1700 * 24)]


def test_a_click_is_not_speech_and_a_pause_for_breath_no_end() -> None:
    assert find(silence(100) + speech(40) + silence(500), []) == []
    breath = speech(300) + silence(160) + speech(300) + silence(200)
    assert find(breath, []) == [Began(0), Ended(960 * 24)]


def test_noise_is_not_speech_unless_asked_for() -> None:
    dice = random.Random(1)
    noise = array("h", (int(dice.gauss(0, 60)) for _ in range(24_000))).tobytes()
    assert find(noise, []) == []
    assert find(noise, [], Sensitivity(0.1, 200)) == [Began(0)]


def test_a_melody_is_as_long_as_speech_and_heard_as_such() -> None:
    tune = melody("What a wonderful morning this is.", voice="marin", speed=1.0, rate_hz=24_000)
    assert 1.5 < len(tune) / 48_000 < 3.5
    assert len(melody("morning", voice="marin", speed=0.5, rate_hz=8000)) == 2 * len(
        melody("morning", voice="marin", speed=1.0, rate_hz=8000)
    )
    assert find(tune, [])[0] == Began(0)
    assert tune != melody("What a wonderful morning this is.", voice="cedar", speed=1.0, rate_hz=24_000)
    assert melody("", voice="marin", speed=1.0, rate_hz=24_000) == b""
