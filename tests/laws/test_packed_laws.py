"""A frame of audio that was packed is told again as it came, to the byte, and nothing else is packed."""

import base64
import binascii

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_switch.dialects import gemini, gpt_live, openai
from realtime_switch.dialects.loudness import IS_LOUD
from realtime_switch.dialects.shapes import Shapes, whole
from realtime_switch.gateway.short_way import why_interpreted
from realtime_switch.session import packed
from realtime_switch.session.packed import is_packed, payload_bytes, unpack
from realtime_switch.session.unheard import Unheard

if not why_interpreted:
    from realtime_switch.gateway._compiled import PACKS, Kept, fits

pytestmark = pytest.mark.skipif(bool(why_interpreted), reason=why_interpreted)

APPEND = b'{"type":"input_audio_buffer.append","audio":"%b"}'
NAME = b"a3bb189e-8bf9-4c3e-9a0e-2f1d5b7c6e10"  # as Pipecat makes one for each frame
LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def kept(*payloads, dialect=openai):
    unheard = Unheard(lambda: IS_LOUD["pcm"])
    short_way = Kept(unheard, dialect.only_audio_from_client)
    for payload in payloads:
        short_way.keep(payload)
    return list(unheard.kept)


def packs(*payloads, dialect=openai):
    return [is_packed(one) for one in kept(*payloads, dialect=dialect)]


def around(dialect):
    """All that clients send, but for what has its name behind its audio; with a name where one belongs."""
    shapes = [shape for shape in dialect.only_audio_from_client.shapes if shape.cut == -1]
    return [NAME.join(shape.parts[:-1]) + b"%b" + shape.parts[-1] for shape in shapes]


texts = st.one_of(
    st.binary(max_size=3_000).map(base64.b64encode),
    st.binary(min_size=100, max_size=3_000).map(base64.urlsafe_b64encode),
    st.lists(st.sampled_from(LETTERS + b"=\\-_. \xff\0"), max_size=400).map(bytes),
)
names = st.one_of(
    st.just(NAME), st.binary(max_size=300), st.sampled_from([b"", b"x" * 255, b"x" * 256, b'\\"'])
)
frames = st.builds(
    lambda spelt, text, name: (spelt % text).replace(NAME, name),
    st.sampled_from([*around(openai), b'{"a":"%b"}', b"{%b"]),
    texts,
    names,
)


@settings(deadline=None, max_examples=500)
@given(st.lists(frames, min_size=1, max_size=6))
def test_what_is_kept_is_told_again_to_the_byte_and_known_to_be_as_long(payloads):
    held = kept(*payloads)
    assert [unpack(one) for one in held] == payloads
    assert [payload_bytes(one) for one in held] == [len(payload) for payload in payloads]
    assert all(len(one) < len(payload) for one, payload in zip(held, payloads, strict=True) if is_packed(one))


@pytest.mark.skipif(not why_interpreted and not PACKS, reason="this processor does not pack")
class TestOnAProcessorThatPacks:
    @pytest.mark.parametrize("dialect", [openai, gemini, gpt_live])
    def test_what_clients_send_is_packed_however_it_is_spelt(self, dialect):
        for spelt in around(dialect):
            frame = spelt % base64.b64encode(bytes(range(240)) * 4)
            (held,) = kept(frame, dialect=dialect)
            named = len(NAME) * spelt.count(NAME)
            assert (is_packed(held), unpack(held), len(held)) == (True, frame, 964 + named)

    def test_a_call_may_change_how_it_spells(self):
        payloads = [spelt % base64.b64encode(bytes(960)) for spelt in around(openai) * 2]
        assert packs(*payloads) == [True] * len(payloads)
        assert [unpack(one) for one in kept(*payloads)] == payloads

    @pytest.mark.parametrize("size", [96, 97, 98, 640, 959, 960, 961, 49_000])
    def test_of_any_length(self, size):
        frame = APPEND % base64.b64encode(bytes(n * 7 % 256 for n in range(size)))
        (held,) = kept(frame)
        assert (is_packed(held), unpack(held)) == (True, frame)

    def test_none_that_is_too_short_or_too_long_to_be_worth_it(self):
        assert packs(APPEND % base64.b64encode(bytes(93))) == [False]
        assert packs(APPEND % base64.b64encode(bytes(60_000))) == [False]

    def test_each_of_the_64_characters_stands_for_its_six_bits_and_no_other_is_taken(self):
        """Wherever it stands; of the last characters, which fill no block, nobody asks what they are."""
        for at in (0, 5, 17, 30, 31, 127):
            for char in range(256):
                text = bytearray(b"B" * 130)
                text[at] = char
                (held,) = kept(APPEND % bytes(text))
                assert is_packed(held) == (char in LETTERS), (at, char)
                assert unpack(held) == APPEND % bytes(text)
                if char in LETTERS:
                    assert held[4:-2] == binascii.a2b_base64(bytes(text[:128]))

    def test_proofs_of_other_things_take_no_number(self):
        numbered = len(packed._around)
        for number in range(300):
            assert fits(Shapes(whole(b'{"%d":"' % number, b'"}')), b'{"%d":"x"}' % number)
        assert len(packed._around) == numbered

    def test_each_frame_keeps_the_name_of_its_own(self):
        named = b'{"event_id":"%b","type":"input_audio_buffer.append","audio":"' + b"A" * 1_280 + b'"}'
        payloads = [named % name for name in (b"1", b"22", b"", b"x" * 255, b"333")]
        assert [unpack(one) for one in kept(*payloads)] == payloads
        assert packs(*payloads) == [True] * len(payloads)

    def test_a_name_that_is_too_long_to_be_counted_is_kept_with_its_frame_as_it_came(self):
        named = b'{"event_id":"%b","type":"input_audio_buffer.append","audio":"' + b"A" * 1_280 + b'"}'
        assert kept(named % (b"x" * 256)) == [named % (b"x" * 256)]

    @pytest.mark.parametrize(
        "spelt",
        [
            b'{"event_id":"1","kind":"%b"}',
            b'{"event_id":"1%b"}',
            b'{"event_id":"1","type":"input_audio_buffer.append","audio":"}',
        ],
    )
    def test_what_only_begins_and_ends_like_a_named_frame_is_kept_as_it_came(self, spelt):
        frame = spelt.replace(b"%b", b"A" * 1_280)
        assert kept(frame) == [frame]

    def test_a_frame_with_its_name_behind_its_audio_is_kept_as_it_came(self):
        frame = b'{"type": "session.input_audio.append", "audio": "%b", "event_id": "%b"}'
        long, short = frame % (b"A" * 1_280, NAME), frame % (b"A" * 1_280, b"1")
        assert kept(long, dialect=gpt_live) == [long]
        # Its name is taken for what fills no block, and told again with it.
        assert [unpack(one) for one in kept(short, dialect=gpt_live)] == [short]
