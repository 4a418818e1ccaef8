"""Sound, written another way: against the standard library's own G.711 where it still has one, and the law
that it makes no difference how a stream is cut up."""

import base64
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.dialects.sound import (
    PCM_16K,
    PCM_24K,
    AudioFormat,
    Converter,
    base64_bytes,
    duration_ms,
    silence,
    standard,
)

PCM_8K, MU_LAW, A_LAW = AudioFormat("pcm", 8_000), AudioFormat("pcmu", 8_000), AudioFormat("pcma", 8_000)
FORMATS = (PCM_24K, PCM_16K, PCM_8K, MU_LAW, A_LAW)
PAIRS = [(source, target) for source in FORMATS for target in FORMATS if source != target]

EVERY_SAMPLE = np.arange(65_536, dtype=np.uint16).view("<i2").tobytes()
EVERY_BYTE = bytes(range(256))


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def converted(source: AudioFormat, target: AudioFormat, *pieces: bytes) -> bytes:
    converter = Converter(source, target)
    said = [*(converter.convert(text(piece)) for piece in pieces), converter.flush()]
    return b"".join(map(base64.b64decode, said))


def tone(hz: float, rate_hz: int, ms: int = 500) -> bytes:
    time = np.arange(rate_hz * ms // 1000) / rate_hz
    return (np.sin(2 * np.pi * hz * time) * 16_000).astype("<i2").tobytes()


def loudness(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    return float(np.sqrt((middle**2).mean()))


# -- G.711 -----------------------------------------------------------------------------------------------


def test_g711_is_that_of_the_standard_library():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop")
    assert converted(PCM_8K, MU_LAW, EVERY_SAMPLE) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert converted(PCM_8K, A_LAW, EVERY_SAMPLE) == audioop.lin2alaw(EVERY_SAMPLE, 2)
    assert converted(MU_LAW, PCM_8K, EVERY_BYTE) == audioop.ulaw2lin(EVERY_BYTE, 2)
    assert converted(A_LAW, PCM_8K, EVERY_BYTE) == audioop.alaw2lin(EVERY_BYTE, 2)


@pytest.mark.parametrize(
    ("coding", "sample", "byte"),
    [
        (MU_LAW, 0, 0xFF),
        (MU_LAW, 32_767, 0x80),
        (MU_LAW, -32_768, 0x00),
        (MU_LAW, 1_000, 0xCE),
        (A_LAW, 0, 0xD5),
        (A_LAW, 32_767, 0xAA),
        (A_LAW, -32_768, 0x2A),
        (A_LAW, 1_000, 0xFA),
    ],
)
def test_g711_of_known_samples(coding, sample, byte):
    """Wherever the standard library has no audioop any more (3.13)."""
    assert converted(PCM_8K, coding, sample.to_bytes(2, "little", signed=True)) == bytes([byte])


@pytest.mark.parametrize("coding", [MU_LAW, A_LAW])
def test_what_was_g711_stays_as_it_is(coding):
    once = converted(coding, PCM_8K, EVERY_BYTE)
    assert converted(coding, PCM_8K, converted(PCM_8K, coding, once)) == once


# -- Streams ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "target"), PAIRS)
@given(data=st.data())
def test_it_makes_no_difference_how_a_stream_is_cut_up(source, target, data):
    whole = np.random.default_rng(7).integers(-(2**15), 2**15, 3_000, dtype=np.int16).tobytes()
    whole = whole[: data.draw(st.integers(0, len(whole)))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert converted(source, target, *pieces) == converted(source, target, whole)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_stream_is_as_long_as_it_was(source, target):
    made = converted(source, target, b"\0" * source.bytes_per_ms * 500)
    assert len(made) == target.bytes_per_ms * 500


@pytest.mark.parametrize(
    ("source", "target"), [p for p in PAIRS if p[0].coding == p[1].coding == "pcm" and p[0] != p[1]]
)
def test_speech_stays_as_loud_and_what_does_not_fit_is_gone(source, target):
    kept = converted(source, target, tone(1_000, source.rate_hz))
    assert loudness(kept) == pytest.approx(loudness(tone(1_000, source.rate_hz)), rel=0.01)
    if source.rate_hz > target.rate_hz:
        beyond = converted(source, target, tone(target.rate_hz * 0.58, source.rate_hz))
        assert loudness(beyond) < 5  # of 11,300


def test_after_a_flush_another_stream_begins():
    converter = Converter(PCM_24K, PCM_16K)
    sound = text(tone(440, 24_000) + b"\1")
    first = converter.convert(sound) + converter.flush()
    assert converter.convert(sound) + converter.flush() == first


def test_what_is_written_alike_is_not_touched():
    converter = Converter(PCM_24K, AudioFormat("pcm", 24_000))
    sound = "not even base64"
    assert converter.convert(sound) is sound
    assert converter.flush() == ""


@pytest.mark.parametrize("broken", ["", "A", "AAA", "A===", "AA=A", "-_-_", '"', "é", "AAAA\nAAAA", "\udcff"])
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_broken_piece_is_no_sound(source, target, broken):
    converter = Converter(source, target)
    assert converter.convert(broken) + converter.flush() == ""


@given(st.lists(st.text(), max_size=5), st.sampled_from(PAIRS))
def test_any_text_at_all_gives_base64(pieces, pair):
    converter = Converter(*pair)
    for piece in pieces:
        base64.b64decode(converter.convert(piece), validate=True)
    base64.b64decode(converter.flush(), validate=True)


# -- Base64 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("came", "meant"),
    [
        (b"", ""),
        (b"AAAA", "AAAA"),
        (b"+/8=", "+/8="),
        (b"-_8=", "+/8="),
        (b"-_8", "+/8="),
        (b"AA", "AA=="),
        (b"AA=", "AA=="),
        (b"AAAA\r\nBBBB\n", "AAAABBBB"),
        (b"A", ""),
        (b"AA=A", ""),
        (b"====", ""),
        (b"AAAA====", "AAAA"),
        (b"AAA\\", ""),
        (b'AAA"', ""),
        (b"AAA\x80", ""),
        (b"A A ", ""),
    ],
)
def test_base64_is_made_standard_or_is_none(came, meant):
    assert standard(came) == meant


@given(st.binary())
def test_whatever_is_called_standard_can_be_read(came):
    base64.b64decode(standard(came), validate=True)
    assert standard(base64.urlsafe_b64encode(came).rstrip(b"=")) == text(came)
    assert base64_bytes(text(came)) == len(came)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_silence_lasts_as_long_as_it_says(audio_format):
    quiet = silence(audio_format, 120)
    assert duration_ms(quiet, audio_format) == 120
    assert loudness(converted(audio_format, PCM_16K, base64.b64decode(quiet))) < 10  # A-law has no zero


# -- What is not needed is not loaded --------------------------------------------------------------------


def test_a_gateway_that_converts_nothing_loads_no_numbers():
    program = """
import sys
from realtime_switch.dialects import openai, sound
sound.Converter(sound.PCM_24K, sound.PCM_24K).convert("AAAA")
sound.Converter(sound.PCM_24K, sound.PCM_16K)
sys.exit(bool({"numpy", "soxr"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
