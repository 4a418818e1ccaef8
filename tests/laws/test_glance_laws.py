"""What is kept of a client's audio by the short way is what its twin in Python keeps."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_switch.dialects.acts import AudioCleared, Configured, SpeechStarted, UserTurn
from realtime_switch.dialects.dialect import Weight
from realtime_switch.dialects.loudness import IS_LOUD
from realtime_switch.dialects.openai import only_audio_from_client
from realtime_switch.gateway.short_way import why_interpreted
from realtime_switch.session.packed import unpack
from realtime_switch.session.unheard import Unheard

if not why_interpreted:
    from realtime_switch.gateway._compiled import Kept

pytestmark = pytest.mark.skipif(bool(why_interpreted), reason=why_interpreted)

# How loud, and every which sample is. One in three is looked at: of the last two one in twelve, one in 24.
QUIET, SOFT, LOUD = (0, 1), (400, 1), (2_000, 1)
HISS, CRACKLE = (2_000, 36), (2_000, 72)


def frame(sound, ms, spelt):
    size, every = sound
    pcm = b"".join((size if n % every == 2 % every else 0).to_bytes(2, "little") for n in range(int(24 * ms)))
    return spelt % base64.b64encode(pcm)


SPELT = [
    b'{"type":"input_audio_buffer.append","audio":"%b"}',
    b'{"event_id":"e","type":"input_audio_buffer.append","audio":"%b"}',
    b'{"event_id":"' + b"n" * 130 + b'","type":"input_audio_buffer.append","audio":"%b"}',
    b'{"type":"input_audio_buffer.append","audio":"%b","event_id":"long, but not as long as the audio"}',
    b'{"type":"input_audio_buffer.append","audio":"\\/%b"}',
]
frames = st.builds(
    frame,
    st.sampled_from([QUIET, QUIET, SOFT, CRACKLE, HISS, LOUD]),
    st.sampled_from([0, 5, 5.25, 7.8, 20, 20, 21, 60]),  # of some a few characters fill no block
    st.sampled_from(SPELT),
)


def again(one, count):
    """Others, though they are alike: what was listened to last is known by what it is."""
    return [bytes(bytearray(one)) for _ in range(count)]


said = st.builds(again, frames, st.sampled_from([1, 2, 5, 8, 9, 80]))
happenings = st.one_of(
    said,
    said,
    said,
    said,
    st.sampled_from(
        [
            SpeechStarted("u"),
            UserTurn("u"),
            AudioCleared(),
            Configured(b"{}", 48),
            (Weight.ITEM, b"typed"),
            Unheard.listen,
            Unheard.calm,
        ]
    ),
)


def plain(said):
    return unpack(said) if isinstance(said, bytes) else said


def known(unheard):
    kept = [plain(said) for said in unheard.kept]
    return kept, list(unheard.bounds), unheard.sounds, plain(unheard.listened)


@settings(deadline=None, max_examples=300)
@given(st.lists(happenings, min_size=3, max_size=20), st.sampled_from(["pcm", "pcm", "pcm", "pcmu"]))
def test_the_short_way_keeps_and_lets_go_of_the_same(happenings, coding):
    twin, unheard = (Unheard(lambda: IS_LOUD[coding]) for _ in range(2))
    short_way = Kept(unheard, only_audio_from_client)
    for one in happenings:
        match one:
            case list():
                for payload in one:
                    twin.audio(payload)
                    short_way.keep(payload)
                    assert known(unheard) == known(twin)
            case (Weight(), _):
                twin.said(*one)
                unheard.said(*one)
            case Configured() | SpeechStarted() | UserTurn() | AudioCleared():
                twin.hear(one, False)
                unheard.hear(one, False)
            case _:
                one(twin)
                one(unheard)
    assert known(unheard) == known(twin)


@pytest.mark.parametrize("sound", [SOFT, CRACKLE, HISS, LOUD])
@pytest.mark.parametrize("ms", [5.25, 7.9, 20, 60])
def test_one_frame_of_sound_is_found_by_both_or_by_neither_wherever_it_is(sound, ms):
    quiet, other = frame(QUIET, ms, SPELT[0]), frame(sound, ms, SPELT[0])
    for before in range(70, 90):
        twin, unheard = (Unheard(lambda: IS_LOUD["pcm"]) for _ in range(2))
        short_way = Kept(unheard, only_audio_from_client)
        for payload in [*again(quiet, before), other, *again(quiet, 30)]:
            twin.audio(payload)
            short_way.keep(payload)
            assert known(unheard) == known(twin)


def test_of_what_is_written_with_escapes_python_has_to_say():
    """Read as it stands it is quiet: by the backslash every sample is in another place."""
    quiet, escaped = frame(QUIET, 20, SPELT[0]), SPELT[-1] % (b"AAAAAAzA" * 160)
    assert IS_LOUD["pcm"](escaped)
    unheard = Unheard(lambda: IS_LOUD["pcm"])
    short_way = Kept(unheard, only_audio_from_client)
    for payload in [*again(quiet, 80), *again(escaped, 8)]:
        short_way.keep(payload)
    assert unheard.sounds == 1


def test_while_it_is_quiet_python_is_not_asked():
    unheard = Unheard(lambda: IS_LOUD["pcm"])
    short_way = Kept(unheard, only_audio_from_client)
    unheard.let_go, asked = lambda: asked.append(1) or Unheard.let_go(unheard), []
    for spelt in SPELT[:-1]:
        for _ in range(200):
            short_way.keep(frame(SOFT, 20, spelt))
    assert len(asked) == 1, "the first time nobody knows how to listen"
    for _ in range(8):
        short_way.keep(frame(LOUD, 20, SPELT[0]))
    assert len(asked) == 2
    assert unheard.sounds == 1


@pytest.mark.parametrize("spelt", SPELT[:-1], ids=["packed", "named", "with a long name", "as it came"])
@pytest.mark.parametrize(
    ("samples", "quiet_chars"), [(20, 0), (19, 128)], ids=["in blocks", "after the last block"]
)
def test_each_letter_is_sound_to_both_or_to_neither(spelt, samples, quiet_chars):
    quiet = spelt % (b"A" * 8 * samples)
    for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/":
        text = (b"AAAAAAA%c" % letter) * samples
        other = spelt % (b"A" * quiet_chars + text[quiet_chars:])
        twin, unheard = (Unheard(lambda: IS_LOUD["pcm"]) for _ in range(2))
        short_way = Kept(unheard, only_audio_from_client)
        for payload in [*again(quiet, 80), *again(other, 8)]:
            twin.audio(payload)
            short_way.keep(payload)
        assert known(unheard) == known(twin)
        assert unheard.sounds == (letter not in b"AB+/")
