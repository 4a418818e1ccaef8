"""Pieces become a message, or the connection ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from picows import WSMsgType, WSProtocolError
from picows.picows import _make_test_ws_frame

from realtime_switch.gateway.fragments import Fragments
from realtime_switch.gateway.sockets import BINARY, CONTINUATION, TEXT


def add(
    fragments: Fragments, kind: WSMsgType, payload: bytes, *, fin: bool
) -> tuple[WSMsgType, bytes] | None:
    return fragments.add(kind, _make_test_ws_frame(kind, payload, fin, False))


@given(
    messages=st.lists(
        st.tuples(st.sampled_from([TEXT, BINARY]), st.lists(st.binary(max_size=20), min_size=1, max_size=6))
    )
)
def test_however_it_is_cut_it_arrives(messages: list[tuple[WSMsgType, list[bytes]]]) -> None:
    fragments = Fragments(1000)
    arrived = []
    for kind, pieces in messages:
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            whole = add(fragments, kind if number == 0 else CONTINUATION, piece, fin=last)
            assert (whole is not None) is last
            assert fragments.open is not last
            if whole is not None:
                arrived.append(whole)
    assert arrived == [(kind, b"".join(pieces)) for kind, pieces in messages]


def test_a_continuation_of_nothing_is_refused() -> None:
    with pytest.raises(WSProtocolError) as refused:
        add(Fragments(10), CONTINUATION, b"a", fin=True)
    assert refused.value.code == 1002


def test_a_message_within_another_is_refused() -> None:
    fragments = Fragments(10)
    add(fragments, TEXT, b"a", fin=False)
    with pytest.raises(WSProtocolError):
        add(fragments, TEXT, b"b", fin=True)


def test_pieces_count_together() -> None:
    fragments = Fragments(10)
    add(fragments, TEXT, b"12345", fin=False)
    with pytest.raises(WSProtocolError) as refused:
        add(fragments, CONTINUATION, b"678901", fin=True)
    assert refused.value.code == 1009


def test_a_reserved_bit_is_refused() -> None:
    with pytest.raises(WSProtocolError) as refused:
        Fragments(10).add(BINARY, _make_test_ws_frame(BINARY, b"", True, True))
    assert refused.value.code == 1002
