"""A frame of audio that was packed is told again as it came, to the byte, and nothing else is packed."""

import base64
import binascii

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_switch.dialects import gemini, openai
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
    return [
        shape.parts[0] + b"%b" + shape.parts[1]
        for shape in dialect.only_audio_from_client.shapes
        if len(shape.parts) == 2
    ]


texts = st.one_of(
    st.binary(max_size=3_000).map(base64.b64encode),
    st.binary(min_size=100, max_size=3_000).map(base64.urlsafe_b64encode),
    st.lists(st.sampled_from(LETTERS + b"=\\-_. \xff\0"), max_size=400).map(bytes),
)
frames = st.builds(
    lambda spelt, text: spelt % text, st.sampled_from([*around(openai), b'{"a":"%b"}', b"{%b"]), texts
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
    @pytest.mark.parametrize("dialect", [openai, gemini])
    def test_what_clients_send_is_packed_however_it_is_spelt(self, dialect):
        for spelt in around(dialect):
            frame = spelt % base64.b64encode(bytes(range(240)) * 4)
            (held,) = kept(frame, dialect=dialect)
            assert (is_packed(held), unpack(held), len(held)) == (True, frame, 963)

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
                    assert held[3:-2] == binascii.a2b_base64(bytes(text[:128]))

    def test_proofs_of_other_things_take_no_number(self):
        numbered = len(packed._around)
        for number in range(300):
            assert fits(Shapes(whole(b'{"%d":"' % number, b'"}')), b'{"%d":"x"}' % number)
        assert len(packed._around) == numbered

    def test_a_frame_with_a_name_of_its_own_is_kept_as_it_came(self):
        named = b'{"event_id":"%d","type":"input_audio_buffer.append","audio":"' + b"A" * 1_280 + b'"}'
        assert kept(named % 1, named % 2) == [named % 1, named % 2]
