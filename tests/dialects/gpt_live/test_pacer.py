"""A client's own sound is its clock: it is given exactly as much as it has sent, whatever waits for it."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from realtime_switch.dialects.gpt_live.pacer import Pacer
from realtime_switch.dialects.sound import PCM_24K, AudioFormat, encoded

PIECE = 4_800
SECOND = 48_000


def sound(ms, sample=b"\1\2"):
    return encoded(sample * (24 * ms))


def heard(pieces):
    return b"".join(base64.b64decode(piece.base64) for piece in pieces)


def test_silence_is_given_where_nothing_is_to_be_said():
    assert heard(Pacer(PCM_24K).sent(SECOND)) == bytes(SECOND)


def test_a_burst_is_given_out_piece_by_piece_with_its_words_spread_over_it():
    pacer = Pacer(PCM_24K)
    pacer.add("i1", sound(600), PCM_24K)
    for word in (" It", " is", " free."):
        pacer.say(word)
    assert pacer.sent(PIECE - 2) == []
    pieces = pacer.sent(2) + pacer.sent(7 * PIECE)
    assert [(piece.at_ms, piece.words) for piece in pieces] == [
        (0, " It"),
        (100, ""),
        (200, " is"),
        (300, ""),
        (400, " free."),
        (500, ""),
        (600, ""),
        (700, ""),
    ]
    assert heard(pieces) == b"\1\2" * (24 * 600) + bytes(2 * PIECE)


def test_an_interruption_drops_what_is_not_spoken_and_says_how_much_of_each_was():
    pacer = Pacer(PCM_24K)
    pacer.add("i1", sound(300), PCM_24K)
    pacer.add("i2", sound(500), PCM_24K)
    pacer.say(" hello")
    pacer.sent(4 * PIECE)
    pacer.say(" again")
    assert pacer.drop() == [("i2", 100)]
    assert heard(pacer.sent(PIECE)) == bytes(PIECE)
    assert pacer.drop() == []


def test_it_is_written_as_the_client_has_it():
    pacer = Pacer(AudioFormat("pcmu", 8_000))
    pacer.add("i1", sound(200), PCM_24K)
    pacer.whole("i1")
    (piece,) = pacer.sent(800)
    given = base64.b64decode(piece.base64)
    assert len(given) == 800
    assert given != b"\xff" * 800, "silence in mu-law"


@given(st.lists(st.tuples(st.sampled_from(["sent", "add", "drop"]), st.integers(0, 900)), max_size=30))
def test_as_much_is_given_as_was_sent_and_never_more(happened):
    pacer, sent, given_bytes = Pacer(PCM_24K), 0, 0
    for what, ms in happened:
        if what == "sent":
            sent += ms * 48
            given_bytes += len(heard(pacer.sent(ms * 48)))
        elif what == "add":
            pacer.add("i", sound(ms), PCM_24K)
        else:
            pacer.drop()
    assert given_bytes == sent // PIECE * PIECE
