"""A proof is one table matched twice, in Python and in C: both say the same of any bytes."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from realtime_switch.dialects.gemini import proofs as gemini
from realtime_switch.dialects.gpt_live import proofs as live
from realtime_switch.dialects.openai import proofs
from realtime_switch.dialects.shapes import Shape, Shapes, beginning, whole
from realtime_switch.gateway.short_way import why_interpreted

if not why_interpreted:
    from realtime_switch.gateway._compiled import fits
else:
    fits = None

compiled = pytest.mark.skipif(why_interpreted.startswith("RTS_INTERPRETED"), reason=why_interpreted)
TABLES = {
    "client's audio": proofs.only_audio_from_client,
    "provider's audio": proofs.only_audio_from_provider,
    "provider's words": proofs.only_words_from_provider,
    "provider's idle frames": proofs.only_idle_from_provider,
    "GPT-Live client's audio": live.only_audio_from_client,
    "GPT-Live provider's audio": live.only_audio_from_provider,
    "GPT-Live provider's words": live.only_words_from_provider,
    "GPT-Live provider's idle frames": live.only_idle_from_provider,
    "Gemini client's audio": gemini.only_audio_from_client,
    "Gemini's audio": gemini.only_audio_from_provider,
    "Gemini's idle frames": gemini.only_idle_from_provider,
}

# Small pieces of what matters to a proof, so that nearly fitting frames are likely.
pieces = st.sampled_from([b'"', b"\\", b"{", b"}", b"a", b"", b"\0", b'"}', b'","b":"', b'{"a":"'])
scraps = st.lists(pieces, max_size=8).map(b"".join)
literals = scraps.filter(lambda part: not part.endswith(b"\\"))
shapes = st.builds(
    lambda head, tails, is_open: Shape((head, *(b'"' + tail for tail in tails)), open=is_open),
    literals,
    st.lists(literals, max_size=3),
    st.booleans(),
)


@st.composite
def frames_near(draw, shape):
    """The shape filled in, and sometimes spoilt."""
    gaps = [draw(scraps | st.binary(max_size=4)) for _ in shape.parts]
    frame = b"".join(part + gap for part, gap in zip(shape.parts, gaps, strict=True))
    if not shape.open and draw(st.booleans()):
        frame = frame.removesuffix(gaps[-1])
    if draw(st.booleans()):
        at, cut = draw(st.integers(0, len(frame))), draw(st.integers(0, 2))
        frame = frame[:at] + draw(scraps) + frame[at + cut :]
    return frame


@compiled
@given(st.data(), st.lists(shapes, min_size=1, max_size=4))
def test_the_compiled_proof_and_its_twin_agree_on_any_table(data, several):
    table = Shapes(*several)
    frame = data.draw(st.sampled_from(several).flatmap(frames_near) | st.binary(max_size=20))
    assert fits(table, frame) is table.fits(frame)


@compiled
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
@given(data=st.data())
def test_the_compiled_proof_and_its_twin_agree_on_a_dialects_tables(table, data):
    frame = data.draw(st.sampled_from(table.shapes).flatmap(frames_near) | st.binary(max_size=99))
    assert fits(table, frame) is table.fits(frame)


@compiled
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_a_frame_that_is_cut_off_anywhere_is_judged_alike(table):
    for shape in table.shapes:
        frame = b"AAAA".join(shape.parts)
        for size in range(len(frame) + 1):
            assert fits(table, frame[:size]) is table.fits(frame[:size])


@given(st.data(), st.sampled_from(proofs.only_audio_from_client.shapes))
def test_a_whole_shape_is_the_message_that_its_literals_name_or_no_message(data, shape):
    frame = data.draw(frames_near(shape))
    assume(proofs.only_audio_from_client(frame))
    try:
        members = json.loads(frame, object_pairs_hook=list)
    except ValueError:
        return
    assert sorted(name for name, _ in members) in (["audio", "type"], ["audio", "event_id", "type"])
    assert dict(members)["type"] == "input_audio_buffer.append"


@pytest.mark.parametrize(
    ("frame", "fit"),
    [
        (b'{"a":"x","b":"y"}', True),
        (b'{"a":"","b":""}', True),
        (b'{"a":"x","b":"y"} ', False),
        (b'{"a":"x\\","b":"y"}', False),
        (b'{"a":"x","b":"y\\"}', False),
        (b'{"a":"x","c":"y"}', False),
        (b'{"a":"x","b":"y', False),
        (b"", False),
    ],
)
def test_a_gap_is_the_inside_of_one_string(frame, fit):
    assert Shapes(whole(b'{"a":"', b'","b":"', b'"}'))(frame) is fit


def test_after_a_beginning_anything_may_follow_but_for_an_end_that_is_cut_off():
    assert Shapes(beginning(b'{"a":1,'))(b'{"a":1,"b":2}')
    assert not Shapes(beginning(b'{"a":1,'))(b'{"a":1,"b":')
    assert not Shapes(beginning(b'{"a":1,'))(b'{"a":1')
