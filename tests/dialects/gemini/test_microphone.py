"""How the user's sound is written for Gemini."""

import pytest

from realtime_switch.dialects.gemini.microphone import Microphone
from realtime_switch.dialects.sound import PCM_16K, PCM_24K, AudioFormat, base64_bytes, silence
from realtime_switch.dialects.wishes import UserAudio

PCM_8K = AudioFormat("pcm", 8_000)
PCMU = AudioFormat("pcmu", 8_000)


@pytest.mark.parametrize("best", [PCM_16K, PCM_24K])
@pytest.mark.parametrize("source", [PCM_8K, PCM_16K, PCM_24K, PCMU])
def test_what_is_no_finer_than_it_hears_passes_at_its_own_rate(source, best):
    microphone = Microphone(best)
    pieces = [*microphone.heard(UserAudio(silence(source, 100), source)), *microphone.rest()]
    told = AudioFormat("pcm", min(source.rate_hz, best.rate_hz))
    assert {piece[1] for piece in pieces} == {told}
    assert sum(base64_bytes(base64) for base64, _ in pieces) == 100 * told.bytes_per_ms


def test_what_needs_no_change_is_the_very_text_that_came():
    base64 = silence(PCM_24K, 20)
    ((told, _),) = Microphone(PCM_24K).heard(UserAudio(base64, PCM_24K))
    assert told is base64


def test_when_the_client_changes_its_format_the_old_stream_comes_to_its_end():
    microphone = Microphone(PCM_16K)
    first = microphone.heard(UserAudio(silence(PCM_24K, 100), PCM_24K))
    *rest, last = microphone.heard(UserAudio(silence(PCM_8K, 100), PCM_8K))
    assert sum(base64_bytes(base64) for base64, _ in [*first, *rest]) == 100 * PCM_16K.bytes_per_ms
    assert last == (silence(PCM_8K, 100), PCM_8K)


def test_nothing_comes_of_nothing():
    microphone = Microphone(PCM_16K)
    assert microphone.heard(UserAudio("", PCM_24K)) == []
    assert microphone.rest() == []
