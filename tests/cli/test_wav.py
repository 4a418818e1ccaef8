"""Sound from files is what a call can carry, or is refused in one sentence."""

import array
import math
import wave

import pytest

from realtime_switch.accounts.errors import ErrorCode, RealtimeSwitchError
from realtime_switch.cli.wav import FRAME_BYTES, RATE_HZ, frames, last_audible, read_wav, write_wav


def tone(seconds: float, rate_hz: int = RATE_HZ) -> array.array:
    return array.array(
        "h", (int(8000 * math.sin(at * 440 * math.tau / rate_hz)) for at in range(int(seconds * rate_hz)))
    )


def save(path, samples, *, channels=1, width=2, rate_hz=RATE_HZ):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate_hz)
        file.writeframes(samples)
    return path


def test_what_is_written_is_read_back(tmp_path):
    pcm = tone(0.1).tobytes()
    write_wav(tmp_path / "a.wav", pcm)
    assert read_wav(tmp_path / "a.wav") == pcm


def test_two_channels_become_the_mean_of_both(tmp_path):
    path = save(tmp_path / "stereo.wav", array.array("h", [100, 300, -200, 200]).tobytes(), channels=2)
    assert read_wav(path) == array.array("h", [200, 0]).tobytes()


def test_another_rate_is_converted(tmp_path):
    path = save(tmp_path / "phone.wav", tone(0.5, 8000).tobytes(), rate_hz=8000)
    assert len(read_wav(path)) == pytest.approx(RATE_HZ, rel=0.01)  # half a second of 16-bit samples


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: path, "There is no file"),
        (lambda path: (path.write_bytes(b"not sound"), path)[1], "cannot be read as a WAV file"),
        (lambda path: save(path, bytes(30), width=3), "24-bit samples; convert it to 16-bit PCM first"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path, make, sentence):
    with pytest.raises(RealtimeSwitchError, match=sentence) as refused:
        read_wav(make(tmp_path / "bad.wav"))
    assert refused.value.code is ErrorCode.EXTERNAL_INVALID_VALUE


def test_frames_are_20_ms_and_the_last_is_filled_with_silence():
    assert frames(b"\1" * (FRAME_BYTES + 2)) == [b"\1" * FRAME_BYTES, b"\1\1" + bytes(FRAME_BYTES - 2)]


def test_the_last_audible_frame_is_where_speech_ends():
    cut = frames(bytes(FRAME_BYTES) + tone(0.04).tobytes() + bytes(10 * FRAME_BYTES))
    assert last_audible(cut) == 2
